"""Programmable states of a cell."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

import memjax as mj


@jax.jit
def conductance(cell, fraction):
    return cell.conductance(fraction)


@pytest.mark.parametrize("levels", [2, 3, 6, 16, 256])
def test_levels_are_even_in_conductance(levels):
    cell = mj.Cell(r_on=5e3, r_off=50e3, levels=levels)
    swept = np.unique(conductance(cell, jnp.linspace(0.0, 1.0, 4001)))
    states = 1 / 50e3 + (1 / 5e3 - 1 / 50e3) * np.arange(levels) / (levels - 1)
    np.testing.assert_allclose(np.unique(np.round(swept * 1e12)), np.unique(np.round(states * 1e12)), rtol=1e-6)
    assert len(swept) == levels


@given(levels=st.integers(2, 300), r_on=st.floats(1e2, 1e5), ratio=st.floats(1.1, 1e4), seed=st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_nearest_state(levels, r_on, ratio, seed):
    """The error is at most half a step."""
    fraction = np.random.default_rng(seed).uniform(0, 1, 50).astype(np.float32)
    g_on, g_off = 1 / r_on, 1 / (ratio * r_on)
    g = np.asarray(conductance(mj.Cell(r_on=r_on, r_off=ratio * r_on, levels=levels), fraction), np.float64)
    exact = g_off + (g_on - g_off) * fraction
    assert np.abs(g - exact).max() <= 0.5 * (g_on - g_off) / (levels - 1) * (1 + 1e-4) + 1e-6 * g_on
    state = (g - g_off) / (g_on - g_off) * (levels - 1)
    np.testing.assert_allclose(state, np.rint(state), atol=2e-6 * levels * ratio / (ratio - 1))


def test_rounding_error_of_many_levels():
    """Standard deviation dG / ((levels - 1) sqrt(12))."""
    cell = mj.Cell(r_on=10e3, r_off=100e3, levels=32)
    fraction = np.linspace(0, 1, 50_000)[1:-1].astype(np.float32)
    error = np.asarray(conductance(cell, fraction), np.float64) - (1e-5 + 9e-5 * fraction.astype(np.float64))
    assert error.std() == pytest.approx(9e-5 / 31 / np.sqrt(12), rel=0.01)


@pytest.mark.parametrize("levels", [None, 2, 7])
@given(r_on=st.floats(1.0, 1e6), ratio=st.floats(1.01, 1e9))
@settings(max_examples=20, deadline=None)
def test_ends_of_the_range_are_exact(levels, r_on, ratio):
    cell = mj.Cell(r_on=np.float32(r_on), r_off=np.float32(r_on * ratio), levels=levels)
    ends = conductance(cell, jnp.array([0.0, 1.0]))
    np.testing.assert_array_equal(ends, np.float32([1 / cell.r_off, 1 / cell.r_on]))


@pytest.mark.parametrize("levels", [None, 2, 6])
def test_gradient_passes_through_the_levels(levels):
    cell = mj.Cell(r_on=10e3, r_off=100e3, levels=levels)
    slope = jax.vmap(jax.grad(cell.conductance))(jnp.linspace(0.0, 1.0, 13))
    np.testing.assert_allclose(slope, 9e-5, rtol=1e-5)


def test_levels_may_be_traced():
    fraction = jnp.linspace(0.0, 1.0, 33)
    levels = jnp.array([2, 3, 6, 17])
    traced = jax.vmap(lambda n: mj.Cell(levels=n).conductance(fraction))(levels)
    concrete = jnp.stack([mj.Cell(levels=int(n)).conductance(fraction) for n in levels])
    np.testing.assert_allclose(traced, concrete, rtol=1e-6)
