"""`memjax memory macro`: what it prints and writes is what the library finds."""

import csv
import json

import pytest

from memjax import memory
from memjax.cli._errors import UsageError
from memjax.cli._memory_macro import macro

SMALL = {"capacity": 2**10, "word": 32, "cell": "sram", "node": 65e-9, "temperature": 300.0}


def test_written_is_what_is_found(tmp_path, capsys, documented):
    macro(**SMALL, objective="area", design={"widest": "90"}, out=tmp_path)
    printed = capsys.readouterr().out
    process = memory.process(65e-9, "HP", 300.0)
    macros = memory.explore(2**10, 32, memory.MemoryCell.sram(), process, design=memory.Design(widest=90.0))
    best, front = memory.best(macros, "area"), memory.pareto(macros)
    assert str(best) in printed
    written = json.loads((tmp_path / "macro.json").read_text())
    assert set(written) == documented("macro.json")
    assert written["area_m2"] == pytest.approx(float(best.area))
    assert written["organisation"] == str(best.organisation)
    assert sum(written["parts"]["read_energy"].values()) == pytest.approx(float(best.read_energy), rel=1e-5)
    lines = list(csv.DictReader((tmp_path / "macro.csv").read_text().splitlines()))
    assert [float(line["area_m2"]) for line in lines] == pytest.approx(front.area.tolist(), rel=1e-5)
    assert (tmp_path / "macro.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"capacity": 1000}, "capacity must be a power of two"),
        ({"cell": "none.cell"}, "--cell must be rram"),
        ({"node": 10e-9}, "node must be"),
        ({"design": {"buffers": "fast"}}, "buffers must be one of"),
        ({"design": {"wires": "thick"}}, "wires"),
        ({"objective": "speed"}, "objective must be one of"),
    ],
)
def test_usage_errors(change, message):
    with pytest.raises(UsageError, match=message):
        macro(**(SMALL | change))
