"""Weights to conductances and back."""

from functools import partial

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

import memjax as mj
from memjax.mapping import conductances_to_weights, weights_to_conductances

MAPPINGS = {
    "DoubleColumn": mj.mapping.DoubleColumn,
    "DualRow": mj.mapping.DualRow,
    "Offset": mj.mapping.Offset,
    "CurrentMirror": mj.mapping.CurrentMirror,
    "Pairs": partial(mj.mapping.Pairs, (0.1, 0.3)),
}
each_mapping = pytest.mark.parametrize("kind", MAPPINGS.values(), ids=MAPPINGS)
CELL = mj.Cell(r_on=10e3, r_off=200e3)


@jax.jit
def there_and_back(mapping, cell, weights):
    conductance, scale = weights_to_conductances(mapping, cell, weights)
    return conductances_to_weights(mapping, cell, conductance, scale)


@each_mapping
@pytest.mark.parametrize("scaling", ["matrix", "column"])
@given(
    seed=st.integers(0, 2**31),
    magnitude=st.floats(-6, 6).map(lambda e: 10.0**e),
    r_on=st.floats(1e2, 1e6),
    ratio=st.floats(1.5, 1e6),
)
@settings(max_examples=20, deadline=None)
def test_exact_inverse(kind, scaling, seed, magnitude, r_on, ratio):
    weights = (np.random.default_rng(seed).normal(size=(5, 4)) * magnitude).astype(np.float32)
    back = there_and_back(kind(scaling=scaling), mj.Cell(r_on=r_on, r_off=ratio * r_on), weights)
    # A conductance is known to eps relative to G_on, a weight to eps G_on / (G_on - G_off) of the largest.
    np.testing.assert_allclose(back, weights, atol=1e-6 * np.abs(weights).max() / (1 - 1 / ratio))


@each_mapping
@pytest.mark.parametrize("scaling", ["matrix", "column"])
def test_conductances_stay_in_range_and_use_all_of_it(kind, scaling):
    weights = jnp.asarray(np.random.default_rng(1).normal(size=(30, 6)), jnp.float32) * jnp.arange(1.0, 7.0)
    conductance, scale = weights_to_conductances(kind(scaling=scaling), CELL, weights)
    g_off, g_on = np.float32(1 / CELL.r_off), np.float32(1 / CELL.r_on)
    cells = np.stack([g for name, g in conductance.items() if name != "reference"])
    assert cells.min() >= g_off
    assert cells.max() <= g_on
    middle, half = (g_on + g_off) / 2, (g_on - g_off) / 2
    np.testing.assert_allclose(np.abs(cells - middle).max(), half, rtol=1e-6)
    per_column = np.abs(weights).max(0)
    np.testing.assert_array_equal(scale, per_column if scaling == "column" else np.full(6, per_column.max()))
    if scaling == "column":
        # Every column has a cell at one end of the range at least.
        np.testing.assert_allclose(np.abs(cells - middle).max((0, 1)), half, rtol=1e-6)


@pytest.mark.parametrize("kind", [mj.mapping.DoubleColumn, mj.mapping.DualRow])
def test_pairs_hold_one_sign_each(kind):
    weights = jnp.array([[0.5, -1.0, 0.0]])
    pair, _ = weights_to_conductances(kind(), mj.Cell(r_on=1.0, r_off=2.0), weights)  # 0.5 .. 1 S
    np.testing.assert_allclose(pair["pos"], [[0.75, 0.5, 0.5]])
    np.testing.assert_allclose(pair["neg"], [[0.5, 1.0, 0.5]])


@pytest.mark.parametrize("kind", [mj.mapping.Offset, mj.mapping.CurrentMirror])
def test_offset_is_read_against_the_middle(kind):
    weights = jnp.array([[0.5, -1.0, 0.0]])
    single, _ = weights_to_conductances(kind(), mj.Cell(r_on=1.0, r_off=2.0), weights)
    np.testing.assert_allclose(single["cell"], [[0.875, 0.5, 0.75]])
    if "reference" in single:
        np.testing.assert_allclose(single["reference"], [[0.75]])


@each_mapping
def test_zero_weights_are_exact(kind):
    weights = jnp.zeros((3, 4)).at[0, 0].set(1.0)
    np.testing.assert_array_equal(there_and_back(kind(scaling="column"), CELL, weights)[:, 1:], jnp.zeros((3, 3)))
    np.testing.assert_array_equal(there_and_back(kind(), CELL, jnp.zeros((2, 2))), jnp.zeros((2, 2)))


@each_mapping
@pytest.mark.parametrize("scaling", ["matrix", "column"])
@given(seed=st.integers(0, 2**31), percentile=st.floats(50, 100))
@settings(max_examples=15, deadline=None)
def test_percentile_clips_the_outliers_only(kind, scaling, seed, percentile):
    weights = np.random.default_rng(seed).standard_t(3, size=(40, 4)).astype(np.float32)
    back = there_and_back(kind(scaling=scaling, percentile=jnp.asarray(percentile)), CELL, weights)
    top = np.percentile(np.abs(weights), percentile, axis=0 if scaling == "column" else None)
    np.testing.assert_allclose(back, np.clip(weights, -top, top), atol=2e-5 * np.abs(weights).max())


@pytest.mark.parametrize(("error", "expected"), [(0.0, 0.0), (0.1, -0.1), (-0.2, 0.2)])
def test_gain_error_of_a_mirror_shifts_all_weights(error, expected):
    """w = 2 (G - (1 + e) G_mid) / dG: a shift of -2 e G_mid / dG = -e (G_on + G_off) / dG."""
    cell = mj.Cell(r_on=1.0, r_off=4.0)
    weights = jnp.array([[0.5, -1.0], [0.0, 1.0]])
    back = there_and_back(mj.mapping.CurrentMirror(gain_error=error), cell, weights)
    np.testing.assert_allclose(back - weights, expected * 1.25 / 0.75, atol=1e-6)


@each_mapping
def test_gradient_of_the_round_trip_is_the_identity(kind):
    """Also for weights of equal magnitude, zero weights, and those at the ends of the range."""
    weights = jnp.array([[1.0, -1.0, 0.0], [0.3, 1.0, -0.7]])
    jacobian = jax.jacrev(lambda w: there_and_back(kind(), CELL, w))(weights)
    np.testing.assert_allclose(jacobian.reshape(6, 6), np.eye(6), atol=1e-5)


@each_mapping
def test_clipped_weights_have_no_gradient_of_their_own(kind):
    weights = jnp.array([[1.0], [0.2], [8.0], [0.5], [-0.1]])  # the 75th percentile is 1
    slope = jax.grad(lambda w: there_and_back(kind(percentile=75.0), CELL, w)[1:].sum())(weights)
    # d (clipped weight) / d (the weight that sets the scale) = 1.
    np.testing.assert_allclose(slope[:, 0], [1, 1, 0, 1, 1], atol=1e-5)
