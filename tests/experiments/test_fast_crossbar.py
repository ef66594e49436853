"""Wires of networks and their speed: the two ways of reading agree, claims follow the numbers, the quick run."""

import sys

import fast_crossbar as study
import numpy as np
import pytest
import xarray


def test_matrix_and_network_give_the_same_currents():
    row = study.reads(6, 20)
    assert row["to_solve"] < 1e-6
    assert np.isnan(row["to_ngspice"]) or row["to_ngspice"] < 1e-6
    assert min(row["transfer"], row["once"], row["solve"]) > 0


@pytest.mark.parametrize(("lost", "verdict"), [(0.3, "confirmed, 30.0 points"), (0.0, "not confirmed, 0.0 points")])
def test_claims_follow_the_numbers(lost, verdict):
    jitter = np.array([0.01, -0.01, 0.01, -0.01])
    values = np.stack([np.stack([0.9 + jitter, 0.9 + jitter]), np.stack([0.9 + jitter, 0.9 - lost - jitter])])
    coordinates = {"tile": [16, 64], "ohm": [0.0, 5.0]}
    points = xarray.DataArray(values, coordinates, ("tile", "ohm", "sample"))
    times = [{"what": "reads", "n": 16, "transfer": 1e-3, "solve": 1e-2, "ngspice": 20.0}]
    lines = study.claims({"digits": (0.9, points)}, times)
    assert f"cost accuracy: {verdict}" in lines[0]
    assert f"grows with the tile: {verdict}" in lines[1]
    assert "2e+04 times faster than ngspice (1e4 to 1e5: confirmed), 10 times" in lines[2]


@pytest.mark.slow
def test_quick_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["fast_crossbar.py", "--quick", "--out", str(tmp_path)])
    study.main()
    assert "no results" in capsys.readouterr().out
    assert len((tmp_path / "fast_crossbar.csv").read_text().splitlines()) == 1 + 2 * 2
    assert (tmp_path / "fast_crossbar.png").stat().st_size > 10_000
