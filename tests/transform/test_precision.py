"""Other floating types than float32."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import memjax as mj


def mlp(p, x):
    return jnp.tanh(x @ p["a"]) @ p["b"]


def conv(p, x):
    return lax.conv_general_dilated(x, p["a"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


@pytest.mark.parametrize(("fn", "a", "x"), [(mlp, (18, 6), (4, 18)), (conv, (3, 3, 2, 4), (2, 5, 5, 2))])
def test_float64(ideal, error, fn, a, x):
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        p, x = (
            {"a": jnp.array(rng.normal(size=a)), "b": jnp.array(rng.normal(size=(6, 3)))},
            jnp.array(rng.normal(size=x)),
        )
        analog = mj.crossbarify(fn, ideal)
        chip = analog.program(p, jax.random.key(0), x)
        assert {leaf.dtype for leaf in jax.tree.leaves(chip)} == {np.dtype("float64")}
        assert error(analog.apply(chip, p, x), fn(p, x)) <= 1e-12
        coarse = mj.crossbarify(fn, mj.Hardware(tile=(16, 16)))
        chip = coarse.calibrate(coarse.program(p, jax.random.key(0), x), p, x)
        assert {leaf.dtype for leaf in jax.tree.leaves(chip)} == {np.dtype("float64")}
        assert error(coarse.apply(chip, p, x), fn(p, x)) <= 0.05


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_model_has_a_chip_in_single_precision(ideal, draw, error, dtype):
    p, x = {"a": draw((18, 6)).astype(dtype), "b": draw((6, 3)).astype(dtype)}, draw((4, 18)).astype(dtype)
    analog = mj.crossbarify(mlp, ideal)
    chip = analog.program(p, jax.random.key(0), x)
    assert {leaf.dtype for leaf in jax.tree.leaves(chip)} == {np.dtype("float32")}
    assert error(analog.apply(chip, p, x), mlp(p, x)) <= 1e-2


def test_data_in_half_precision_and_weights_in_single(ideal, draw, error):
    p, x = {"a": draw((18, 6)), "b": draw((6, 3))}, draw((4, 18)).astype(jnp.bfloat16)
    analog = mj.crossbarify(mlp, ideal)
    assert error(analog.apply(analog.program(p, jax.random.key(0), x), p, x), mlp(p, x)) <= 1e-2
