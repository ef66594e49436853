"""The code of docs/reliability.md, and what it says it gives."""

import pathlib
import re
import runpy

import numpy as np
import pytest


def test_example(tmp_path, capsys):
    text = (pathlib.Path(__file__).parents[2] / "docs" / "reliability.md").read_text("utf-8")
    program = tmp_path / "reliability_page.py"
    program.write_text("\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)))
    names = runpy.run_path(str(program))
    assert float(capsys.readouterr().out) == pytest.approx(0.108, abs=0.001)
    digital = np.asarray(names["x"] @ names["params"]["w"])
    assert np.corrcoef(names["y"].mean(0), digital[0])[0, 1] > 0.9
