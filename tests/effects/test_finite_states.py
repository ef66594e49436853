"""Finite states: which there are, that the nearest is taken, in each cell's own range."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

E = mj.effects
LOW, HIGH = 1e-5, 1e-4
WANTED = jnp.linspace(LOW, HIGH, 4001)[None]
RANGE = jnp.full_like(WANTED, LOW), jnp.full_like(WANTED, HIGH)


@pytest.mark.parametrize("levels", [2, 3, 6, 64])
def test_even_in_conductance(levels):
    found = np.asarray(E.FiniteStates(levels).target(WANTED, *RANGE))
    states = np.linspace(LOW, HIGH, levels)
    np.testing.assert_allclose(np.unique(found), states, rtol=1e-6)
    step = (HIGH - LOW) / (levels - 1)
    assert np.abs(found - WANTED).max() <= 0.5 * step * (1 + 1e-4)
    # The error of rounding is uniform: variance step^2 / 12, but for the half steps at the ends.
    np.testing.assert_allclose(np.var(found - np.asarray(WANTED)), step**2 / 12, rtol=0.02)


@pytest.mark.parametrize("levels", [2, 5, 16])
def test_even_in_resistance(levels):
    found = np.asarray(E.FiniteStates(levels, "resistance").target(WANTED, *RANGE), np.float64)
    states = np.linspace(1 / HIGH, 1 / LOW, levels)
    np.testing.assert_allclose(np.unique(1 / found), states, rtol=1e-5)
    nearest = states[np.abs(1 / np.asarray(WANTED, np.float64)[..., None] - states).argmin(-1)]
    assert (np.abs(1 / found - nearest) > 1.0).mean() < 2e-3  # ties in float32


def test_table_is_limited_to_the_range_of_a_cell():
    table = np.array([0.0, 1.5e-5, 4e-5, 2e-4])
    low, high = jnp.full_like(WANTED, 1.2e-5), jnp.full_like(WANTED, 9e-5)
    found = np.asarray(E.FiniteStates(table=table).target(WANTED, low, high))
    nearest = table[np.abs(np.asarray(WANTED)[..., None] - table).argmin(-1)]
    np.testing.assert_allclose(found, np.clip(nearest, 1.2e-5, 9e-5), rtol=1e-6)


def test_every_cell_has_the_levels_of_its_own_range():
    hardware = mj.Hardware(tile=(16, 16), effects=(E.FiniteStates(4), E.DeviceVariation(1e3, 2e4), E.StuckAt(0.1, 0.1)))
    chip = mj.program(hardware, np.random.default_rng(0).uniform(-1, 1, size=(30, 20)), jax.random.key(0))
    g, low, high = (np.asarray(chip[part]["pos"], np.float64) for part in ("conductance", "low", "high"))
    free = low < high
    assert 0.7 < free.mean() < 0.9
    steps = ((g - low)[free] / (high - low)[free]) * 3
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-4)
    assert set(np.unique(np.rint(steps))) == {0, 1, 2, 3}


def test_gradient_passes_straight_through():
    for effect in (E.FiniteStates(4), E.FiniteStates(4, "resistance"), E.FiniteStates(table=np.array([2e-5, 5e-5]))):
        slope = jax.grad(lambda g, e=effect: e.target(g, *RANGE).sum())(WANTED)
        np.testing.assert_array_equal(slope, 1.0)
