"""Integrals and draws of a simulation: heat by trapezoids, steps that are too long, noise of every step and cell."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from memjax import devices as md

KEY = jax.random.key(2)


def resistor(**changes):
    """1 kohm that does not move below 1 V; beyond, a steady 4 (v - 1 V) of its range per volt and second."""
    constants = dict(k_off=4e-9, k_on=-4e-9, v_off=1.0, v_on=-1.0, alpha_off=1, alpha_on=1, r_on=1e3, r_off=1.001e3)
    return md.VTEAM(**constants | dict(w_off=1e-9, initial=0.5) | changes)


def test_energy_is_the_trapezoidal_integral_of_the_power():
    """Of samples at uneven times; at the first there is none."""
    time = np.array([0.0, 0.1, 0.5, 0.6, 1.6])
    volts = np.array([0.9, -0.3, 0.6, 0.0, 0.75])
    trace = md.simulate(resistor(), volts, time)
    power = volts**2 / 1000.5
    heat = [0.0, *np.cumsum(0.5 * (power[1:] + power[:-1]) * np.diff(time))]
    np.testing.assert_allclose(trace.energy, heat, rtol=1e-4)
    np.testing.assert_allclose(trace.current, volts / 1000.5, rtol=1e-5)


@pytest.mark.parametrize("end", [0, -1])
@pytest.mark.parametrize(("move", "warned"), [(0.195, False), (0.25, True)])
def test_a_step_may_move_the_state_by_a_fifth_of_its_range(move, warned, end):
    """The voltage that moves it stands at either end of a sample; a hundredth of the range per step is advised."""
    volts = np.zeros(4)
    volts[end] = 1.5
    time = np.linspace(0, 3 * move / 2.0, 4)  # 2 / s beyond the threshold
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        md.simulate(resistor(), volts, time, substeps=1)
        md.simulate(resistor(), volts, 2 * time, substeps=2)
    messages = [str(w.message) for w in caught if issubclass(w.category, md.StepSizeWarning)]
    assert len(messages) == (2 if warned else 0)
    for message, substeps in zip(messages, (25, 50), strict=False):
        assert f"moves by 0.25 of its range per step; use substeps={substeps}," in message


def test_a_state_pushed_against_its_bound_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        md.simulate(resistor(initial=1.0), np.full(3, 1.5), np.linspace(0, 10, 3))
        md.simulate(resistor(initial=0.0), np.full(3, -1.5), np.linspace(0, 10, 3))


def test_the_adaptive_solver_keeps_its_tolerance_without_being_told(x64):
    """1e-6: half a period in one interval, against the closed form of linear ion drift."""
    device = md.LinearIonDrift(r_on=100.0, r_off=16e3, depth=10e-9, mobility=1e-14, initial=0.3)
    trace = md.simulate(device, lambda t: 0.4 * jnp.sin(2 * jnp.pi * t), np.array([0.0, 0.5]), method="diffrax")
    constant = 16e3 * 0.3 - 15.9e3 * 0.3**2 / 2 + 1e4 * 0.4 / np.pi
    exact = (16e3 - np.sqrt(16e3**2 - 2 * 15.9e3 * constant)) / 15.9e3
    assert abs(float(trace.state[-1]) - exact) < 5e-6


def diffusing():
    """A gap that only diffuses, by this much in 1 ps."""
    device = md.StanfordPKU.needs(velocity=1e-30, initial=0.5)
    return device, 0.02 * np.sqrt(1e-9) / (1 + np.exp((450 - 298) / 500)) * np.sqrt(1e-12) / 1.5e-9


def test_noise_of_steps_within_a_sample_is_independent():
    device, expected = diffusing()
    moves = []
    for substeps in (1, 16):
        final = md.evolve(
            device, np.zeros(3), np.linspace(0, 1e-12, 3), jnp.full(4000, 0.5), substeps=substeps, key=KEY
        )
        np.testing.assert_allclose(jnp.std(final), expected, rtol=5 / np.sqrt(2 * 4000))
        moves.append(final - 0.5)
    again = md.evolve(device, np.zeros(3), np.linspace(0, 1e-12, 3), jnp.full(4000, 0.5), key=KEY)
    other = md.evolve(device, np.zeros(3), np.linspace(0, 1e-12, 3), jnp.full(4000, 0.5), key=jax.random.key(3))
    np.testing.assert_array_equal(again - 0.5, moves[0])
    assert abs(np.corrcoef(other, moves[0])[0, 1]) < 5 / np.sqrt(4000)


def test_parameters_of_a_population_are_drawn_independently():
    device = md.VTEAM.pt_hf_ti(window=md.windows.Biolek())
    names = ("r_on", "r_off", "k_off", "window__p")
    cells = md.population(device, KEY, 4000, **dict.fromkeys(names, md.lognormal(0.01)))
    drawn = np.log([cells.r_on, cells.r_off, cells.k_off, cells.window.p])
    assert np.abs(np.corrcoef(drawn) - np.eye(4)).max() < 5 / np.sqrt(4000)


def test_distributions():
    """Standard deviation in the parameter's unit, truncated at a change of sign; median and sigma; both ends."""
    count, value = 20_000, jnp.asarray(-2.0)
    drawn = np.asarray(md.normal(0.5)(KEY, value, (count,)), np.float64)
    assert abs(drawn.mean() + 2.0) < 5 * 0.5 / np.sqrt(count)
    assert drawn.std() == pytest.approx(0.5, rel=5 / np.sqrt(2 * count))
    wide = np.asarray(md.normal(2.0)(KEY, value, (count,)), np.float64)
    assert wide.max() < 0
    # The mean of a normal number of mean 1 and deviation 1 above zero is 1 + phi(1) / Phi(1).
    assert abs(wide.mean() + 2.0 * 1.2876) < 5 * 2.0 / np.sqrt(count)
    logs = np.log(-np.asarray(md.lognormal(0.3)(KEY, value, (count,)), np.float64) / 2.0)
    assert abs(np.median(logs)) < 5 * 1.2533 * 0.3 / np.sqrt(count)
    assert logs.std() == pytest.approx(0.3, rel=5 / np.sqrt(2 * count))
    flat = np.asarray(md.uniform(3.0, 7.0)(KEY, value, (count,)), np.float64)
    assert flat.mean() == pytest.approx(5.0, abs=5 * 4 / np.sqrt(12 * count))
    assert flat.std() == pytest.approx(4 / np.sqrt(12), rel=0.03)
