"""A contraction of data with a weight, seen as a matrix product: what the digital op is, and how it maps onto tiles.

A contraction brings the data into a standard form, the weight into matrices [*stack, K, N] (one crossbar each; `stack`
is () or the number of independent matrices) and the result back into the layout of the digital op.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax


@dataclass(frozen=True)
class Dot:
    """`lax.dot_general` of data and a weight. Standard form of the data: [*stack, B, K]; of the result: [*stack, B, N].

    Attributes:
        data_shape, weight_shape: shapes of the operands.
        data_contract, weight_contract: contracted axes of each.
        data_batch, weight_batch: batch axes of each.
        weight_first: whether the weight is the left operand.
    """

    data_shape: tuple[int, ...]
    weight_shape: tuple[int, ...]
    data_contract: tuple[int, ...]
    weight_contract: tuple[int, ...]
    data_batch: tuple[int, ...] = ()
    weight_batch: tuple[int, ...] = ()
    weight_first: bool = False

    @property
    def stack(self) -> tuple[int, ...]:
        return (math.prod(self.weight_shape[a] for a in self.weight_batch),) if self.weight_batch else ()

    @property
    def shape(self) -> tuple[int, int]:
        """(K, N) of each matrix."""
        free = _rest(self.weight_shape, self.weight_batch, self.weight_contract)
        return math.prod(self.weight_shape[a] for a in self.weight_contract), math.prod(
            self.weight_shape[a] for a in free
        )

    @property
    def layout(self) -> Any:
        """What the crossbar's cells depend on: weights of equal expression and layout share a crossbar."""
        return ("dot", self.weight_contract, self.weight_batch)

    @property
    def vector_axes(self) -> tuple[int, ...]:
        """Axes of one input vector in the standard form (what a dynamic DAC range looks at)."""
        return (-1,)

    def matrix(self, weight: Array) -> Array:
        free = _rest(self.weight_shape, self.weight_batch, self.weight_contract)
        return weight.transpose(*self.weight_batch, *self.weight_contract, *free).reshape(*self.stack, *self.shape)

    def data(self, x: Array) -> Array:
        free = _rest(self.data_shape, self.data_batch, self.data_contract)
        return x.transpose(*self.data_batch, *free, *self.data_contract).reshape(*self.stack, -1, self.shape[0])

    def result(self, y: Array) -> Array:
        batch = [self.data_shape[a] for a in self.data_batch]
        data_free = [self.data_shape[a] for a in _rest(self.data_shape, self.data_batch, self.data_contract)]
        weight_free = [self.weight_shape[a] for a in _rest(self.weight_shape, self.weight_batch, self.weight_contract)]
        y = y.reshape(*batch, *data_free, *weight_free)
        if not self.weight_first:
            return y
        split = len(batch) + len(data_free)
        return y.transpose(*range(len(batch)), *range(split, y.ndim), *range(len(batch), split))

    def product(self, x: Array, matrix: Array) -> Array:
        """The digital op between standard forms."""
        return jnp.matmul(x, matrix)

    def unrows(self, y: Array) -> Array:
        """A result in standard form as rows [*stack, S, N]."""
        return y

    def peak(self, x: Array) -> Array:
        """Largest element of each input vector, in a shape that broadcasts against the result."""
        return jnp.max(x, axis=-1, keepdims=True)

    def over_rows(self, kernel: Callable, x: Array, operand: Any, key: Array | None, most: int, exact: bool) -> Any:
        """kernel(rows [B, K], operand, key, first row) for each matrix, with at most about `most` rows at a time."""

        def one(rows, operand, key):
            size = max(1, most // math.prod(self.stack))
            return in_chunks(lambda piece, first: kernel(piece, operand, key, first), rows, size, exact)

        return stacked(one, self.stack)(x, operand, key)

    def spread(self, per_output: Array) -> Array:
        """Values [*stack, N] in a shape that broadcasts against the result in standard form."""
        return per_output[..., None, :]


def _rest(shape: tuple[int, ...], *used: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a for a in range(len(shape)) if all(a not in axes for axes in used))


def stacked(one: Callable, stack: tuple[int, ...]) -> Callable:
    """f(x, operand, key) over a leading axis of independent matrices, each with its own fold of the key."""
    if not stack:
        return one

    def over_stack(x, operand, key):
        if key is None:
            return jax.vmap(lambda a, b: one(a, b, None))(x, operand)
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(stack[0]))
        return jax.vmap(one)(x, operand, keys)

    return over_stack


def in_chunks(f: Callable, x: Array, size: int, exact: bool) -> Any:
    """f(piece, index of its first example) over pieces of at most `size` examples along axis 0 of `x`.

    `f` returns (array with the examples along axis 0, observation or None). Pieces are equally long; the last one is
    filled up with zeros unless `exact`, where the length divides the number of examples. Each piece is computed again
    in the backward pass instead of being kept.
    """
    count = x.shape[0]
    if count <= size:
        return f(x, jnp.array(0))
    pieces = -(-count // size)
    if exact:
        pieces = next(n for n in range(pieces, count + 1) if count % n == 0)
    size = -(-count // pieces)
    padded = jnp.pad(x, ((0, pieces * size - count), *((0, 0) for _ in x.shape[1:])))

    def piece(args):
        return f(*args)

    split = padded.reshape(pieces, size, *x.shape[1:])
    y, seen = lax.map(jax.checkpoint(piece), (split, jnp.arange(pieces) * size))
    if seen is not None:
        seen = type(seen)(seen.total.sum(0), seen.peak.max(0))
    return y.reshape(pieces * size, *y.shape[2:])[:count], seen
