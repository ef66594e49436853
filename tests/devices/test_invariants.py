"""Laws every model obeys (T1-T8 of the reference), on random parameters, in both precisions."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import CASES, all_cases, perturbed, sine

from memjax import devices as md

STATES = np.linspace(0, 1, 11)


def quiet(*args, **kwargs):
    """simulate() with steps that are meant to be too long."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", md.StepSizeWarning)
        return md.simulate(*args, **kwargs)


@pytest.mark.parametrize("precision", ["float32", pytest.param("float64", marks=pytest.mark.slow)], indirect=True)
@pytest.mark.parametrize(**all_cases())
def test_random_devices_stay_physical(case, precision):
    """T1-T3: pinched, passive, bounded; random parameters and starts, sensible and absurd steps."""
    count = 8
    keys = jax.random.split(jax.random.key(3), count)
    devices = jax.vmap(lambda k: perturbed(case.make(), k))(keys)
    time, voltage = sine(case, 2, samples=50)

    @jax.jit
    @jax.vmap
    def run(device, state, stretch):
        trace = md.simulate(device, voltage * 1.5, time * stretch, state)
        return trace, device.current(STATES, 0.0)

    for stretch in (1.0, 1e-9, 1e9):
        trace, unbiased = run(devices, jnp.linspace(0, 1, count), jnp.full(count, stretch))
        np.testing.assert_array_equal(unbiased, np.zeros((count, STATES.size)))
        assert jnp.all((trace.state >= 0) & (trace.state <= 1))
        assert jnp.all(jnp.isfinite(trace.current))
        assert jnp.all(trace.voltage * trace.current >= 0)
        assert jnp.all(jnp.diff(trace.energy, axis=1) >= 0)
        assert jnp.all(trace.energy[:, -1] > 0)


def gradients_are_finite(case, method):
    """With respect to every parameter and the start; in float32, where overflow threatens first."""
    time, voltage = sine(case, 2, samples=7)

    def loss(device, state, stretch):
        trace = md.simulate(device, voltage * 3, time * stretch, state, method=method)
        return jnp.sum(trace.current) + jnp.sum(trace.state)

    gradient = jax.jit(jax.grad(loss, argnums=(0, 1)))
    return all(
        jnp.all(jnp.isfinite(leaf))
        for stretch in (1e-9, 1.0, 1e9)
        for leaf in jax.tree.leaves(gradient(case.make(), 0.5, stretch))
    )


@pytest.mark.parametrize(**all_cases(slow=("JART VCM",)))
def test_absurd_steps_have_finite_gradients(case):
    assert gradients_are_finite(case, "heun")


@pytest.mark.parametrize("name", ["linear drift", "VTEAM", "Yakopcic", "data-driven", "STT-MRAM"])
def test_absurd_exponential_steps_have_finite_gradients(name):
    assert gradients_are_finite(CASES[name], "exponential")


@pytest.mark.parametrize(**all_cases(slow=("JART VCM", "Stanford-PKU", "memdiode")))
def test_parameter_gradients_match_finite_differences(case, x64):
    """Along a random direction in the space of all parameters at once, through a whole drive."""
    leaves, structure = jax.tree.flatten(case.make())
    directions = np.random.default_rng(1).uniform(0.5, 1.5, len(leaves))
    time, voltage = sine(case, samples=40)

    @jax.jit
    def loss(step):
        moved = [x * (1 + step * d) if np.isfinite(x) else x for x, d in zip(leaves, directions, strict=True)]
        trace = md.simulate(jax.tree.unflatten(structure, moved), 0.7 * voltage, time, 0.45)
        return jnp.log(jnp.sum(trace.current**2)) + jnp.sum(trace.state)

    h = 1e-6
    numerical = (loss(h) - loss(-h)) / (2 * h)
    assert abs(numerical) > 1e-3
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(0.0), numerical, rtol=1e-4)


