"""The comparison with peers: its two small cases, and what it gives to everyone."""

import json
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest

import memjax as mj

BENCHMARKS = pathlib.Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.slow
def test_quick_run_agrees_and_names_the_absent(tmp_path):
    command = [sys.executable, BENCHMARKS / "peers.py", "--quick", "--rounds", "2", "--out", tmp_path]
    subprocess.run(command, check=True, capture_output=True)
    network, wires = json.loads((tmp_path / "peers.json").read_text())["cases"].values()
    assert network["rows"]["digital JAX"]["as_set"] < 1e-6
    assert network["rows"]["memjax"]["ideal"] < 1e-5
    assert 1e-3 < network["rows"]["memjax"]["as_set"] < 0.5
    assert wires["rows"]["memjax"]["as_set"] < 1e-5
    assert len(network["rows"]["memjax"]["times"]) == 2
    page = (tmp_path / "peers.md").read_text()
    for peer in ("pytorch", "aihwkit", "memtorch", "crosssim"):
        assert f"install_peers.sh FOLDER {peer} |" in page
    assert "cannot: it solves single arrays" in page
    assert (tmp_path / "peers.png").stat().st_size > 10_000


@pytest.mark.slow
def test_quick_run_for_accelerators_has_every_row(tmp_path):
    command = [sys.executable, BENCHMARKS / "accelerator.py", "--quick", "--tiles", "128", "--out", tmp_path]
    subprocess.run(command, check=True, capture_output=True)
    rows = json.loads((tmp_path / "accelerator.json").read_text())["rows"]
    timed = [(row["schedule"], row["precision"], row["tile"]) for row in rows if "schedule" in row]
    both = ("float32", "tensorfloat32")
    assert timed == [
        (how, p, None if how == "digital" else 128) for how in ("digital", "scan", "batched", "fused") for p in both
    ]
    assert all(row["memory"] > 0 and row["seconds"] > 0 for row in rows if "schedule" in row)
    assert rows[-1]["images"] == 16


def test_weights_of_levels_are_those_that_cells_hold():
    import _peer_data

    weights = np.random.default_rng(0).normal(size=(16, 5)).astype(np.float32)
    hardware = mj.Hardware(cell=mj.Cell(r_on=10e3, r_off=100e3, levels=_peer_data.LEVELS), tile=(16, 16))
    cells = mj.crossbar.weights(hardware, mj.program(hardware, weights, jax.random.key(0)))
    assert np.unique(np.abs(_peer_data.held(weights))).size == _peer_data.LEVELS
    np.testing.assert_allclose(_peer_data.held(weights), cells, atol=1e-6)


def test_table_pairs_rounds_and_counts_one_run_against_the_median():
    import _peer_report

    timed = lambda *times: {"status": "timed", "cannot": [], "times": [{"seconds": t} for t in times]}
    rows = {"digital JAX": timed(1.0, 2.0, 4.0), "a": timed(3.0, 4.0, 4.0), "b": timed(8.0), "c": {"status": "absent"}}
    found = _peer_report.summary(rows)
    assert found["a"]["to_digital JAX"] == [1.5, 2.0, 2.5]
    assert found["b"]["to_digital JAX"] == [4.0, 4.0, 4.0]
    assert "seconds" not in found["c"]


def test_environments_stay_outside_the_repository():
    command = ["bash", BENCHMARKS / "install_peers.sh", BENCHMARKS / ".." / "peers"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "outside" in done.stderr
