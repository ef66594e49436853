"""Measured devices: the stated model is found again, committees are averages, the quick run."""

import sys

import _measured_devices
import measured_devices as study
import numpy as np
import pytest

import memjax as mj


def test_generated_files_show_the_stated_model(tmp_path):
    model = _measured_devices.Model(cells=600)
    _measured_devices.generate(model, tmp_path, seed=1)
    cells = mj.measured.fit_writes(mj.measured.read_writes(tmp_path / "writes.csv"))
    spread = np.linspace(model.spread_hrs, model.spread_lrs, model.levels)
    means = np.linspace(1 / model.r_off, 1 / model.r_on, model.levels) * np.exp(spread**2 / 2)  # of lognormals
    # Half of the variance is shared by the writes of a cell: 600 independent numbers for that, 3000 for the rest.
    error = means * np.sqrt(np.expm1(spread**2) / 2 * (1 / 560 + 1 / 2800))
    np.testing.assert_allclose(cells.levels, means, atol=4 * error.max())
    for found, rate in zip(cells.stuck, (model.in_lrs, model.in_hrs), strict=True):
        assert abs(found - 600 * rate) < 4 * np.sqrt(600 * rate)
    curves = mj.measured.fit_curves(mj.measured.read_curves(tmp_path / "curves.csv"), v_read=model.v_read)
    assert float(curves.conduction.k) == pytest.approx(model.k, abs=0.2)


def test_a_committee_is_right_where_its_mean_is():
    one, two = [0.6, 0.4], [0.1, 0.9]
    probabilities = np.array([[[one, one], [two, one]]])  # one committee, two members, two images
    np.testing.assert_array_equal(study.accuracies(probabilities, np.array([1, 0])), [[0.5, 1.0]])


@pytest.mark.slow
def test_quick_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["measured_devices.py", "--quick", "--out", str(tmp_path)])
    study.main()
    shown = capsys.readouterr().out
    assert "different networks help more than the same" in shown
    lines = (tmp_path / "measured_devices.csv").read_text().splitlines()
    values = np.array([float(line.split(",")[2]) for line in lines[1:]])
    assert ((values >= 0) & (values <= 1)).all()
    assert len(values) == 6 * study.MEMBERS + sum(members for _, members in study.SAME_CELLS)
    assert (tmp_path / "measured_devices.png").stat().st_size > 10_000


def test_files_go_together(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["measured_devices.py", "--writes", "a.csv"])
    with pytest.raises(SystemExit):
        study.main()
    assert "--writes, --curves and --v-read go together" in capsys.readouterr().err
