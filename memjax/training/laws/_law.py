"""The interface of update laws, and what follows from it for all of them."""

from abc import abstractmethod
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax._field import Spec
from memjax.training.laws._population import Made, Population


class AbstractLaw(Spec):
    """How pulses change the weight that a cell stands for. One object describes a kind of cell.

    Weights are in the law's own units, within the bounds of its `population`. The cells of an array are drawn by
    `make`; all other methods work elementwise on arrays of weights and the cells they belong to, and broadcast.
    """

    @property
    @abstractmethod
    def population(self) -> Population:
        """Steps, bounds, noise and decay of the cells."""

    @abstractmethod
    def make(self, key: Array | None, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Made:
        """The cells of an array: their fixed numbers by name. Without a key all are the nominal cell."""

    @abstractmethod
    def one(self, weight: Array, up: Array, made: Made) -> Array:
        """The weight after one pulse, upwards where `up`, without noise and before the bounds."""

    def many(self, weight: Array, count: Array, up: Array, made: Made) -> Array | None:
        """The weight after `count` pulses in one direction, without noise; None where there is no closed form."""
        return None

    def deviation(self, weight: Array, change: Array, up: Array, made: Made) -> Array:
        """Standard deviation of a pulse whose mean change is `change`."""
        return self.population.noise * jnp.abs(change)

    def relax(self, weight: Array, made: Made, key: Array) -> Array:
        """The weight after the time between two updates (see `Population.relax`)."""
        return self.population.relax(weight, made, key)

    @property
    def range(self) -> tuple[Any, Any]:
        """Nominal bounds of the weight."""
        return self.population.low, self.population.high

    @property
    def granularity(self) -> Array:
        """The nominal step: mean of a pulse up and one down at weight zero, or mid-range where that is out of range.

        What a controller takes a pulse for, since it does not know the cells one by one.
        """
        dtype = jnp.result_type(float)
        made = self.make(None, (), dtype)
        low, high = (jnp.asarray(bound, dtype) for bound in self.range)
        middle = jnp.where((low < 0.0) & (high > 0.0), 0.0, 0.5 * (low + high))
        up, down = (self.one(middle, jnp.array(sign), made) for sign in (True, False))
        return 0.5 * (jnp.abs(up - middle) + jnp.abs(down - middle))


def symmetry_point(law: AbstractLaw, made: Made) -> Array:
    """The weight at which a pulse up and a pulse down undo each other, in each cell; the nearer bound if there is none.

    Cells in which they do so everywhere, to rounding, have it at zero or the bound next to it.

    At it the sum of both mean changes is zero; by bisection, since the sum falls with the weight in every law whose
    steps shrink towards the bound that they point to.

    Source: Gokmen and Haensch, "Algorithm for training neural networks on resistive device arrays" (Front. Neurosci.
        14:103, 2020).
    """

    def excess(weight):
        up, down = (law.one(weight, jnp.full(jnp.shape(weight), sign), made) - weight for sign in (True, False))
        return up + down

    def halve(_, ends):
        low, high = ends
        middle = 0.5 * (low + high)
        rises = excess(middle) > 0.0
        return jnp.where(rises, middle, low), jnp.where(rises, high, middle)

    low, high = lax.fori_loop(0, 40, halve, (made["low"], made["high"]))
    point = lax.stop_gradient(0.5 * (low + high))
    # Bisection has no derivative: that of the root is -d excess / (d excess / d weight); a bound moves with itself.
    left, slope = jax.jvp(excess, (point,), (jnp.ones_like(point),))
    slope = lax.stop_gradient(slope)
    moves = -(left - lax.stop_gradient(left)) / jnp.where(slope < 0.0, slope, -1.0)
    low, high = made["low"], made["high"]
    at_low, at_high = excess(low), excess(high)
    bound = jnp.where(at_low <= 0.0, low, high)
    outside = (at_low <= 0.0) | (at_high >= 0.0)
    point = point + jnp.where(outside, bound - lax.stop_gradient(bound), moves)
    rounding = 8.0 * jnp.finfo(point.dtype).eps * jnp.maximum(jnp.abs(low), jnp.abs(high))
    everywhere = (jnp.abs(at_low) <= rounding) & (jnp.abs(at_high) <= rounding)
    return jnp.where(everywhere, jnp.clip(0.0, low, high), point)
