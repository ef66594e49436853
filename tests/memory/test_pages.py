"""The code of the pages on memories runs as it stands."""

import pathlib
import re
import runpy

import pytest

PAGES = sorted((pathlib.Path(__file__).parents[2] / "docs").glob("memory*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert blocks
    for number, block in enumerate(blocks):
        program = tmp_path / f"{page.stem}_{number}.py"
        program.write_text(block)
        runpy.run_path(str(program))
