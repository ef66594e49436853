"""The numbers behind the figures and tables of the command line: frequency, series resistance, spread, error bars."""

import csv
import types

import equinox as eqx
import numpy as np
import pytest

import memjax as mj
from memjax import devices as md
from memjax.cli import _chips, _device, _report, _sweep, main

DRAW = np.random.default_rng(0)
ACCURACIES = DRAW.uniform(0.5, 1.0, (2, 3, 7))  # variability or first axis, ADC or second axis, chips


def test_a_device_is_driven_as_it_was_asked_for(tmp_path, capsys):
    """Below its thresholds a cell is a resistor: v = A sin(2 pi f t), i = v / (R + R_s) in every sample."""
    table, out = tmp_path / "a.csv", tmp_path / "a.svg"
    options = {"amplitude": 0.3, "frequency": 50, "periods": 3, "samples": 40, "method": "rk4", "series": 500}
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    main(["device", "vteam", "--preset", "pt_hf_ti", *arguments, "--out", str(out), "--csv", str(table)])
    with table.open() as lines:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(lines)]
    found = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    time = np.linspace(0, 3 / 50, 3 * 40 + 1)
    np.testing.assert_allclose(found["time"], time, rtol=1e-6)
    np.testing.assert_allclose(found["voltage"], 0.3 * np.sin(2 * np.pi * 50 * time), atol=1e-6)
    np.testing.assert_allclose(found["current"], found["voltage"] / 3000, atol=1e-9)
    np.testing.assert_allclose(found["conductance"], 1 / 3000, rtol=1e-5)
    np.testing.assert_array_equal(found["state"], 1.0)
    shown = capsys.readouterr().out
    # The mean of sin^2 is one half, for trapezoids of whole periods exactly.
    assert f"energy       {0.5 * 0.3**2 / 3000 * 3 / 50:.4g} J" in shown
    assert "VTEAM.pt_hf_ti + 500 Ω, 0.3 V at 50 Hz" in shown
    assert "peak current 0.0001 A" in shown
    assert "conductance  0.0003333 to 0.0003333 S" in shown


def test_three_panels_show_the_trace(monkeypatch):
    drawn = {}
    for name in ("hysteresis", "switching", "state_against_time"):
        monkeypatch.setattr(_device.plot, name, lambda trace, ax, name=name: drawn.update({name: (trace, ax)}))
    time = np.linspace(0, 1, 11)
    trace = md.simulate(md.VTEAM.pt_hf_ti(), 0.1 * time, time)
    assert _device._figure(trace, "title", "png").startswith(b"\x89PNG")
    assert all(shown is trace for shown, _ in drawn.values())
    assert len({id(ax) for _, ax in drawn.values()}) == 3


def test_chips_of_the_quickstart():
    """A spread relative to each resistance, 10 kohm and 100 kohm, and drivers of eight bits."""
    expected = mj.Hardware(
        mj.Cell(10e3, 100e3),
        mj.mapping.DoubleColumn(),
        (12, 9),
        mj.Dac(bits=8),
        mj.Adc(bits=5),
        (mj.effects.DeviceVariation(r_on_std=0.2 * 10e3, r_off_std=0.2 * 100e3),),
    )
    assert eqx.tree_equal(_chips.hardware((12, 9), 0.2, 5), expected)
    assert (_chips.R_ON, _chips.R_OFF, _chips.DAC_BITS) == (10e3, 100e3, 8)


def test_parts_of_a_test_set():
    """Equal parts of at most 500 images; those that fill the last up are never classified correctly."""
    images, labels = DRAW.uniform(size=(1201, 2, 2, 1)), DRAW.integers(0, 10, 1201)
    parts, answers = _chips.parts_of(images, labels)
    assert parts.shape == (3, 500, 2, 2, 1)
    np.testing.assert_array_equal(answers.ravel()[:1201], labels)
    np.testing.assert_array_equal(answers.ravel()[1201:], -1)
    np.testing.assert_array_equal(parts.reshape(-1, 2, 2, 1)[:1201], images)


