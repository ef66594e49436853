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
    ax = getattr(mj.plot, name)(trace, linewidth=1)
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
    ax = mj.plot.switching(trace)
    assert ax.get_yscale() == "log"
    assert np.isnan(ax.lines[0].get_ydata()[0])


def test_pulses_and_spread(trace):
    ax = mj.plot.conductance_against_pulses(trace.conductance)
    assert [len(line.get_xdata()) for line in ax.lines] == [101] * 5
    ax = mj.plot.population_spread(trace, quantiles=(0.0, 1.0))
    np.testing.assert_allclose(ax.lines[0].get_ydata(), np.median(trace.conductance, axis=1), rtol=1e-6)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["median of 5 devices", "0 % to 100 %"]


def test_draws_into_given_axes(trace):
    from matplotlib.figure import Figure

    figure = Figure()
    ax = figure.add_subplot()
    assert mj.plot.hysteresis(trace, ax) is ax
    assert len(figure.axes) == 1
    assert ax.lines


def test_the_title_says_what_drove_the_devices(trace):
    assert mj.plot.hysteresis(trace).get_title(loc="left") == "±1 V for 1 s"
    thrice = np.linspace(0, 3e-6, 301)
    fast = mj.simulate(mj.devices.LinearIonDrift.biolek_soft(), 0.3 * np.sin(2e6 * np.pi * thrice) - 0.1, thrice)
    ax = mj.plot.state_against_time(fast)
    assert ax.get_title(loc="left") == "\u22120.4 V to 0.2 V at 1 MHz"
    assert ax.get_xlabel() == "Time (µs)"
    ax.set_title("mine", loc="left")
    assert mj.plot.switching(fast, ax).get_title(loc="left") == "mine"


def test_arrows_run_the_way_of_the_last_period(trace):
    ax = mj.plot.hysteresis(trace)
    assert len(ax.texts) == 6
    first, last = ax.texts[0], ax.texts[-1]
    assert first.xy[0] > first.xyann[0] >= 0  # up from zero
    assert 0 > last.xy[0] > last.xyann[0]  # back to it
    drawn = ax.lines[0].get_xydata()
    assert all((drawn == arrow.xy).all(1).any() for arrow in ax.texts)
    assert not mj.plot.hysteresis(trace, direction=False).texts


def test_prefixes_follow_what_is_drawn_and_the_data_stay_in_si_units():
    ax = mj.plot.conductance_against_pulses(1e-6 * np.arange(20))
    assert ax.get_ylabel() == "Conductance (µS)"
    assert ax.yaxis.get_major_formatter()(5e-6, None) == "5"
    mj.plot.conductance_against_pulses(1e-3 * np.arange(20), ax)
    assert ax.get_ylabel() == "Conductance (mS)"
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), 1e-3 * np.arange(20))
