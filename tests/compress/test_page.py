"""The code of docs/compress.md."""

import pathlib
import re
import runpy

TEXT = (pathlib.Path(__file__).parents[2] / "docs" / "compress.md").read_text()


def test_example_runs_and_leaves_the_tiles_that_it_says(tmp_path, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "page.py").write_text(code)
    page = runpy.run_path(str(tmp_path / "page.py"))
    assert "whole=16, occupied=4" in capsys.readouterr().out
    w = page["found"].params["first"]
    assert len({round(float(level), 6) for level in abs(w).reshape(-1)}) <= 8