def cells_of(table):
    """Text of a rich table, row by row."""
    return [list(row) for row in zip(*(column.cells for column in table.columns), strict=True)]


def test_tables_and_summaries_of_chips():
    percent = 100 * ACCURACIES
    each = [[f"{c.mean():.2f} ± {c.std():.2f} ({c.min():.2f})" for c in row] for row in percent]
    shown = cells_of(_report.table((0.0, 0.25), (4, 6, 8), ACCURACIES))
    assert shown == [["0 %", *each[0]], ["25 %", *each[1]]]
    entries = _report.summary((0.0, 0.25), (4, 6, 8), ACCURACIES)
    assert [(entry["variability"], entry["adc_bits"]) for entry in entries[:4]] == [
        (0.0, 4),
        (0.0, 6),
        (0.0, 8),
        (0.25, 4),
    ]
    for name, of in (("mean", np.mean), ("std", np.std), ("worst", np.min)):
        np.testing.assert_allclose([entry[name] for entry in entries], of(ACCURACIES, -1).ravel())
    lines = list(csv.DictReader(_report.csv_lines((0.0, 0.25), (4, 6, 8), ACCURACIES).splitlines()))
    np.testing.assert_allclose([float(line["accuracy"]) for line in lines], ACCURACIES.ravel())
    assert [line["chip"] for line in lines[6:8]] == ["6", "0"]
    assert (lines[-1]["variability"], lines[-1]["adc_bits"]) == ("0.25", "8")


def test_the_table_of_a_sweep():
    rows = [{"bits": bits, "tile": (16, 8)} for bits in (4, 6, 8)]
    shown = cells_of(_sweep._table(rows, ACCURACIES[0]))
    percent = 100 * ACCURACIES[0]
    assert shown == [
        [str(row["bits"]), "16x8", f"{chips.mean():.2f} ± {chips.std():.2f}", f"{chips.min():.2f}"]
        for row, chips in zip(rows, percent, strict=True)
    ]


@pytest.fixture
def figure():
    axis = lambda key, names, rows: types.SimpleNamespace(key=key, names=names, rows=rows)
    config = types.SimpleNamespace(
        axes=[
            axis("hardware.tile", ("tile",), [((16, 16),), ((32, 8),)]),
            axis("std", ("std",), [(0.0,), (0.1,), (0.4,)]),
        ],
        dataset="digits",
        network="mlp",
        samples=7,
    )
    return _sweep.figure(config, ACCURACIES.reshape(6, 7), 0.97)


def test_curves_of_a_sweep_are_means_with_bars_of_one_standard_deviation(figure):
    """In percent, against the first numeric axis; one curve for each value of the other."""
    (ax,) = figure.axes
    assert len(ax.containers) == 2
    for index, (bars, tile) in enumerate(zip(ax.containers, ("16x16", "32x8"), strict=True)):
        line, _, (sticks,) = bars.lines
        mean, std = 100 * ACCURACIES[index].mean(-1), 100 * ACCURACIES[index].std(-1)
        np.testing.assert_allclose(np.asarray(line.get_xdata(), float), [0.0, 0.1, 0.4])
        np.testing.assert_allclose(line.get_ydata(), mean)
        for (low, high), x, m, s in zip(sticks.get_segments(), (0.0, 0.1, 0.4), mean, std, strict=True):
            np.testing.assert_allclose([low, high], [[x, m - s], [x, m + s]])
        assert bars.get_label() == f"tile {tile}"


def test_the_digital_model_is_a_line(figure):
    (ax,) = figure.axes
    line = next(line for line in ax.lines if line.get_label() == "digital model")
    np.testing.assert_allclose(line.get_ydata(), 97.0)
    assert ax.get_xlabel() == "std"
    assert ax.get_ylabel() == "Classification accuracy (%)"
    assert ax.get_title(loc="left") == "digits, mlp: mean ± std of 7 chips"
