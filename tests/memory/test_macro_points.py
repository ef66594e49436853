"""Macros against NVSim: 179 organisations of five cells, 22 to 90 nm, three roadmaps, 300 to 400 K.

The numbers of macro_points.csv are those that NVSim 6334d00 prints, measured here.
"""

import csv
import pathlib
from collections import defaultdict

import numpy as np
import pytest

from memjax import memory

QUANTITIES = {
    "area": ("area_um2", 1e-12),
    "read_latency": ("read_ns", 1e-9),
    "write_latency": ("write_ns", 1e-9),
    "read_energy": ("read_pJ", 1e-12),
    "write_energy": ("write_pJ", 1e-12),
    "leakage": ("leak_mW", 1e-3),
}
CELLS = {
    "SRAM": memory.MemoryCell.sram(),
    "RRAM": memory.MemoryCell.rram(),
    "PCRAM": memory.MemoryCell.pcm(),
    "STTRAM": memory.MemoryCell.stt(),
    "STTRAM_aggressive": memory.MemoryCell.stt_aggressive(),
}
WIRES = {
    "LocalAggressive": "local_aggressive",
    "LocalConservative": "local_conservative",
    "SemiAggressive": "semi_aggressive",
    "GlobalAggressive": "global_aggressive",
}
ROWS = list(csv.DictReader((pathlib.Path(__file__).parent / "macro_points.csv").read_text().splitlines()))


def counts(text: str) -> tuple[int, ...]:
    return tuple(int(count) for count in text.split("x"))


def organisation(row: dict) -> memory.Organisation:
    return memory.Organisation(*(counts(row[name]) for name in ("bank", "act_mats", "mat", "act_subs", "mux")))


def design(row: dict) -> memory.Design:
    return memory.Design(
        routing={"H-tree": "h_tree", "non-H-tree": "bus"}[row["routing"]],
        internal_sensing=row["sensing"] == "true",
        local_wire=WIRES[row["local_wire"]],
        global_wire=WIRES[row["global_wire"]],
        repeaters={"RepeatedNone": "none", "Repeated20%Penalty": "20%"}[row["repeater"]],
        buffers=row["buffer"],
    )


def groups() -> dict:
    """Rows that one program serves: the same kind of cell, design and sizes."""
    found = defaultdict(list)
    for row in ROWS:
        kind = "STTRAM" if row["cell"].startswith("STTRAM") else row["cell"]
        built = (row[name] for name in ("routing", "sensing", "local_wire", "global_wire", "repeater", "buffer"))
        found[(kind, *built)].append(row)
    return found


GROUPS = groups()


def errors(row: dict, constants: str) -> dict[str, float]:
    """Relative, by quantity."""
    process = memory.process(1e-9 * float(row["node"]), row["roadmap"], float(row["T_K"]), constants)
    found = memory.macro(
        int(row["capacity_KB"]) * 8192,
        int(row["word"]),
        CELLS[row["cell"]],
        process,
        design=design(row),
        organisation=organisation(row),
    )
    for quantity, parts in found.parts.items():
        np.testing.assert_allclose(float(getattr(found, quantity)), sum(float(one) for one in parts.values()), 1e-5)
    return {
        quantity: float(getattr(found, quantity)) / (float(row[name]) * scale) - 1.0
        for quantity, (name, scale) in QUANTITIES.items()
    }


USUAL = [group for group in GROUPS if len(GROUPS[group]) > 9]
# One of each kind of design that differs; the others are slow, since each is a program of its own.
OTHER = [("SRAM", "area"), ("SRAM", "Repeated20%Penalty"), ("STTRAM", "false"), ("PCRAM", "LocalConservative")]


def marked(group: tuple) -> object:
    quick = group in USUAL or any(kind == group[0] and choice in group for kind, choice in OTHER)
    return pytest.param(group, id="-".join(group), marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize("group", [marked(group) for group in GROUPS])
def test_like_nvsim(group):
    """Single precision, to 3e-4: one latch of 4 F pitch is folded by the rounding of NVSim."""
    for row in GROUPS[group]:
        for quantity, error in errors(row, "nvsim").items():
            assert abs(error) < (3e-4 if row["mux"] == "2x2x2" else 1e-4), (row["id"], quantity, error)


@pytest.mark.parametrize(
    "group", [pytest.param(one, id=one[0], marks=() if one[0] == "PCRAM" else pytest.mark.slow) for one in USUAL]
)
def test_corrected_is_within_one_percent(group):
    for row in GROUPS[group][::3]:
        for quantity, error in errors(row, "corrected").items():
            assert abs(error) < 0.01, (row["id"], quantity, error)
