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


def stanford(**changes):
    return T.DevicePulse(md.StanfordPKU(gap_min=0.6e-9, gap_max=1.0e-9, **changes), 1.3, 1.3, 1e-9)


# SET and RESET voltage [V] and width [s] with visible steps. Windows and Stanford have no closed form: sub-steps.
LAWS = {
    "VTEAM": lambda: T.DevicePulse(md.VTEAM.ferroelectric(r_off=450e3), 5.95, 1.8, 1e-5),
    "linear drift, window": lambda: T.DevicePulse(md.LinearIonDrift.biolek_soft(), 1.2, 1.0, 4e-3),
    "Stanford": stanford,
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


# A model without a closed form is within the tolerance of `apply_pulse`, relative to what moves.
@pytest.mark.parametrize(("name", "tolerance"), {"VTEAM": 1e-6, "linear drift, window": 1e-4, "Stanford": 1e-3}.items())
def test_n_pulses_are_n_single_ones(name, tolerance, x64):
    """One pulse n times as long."""
    law = LAWS[name]()
    start, counts = np.array([-0.5, 0.0, 0.5]), np.array([4.0, -3.0, 2.0])
    together = jax.jit(T.apply_net)(law, start, counts, law.make(None, (3,), jnp.float64))
    for i, count in enumerate(counts):
        single = response(law, np.full(4, np.sign(count)), start, law.make(None, (3,), jnp.float64))
        end = single[int(abs(count)) - 1, i]
        assert abs(end - start[i]) > 1e-3
        np.testing.assert_allclose(together[i], end, rtol=0, atol=tolerance * abs(end - start[i]))


def test_gradients_go_through_many_pulses(x64):
    """Reverse derivatives by the weight and by a rate, of a model without a closed form, against differences."""
    start, counts = np.array([-0.5, 0.4]), np.array([3.0, -2.0])

    def after(weight, velocity):
        law = stanford(velocity=velocity)
        return jnp.sum(T.apply_net(law, weight, counts, law.make(None, (2,), jnp.float64)) * np.array([1.0, 0.7]))

    after = jax.jit(after)
    by_weight, by_rate = jax.jit(jax.grad(after, (0, 1)))(start, 10.0)
    h = 1e-3
    difference = (after(start, 10.0 + h) - after(start, 10.0 - h)) / (2 * h)
    np.testing.assert_allclose(by_rate, difference, rtol=1e-3)
    for i, e in enumerate(np.eye(2)):
        difference = (after(start + h * e, 10.0) - after(start - h * e, 10.0)) / (2 * h)
        np.testing.assert_allclose(by_weight[i], difference, rtol=2e-3)


def test_devices_with_spread_are_trained():
    """The step of an optimiser is the physics of each pulsed cell, and leaves the others as they are."""
    law = T.DevicePulse(md.Yakopcic.miao(), 0.75, 2.3, 4e-3, {"a_p_rate": md.lognormal(0.3)})
    tx = T.pulsed(law, jax.random.key(0))
    rng = np.random.default_rng(0)
    weight = {"w": jnp.asarray(rng.uniform(-0.5, 0.5, (64, 64)), jnp.float32)}
    counts = np.where(rng.random((64, 64)) < 0.05, rng.integers(-3, 4, (64, 64)), 0)
    state = tx.init(weight)
    updates, state = tx.update({"w": jnp.asarray(counts * law.granularity, jnp.float32)}, state, weight)
    change = np.asarray(updates["w"])
    np.testing.assert_array_equal(change != 0, counts != 0)
    made = state.arrays[0].cells.made
    assert np.std(np.log(made["device/a_p_rate"])) == pytest.approx(0.3, rel=0.05)
    high = law.device.conductance_bounds[1]
    for i, j in np.argwhere(counts > 0)[:3]:
        own = md.Yakopcic.miao(a_p_rate=made["device/a_p_rate"][i, j])
        state = own.state_at((weight["w"][i, j] + 1) / 2 * high)
        end = mj.apply_pulse(own, state, 0.75, 4e-3 * counts[i, j])
        assert weight["w"][i, j] + change[i, j] == pytest.approx(2 * float(end) - 1, abs=1e-5)


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
