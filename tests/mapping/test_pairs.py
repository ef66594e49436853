"""Weights in several pairs, filled one after another."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.mapping import Pairs, conductances_to_weights, weights_to_conductances

CELL = mj.Cell(r_on=1.0, r_off=2.0)  # 0.5 .. 1 S


def test_pairs_are_filled_in_their_order():
    """|w| F of significances (1, 3): the first pair is full at a quarter, the second one takes the rest."""
    weights = jnp.array([[0.0, 0.125, 0.25, 0.625, -1.0]])
    held, scale = weights_to_conductances(Pairs((1.0, 3.0)), CELL, weights)
    share = {name: np.asarray(2.0 * g - 1.0)[0] for name, g in held.items()}
    np.testing.assert_allclose(share["pos_0"], [0, 0.5, 1, 1, 0], atol=1e-6)
    np.testing.assert_allclose(share["pos_1"], [0, 0, 0, 0.5, 0], atol=1e-6)
    np.testing.assert_allclose(share["neg_0"], [0, 0, 0, 0, 1], atol=1e-6)
    np.testing.assert_allclose(share["neg_1"], [0, 0, 0, 0, 1], atol=1e-6)
    np.testing.assert_allclose(scale, 1.0)
    np.testing.assert_allclose(conductances_to_weights(Pairs((1.0, 3.0)), CELL, held, scale), weights, atol=1e-6)


def test_one_pair_is_a_double_column():
    weights = jax.random.normal(jax.random.key(0), (5, 4))
    one, _ = weights_to_conductances(Pairs((2.0,)), CELL, weights)
    pair, _ = weights_to_conductances(mj.mapping.DoubleColumn(), CELL, weights)
    for sign in ("pos", "neg"):
        np.testing.assert_allclose(one[f"{sign}_0"], pair[sign], rtol=1e-6)


def test_significances_are_swept_and_reads_are_products():
    weights, x = (np.asarray(jax.random.normal(jax.random.key(i), shape)) for i, shape in enumerate([(7, 5), (3, 7)]))

    def read(second, subtract):
        spec = mj.Hardware(mapping=Pairs((1.0, second)), tile=(4, 3), dac=mj.Dac(), adc=mj.Adc(subtract=subtract))
        return mj.matmul(spec, mj.program(spec, weights, jax.random.key(2)), x)

    for subtract in ("analog", "digital"):
        found = jax.jit(jax.vmap(lambda f, s=subtract: read(f, s)))(jnp.array([0.5, 1.0, 8.0]))
        np.testing.assert_allclose(found, np.broadcast_to(x @ weights, found.shape), atol=1e-4)


def test_bad_input():
    for significance in ((), (1.0, 0.0), (1.0, -2.0)):
        with pytest.raises((TypeError, ValueError), match="Pairs.significance"):
            Pairs(significance)
