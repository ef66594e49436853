"""Integrators: order, agreement with each other and with closed forms, waveforms, noise, warnings, bad input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from memjax import devices as md
from memjax.devices._simulate import _march

CONSTANTS = dict(r_on=100.0, r_off=16e3, depth=10e-9, mobility=1e-14, initial=0.3)


def drift(window=None):
    """Built anew in each test: the precision of a parameter is that of the moment of its making."""
    return md.LinearIonDrift(**CONSTANTS, window=window)


def joglekar():
    return drift(md.windows.Joglekar(1.0))


def sine(samples, amplitude=1.0):
    time = np.linspace(0, 1, samples + 1)
    return amplitude * np.sin(2 * np.pi * time), time


def drift_by_hand(time, amplitude=1.0):
    """No window: R_off x - (R_off - R_on) x^2/2 = const + k flux, solved for x."""
    span, k = 15.9e3, 1e-14 * 100 / 1e-16
    flux = amplitude * (1 - np.cos(2 * np.pi * time)) / (2 * np.pi)
    constant = 16e3 * 0.3 - span * 0.3**2 / 2
    return (16e3 - np.sqrt(16e3**2 - 2 * span * (constant + k * flux))) / span


@pytest.mark.parametrize(
    ("method", "tolerance", "order"),
    [("euler", 3e-3, 0.95), ("heun", 1e-4, 1.9), ("rk4", 1e-7, 3.5), ("exponential", 1e-4, 1.9)],
)
def test_linear_drift_against_its_closed_form(method, tolerance, order, x64):
    errors = []
    for samples in (100, 200, 400):
        _, time = sine(samples)
        trace = md.simulate(drift(), lambda t: 0.4 * jnp.sin(2 * jnp.pi * t), time, method=method)
        errors.append(np.abs(trace.state - drift_by_hand(time, 0.4)).max())
    observed = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert errors[-1] < tolerance
    assert np.all(observed > order)


def test_joglekar_window_against_its_closed_form(x64):
    """R_off ln x - R_on ln(1 - x) = const + 4 k flux."""
    _, time = sine(400)
    trace = md.simulate(joglekar(), lambda t: jnp.sin(2 * jnp.pi * t), time)
    x = np.asarray(trace.state)
    flux = (1 - np.cos(2 * np.pi * time)) / (2 * np.pi)
    invariant = 16e3 * np.log(x) - 100 * np.log1p(-x) - 4 * 1e4 * flux
    np.testing.assert_allclose(invariant, invariant[0], atol=1e-3)


def test_vteam_sine_reset_against_its_closed_form(x64):
    """alpha_off = 1: w = k_off [(A/v_off)(cos w t1 - cos w t)/w - (t - t1)] after the crossing t1."""
    device = md.VTEAM.pt_hf_ti(initial=0.0)
    time = np.linspace(0, 0.4, 801)
    trace = md.simulate(device, lambda t: jnp.sin(2 * jnp.pi * t), time, method="rk4", substeps=4)
    omega = 2 * np.pi
    first, last = np.arcsin(0.5) / omega, 0.5 - np.arcsin(0.5) / omega
    t = np.clip(time, first, last)
    exact = 4.03e-8 / 10e-9 * ((np.cos(omega * first) - np.cos(omega * t)) / (0.5 * omega) - (t - first))
    np.testing.assert_allclose(trace.state, exact, atol=1e-6)


def test_vteam_set_takes_as_long_as_the_reference_says(x64):
    """Pt/Hf/Ti on a 1 V, 1 Hz sine: 0.834 ms from crossing v_on to full SET."""
    device = md.VTEAM.pt_hf_ti(initial=1.0)
    time = np.linspace(0.58, 0.6, 401)
    trace = md.simulate(device, lambda t: jnp.sin(2 * jnp.pi * t), time, method="diffrax", tolerance=1e-8)
    crossing = 0.5 + np.arcsin(0.53) / (2 * np.pi)
    finished = time[np.argmax(np.asarray(trace.state) <= 0)]
    assert abs(finished - crossing - 0.834e-3) < 6e-5


def test_adaptive_agrees_with_fixed_steps_on_a_batch(x64):
    voltage, time = sine(20, 0.6)
    states = jnp.array([0.2, 0.5])
    adaptive = md.simulate(joglekar(), voltage, time, states, method="diffrax", tolerance=1e-9)
    fixed = md.simulate(joglekar(), voltage, time, states, substeps=50)
    np.testing.assert_allclose(adaptive.state, fixed.state, atol=1e-7)


@pytest.mark.slow
def test_adaptive_takes_a_stiff_solver_and_differentiates(x64):
    import diffrax

    voltage, time = sine(20, 0.6)

    def final(state, method):
        return md.simulate(joglekar(), voltage, time, state, method=method, tolerance=1e-9).state[-1]

    np.testing.assert_allclose(final(0.3, diffrax.Kvaerno5()), final(0.3, "diffrax"), atol=1e-7)
    slope = (final(0.3 + 1e-5, "diffrax") - final(0.3 - 1e-5, "diffrax")) / 2e-5
    np.testing.assert_allclose(jax.grad(final)(0.3, "diffrax"), slope, rtol=1e-4)


def test_substeps_are_finer_samples(x64):
    voltage, time = sine(64)
    fine_time = np.linspace(0, 1, 64 * 4 + 1)
    coarse = md.simulate(joglekar(), voltage, time, substeps=4)
    fine = md.simulate(joglekar(), np.interp(fine_time, time, voltage), fine_time)
    np.testing.assert_allclose(coarse.state, fine.state[::4], atol=1e-12)


def test_evolve_is_the_end_of_simulate():
    voltage, time = sine(64)
    states = jnp.linspace(0.1, 0.9, 7)
    np.testing.assert_array_equal(
        md.evolve(joglekar(), voltage, time, states), md.simulate(joglekar(), voltage, time, states).state[-1]
    )


def test_population_under_its_own_waveforms():
    voltage, time = sine(64)
    amplitudes = np.array([0.2, 0.5, 1.0])
    together = md.simulate(joglekar(), voltage[:, None] * amplitudes, time)
    for column, amplitude in enumerate(amplitudes):
        alone = md.simulate(joglekar(), voltage * amplitude, time)
        np.testing.assert_allclose(together.state[:, column], alone.state, atol=1e-6)
        np.testing.assert_allclose(together.energy[:, column], alone.energy, rtol=1e-4, atol=1e-12)


def test_precision_follows_the_inputs():
    voltage, time = sine(64)
    single = md.simulate(joglekar(), voltage.astype(np.float32), time)
    assert single.state.dtype == jnp.float32
    with jax.enable_x64(True):
        double = md.simulate(joglekar(), voltage, time)
        assert double.state.dtype == jnp.float64
        np.testing.assert_allclose(single.state, double.state, atol=2e-5)


def test_energy_is_power_integrated(x64):
    """A resistor that does not move: i v t."""
    device = md.VTEAM.pt_hf_ti()
    trace = md.simulate(device, np.full(11, 0.1), np.linspace(0, 1, 11))
    np.testing.assert_allclose(trace.energy, 0.1**2 / 2500 * trace.time, rtol=1e-12)
    np.testing.assert_allclose(trace.conductance, 1 / 2500)
    assert trace.temperature is None


@pytest.mark.parametrize("name", ["mobility", "r_on", "r_off", "depth", "initial"])
def test_gradients_match_finite_differences(name, x64):
    voltage, time = sine(100)

    def heat(value):
        device = md.LinearIonDrift(**CONSTANTS | {name: value})
        return md.simulate(device, voltage, time).energy[-1]

    value = CONSTANTS[name]
    h = 1e-6 * value
    slope = (heat(value + h) - heat(value - h)) / (2 * h)
    np.testing.assert_allclose(jax.grad(heat)(value), slope, rtol=1e-6)


def test_noise_does_not_depend_on_the_step():
    """The spread of the gap after 1 us is sqrt(2 D t), whatever the step; 5 sigma of the estimate at 4000 devices."""
    device = md.StanfordPKU.needs(velocity=1e-30, initial=0.5)
    span = 1.5e-9
    expected = 0.02 * np.sqrt(1e-9) / (1 + np.exp((450 - 298) / 500)) * np.sqrt(1e-12) / span
    states = jnp.full(4000, 0.5)
    for steps in (8, 64):
        time = np.linspace(0, 1e-12, steps + 1)
        final = md.evolve(device, np.zeros(steps + 1), time, states, key=jax.random.key(1))
        np.testing.assert_allclose(jnp.std(final), expected, rtol=5 / np.sqrt(2 * 4000))
    quiet = md.evolve(device, np.zeros(9), np.linspace(0, 1e-12, 9), states)
    np.testing.assert_array_equal(quiet, states)


def test_warns_with_a_step_that_does():
    voltage, time = sine(2000)
    with pytest.warns(md.StepSizeWarning, match="use substeps=(.*), shorter") as caught:
        md.simulate(md.VTEAM.pt_hf_ti(), voltage, time)
    needed = int(str(caught[0].message).split("substeps=")[1].split(",")[0])
    md.simulate(md.VTEAM.pt_hf_ti(), voltage, time, substeps=needed)


def test_samples_held_until_the_next(x64):
    """Zero-order hold: a trace of rectangular pulses, with their energy."""
    device = drift()
    time, volts = np.array([0.0, 0.01, 0.03, 0.05]), np.array([1.0, -0.5, 2.0, 7.0])
    traces = [md.simulate(device, volts, time, hold="zero", **how) for how in ({"substeps": 50}, {"method": "diffrax"})]
    state, energy = 0.3, 0.0
    for index in range(3):
        after = md.apply_pulse(device, state, volts[index], time[index + 1] - time[index])
        power = volts[index] * (device.current(state, volts[index]) + device.current(after, volts[index])) / 2
        energy += power * (time[index + 1] - time[index])
        for trace in traces:
            np.testing.assert_allclose(trace.state[index + 1], after, atol=1e-7)
            np.testing.assert_allclose(trace.energy[index + 1], energy, rtol=1e-6)
        state = after
    final = md.evolve(device, volts, time, hold="zero", substeps=50)
    np.testing.assert_allclose(final, traces[0].state[-1], rtol=1e-12)
    coarse = md.simulate(device, volts, time, hold="linear", substeps=50)
    assert abs(coarse.state[-1] - state) > 1e-3


def test_a_new_function_compiles_nothing_new():
    _, time = sine(10)
    sizes = []
    for amplitude in (0.1, 0.2, 0.3):
        md.simulate(drift(), lambda t, a=amplitude: a * jnp.sin(2 * jnp.pi * t), time)
        sizes.append(_march._cache_size())
    assert sizes[0] == sizes[2]


TIME = np.linspace(0, 1, 5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros(5), TIME[::-1]), "time must increase, got 1 s before 0.75 s"),
        ((np.zeros(5), np.array([0, 1, 1, 2, 3.0])), "time must increase"),
        ((np.zeros(5), np.array([0, 1, np.nan, 2, 3.0])), "time must increase"),
        ((np.zeros(4), TIME), "one entry per time"),
        ((0.5, TIME), "one entry per time"),
        ((np.array([0, 0, np.nan, 0, 0]), TIME), "voltage must be finite"),
        ((np.zeros(5), np.array([0, 1, 2, 3, np.inf])), "time must be finite"),
        ((np.zeros(5), TIME, 1.5), r"state must be finite and in \[0, 1\], got 1.5"),
        ((np.zeros(5), TIME, np.nan), r"state must be finite and in \[0, 1\]"),
        ((np.zeros(1), TIME[:1]), "at least 2 samples"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        md.simulate(drift(), *arguments)


def test_bad_options_are_named():
    with pytest.raises(ValueError, match="method must be one of"):
        md.simulate(drift(), np.zeros(5), TIME, method="rk5")
    with pytest.raises(ValueError, match=r"substeps must be in \[1, "):
        md.simulate(drift(), np.zeros(5), TIME, substeps=0)
    with pytest.raises(TypeError, match=r"substeps must be an integer in .*, got 1\.5"):
        md.simulate(drift(), np.zeros(5), TIME, substeps=1.5)
    with pytest.raises(TypeError, match=r"key must be a PRNG key such as jax.random.key\(0\), got 0"):
        md.simulate(drift(), np.zeros(5), TIME, key=0)
    with pytest.raises(TypeError, match="time must be an array of real numbers, got"):
        md.simulate(drift(), np.zeros(5), list("abcde"))
    with pytest.raises(TypeError, match="voltage must be an array of real numbers, got"):
        md.simulate(drift(), np.zeros(5) * 1j, TIME)
    with pytest.raises(ValueError, match="hold must be one of 'linear', 'zero', got 'first'"):
        md.simulate(drift(), np.zeros(5), TIME, hold="first")
    with pytest.raises(ValueError, match="hold='zero' needs a voltage given by samples"):
        md.simulate(drift(), jnp.sin, TIME, hold="zero")
    with pytest.raises(ValueError, match="tolerance must be finite and in"):
        md.simulate(drift(), np.zeros(5), TIME, method="diffrax", tolerance=0.0)
    with pytest.raises(ValueError, match="noise needs"):
        md.simulate(drift(), np.zeros(5), TIME, method="diffrax", key=jax.random.key(0))
    with pytest.raises(ValueError, match="width must be finite and in"):
        md.apply_pulse(drift(), 0.5, 1.0, -1.0)
    with pytest.raises(ValueError, match="state must be finite and in"):
        md.apply_pulse(drift(), -0.1, 1.0, 1.0)
