"""A contraction of data with a weight, seen as a matrix product: what the digital op is, and how it maps onto tiles.

A contraction brings the data into a standard form, the weight into matrices [*stack, K, N] (one crossbar each; `stack`
is () or the number of independent matrices) and the result back into the layout of the digital op.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax.contraction._chunks import in_chunks, stacked


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
