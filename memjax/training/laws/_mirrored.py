"""Laws whose downward pulse is the mirror image of the upward one: only the latter is written down."""

from abc import abstractmethod
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from memjax.training.laws._law import AbstractLaw
from memjax.training.laws._population import Made


class Facing(NamedTuple):
    """Cells seen in the direction of their pulse: for downward pulses weights, bounds and coordinates change sign.

    Attributes:
        step: size of the step that points away from us.
        low, high: bounds; `high` is the one that the pulse moves towards.
        sign: 1 upwards, -1 downwards.
    """

    step: Array
    low: Array
    high: Array
    sign: Array

    def choose(self, up: Any, down: Any) -> Array:
        """The number that belongs to the direction."""
        return jnp.where(self.sign > 0, up, down)


class AbstractMirroredLaw(AbstractLaw):
    """A law given by its upward pulse, `forward`."""

    @abstractmethod
    def forward(self, weight: Array, cell: Facing, made: Made) -> Array:
        """Mean change of one upward pulse."""

    def forward_many(self, weight: Array, count: Array, cell: Facing, made: Made) -> Array | None:
        """The weight after `count` upward pulses, before the bounds; None where there is no closed form."""
        return None

    def make(self, key: Array | None, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Made:
        return self.population.make(key, shape, dtype)

    def one(self, weight: Array, up: Array, made: Made) -> Array:
        cell = facing(up, made)
        return weight + cell.sign * self.forward(cell.sign * weight, cell, made)

    def many(self, weight: Array, count: Array, up: Array, made: Made) -> Array | None:
        cell = facing(up, made)
        after = self.forward_many(cell.sign * weight, count, cell, made)
        return None if after is None else cell.sign * after


def facing(up: Array, made: Made) -> Facing:
    """The cells as an upward pulse would see them."""
    low, high = made["low"], made["high"]
    return Facing(
        jnp.where(up, made["up"], made["down"]),
        jnp.where(up, low, -high),
        jnp.where(up, high, -low),
        jnp.where(up, 1.0, -1.0).astype(low.dtype),
    )
