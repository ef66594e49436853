"""`memjax memory run`: what it writes is what the library finds."""

import csv
import json

import jax
import numpy as np
import pytest

import memjax as mj
from memjax.cli import main

CONFIG = """
CLK 400
CPUFreq 2000
BANKS 4
RANKS 1
CHANNELS 1
ROWS 256
COLS 32 ; a row is 2 KiB
MEM_CTL FCFS
INTERCONNECT OffChipBus
UseRefresh false
"""


def run(*args):
    try:
        main(list(map(str, args)))
    except SystemExit as stop:
        return stop.code
    return 0


@pytest.fixture
def files(tmp_path):
    trace = mj.memory.random_trace(jax.random.key(0), 60, 512, data=True, interval=5)
    mj.memory.write_trace(tmp_path / "requests.nvt", trace)
    (tmp_path / "a.config").write_text(CONFIG)
    return tmp_path


def test_written_are_the_statistics_of_the_library(files, capsys, documented):
    call = ("memory", "run", files / "requests.nvt", "--config", files / "a.config", "--out", files / "out")
    assert run(*call, "--policy", "fcfs", "--set", "tRCD=12") == 0
    config = mj.memory.read_config(files / "a.config", MEM_CTL="FCFS", tRCD=12)
    config = mj.memory.MemoryConfig(**{**vars(config), "policy": "fcfs"})
    wanted = mj.memory.simulate_memory(mj.memory.read_trace(files / "requests.nvt"), config)
    found = json.loads((files / "out" / "memory.json").read_text())
    assert set(found) == documented("memory.json")
    assert found["end (cycles)"] == int(wanted.cycles)
    assert found["energy (J)"] == pytest.approx(float(wanted.energy))
    with (files / "out" / "memory.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert [int(row["answer_cycle"]) for row in rows] == np.asarray(wanted.answer).tolist()
    assert (files / "out" / "memory.png").read_bytes().startswith(b"\x89PNG")
    assert "row hits" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("--set", "tRCD"), "--set must be KEY=VALUE, got 'tRCD'"),
        (("--set", "tRCD=-1"), "tRCD"),
        (("--set", "Unknown=3"), "Unknown"),
        (("--requests", "61"), "--requests must be from 1 to 60, got 61"),
    ],
)
def test_wrong_arguments_end_before_anything_is_written(files, extra, message, capsys):
    call = ("memory", "run", files / "requests.nvt", "--config", files / "a.config", "--out", files / "out")
    assert run(*call, *extra) == 2
    assert message in capsys.readouterr().err
    assert not (files / "out").exists()


def test_a_wrong_line_of_the_trace_is_named(files, capsys):
    (files / "bad.nvt").write_text("NVMV1\n3 R 0x0\n2 R 0x40\n")
    assert run("memory", "run", files / "bad.nvt", "--config", files / "a.config") == 2
    assert "line 3: the cycle must not decrease" in capsys.readouterr().err
