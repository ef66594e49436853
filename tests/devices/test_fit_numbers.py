"""Fits with a closed form: a resistor by least squares, how well it is known, and what counts as known."""

import inspect

import jax.numpy as jnp
import numpy as np
import pytest

from memjax import devices as md

TIME = np.arange(8.0)
VOLTS = np.array([0.9, -0.3, 0.6, 0.1, 0.75, -0.8, 0.5, 0.2])
NOISE = np.array([2.0, -1.0, 0.5, 3.0, -2.5, 1.0, -0.5, 4.0]) * 1e-4
CURRENT = VOLTS / 1e3 + NOISE  # A


def resistor(ohms):
    """Below its thresholds."""
    return md.VTEAM(
        k_off=1.0, k_on=-1.0, v_off=1.0, v_on=-1.0, alpha_off=1, alpha_on=1, r_on=ohms, r_off=1e5, initial=0.0
    )


@pytest.mark.parametrize("bounds", [(200.0, 4000.0), (500.0, 4000.0)])
def test_a_resistor_is_the_least_squares_one(bounds, precision):
    """1/R = sum(v i)/sum(v^2), with R^2 sqrt(sum((v r)^2) T/(T - 1))/sum(v^2) of doubt; to the tolerance of the fit."""
    result = md.fit(resistor(1500.0), VOLTS, CURRENT, TIME, {"r_on": bounds})
    ohms = np.sum(VOLTS**2) / np.sum(VOLTS * CURRENT)
    rest = VOLTS / ohms - CURRENT
    doubt = ohms**2 * np.sqrt(np.sum((VOLTS * rest) ** 2) * 8 / 7) / np.sum(VOLTS**2)
    assert result.converged
    assert float(result.device.r_on) == pytest.approx(ohms, rel=1e-10 if precision == "float64" else 2e-5)
    assert float(result.deviation["r_on"]) == pytest.approx(doubt, rel=1e-3)
    assert float(result.error) == pytest.approx(np.sqrt(np.mean(rest**2) / np.mean(CURRENT**2)), rel=1e-4)


def test_known_is_what_is_known_to_half_its_value():
    """To half itself is enough; and negative parameters have a size."""
    names, shares = ("k_off", "k_on", "v_off", "v_on"), np.array([0.49, 0.51, 0.5, 0.6])
    device = resistor(1e3)
    covariance = jnp.diag(jnp.asarray(shares**2))
    one = jnp.ones(())
    trace = md.simulate(device, VOLTS, TIME)
    assert md.Fit(device, trace, one, one, one, covariance, names).undetermined == ("k_on", "v_on")
    assert inspect.signature(md.fit).parameters["max_steps"].default == 100


def test_what_is_known_in_one_combination_alone_is_not_known(x64):
    """A speed k_off/(w_off - w_on) tells neither of them; the resistance is not their affair."""
    device = resistor(1e3)
    moving = md.VTEAM(**{name: getattr(device, name) for name in device.__dataclass_fields__} | dict(
        v_off=0.05, k_off=1e-11, w_off=2e-9, r_off=3e3, initial=0.1))  # fmt: skip
    current = np.asarray(md.simulate(moving, np.abs(VOLTS), TIME).current) * (1 + NOISE)
    bounds = {"k_off": (1e-12, 1e-10), "w_off": (1e-9, 3e-9), "r_off": (2e3, 4e3)}
    result = md.fit(moving, np.abs(VOLTS), current, TIME, bounds)
    assert result.undetermined == ("k_off", "w_off")
    assert np.isinf([result.deviation["k_off"], result.deviation["w_off"]]).all()
    assert 0 < result.deviation["r_off"] < 10
    with pytest.raises(ValueError, match="3 parameters need more samples than that, got 3"):
        md.fit(moving, VOLTS[:3], CURRENT[:3], TIME[:3], bounds)