@pytest.mark.parametrize(**all_cases(slow=("JART VCM",)))
def test_pulses_and_conductance(case, x64):
    """Declared polarity, inverse of the conductance, and two half pulses that equal one (semigroup)."""
    device = case.make()
    assert float(device.set_polarity) == case.polarity

    @jax.jit
    def probe(device):
        pulse = lambda state, sign, share: md.apply_pulse(device, state, sign * case.amplitude, share * case.period)
        targets = jnp.linspace(*device.conductance_bounds, 33)
        return {
            "targets": targets,
            "written": device.conductance(device.state_at(targets)),
            "start": device.conductance(0.5),
            "set": device.conductance(pulse(0.5, case.polarity, 0.25)),
            "reset": device.conductance(pulse(0.5, -case.polarity, 0.25)),
            "once": jnp.stack([pulse(0.5, sign, 0.02) for sign in (0.7, -0.7)]),
            "twice": jnp.stack([pulse(pulse(0.5, sign, 0.01), sign, 0.01) for sign in (0.7, -0.7)]),
        }

    seen = probe(device)
    assert seen["set"] > 1.001 * seen["start"]
    assert seen["reset"] < 0.999 * seen["start"]
    np.testing.assert_allclose(seen["written"], seen["targets"], rtol=1e-9)
    exact = device.pulse(0.5, case.amplitude, 1e-9) is not None
    np.testing.assert_allclose(seen["once"], seen["twice"], atol=1e-12 if exact else 2e-3)
    with pytest.raises(ValueError, match="conductance must be in"):
        device.state_at(2 * seen["targets"].max())


@pytest.mark.parametrize("name", ["VTEAM", "VTEAM, reversed", "VTEAM, exponential, Kvatinsky"])
def test_nothing_moves_between_the_thresholds(name, precision):
    device = CASES[name].make()
    low, high = sorted(float(v) for v in device.thresholds)
    inside = np.linspace(low, high, 101)
    np.testing.assert_array_equal(device.derivative(0.5, inside), np.zeros(101))
    assert device.derivative(0.5, 1.01 * low) * device.derivative(0.5, 1.01 * high) < 0


@pytest.mark.parametrize("name", ["linear drift, Biolek", "VTEAM", "TEAM", "Yakopcic", "data-driven"])
def test_eager_jit_and_vmap_agree(name):
    case = CASES[name]
    device = case.make()
    time, voltage = sine(case, samples=64)
    states = jnp.linspace(0.2, 0.8, 5)
    together = quiet(device, voltage, time, states).state
    jitted = jax.jit(lambda d, s: md.simulate(d, voltage, time, s).state)(device, states)
    mapped = jax.vmap(lambda s: md.simulate(device, voltage, time, s).state, out_axes=1)(states)
    alone = jnp.stack([quiet(device, voltage, time, s).state for s in states], axis=1)
    for other in (jitted, mapped, alone):
        np.testing.assert_allclose(together, other, atol=2e-5)


@pytest.mark.parametrize("name", ["linear drift", "linear drift, Joglekar", "linear drift, Prodromakis"])
def test_state_returns_after_a_zero_mean_period(name, x64):
    """dx/dt = g(v) f(x) with one f for both directions: a period of zero flux changes nothing."""
    case = CASES[name]
    time, voltage = sine(case, samples=2000)
    trace = md.simulate(case.make(), 0.8 * voltage, time)
    assert jnp.max(trace.state) > trace.state[0] + 0.05
    assert abs(trace.state[-1] - trace.state[0]) < 1e-9


def test_lobe_area_falls_with_frequency(x64):
    """The area of the loop shrinks and area times frequency tends to a constant: reference values at 1 V, p = 1."""
    device = md.LinearIonDrift.biolek_soft(window=md.windows.Joglekar(1.0), initial=0.3)
    scaled = []
    for frequency in (1.0, 2.0, 5.0, 10.0, 100.0):
        time = np.linspace(0, 1 / frequency, 4001)
        trace = md.simulate(device, np.sin(2 * np.pi * frequency * time), time)
        half = np.asarray(trace.voltage[:2001]), np.asarray(trace.current[:2001])
        scaled.append(abs(np.trapezoid(half[1], half[0])) * frequency)
    assert np.all(np.diff(np.array(scaled) / np.array([1, 2, 5, 10, 100.0])) < 0)
    np.testing.assert_allclose(scaled, [2.78e-5, 1.52e-5, 1.167e-5, 1.079e-5, 1.008e-5], rtol=3e-3)
