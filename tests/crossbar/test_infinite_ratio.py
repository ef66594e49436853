"""Cells whose HRS does not conduct, r_off = inf: the limit of a large on/off ratio, and finite everywhere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

KEY = jax.random.key(0)
W, X = jax.random.normal(KEY, (20, 5)), jax.random.normal(jax.random.key(1), (3, 20))


def product(weights=W, r_on=6e3, r_off=jnp.inf, levels=None, **parts):
    """x @ w by ideal converters, unless `parts` names others."""
    cell = mj.Cell(r_on=r_on, r_off=r_off, levels=levels)
    hardware = mj.Hardware(cell=cell, tile=(8, 8), **dict(dac=mj.Dac(), adc=mj.Adc()) | parts)
    return mj.matmul(hardware, mj.program(hardware, weights, KEY), X)


@pytest.mark.parametrize("levels", [None, 16])
@pytest.mark.parametrize("name", ["DoubleColumn", "DualRow", "Offset", "CurrentMirror", "BitSliced"])
def test_products_are_the_limit_of_a_large_ratio(name, levels):
    mapping = getattr(mj.mapping, name)()
    got = product(levels=levels, mapping=mapping)
    np.testing.assert_allclose(got, product(r_off=6e10, levels=levels, mapping=mapping), atol=1e-4)
    steps = 255 if name == "BitSliced" else 1e6 if levels is None else (levels - 1) / 2
    assert jnp.all(jnp.abs(got - X @ W) < jnp.abs(W).max() / steps * jnp.abs(X).sum(1, keepdims=True))


def test_gradients_through_converters_and_levels_are_finite():
    """By the weights close to those of the digital product, and by r_on, which scales out."""

    def loss(weights, r_on):
        converters = dict(dac=mj.Dac(bits=8), adc=mj.Adc(bits=8, range=mj.Dynamic()))
        return jnp.sum(product(weights, r_on, levels=64, **converters) ** 2)

    by_weights, by_r_on = jax.grad(loss, (0, 1))(W, 6e3)
    exact = 2 * X.T @ (X @ W)
    assert jnp.abs(by_weights - exact).max() < 0.1 * jnp.abs(exact).max()
    assert jnp.isfinite(by_r_on)


def test_variation_leaves_an_insulating_state_insulating():
    """Only the spread of r_on acts, on the cells that need all of their range: weights of zero stay zero."""
    weights = jnp.sign(W).at[:, 0].set(0.0)
    got = product(weights, effects=(mj.effects.DeviceVariation(r_on_std=600.0, r_off_std=1e3),))
    np.testing.assert_array_equal(got[:, 0], 0.0)
    assert 0.05 < jnp.std(got[:, 1:] - (X @ weights)[:, 1:]) < 1.0
