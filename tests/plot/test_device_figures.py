"""Figures of single devices and populations: they draw what they are given."""

import jax
import numpy as np
import pytest

import memjax as mj

TIME = np.linspace(0, 1, 101)


@pytest.fixture(scope="module")
def trace():
    """Five linear-drift devices under one sine."""
    draws = {"r_on": mj.devices.lognormal(0.1)}
    cells = mj.devices.population(mj.devices.LinearIonDrift.biolek_soft(), jax.random.key(0), 5, **draws)
    return mj.simulate(cells, np.sin(2 * np.pi * TIME), TIME)


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("hysteresis", "voltage", "current"),
        ("switching", "voltage", "current"),
        ("state_against_time", "time", "state"),
    ],
)
def test_one_curve_for_each_device(name, x, y, trace):
    (ax,) = getattr(mj.plot, name)(trace, linewidth=1).axes
    curves = [line for line in ax.lines if len(line.get_xdata()) == 101]
    assert len(curves) == 5
    expected = np.asarray(getattr(trace, y))[:, 3]
    drawn = curves[3].get_ydata()
    shown = np.isfinite(drawn)
    np.testing.assert_array_equal(drawn[shown], (abs(expected) if name == "switching" else expected)[shown])
    np.testing.assert_array_equal(curves[3].get_xdata(), np.asarray(getattr(trace, x)))
    assert ax.get_xlabel()
    assert ax.get_ylabel()


def test_switching_leaves_out_the_zero_crossings(trace):
    (ax,) = mj.plot.switching(trace).axes
    assert ax.get_yscale() == "log"
    assert np.isnan(ax.lines[0].get_ydata()[0])


def test_pulses_and_spread(trace):
    (ax,) = mj.plot.conductance_against_pulses(trace.conductance).axes
    assert [len(line.get_xdata()) for line in ax.lines] == [101] * 5
    (ax,) = mj.plot.population_spread(trace, quantiles=(0.0, 1.0)).axes
    np.testing.assert_allclose(ax.lines[0].get_ydata(), np.median(trace.conductance, axis=1), rtol=1e-6)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["median", "0% to 100%"]


def test_draws_into_given_axes(trace):
    from matplotlib.figure import Figure

    figure = Figure()
    ax = figure.add_subplot()
    assert mj.plot.hysteresis(trace, ax) is figure
    assert len(figure.axes) == 1
    assert ax.lines
