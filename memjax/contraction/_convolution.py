"""Convolutions as contractions: every output position is one read of the crossbar.

The rows of the matrix are ordered by kernel position first and channel last; this order decides which weights share a
tile.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.custom_derivatives import SymbolicZero

from memjax.contraction._chunks import in_chunks, stacked
from memjax.contraction._precision import precision


@dataclass(frozen=True)
class Convolution:
    """`lax.conv_general_dilated` of data with a weight. Standard form: [E, *space, channels]; stack = (groups,).

    Attributes:
        data_shape, weight_shape: shapes of the operands.
        data_axes, weight_axes, result_axes: position of (batch, channels, *space), (outputs, inputs, *space) and
            (batch, channels, *space) in each, as in `lax.ConvDimensionNumbers`.
        strides, padding, data_dilation, kernel_dilation: per spatial axis, as in `lax.conv_general_dilated`.
        groups: number of groups of channels.
    """

    data_shape: tuple[int, ...]
    weight_shape: tuple[int, ...]
    data_axes: tuple[int, ...]
    weight_axes: tuple[int, ...]
    result_axes: tuple[int, ...]
    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    data_dilation: tuple[int, ...]
    kernel_dilation: tuple[int, ...]
    groups: int = 1

    @property
    def stack(self) -> tuple[int, ...]:
        return (self.groups,) if self.groups > 1 else ()

    @property
    def kernel(self) -> tuple[int, ...]:
        """Spatial shape of the kernel."""
        return tuple(self.weight_shape[a] for a in self.weight_axes[2:])

    @property
    def shape(self) -> tuple[int, int]:
        """(K, N) of each matrix."""
        outputs, inputs = (self.weight_shape[a] for a in self.weight_axes[:2])
        return math.prod(self.kernel) * inputs, outputs // self.groups

    @property
    def layout(self) -> Any:
        """What the crossbar's cells depend on: weights of equal expression and layout share a crossbar."""
        return ("conv", self.weight_axes, self.groups)

    @property
    def vector_axes(self) -> tuple[int, ...]:
        """Axes that share a dynamic DAC range in the standard form: those of one example."""
        return tuple(range(1, len(self.data_shape)))

    @property
    def space(self) -> tuple[int, ...]:
        """Spatial shape of the result."""
        sizes = (self.data_shape[a] for a in self.data_axes[2:])
        spans = ((k - 1) * d + 1 for k, d in zip(self.kernel, self.kernel_dilation, strict=True))
        padded = ((n - 1) * d + 1 + sum(p) for n, d, p in zip(sizes, self.data_dilation, self.padding, strict=True))
        return tuple((n - span) // s + 1 for n, span, s in zip(padded, spans, self.strides, strict=True))

    @property
    def vectors(self) -> int:
        """Number of input vectors of each matrix."""
        return self.data_shape[self.data_axes[0]] * math.prod(self.space)

    def matrix(self, weight: Array) -> Array:
        outputs, inputs, *space = self.weight_axes
        inner, width = self.shape
        rows = weight.transpose(*space, inputs, outputs).reshape(inner, self.groups, width)
        return rows.transpose(1, 0, 2) if self.stack else rows[:, 0]

    def data(self, x: Array) -> Array:
        batch, channels, *space = self.data_axes
        return x.transpose(batch, *space, channels)

    def result(self, y: Array) -> Array:
        order = (self.result_axes[0], *self.result_axes[2:], self.result_axes[1])
        return y.transpose(*(order.index(a) for a in range(y.ndim)))

    def product(self, x: Array, matrix: Array) -> Array:
        """The digital op between standard forms."""
        inner, width = self.shape
        rows = matrix.transpose(1, 0, 2) if self.stack else matrix
        inputs = inner // math.prod(self.kernel)
        kernel = rows.reshape(*self.kernel, inputs, self.groups * width)
        return _convolved(self, x, kernel)

    def convolved(self, x: Array, kernel: Array, turned: str | None = None) -> Array:
        """The digital op on [E, *space, channels] and a kernel [*space, inputs, outputs].

        XLA computes one form of convolutions fast on a CPU, and brings those of other forms into it, but not inside
        branches and loops (where they take 4 to 30 times as long). With `turned` the operands are transposed so that
        the transpose by the "data" or by the "kernel" has that form.
        """
        rank = x.ndim
        space = tuple(range(1, rank - 1))
        data_axes = result_axes = (0, rank - 1, *space)
        kernel_axes = (rank - 1, rank - 2, *range(rank - 2))
        if turned == "data":  # [*space, outputs, inputs]
            kernel, kernel_axes = jnp.swapaxes(kernel, -1, -2), (rank - 2, rank - 1, *range(rank - 2))
        if turned == "kernel":  # [channels, *space, E], [inputs, *space, outputs] -> [*space, E, outputs]
            x, kernel = jnp.swapaxes(x, 0, -1), jnp.moveaxis(kernel, -2, 0)
            data_axes = kernel_axes = (rank - 1, 0, *space)
            result_axes = (rank - 2, rank - 1, *range(rank - 2))
        numbers = lax.ConvDimensionNumbers(data_axes, kernel_axes, result_axes)
        y = lax.conv_general_dilated(
            x,
            kernel,
            self.strides,
            self.padding,
            self.data_dilation,
            self.kernel_dilation,
            numbers,
            feature_group_count=self.groups,
            precision=precision(),
        )
        return jnp.moveaxis(y, -2, 0) if turned == "kernel" else y

    def rows(self, x: Array) -> Array:
        """Input vectors of every output position: [E, *space, channels] -> [*stack, E * positions, K]."""
        zero = jnp.zeros((), x.dtype)
        inside = [(low, high, d - 1) for (low, high), d in zip(self.padding, self.data_dilation, strict=True)]
        x = lax.pad(x, zero, [(0, 0, 0), *inside, (0, 0, 0)])
        windows = []
        for position in itertools.product(*map(range, self.kernel)):
            start = [p * d for p, d in zip(position, self.kernel_dilation, strict=True)]
            stop = [a + (n - 1) * s + 1 for a, n, s in zip(start, self.space, self.strides, strict=True)]
            windows.append(lax.slice(x, (0, *start, 0), (x.shape[0], *stop, x.shape[-1]), (1, *self.strides, 1)))
        if not self.stack:
            return jnp.concatenate(windows, axis=-1).reshape(-1, self.shape[0])
        grouped = jnp.stack(windows, axis=-2).reshape(-1, len(windows), self.groups, x.shape[-1] // self.groups)
        return grouped.transpose(2, 0, 1, 3).reshape(self.groups, -1, self.shape[0])

    def unrows(self, y: Array) -> Array:
        """A result in standard form as rows [*stack, S, N]."""
        width = self.shape[1]
        if not self.stack:
            return y.reshape(-1, width)
        return jnp.moveaxis(y.reshape(-1, self.groups, width), 1, 0)

    def peak(self, x: Array) -> Array:
        """Largest element of each input vector, at least zero, in a shape that broadcasts against the result."""
        highest = jnp.max(x, axis=-1, keepdims=True)
        one = lambda values: (1, *values, 1)
        return lax.reduce_window(
            highest,
            jnp.zeros((), x.dtype),
            lax.max,
            one(self.kernel),
            one(self.strides),
            ((0, 0), *self.padding, (0, 0)),
            one(self.data_dilation),
            one(self.kernel_dilation),
        )

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
        """kernel(rows [B, K], operand, key, first row), with at most about `most` rows at a time."""
        positions = math.prod(self.space)

        def piece(x, first):
            def one(rows, operand, key):
                return kernel(rows, operand, key, first * positions)

            y, seen = stacked(one, self.stack)(self.rows(x), operand, key)
            if self.stack:
                y = jnp.moveaxis(y, 0, -2)
            return y.reshape(x.shape[0], *self.space, -1), seen

        size = max(1, most // (positions * self.groups))
        return in_chunks(piece, x, size, exact, constant)

    def spread(self, per_output: Array) -> Array:
        """Values [*stack, N] in a shape that broadcasts against the result in standard form."""
        return per_output.reshape(-1)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _convolved(operation: Convolution, x: Array, kernel: Array) -> Array:
    return operation.convolved(x, kernel)


def _convolved_jvp(operation: Convolution, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    (x, kernel), (dx, d_kernel) = primals, tangents
    by_data, by_kernel = ("data", "kernel") if operation.groups == 1 else (None, None)
    parts = [] if isinstance(dx, SymbolicZero) else [operation.convolved(dx, kernel, by_data)]
    if not isinstance(d_kernel, SymbolicZero):
        parts.append(operation.convolved(x, d_kernel, by_kernel))
    return _convolved(operation, x, kernel), reduce(add, parts)


_convolved.defjvp(_convolved_jvp, symbolic_zeros=True)
