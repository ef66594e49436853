"""Gradients as outer products: their sum is the gradient, and what is none is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax import lax

import memjax as mj
from memjax.training import Outer


def normal(seed, *shape):
    return jax.random.normal(jax.random.key(seed), shape)


def conv(strides, padding, dilation=(1, 1)):
    return lambda p, x: lax.conv_general_dilated(
        x, p["w"], strides, padding, rhs_dilation=dilation, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


CASES = {
    "dense": (lambda p, x: x @ p["w"], (5, 4), (3, 5)),
    "transposed": (lambda p, x: x @ p["w"].T, (4, 5), (3, 5)),
    "weight first": (lambda p, x: p["w"] @ x, (4, 5), (5, 3)),
    "many axes": (lambda p, x: jnp.einsum("bqk,khd->bqhd", x, p["w"]), (5, 2, 3), (2, 4, 5)),
    "strided convolution": (conv((2, 2), "SAME"), (3, 3, 2, 4), (2, 6, 6, 2)),
    "dilated convolution": (conv((1, 1), "VALID", (2, 2)), (3, 3, 2, 4), (2, 7, 7, 2)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_sum_of_the_products_is_the_gradient(name):
    f, weight, data = CASES[name]
    params, x = {"w": normal(0, *weight), "b": normal(1, 1)}, normal(2, *data)

    def loss(params, x):
        return (jnp.tanh(f(params, x) + params["b"]) ** 2).sum()

    value, outer = jax.jit(mj.value_and_outer(loss))(params, x)
    expected, gradient = jax.value_and_grad(loss)(params, x)
    assert isinstance(outer["w"], Outer)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(outer["w"].gradient, gradient["w"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(outer["b"], gradient["b"], rtol=1e-4, atol=1e-5)
    # Sample by sample: patches and errors, multiplied in NumPy.
    rows, errors = (np.asarray(part, np.float64) for part in outer["w"].samples())
    np.testing.assert_allclose(outer["w"].to_parameter(rows.T @ errors), gradient["w"], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(outer["w"].to_parameter(outer["w"].to_matrix(params["w"])), params["w"])


def test_a_network_with_auxiliary_output_and_other_gradients():
    class Net(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.relu(nn.Conv(3, (3, 3))(x)).reshape(len(x), -1)
            return nn.Dense(4)(nn.relu(nn.Dense(6)(x)))

    x = normal(0, 2, 5, 5, 1)
    params = Net().init(jax.random.key(1), x)

    def loss(params, x):
        y = Net().apply(params, x)
        return (y**2).mean(), y

    (value, aux), outer = mj.value_and_outer(loss, has_aux=True)(params, x)
    (expected, y), gradient = jax.value_and_grad(loss, has_aux=True)(params, x)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(aux, y, rtol=1e-5, atol=1e-6)
    is_outer = lambda node: isinstance(node, Outer)
    dense = jax.tree.map(lambda node: node.gradient if is_outer(node) else node, outer, is_leaf=is_outer)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), dense, gradient)
    assert sum(map(is_outer, jax.tree.leaves(outer, is_leaf=is_outer))) == 3


def test_through_hardware_inputs_and_errors_are_those_of_the_chip():
    params, x = {"a": normal(0, 6, 5), "b": normal(1, 5, 3)}, normal(2, 4, 6)
    hardware = mj.Hardware(tile=(4, 4), dac=mj.Dac(bits=4), adc=mj.Adc(bits=4, clip_gradient=False))
    loss = lambda params, x: (jnp.tanh(x @ params["a"]) @ params["b"]).sum()
    value, outer = mj.value_and_outer(loss, hardware=hardware)(params, x, key=jax.random.key(3))
    ideal = loss(params, x)
    assert value != ideal
    np.testing.assert_allclose(value, ideal, rtol=0.5, atol=2.0)
    # The hidden layer is what the converters let through, not the digital one.
    hidden = outer["b"].x
    assert np.abs(hidden - jnp.tanh(x @ params["a"])).max() > 1e-3
    with pytest.raises(ValueError, match="key must be a PRNG key"):
        mj.value_and_outer(loss, hardware=hardware)(params, x)


REFUSED = {
    "loop": (lambda p, x: lax.scan(lambda h, _: (jnp.tanh(h @ p["w"]), None), x, None, 3)[0], "is used in a loop"),
    "twice": (lambda p, x: x @ p["w"] @ p["w"], "is used 2 times"),
    "scaled": (lambda p, x: x @ (2.0 * p["w"]), "is not the parameter as it stands"),
    "sum": (lambda p, x: x @ (p["w"] + p["v"]), "is computed from v, w|is computed from w, v"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_outer_product_is_refused_unless_left_out(name):
    f, reason = REFUSED[name]
    params, x = {"w": normal(0, 4, 4), "v": normal(1, 4, 4)}, normal(2, 3, 4)
    loss = lambda params, x: f(params, x).sum()
    with pytest.raises(ValueError, match=f"select must leave out '.*' *.*{reason}" if "|" not in reason else reason):
        mj.value_and_outer(loss)(params, x)
