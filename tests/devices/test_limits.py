"""Where models and integrators end: the field of JART's hopping, the steps and tolerances of adaptive integration."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.constants import Boltzmann, elementary_charge
from scipy.integrate import quad

from memjax import devices as md

KT = Boltzmann * 293.0 / elementary_charge


@pytest.mark.parametrize("sign", [-1, 1])
def test_hopping_ends_before_its_barrier_is_gone(sign, x64):
    """z a E/(pi W_a) stays at 0.999 in both directions, however large the voltage; a cell that does not heat itself."""
    device = md.JARTVCM.tud(r_th=0.0, activation=0.1, alpha_line=0.0)
    state, volts = 0.5, sign * np.array([0.02, 4.0, 8.0])
    current, rate = jax.jit(lambda v: (device.current(state, v), device.derivative(state, v)))(volts)
    n, area = 0.004 * np.sqrt(5500.0), np.pi * 45e-9**2
    disc, plug = (
        length / (c * 1e26 * elementary_charge * 2 * 4e-6 * area) for length, c in ((0.4e-9, n), (2.6e-9, 20.0))
    )
    amps = np.abs(np.asarray(current))
    contact = np.abs(volts) - amps * (disc + plug + 650.0 + 719.2437)
    field = amps * disc / 0.4e-9 if sign < 0 else (contact + amps * (disc + plug)) / 3e-9
    g = 2 * 0.25e-9 * field / (np.pi * 0.1)
    assert g[0] < 0.9
    assert np.all(g[1:] > 1)
    g = np.minimum(g, 0.999)
    low, high = (0.1 * (np.sqrt(1 - g**2) + s * g * np.pi / 2 + g * np.arcsin(g)) for s in (-1, 1))
    hops = 0.25 / 0.4 * 2e13 * (20.0 + n) / 2 * (np.exp(-low / KT) - np.exp(-high / KT))
    slowed = 1 - (n / 22.0 if sign < 0 else 0.004 / n) ** 10
    np.testing.assert_allclose(rate, -sign * hops * slowed / (n * np.log(5500.0)), rtol=1e-4)


def test_adaptive_steps_end_at_4096():
    """Of a cell that follows a fast sine: 750 periods in one sample take fewer, 1300 more."""
    device = md.LinearIonDrift(r_on=100.0, r_off=16e3, depth=10e-9, mobility=1e-14, initial=0.3)
    wave = lambda t: 400.0 * jnp.sin(2e3 * jnp.pi * t)
    passed = md.simulate(device, wave, np.array([0.0, 0.75]), method="diffrax", tolerance=1e-4)
    assert 0.2 < passed.state[-1] < 0.4
    with pytest.raises(RuntimeError, match="too many steps between two samples"):
        md.simulate(device, wave, np.array([0.0, 1.3]), method="diffrax", tolerance=1e-4)


def test_trials_and_tolerance_of_pulses_by_default():
    parameters = inspect.signature(md.apply_pulse).parameters
    assert (parameters["substeps"].default, parameters["tolerance"].default) == (1000, 3e-4)


class Delayed(md.AbstractDevice):
    """Moves by 1 per V and s, save about the middle, where it is ten times as slow."""

    initial: md.Numeric = 0.0

    @property
    def set_polarity(self):
        return 1

    def conductance(self, state):
        return 1e-3 * (1 + state)

    def current(self, state, voltage):
        return voltage * self.conductance(state)

    def derivative(self, state, voltage):
        return voltage / (1 + 9 * jnp.exp(-(((state - 0.5) / 0.15) ** 4)))

    def state_at(self, conductance):
        return 1e3 * conductance - 1


def test_no_step_of_a_pulse_jumps_over_a_quarter_of_the_range():
    """Both ends look alike: only from within it is seen that the middle takes its time."""
    ends = np.array([0.45, 0.5, 0.6])
    time = [end + 9 * quad(lambda x: np.exp(-(((x - 0.5) / 0.15) ** 4)), 0, end)[0] for end in ends]
    np.testing.assert_allclose(md.apply_pulse(Delayed(), 0.0, 1.0, np.array(time)), ends, atol=2e-3)
