"""Physics as a law: pulses are those of `memjax.apply_pulse`, cells have parameters of their own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from laws import P, T
from scipy import stats

import memjax as mj
from memjax import devices as md

response = jax.jit(T.response)
# SET and RESET voltage [V] and width [s] with visible steps. Joglekar's window has no closed form: sub-steps.
LAWS = {
    "VTEAM": lambda: T.DevicePulse(md.VTEAM.ferroelectric(r_off=450e3), 5.95, 1.8, 1e-5),
    "linear drift, window": lambda: T.DevicePulse(md.LinearIonDrift.biolek_soft(), 1.2, 1.0, 4e-3),
    "CBRAM": lambda: T.DevicePulse(md.CBRAM.yu_wong(), 0.5, 0.4, 1e-7),
}
PULSES = np.array([1, 1, 1, -1, -1, 1, -1, -1, -1, -1])


@pytest.mark.parametrize("name", LAWS)
def test_pulses_are_those_of_the_device(name, x64):
    """The weight is linear in the conductance; SET pulses raise it, whatever the polarity of the model."""
    law = LAWS[name]()
    device = law.device
    low, high = (float(g) for g in device.conductance_bounds)
    start = np.array([-0.6, 0.1, 0.7])
    curve = np.asarray(response(law, PULSES, start, law.make(None, (3,), jnp.float64)))
    state = device.state_at(low + (start + 1) / 2 * (high - low))
    for pulse, weight in zip(PULSES, curve, strict=True):
        volts = device.set_polarity * (law.set_voltage if pulse > 0 else -law.reset_voltage)
        state = mj.apply_pulse(device, state, volts, law.width)
        expected = 2 * (np.asarray(device.conductance(state)) - low) / (high - low) - 1
        np.testing.assert_allclose(weight, expected, rtol=0, atol=1e-7)
    steps = np.diff(np.concatenate([start[None], curve]), axis=0)
    inside = np.abs(curve) < 0.999
    assert (np.sign(steps) == PULSES[:, None])[inside].all()
    assert np.abs(steps).max() > 0.01


@pytest.mark.parametrize("name", list(LAWS)[:2])
def test_n_pulses_are_n_single_ones(name, x64):
    """One pulse n times as long where the model has a closed form; else pulse after pulse."""
    law = LAWS[name]()
    start, counts = np.array([-0.5, 0.0, 0.5]), np.array([4.0, -3.0, 2.0])
    made = law.make(None, (3,), jnp.float64)
    assert (law.many(start, abs(counts), counts > 0, made) is None) == (name != "VTEAM")
    together = jax.jit(T.apply_net)(law, start, counts, made)
    for i, count in enumerate(counts):
        single = response(law, np.full(4, np.sign(count)), start, made)
        np.testing.assert_allclose(together[i], single[int(abs(count)) - 1, i], rtol=0, atol=1e-9)


def test_default_voltages_program_the_device(x64):
    law = T.DevicePulse(md.VTEAM.ferroelectric(r_off=450e3), width=1e-4)
    set_voltage, reset_voltage = law.device.write_voltages
    given = T.DevicePulse(law.device, set_voltage, reset_voltage, 1e-4)
    made = law.make(None, (), jnp.float64)
    np.testing.assert_array_equal(response(law, PULSES, 0.1, made), response(given, PULSES, 0.1, made))


def test_cells_have_parameters_of_their_own(x64):
    """Each cell is a device with its draws; its weight ends where its own conductances end."""
    nominal = md.VTEAM.ferroelectric(r_off=450e3)
    spread = {"r_on": md.lognormal(0.1), "k_off": md.lognormal(0.3)}
    law = T.DevicePulse(nominal, 5.95, 1.8, 1e-5, spread=spread)
    made = law.make(jax.random.key(0), (500,), jnp.float64)
    r_on = np.asarray(made["device/r_on"])
    assert stats.kstest(np.log(r_on / 150e3) / 0.1, stats.norm.cdf).pvalue > 1e-4
    g_low, g_high = 1 / 450e3, 1 / 150e3
    np.testing.assert_allclose(made["high"], 2 * (1 / r_on - g_low) / (g_high - g_low) - 1, rtol=1e-9)
    np.testing.assert_allclose(made["low"], -1.0, atol=1e-9)
    start = np.full(500, 0.2)
    moved = np.asarray(jax.jit(type(law).one)(law, start, np.zeros(500, bool), made))
    for i in (0, 7, 499):
        own = md.VTEAM.ferroelectric(r_off=450e3, r_on=r_on[i], k_off=made["device/k_off"][i])
        after = mj.apply_pulse(own, own.state_at(g_low + 0.6 * (g_high - g_low)), 1.8, 1e-5)
        expected = 2 * (float(own.conductance(after)) - g_low) / (g_high - g_low) - 1
        assert moved[i] == pytest.approx(expected, abs=1e-9)


def test_stuck_devices_stay():
    law = T.DevicePulse(
        LAWS["VTEAM"]().device, 5.95, 1.8, 1e-5, {"r_on": md.lognormal(0.1)}, P(stuck=0.5, stuck_range=0.3)
    )
    made = law.make(jax.random.key(0), (200,))
    stuck = np.asarray(made["low"] == made["high"])
    assert abs(stuck.sum() - 100) < 5 * np.sqrt(50)
    weight = jnp.clip(jnp.zeros(200), made["low"], made["high"])
    after = np.asarray(jax.jit(T.apply_net)(law, weight, jnp.full(200, 3.0), made))
    np.testing.assert_array_equal(after[stuck], np.asarray(weight)[stuck])
    assert (after[~stuck] > np.asarray(weight)[~stuck]).all()
