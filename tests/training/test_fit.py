"""Fitting laws to pulse responses: known parameters recovered, from a file too; bad measurements refused."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from laws import P, T

import memjax as mj
from memjax import devices as md
from memjax._names import parameters

PULSES = np.array([0] + [1] * 25 + [-1] * 25 + [1] * 5)
# The true law, the law to begin with, bounds and true values.
CASES = {
    "soft bounds": (
        T.SoftBounds(P(step=0.08, asymmetry=0.3, low=-0.7, high=1.3)),
        T.SoftBounds(P(step=0.05, asymmetry=0.1, low=-1.0, high=1.0)),
        {"population__step": (0.001, 0.5), "population__asymmetry": (-0.9, 0.9), "population__low": (-2.0, -0.2),
         "population__high": (0.2, 2.0)},
        (0.08, 0.3, -0.7, 1.3),
    ),
    "NeuroSim": (
        T.NeuroSimStep(P(), levels_up=30, levels_down=30, ltp=2.1, ltd=-3.3),
        T.NeuroSimStep(P(), levels_up=30, levels_down=30, ltp=1.0, ltd=-1.0),
        {"ltp": (0.1, 6.0), "ltd": (-6.0, -0.1)},
        (2.1, -3.3),
    ),
    "piecewise": (
        T.PiecewiseStep(P(step=0.08), (1.0, 0.7, 0.4), (0.2, 1.0)),
        T.PiecewiseStep(P(step=0.08), (1.0, 0.5, 0.5), (0.5, 0.5)),
        {"up_nodes__1": (0.05, 2.0), "up_nodes__2": (0.05, 2.0), "down_nodes__0": (0.05, 2.0),
         "down_nodes__1": (0.05, 2.0)},
        (0.7, 0.4, 0.2, 1.0),
    ),
    "device": (
        T.DevicePulse(md.VTEAM.ferroelectric(r_off=450e3), 5.9, 1.8, 1e-5),
        T.DevicePulse(md.VTEAM.ferroelectric(r_off=450e3, k_off=2e-4, k_on=-20.0), 5.9, 1.8, 1e-5),
        {"device__k_off": (1e-5, 1e-3), "device__k_on": (-300.0, -3.0)},
        (1e-4, -30.0),
    ),
}  # fmt: skip


def measured(law, start=-0.5, noise=0.0, pulses=PULSES):
    mean = np.asarray(jax.jit(T.response)(law, pulses, start, law.make(None, (), jnp.result_type(float))))
    return mean + noise * np.random.default_rng(0).normal(size=mean.shape)


@pytest.mark.parametrize("name", CASES)
def test_recovers_known_parameters(name, x64):
    """Exactly without noise, the weight before the first pulse included."""
    true, guess, bounds, values = CASES[name]
    result = T.fit_law(guess, PULSES, measured(true), bounds)
    assert result.converged
    assert result.error < 1e-6
    for name, value in zip(bounds, values, strict=True):
        assert parameters(result.law)[name] == pytest.approx(value, rel=1e-4)
    assert float(result.start) == pytest.approx(-0.5, abs=1e-6)
    np.testing.assert_allclose(result.curve, measured(true), atol=1e-5)


def test_noisy_conductances_from_a_file_in_single_precision(tmp_path):
    """Write, read, fit: within the errors that the noise allows; the start is given."""
    true, _, bounds, _ = CASES["soft bounds"]
    low, high = 1e-6, 2e-5
    siemens = low + (measured(true, noise=0.01) - true.range[0]) / (true.range[1] - true.range[0]) * (high - low)
    path = tmp_path / "pulses.csv"
    table = np.stack([np.arange(len(PULSES)), PULSES, siemens], axis=1)
    np.savetxt(path, table, delimiter=",", header="number, Pulse,conductance", comments="")
    data = T.read_pulse_response(path)
    assert data.quantity == "conductance"
    np.testing.assert_array_equal(data.pulses, PULSES)
    np.testing.assert_allclose(data.values, siemens, rtol=1e-12)
    # In siemens the bounds of the law are those of the range: what is left are the step and the asymmetry.
    guess = T.SoftBounds(P(step=0.05, asymmetry=0.1, low=-0.7, high=1.3))
    bounds = {name: bounds[name] for name in ("population__step", "population__asymmetry")}
    begin = low + 0.2 / 2.0 * (high - low)
    result = T.fit_law(guess, data.pulses, data.values, bounds, range=(low, high), start=begin)
    assert result.converged
    assert result.error == pytest.approx(0.01 / (np.ptp(siemens) / (high - low) * 2.0), rel=0.3)
    assert float(result.start) == np.float32(begin)
    assert result.law.population.step == pytest.approx(0.08, rel=0.03)
    assert result.law.population.asymmetry == pytest.approx(0.3, abs=0.05)
    ax = mj.plot.pulse_response(data, result)
    assert ax.get_ylabel() == "Conductance (µS)"
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), data.values)
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), np.asarray(result.curve))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["measured", "soft bounds, fitted"]


def test_weights_from_a_file(tmp_path):
    path = tmp_path / "pulses.csv"
    path.write_text("weight,pulse\n0.5,1\n0.25,-1\n")
    data = T.read_pulse_response(path)
    assert data.quantity == "weight"
    np.testing.assert_array_equal(data.values, [0.5, 0.25])
    np.testing.assert_array_equal(data.pulses, [1, -1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pulse,current\n1,1\n1,2\n", "missing column conductance or weight; the first line has pulse, current"),
        ("", "missing column pulse, conductance or weight"),
        ("pulse,weight\n1,0\n1,nan\n", "weight in line 3 must be a finite number, got 'nan'"),
        ("pulse,weight\nup,0\n1,1\n", "pulse in line 2 must be a finite number, got 'up'"),
        ("pulse,weight\n1,0\n2,1\n", "pulse in line 3 must be 1, -1 or 0, got 2"),
        ("pulse,weight\n1,0\n", "at least 2 samples, got 1"),
    ],
)
def test_bad_files_are_named(text, message, tmp_path):
    path = tmp_path / "pulses.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=re.escape(message)):
        T.read_pulse_response(path)


STEP = {"population__step": (1e-3, 1.0)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(bounds={"step": (0.0, 1.0)}), "fit_law: SoftBounds has no parameter 'step'; it has population__step"),
        (dict(bounds={"population__noise": (0.0, 1.0)}), "does not depend on population__noise: it cannot be fitted"),
        (dict(bounds={"population__step": (0.5, 1.0)}), "population__step must be strictly between its bounds"),
        (dict(bounds={"population__step": (1.0, 0.5)}), "bounds of population__step must increase, got (1, 0.5)"),
        (dict(bounds={}), "bounds must name at least one parameter, got none"),
        (dict(values=np.full(3, np.nan)), "values must be finite, got nan"),
        (dict(values=np.ones(3)), "values must not be all the same, got 1 throughout"),
        (dict(values=np.ones(2)), "pulses and values must be of one length of at least 2, got shapes ((3,), (2,))"),
        (dict(pulses=np.array([1, 2, 1])), "pulses must be 1, -1 or 0, got 2"),
        (dict(range=(1.0, 0.5)), "range.low must be smaller than range.high"),
    ],
)  # fmt: skip
def test_bad_measurements_are_named(changes, message):
    arguments = dict(pulses=np.ones(3), values=np.arange(3.0), bounds=STEP) | changes
    with pytest.raises(ValueError, match=re.escape(message)):
        T.fit_law(T.SoftBounds(P(step=0.05)), **arguments)
