"""The transposed array: errors on the bit lines, read at the word lines."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.contraction import Convolution, Dot

# Most numbers in the patches of a convolution that are live at once.
PATCHES = 1 << 24

# Refusal of derivatives that the array does not give.
FORWARD_MODE = (
    "Hardware.backward must be None for forward mode (jvp, jacfwd, linearize): the transposed array gives gradients, "
    "of reverse mode alone; use grad, vjp or jacrev (and jvp of grad), or a Hardware with backward=None"
)


def turned(tree: Any, columns: int) -> Any:
    """Numbers of the cells of the same tiles, of so many bit lines, driven from the other side.

    [down, rows, width] -> [across, columns, down * rows]; a number for each tile, [down, across] -> [across, down].
    """

    def turn(numbers):
        if numbers.ndim == 2:
            return numbers.T
        down, rows, width = numbers.shape
        return numbers.reshape(down * rows, width).T.reshape(-1, columns, down * rows)

    return jax.tree.map(turn, tree)


def errors_back(
    contraction: Dot | Convolution, read: Callable, scale: Array, shape: tuple[int, ...], d: Array
) -> Array:
    """The gradient by the data, read from the turned chip.

    Args:
        contraction: the operation.
        read: (contraction, errors) -> result, the read of the turned chip.
        scale: weight scales [*stack, N].
        shape: of the data in standard form.
        d: the gradient by the result in standard form.
    """
    inputs, outputs = contraction.shape
    # Scales of columns among one another belong to the errors, the common one to the result.
    largest = jnp.max(scale, axis=-1, keepdims=True)
    unit = jnp.where(largest > 0.0, largest, 1.0)[..., None, :]
    errors = contraction.unrows(d) * scale[..., None, :] / unit
    stack = contraction.stack
    axis = (0,) if stack else ()
    turned_dot = Dot(errors.shape, (*stack, outputs, inputs), (errors.ndim - 1,), (len(stack),), axis, axis)
    return _gather(contraction, unit * read(turned_dot, errors), shape)


def _gather(contraction: Dot | Convolution, rows: Array, shape: tuple[int, ...]) -> Array:
    """Gradient by the data from that by its rows [*stack, S, K]: positions that share an element add up."""
    if isinstance(contraction, Dot):
        return rows.reshape(shape)
    examples = shape[0]
    one = jax.ShapeDtypeStruct((1, *shape[1:]), rows.dtype)
    by_example = rows.reshape(*contraction.stack, examples, -1, rows.shape[-1])
    by_example = jnp.moveaxis(by_example, len(contraction.stack), 0)
    add = jax.linear_transpose(contraction.rows, one)
    size = max(1, PATCHES // max(1, math.prod(by_example.shape[1:])))
    return lax.map(lambda piece: add(piece)[0][0], by_example, batch_size=min(size, examples))
