"""Filament growth of a conducting bridge: its closed form, its resistances, its checks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from memjax import devices as md


def test_resistances_are_those_of_a_column(x64):
    device = md.CBRAM.yu_wong()
    np.testing.assert_allclose(1 / device.conductance(0.0), 133 * 50e-9 / 1330e-18, rtol=1e-12)
    np.testing.assert_allclose(1 / device.conductance(1.0), 0.04 * 50e-9 / 1330e-18, rtol=1e-12)
    np.testing.assert_allclose(device.current(0.3, 0.2), 0.2 * device.conductance(0.3), rtol=1e-12)


def test_pulse_is_its_closed_form_and_the_limit_of_integration(x64):
    device = md.CBRAM.yu_wong()
    volts = np.array([-0.5, -0.4, 0.0, 0.4, 0.45, 0.5])
    thermal = 8.617333e-5 * 290
    rate = 3.5e-3 / 50e-9 * np.exp(-0.5 / thermal) * np.sinh(2.4 * volts / (2 * thermal))
    after = md.apply_pulse(device, 0.5, volts, 3e-7)
    np.testing.assert_allclose(after, np.clip(0.5 + rate * 3e-7, 0, 1), rtol=1e-4)
    assert after[0] == 0
    assert after[2] == 0.5
    assert after[-1] == 1
    time = np.linspace(0, 3e-7, 11)
    for v in (-0.4, 0.45):
        trace = md.simulate(device, np.full(11, v), time, 0.5)
        np.testing.assert_allclose(md.apply_pulse(device, 0.5, v, 3e-7), trace.state[-1], rtol=1e-12)


def test_the_applied_voltage_sets_the_speed_exponentially(x64):
    """A decade per 2 kT/alpha ln 10, the steep voltage-time relation of the conducting bridge."""
    device = md.CBRAM.yu_wong()
    decade = 2 * 8.617333e-5 * 290 / 2.4 * np.log(10)
    np.testing.assert_allclose(device.derivative(0.5, 0.4 + decade) / device.derivative(0.5, 0.4), 10, rtol=1e-5)


def test_broadcasts_and_stays_finite_in_single_precision():
    device = md.CBRAM.yu_wong(length=jnp.array([40e-9, 50e-9, 60e-9]))
    assert md.apply_pulse(device, jnp.full((4, 1), 0.5), 0.4, 1e-7).shape == (4, 3)
    gradient = jax.grad(lambda d: d.derivative(0.5, 30.0))(md.CBRAM.yu_wong())
    assert all(jnp.isfinite(leaf) for leaf in jax.tree.leaves(gradient))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"length": 0.0}, "CBRAM.length must be finite and in"),
        ({"activation": -0.5}, "CBRAM.activation must be finite and in"),
        ({"rho_on": 200.0}, "CBRAM.rho_on must be smaller than CBRAM.rho_off"),
        ({"initial": 1.5}, r"CBRAM.initial must be finite and in \[0, 1\]"),
    ],
)
def test_bad_parameters_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        md.CBRAM.yu_wong(**changes)
