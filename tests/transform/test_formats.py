"""Weights in every format of numbers and of storage, and operations that are matrix products in another form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental import sparse

import memjax as mj

MATMUL = (((1,), (0,)), ((), ()))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"])
@pytest.mark.parametrize("wide", [False, True])
def test_narrow_floats(follows, draw, dtype, wide):
    """The cells hold the rounded weights; in the format itself, or cast before the product."""

    def fn(p, x):
        w, x = (p["w"].astype(jnp.float32), x) if wide else (p["w"], x.astype(dtype))
        return lax.dot_general(x, w, MATMUL, preferred_element_type=jnp.float32)

    follows(fn, {"w": draw((6, 5)).astype(dtype)}, draw((4, 6)), copies=[1])


@pytest.mark.parametrize("dtype", ["int8", "int4"])
def test_dequantised_integers(follows, draw, dtype):
    codes = jnp.asarray(np.random.default_rng(0).integers(-7, 8, (6, 5)), dtype)
    fn = lambda p, x: x @ (p["codes"].astype(jnp.float32) * p["scale"])
    follows(fn, {"codes": codes, "scale": draw((5,))}, draw((4, 6)), copies=[1])


@pytest.mark.parametrize("kind", ["int8", "uint8", "int32"])
def test_integers_are_exact(follows, kind):
    """Integer weights and data, sums in int32: the ideal chip is integer arithmetic."""
    rng = np.random.default_rng(0)
    low, high = (0, 255) if kind == "uint8" else (-127, 127)
    codes, x = (jnp.asarray(rng.integers(low, high, shape), kind) for shape in ((6, 5), (4, 6)))
    fn = lambda p, x: lax.dot_general(x, p, MATMUL, preferred_element_type=jnp.int32).astype(jnp.float32)
    follows(fn, codes, x, copies=[1], tolerance=0.0)


def test_bits_as_weights(follows, draw):
    follows(lambda p, x: x @ jnp.sign(p["w"]), {"w": draw((6, 5))}, draw((4, 6)), copies=[1])
    follows(lambda p, x: x @ (p["w"] > 0).astype(jnp.float32), {"w": draw((6, 5))}, draw((4, 6)), copies=[1])


@pytest.fixture
def holey(draw):
    """A matrix with few elements that are not zero."""
    return jnp.where(np.random.default_rng(0).random((6, 5)) < 0.3, draw((6, 5)), 0.0)


SPARSE = {
    "from the left": lambda m, x: m.T @ x.T,
    "from the right": lambda m, x: x @ m,
    "a vector": lambda m, x: m.T @ x[0],
    "vmap": lambda m, x: jax.vmap(lambda row: m.T @ row)(x),
    "sparsify": lambda m, x: sparse.sparsify(lambda m, x: jnp.tanh(x @ m))(m, x),
    "densified": lambda m, x: x @ m.todense(),
}


@pytest.mark.parametrize("name", SPARSE)
def test_a_sparse_matrix_lies_on_one_crossbar(follows, draw, holey, name):
    follows_one(follows, SPARSE[name], sparse.BCOO.fromdense(holey), draw((4, 6)))


def test_compressed_rows(follows, draw, holey):
    follows_one(follows, lambda m, x: m @ x.T, sparse.BCSR.fromdense(holey.T), draw((4, 6)))


def follows_one(follows, fn, matrix, x):
    plan = follows(lambda p, x: fn(p["w"], x), {"w": matrix}, x, copies=[1]).plan({"w": matrix}, x)
    assert plan.crossbars[0].matrix == (6, 5)
    assert plan.analog == 1.0


def ragged(p, x, sizes):
    return lax.ragged_dot(x, p["w"], sizes)


@pytest.mark.parametrize("sizes", [(1, 2, 1), (4, 0, 0), (0, 0, 0), (1, 1, 1)])
def test_experts_of_groups_of_rows(follows, draw, sizes):
    """Rows behind the last group belong to nobody: zeros."""
    follows(ragged, {"w": draw((3, 6, 5))}, draw((4, 6)), jnp.array(sizes, jnp.int32), copies=[3])


def test_experts_in_every_layer(follows, draw):
    def fn(p, x, sizes):
        return lax.scan(lambda h, w: (jnp.tanh(lax.ragged_dot(h, w, sizes)), None), x, p["w"])[0]

    follows(fn, {"w": draw((2, 3, 6, 6))}, draw((4, 6)), jnp.array([1, 2, 1], jnp.int32), copies=[6])


CONVOLUTIONS = {
    "1-D": ((4, 3, 3), (1, 7, 3), ("NWC", "OWI", "NWC"), {}),
    "1-D, causal and dilated": ((3, 4, 3), (1, 7, 3), ("NWC", "WOI", "NWC"), dict(padding=[(4, 0)], rhs_dilation=(2,))),
    "3-D": ((2, 2, 2, 2, 3), (1, 3, 3, 3, 2), ("NDHWC", "DHWIO", "NDHWC"), {}),
    "transposed": (
        (3, 3, 2, 3),
        (1, 4, 4, 2),
        ("NHWC", "HWIO", "NHWC"),
        dict(lhs_dilation=(2, 2), padding=[(1, 2), (2, 0)]),
    ),
    "negative padding": ((3, 3, 2, 3), (1, 6, 6, 2), ("NHWC", "HWIO", "NHWC"), dict(padding=[(-1, 0), (0, -1)])),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions(follows, draw, name):
    kernel, data, numbers, how = CONVOLUTIONS[name]
    how = dict(padding="VALID") | how
    fn = lambda p, x: lax.conv_general_dilated(x, p, (1,) * (len(data) - 2), dimension_numbers=numbers, **how)
    follows(fn, draw(kernel), draw(data), copies=[1])


def test_a_matrix_that_is_not_passed_is_listed(draw):
    constant = draw((6, 5))
    fn = lambda p, x: x @ constant + p["b"]
    plan = mj.crossbarify(fn, mj.Hardware()).plan({"b": draw((5,))}, draw((4, 6)))
    assert plan.digital == {"constant_0": ((6, 5), "closed over by the function, not among its parameters")}
    assert (plan.analog, plan.other) == (0.0, 4 * 6 * 5)
    assert "Every matrix parameter" not in str(plan)


def test_a_matrix_that_is_not_passed_is_part_of_a_weight(follows, draw):
    constant = draw((6, 5))
    follows(lambda p, x: x @ (constant * p["gain"]), {"gain": draw((5,))}, draw((4, 6)), copies=[1])
