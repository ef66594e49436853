"""Gradients of weights kept as the outer products that they are."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax.contraction._convolution import Convolution
from memjax.contraction._dot import Dot


class Outer(eqx.Module):
    """The gradient of a weight as sum over samples of x d^T, its factors not yet multiplied.

    Attributes:
        x: data operand of the contraction in standard form (see `memjax.contraction`).
        d: gradient of the loss by the result, in standard form.
        contraction: the operation that the weight is part of.
        order: for each element of the matrix [K, N] its place in the parameter; None where the orders are the same.
        shape: shape of the parameter.
    """

    x: Array
    d: Array
    contraction: Dot | Convolution = eqx.field(static=True)
    order: Any = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)

    def to_matrix(self, parameter: Array) -> Array:
        """The parameter as the matrix [K, N]."""
        flat = parameter.reshape(-1)
        return (flat if self.order is None else flat[self.order.of_matrix]).reshape(self.contraction.shape)

    def to_parameter(self, matrix: Array) -> Array:
        """The matrix in the shape of the parameter."""
        flat = matrix.reshape(-1)
        return (flat if self.order is None else flat[self.order.of_parameter]).reshape(self.shape)

    @property
    def gradient(self) -> Array:
        """The products added up, in the shape of the parameter."""
        return self.to_parameter(self.sum(self.x, self.d))

    def sum(self, x: Array, d: Array) -> Array:
        """Sum over samples of x d^T, [K, N]: what the backward pass of the digital operation computes."""
        zero = jnp.zeros(self.contraction.shape, x.dtype)
        return jax.vjp(lambda matrix: self.contraction.product(x, matrix), zero)[1](d)[0]

    def samples(self) -> tuple[Array, Array]:
        """(x [S, K], d [S, N]), a convolution's patches written out."""
        inputs, outputs = self.contraction.shape
        rows = self.contraction.rows(self.x) if isinstance(self.contraction, Convolution) else self.x
        return rows.reshape(-1, inputs), self.d.reshape(-1, outputs)


class Order:
    """A permutation between a parameter and its matrix; compared by content, so that it can be static."""

    def __init__(self, of_matrix: np.ndarray):
        self.of_matrix = of_matrix
        self.of_parameter = np.argsort(of_matrix)
        self._digest = hash(of_matrix.tobytes())

    def __hash__(self) -> int:
        return self._digest

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Order) and np.array_equal(self.of_matrix, other.of_matrix)
