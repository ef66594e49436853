"""The code of the pages on memories runs as it stands."""

import pathlib
import re

import pytest

PAGES = sorted((pathlib.Path(__file__).parents[2] / "docs").glob("memory*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, str(page), "exec"), {"__name__": page.stem})
