"""The numbers behind the figures and tables of the command line: frequency, series resistance, spread, error bars."""

import csv
import inspect

import equinox as eqx
import numpy as np
import xarray

import memjax as mj
from memjax import devices as md
from memjax.cli import _config, _device, _quickstart, main

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
    _device._figure(trace, "title")
    assert all(shown is trace for shown, _ in drawn.values())
    assert len({id(ax) for _, ax in drawn.values()}) == 3


def test_chips_of_the_quickstart():
    """A spread relative to each resistance, 10 kohm and 100 kohm, and drivers of eight bits."""
    options = {"dataset": "digits", "chips": 3, "tile": (12, 9), "images": 10, "seed": 4}
    config = _config.parse(_quickstart._filled(**options, adc_bits=(5, 7), variability=(0.2, 0.4)))
    expected = mj.Hardware(
        mj.Cell(10e3, 100e3),
        mj.mapping.DoubleColumn(),
        (12, 9),
        mj.Dac(bits=8),
        mj.Adc(bits=5),
        (mj.effects.DeviceVariation(r_on_std=0.2 * 10e3, r_off_std=0.2 * 100e3),),
    )
    assert eqx.tree_equal(config.hardware(next(config.points())), expected)
    assert (config.samples, config.images, config.seed, config.network) == (3, 10, 4, "cnn")


def test_the_quickstart_is_a_file_of_sweep():
    config = _config.parse(_quickstart.FILE)
    assert [len(axis.rows) for axis in config.axes] == [6, 3]
    defaults = {name: option.default for name, option in inspect.signature(_quickstart.quickstart).parameters.items()}
    assert defaults.pop("out")
    assert _config.parse(_quickstart._filled(**defaults)) == config


def test_the_quickstart_shows_the_relative_spread():
    file = {"r_on_r_off": [0, 1], "adc_bits": [4, 6, 8], "sample": range(7)}
    found = xarray.DataArray(ACCURACIES, file, list(file)).drop_vars("r_on_r_off")
    found = found.assign_coords(r_on=("r_on_r_off", [0.0, 1e3]), r_off=("r_on_r_off", [0.0, 1e4]))
    relative = _quickstart._relative(found, (0.0, 0.1))
    assert relative.dims == ("variability", "adc_bits", "sample")
    assert set(relative.coords) == {"variability", "adc_bits", "sample"}
    assert relative.variability.values.tolist() == [0.0, 0.1]
    assert _quickstart._in_percent(relative).variability.values.tolist() == [0.0, 10.0]
    np.testing.assert_array_equal(relative, ACCURACIES)
