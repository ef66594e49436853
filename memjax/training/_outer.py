"""Gradients of weights kept as the outer products that they are: what pulse trains are made of."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax.crossbar import Convolution, Dot
from memjax.training._moments import Moments, draw
from memjax.training._rules import Counts
from memjax.training._slots import visit
from memjax.training._trains import Management, Trains, manage, trains


class Outer(eqx.Module):
    """The gradient of a weight as sum over samples of x d^T, its factors not yet multiplied.

    Attributes:
        x: data operand of the contraction in standard form (see `memjax.crossbar`).
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
        return self.to_parameter(self._sum(self.x, self.d))

    def _sum(self, x: Array, d: Array) -> Array:
        """Sum over samples of x d^T, [K, N]: what the backward pass of the digital operation computes."""
        zero = jnp.zeros(self.contraction.shape, x.dtype)
        return jax.vjp(lambda matrix: self.contraction.product(x, matrix), zero)[1](d)[0]

    def samples(self) -> tuple[Array, Array]:
        """(x [S, K], d [S, N]), a convolution's patches written out."""
        inputs, outputs = self.contraction.shape
        rows = self.contraction.rows(self.x) if isinstance(self.contraction, Convolution) else self.x
        return rows.reshape(-1, inputs), self.d.reshape(-1, outputs)

    def trains(self, rate: Array, step: Array, length: Array, management: bool) -> Trains:
        """Pulse trains of every sample."""
        return trains(*self.samples(), rate, step, length, management)

    def counts(self, rate: Array, step: Array, length: Array, management: bool, key: Array) -> Counts:
        """Pulses of the mini-batch, drawn slot by slot, [K, N]."""

        def add(counts, pulses):
            more = Counts(jnp.maximum(pulses.count, 0.0), jnp.maximum(-pulses.count, 0.0))
            return jax.tree.map(lambda total, new: total.at[pulses.cell].add(new, mode="drop"), counts, more)

        zero = jnp.zeros(math.prod(self.contraction.shape), self.x.dtype)
        counts = visit(self.trains(rate, step, length, management), key, 0, add, Counts(zero, zero))
        return jax.tree.map(lambda total: total.reshape(self.contraction.shape), counts)

    def moments(self, rate: Array, step: Array, length: Array, management: bool) -> tuple[Moments, Moments]:
        """Moments of the pulses of the mini-batch, upwards and downwards, [K, N], from three products.

        With the mean p of a slot, sum |x d| and sum x d give the means of both directions; sum x^2 d^2 / slots gives
        sum B p^2 of both together, which is divided between them like the means.
        """
        scale = self._management(rate, step, length, management)
        clip = lambda a, limit: jnp.clip(a, -limit, limit)
        d = clip(self.d, scale.limit)
        x = self.x if management else clip(self.x, 1.0 / jnp.max(scale.x_gain))
        total, net = self._sum(jnp.abs(x), jnp.abs(d)), self._sum(x, d)
        excess = self._sum(x * x, d * d / scale.length) * (rate / step) ** 2
        gain = 0.5 * rate / step
        up, down = jnp.maximum(gain * (total - net), 0.0), jnp.maximum(gain * (total + net), 0.0)
        share = excess / jnp.maximum(up + down, 1e-30)
        return Moments(up, share * up), Moments(down, share * down)

    def _management(self, rate: Array, step: Array, length: Array, management: bool) -> Management:
        x_peak = self.contraction.peak(jnp.abs(self.x))
        d_peak = jnp.max(jnp.abs(self.d), axis=-1, keepdims=True)
        return manage(x_peak, d_peak, rate, step, length, management)

    def draw(self, rate: Array, step: Array, length: Array, management: bool, key: Array) -> Counts:
        """Pulses of the mini-batch, drawn with the mean and variance that they have, [K, N]."""
        up_key, down_key = jax.random.split(key)
        up, down = self.moments(rate, step, length, management)
        return Counts(draw(up, up_key), draw(down, down_key))


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
