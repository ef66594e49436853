"""What an error of the conductances does to the weights."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.mapping import conductances_to_weights, weights_to_conductances

CELL = mj.Cell(r_on=10e3, r_off=100e3)
RANGE = 1 / 10e3 - 1 / 100e3
SHAPE = (200, 200)


@partial(jax.jit, static_argnames="relative")
def weight_error(mapping, sigma, key, relative=False, weight=None):
    """Weights read from perturbed conductances minus the weights."""
    drawn = jax.random.uniform(jax.random.key(9), SHAPE, minval=-1.0)
    weights = (drawn if weight is None else jnp.full(SHAPE, weight)).at[0, 0].set(1.0)
    conductance, scale = weights_to_conductances(mapping, CELL, weights)
    noisy = {}
    for index, (name, g) in enumerate(conductance.items()):
        z = jax.random.normal(jax.random.fold_in(key, index), g.shape)
        noisy[name] = g + sigma * z * (g if relative else 1.0)
    return (conductances_to_weights(mapping, CELL, noisy, scale) - weights)[1:]


@pytest.mark.parametrize(
    ("mapping", "factor"),
    [
        (mj.mapping.DoubleColumn(), np.sqrt(2)),
        (mj.mapping.DualRow(), np.sqrt(2)),
        (mj.mapping.Offset(), 2.0),
        (mj.mapping.Pairs((1.0, 1.0, 1.0)), np.sqrt(2 / 3)),
        (mj.mapping.Pairs((1.0, 3.0)), np.sqrt(20) / 4),
    ],
)
def test_additive_error(mapping, factor):
    """sqrt(2) s / dG for a pair of cells, 2 s / dG for one cell against an exact reference."""
    sigma = 1e-6
    error = weight_error(mapping, sigma, jax.random.key(0))
    # The standard deviation of n normal samples is known to 1 / sqrt(2 n); five of those.
    assert float(error.std()) == pytest.approx(factor * sigma / RANGE, rel=5 / np.sqrt(2 * error.size))
    assert abs(float(error.mean())) < 5 * factor * sigma / RANGE / np.sqrt(error.size)


def test_reference_of_a_mirror_is_common_to_the_columns():
    """2 sqrt(s^2 + s_ref^2) / dG in all, of which the part of the reference moves all columns of a row together."""
    sigma = 1e-6
    error = weight_error(mj.mapping.CurrentMirror(), sigma, jax.random.key(1))
    rows, columns = error.shape
    own = error - error.mean(1, keepdims=True)
    assert float(own.std()) == pytest.approx(2 * sigma / RANGE, rel=5 / np.sqrt(2 * error.size))
    common = error.mean(1)
    expected = 2 * sigma / RANGE * np.sqrt(1 + 1 / columns)
    assert float(common.std()) == pytest.approx(expected, rel=5 / np.sqrt(2 * rows))


@pytest.mark.parametrize("weight", [-0.9, -0.1, 0.0, 0.5])
@pytest.mark.parametrize("kind", [mj.mapping.DoubleColumn, mj.mapping.Offset])
def test_proportional_error(kind, weight):
    """eta sqrt(G_pos^2 + G_neg^2) / dG for a pair, 2 eta G / dG for one cell: only the first falls with |w|."""
    eta = 0.01
    error = weight_error(kind(), eta, jax.random.key(2), relative=True, weight=weight)
    if kind is mj.mapping.Offset:
        expected = 2 * eta * (1 / 100e3 + RANGE * (1 + weight) / 2) / RANGE
    else:
        expected = eta * np.hypot(1 / 100e3 + RANGE * abs(weight), 1 / 100e3) / RANGE
    assert float(error.std()) == pytest.approx(expected, rel=5 / np.sqrt(2 * error.size))


@pytest.mark.parametrize("kind", [mj.mapping.DoubleColumn, mj.mapping.DualRow])
def test_common_mode_cancels_in_pairs(kind):
    """A shift of all conductances (temperature, drift of the background) leaves the weights of a pair."""
    weights = jnp.array([[0.5, -1.0, 0.0]])
    conductance, scale = weights_to_conductances(kind(), CELL, weights)
    shifted = {name: g + 3e-6 for name, g in conductance.items()}
    np.testing.assert_allclose(conductances_to_weights(kind(), CELL, shifted, scale), weights, atol=1e-6)
