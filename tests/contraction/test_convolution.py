"""Convolutions in standard form: derivatives in any form of the operands."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from memjax.contraction import Convolution

DILATED = {"data_dilation": (2, 1), "kernel_dilation": (1, 2), "padding": ((1, 1), (0, 3))}
CASES = {
    "plain": ((2, 6, 5, 3), (3, 2, 3, 4), {}),
    "strided": ((2, 7, 8, 3), (3, 3, 3, 2), {"strides": (2, 3), "padding": ((1, 0), (2, 1))}),
    "dilated": ((2, 5, 6, 2), (2, 3, 2, 3), DILATED),
    "one axis": ((3, 9, 2), (4, 2, 5), {"strides": (2,)}),
    "three axes": ((1, 4, 3, 5, 2), (2, 2, 3, 2, 3), {}),
    "groups": ((2, 5, 5, 4), (3, 3, 2, 6), {"groups": 2}),
}


@pytest.mark.parametrize("name", CASES)
def test_derivatives_are_those_of_the_digital_operation(name):
    """Value, both gradients and a mixed second derivative, also in a branch."""
    data, weight, options = CASES[name]
    rank = len(data)
    one, last = (1,) * (rank - 2), rank - 1
    data_axes, weight_axes = (0, last, *range(1, last)), (last, rank - 2, *range(rank - 2))
    fields = {"strides": one, "padding": ((0, 0),) * (rank - 2), "data_dilation": one, "kernel_dilation": one} | options
    axes = {"data_axes": data_axes, "weight_axes": weight_axes, "result_axes": data_axes}
    operation = Convolution(data_shape=data, weight_shape=weight, **axes, **fields)

    def digital(x, kernel):
        return lax.conv_general_dilated(
            x, kernel, fields["strides"], fields["padding"], fields["data_dilation"], fields["kernel_dilation"],
            lax.ConvDimensionNumbers(data_axes, weight_axes, data_axes), feature_group_count=fields.get("groups", 1),
        )  # fmt: skip

    def product(x, kernel):
        branch = lambda x, kernel: operation.product(x, operation.matrix(kernel))
        return lax.cond(x.sum() < np.inf, branch, branch, x, kernel)

    x, kernel = jax.random.normal(jax.random.key(0), data), jax.random.normal(jax.random.key(1), weight)
    wanted, found = (jax.vjp(f, x, kernel) for f in (digital, product))
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-4, atol=1e-4)
    d = jax.random.normal(jax.random.key(2), wanted[0].shape)
    for a, b in zip(found[1](d), wanted[1](d), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
    mixed = lambda f: jax.jvp(lambda k: jax.grad(lambda x: jnp.vdot(d, f(x, k)))(x), (kernel,), (jnp.sin(kernel),))[1]
    np.testing.assert_allclose(mixed(product), mixed(digital), rtol=1e-4, atol=1e-4)
