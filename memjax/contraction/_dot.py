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
from memjax.contraction._precision import matmul


@dataclass(frozen=True)
class Dot:
    """`lax.dot_general` of data and a weight. Standard form of the data: [*stack, B, K]; of the result: [*stack, B, N].

    Attributes:
        data_shape, weight_shape: shapes of the operands.
        data_contract, weight_contract: contracted axes of each.
        data_batch, weight_batch: batch axes of each.
        weight_first: whether the weight is the left operand.
        uniform: axes of the weight, not contracted, along which its elements are equal: one matrix serves them all.
    """

    data_shape: tuple[int, ...]
    weight_shape: tuple[int, ...]
    data_contract: tuple[int, ...]
    weight_contract: tuple[int, ...]
    data_batch: tuple[int, ...] = ()
    weight_batch: tuple[int, ...] = ()
    weight_first: bool = False
    uniform: tuple[int, ...] = ()

    @property
    def _own(self) -> tuple[int, ...]:
        """Which batch axes have matrices of their own, by position."""
        return tuple(i for i, axis in enumerate(self.weight_batch) if axis not in self.uniform)

    @property
    def _batch(self) -> tuple[int, ...]:
        """Batch axes by position: those with matrices of their own first."""
        return (*self._own, *(i for i in range(len(self.weight_batch)) if i not in self._own))

    @property
    def _weight_free(self) -> tuple[int, ...]:
        return _rest(self.weight_shape, self.weight_batch, self.weight_contract)

    @property
    def _data_free(self) -> tuple[int, ...]:
        return _rest(self.data_shape, self.data_batch, self.data_contract)

    @property
    def stack(self) -> tuple[int, ...]:
        return (math.prod(self.weight_shape[self.weight_batch[i]] for i in self._own),) if self._own else ()

    @property
    def shape(self) -> tuple[int, int]:
        """(K, N) of each matrix."""
        free = [axis for axis in self._weight_free if axis not in self.uniform]
        return _size(self.weight_shape, self.weight_contract), _size(self.weight_shape, free)

    @property
    def layout(self) -> Any:
        """What the crossbar's cells depend on: weights of equal expression and layout share a crossbar."""
        own = tuple(self.weight_batch[i] for i in self._own)
        return ("dot", self.weight_contract, own, self.uniform)

    @property
    def vector_axes(self) -> tuple[int, ...]:
        """Axes of one input vector in the standard form (what a dynamic DAC range looks at)."""
        return (-1,)

    @property
    def vectors(self) -> int:
        """Number of input vectors of each matrix."""
        return math.prod(self.data_shape) // math.prod((*self.stack, self.shape[0]))

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the digital op."""
        return math.prod(self.data_shape) * _size(self.weight_shape, self._weight_free)

    def matrix(self, weight: Array) -> Array:
        first = tuple(0 if axis in self.uniform else slice(None) for axis in range(weight.ndim))
        left = [axis for axis in range(weight.ndim) if axis not in self.uniform]
        free = [axis for axis in self._weight_free if axis not in self.uniform]
        order = [
            left.index(axis) for axis in (*(self.weight_batch[i] for i in self._own), *self.weight_contract, *free)
        ]
        return weight[first].transpose(order).reshape(*self.stack, *self.shape)

    def data(self, x: Array) -> Array:
        batch = (self.data_batch[i] for i in self._batch)
        return x.transpose(*batch, *self._data_free, *self.data_contract).reshape(*self.stack, -1, self.shape[0])

    def result(self, y: Array) -> Array:
        """Axes of the digital op: batch, free ones of the left operand, free ones of the right one."""
        batch = [self.data_shape[self.data_batch[i]] for i in self._batch]
        data = [self.data_shape[axis] for axis in self._data_free]
        kept = [1 if axis in self.uniform else self.weight_shape[axis] for axis in self._weight_free]
        y = y.reshape(*batch, *data, *kept)
        full = [self.weight_shape[axis] for axis in self._weight_free]
        y = jnp.broadcast_to(y, (*batch, *data, *full)) if full != kept else y
        first, second = len(batch), len(batch) + len(data)
        order = [self._batch.index(i) for i in range(first)]
        parts = [range(first, second), range(second, y.ndim)]
        order += [axis for part in (reversed(parts) if self.weight_first else parts) for axis in part]
        return y if order == sorted(order) else y.transpose(order)

    def product(self, x: Array, matrix: Array) -> Array:
        """The digital op between standard forms."""
        return matmul(x, matrix)

    def unrows(self, y: Array) -> Array:
        """A result in standard form as rows [*stack, S, N]."""
        return y

    def peak(self, x: Array) -> Array:
        """Largest element of each input vector, in a shape that broadcasts against the result."""
        return jnp.max(x, axis=-1, keepdims=True)

    def over_rows(
        self,
        kernel: Callable,
        x: Array,
        operand: Any,
        key: Array | None,
        most: int,
        exact: bool,
        constant: bool = False,
    ) -> Any:
        """kernel(rows [B, K], operand, key, first row) for each matrix, with at most about `most` rows at a time."""

        def one(rows, operand, key):
            size = max(1, most // math.prod(self.stack))
            return in_chunks(lambda piece, first: kernel(piece, operand, key, first), rows, size, exact, constant)

        return stacked(one, self.stack)(x, operand, key)

    def spread(self, per_output: Array) -> Array:
        """Values [*stack, N] in a shape that broadcasts against the result in standard form."""
        return per_output[..., None, :]


def _size(shape: tuple[int, ...], axes: Any) -> int:
    return math.prod(shape[axis] for axis in axes)


def _rest(shape: tuple[int, ...], *used: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a for a in range(len(shape)) if all(a not in axes for axes in used))
