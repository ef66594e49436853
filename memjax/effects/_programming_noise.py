"""Error of each write."""

from typing import Any

from jax import Array

from memjax import _check, _random
from memjax.effects._base import Programming


class ProgrammingNoise(Programming):
    """Each write misses its target by a normal error of standard deviation sqrt(absolute^2 + (relative G)^2).

    Args:
        relative: standard deviation as a fraction of the target conductance.
        absolute: standard deviation independent of it [S].

    Raises: ValueError for a value out of its range.
    """

    relative: Any = 0.0
    absolute: Any = 0.0

    def __check_init__(self):
        _check.number("ProgrammingNoise.absolute", self.absolute, 0.0)
        _check.number("ProgrammingNoise.relative", self.relative, 0.0)

    def write(self, conductance: Array, key: Array) -> Array:
        # Two independent draws whose variances add: no square root, whose gradient would be infinite at zero.
        z = _random.normal(key, (2, *conductance.shape), conductance.dtype)
        return conductance + self.absolute * z[0] + self.relative * conductance * z[1]
