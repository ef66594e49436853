"""Noise of each read."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax import _check
from memjax.effects._base import Reading


class ReadNoise(Reading):
    """White noise on every cell at every read, of standard deviation sqrt(absolute^2 + (relative G)^2).

    Args:
        relative: standard deviation as a fraction of the cell's conductance.
        absolute: standard deviation independent of it [S].

    Raises: ValueError for a value out of its range.
    """

    relative: Any = 0.0
    absolute: Any = 0.0

    def __check_init__(self):
        _check.number("ReadNoise.relative", self.relative, 0.0)
        _check.number("ReadNoise.absolute", self.absolute, 0.0)

    def read_variance(self, conductance: Array) -> Array:
        return jnp.square(self.relative * conductance) + jnp.square(jnp.asarray(self.absolute, conductance.dtype))
