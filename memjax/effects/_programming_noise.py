"""Error of each write."""

from typing import Any

from jax import Array

from memjax import _random
from memjax._field import number
from memjax.converters import clip
from memjax.effects._base import Programming


class ProgrammingNoise(Programming):
    """Each write misses its target by a normal error, and ends within the cell's own range.

    Its variance is absolute^2 + (relative G)^2 + (span (G_high - G_low))^2.

    Args:
        relative: standard deviation as a fraction of the target conductance.
        absolute: standard deviation independent of it [S].
        span: standard deviation as a fraction of the cell's own range.

    Raises: ValueError for a value out of its range.

    Source: `span` is the cycle-to-cycle variation of DNN+NeuroSim (3.5 % of the range in its Ag:a-Si example).
    """

    relative: Any = number(low=0.0, default=0.0)
    absolute: Any = number(low=0.0, unit="S", default=0.0)
    span: Any = number(low=0.0, default=0.0)

    def write(self, conductance: Array, low: Array, high: Array, key: Array) -> Array:
        # Independent draws whose variances add: no square root, whose gradient would be infinite at zero.
        z = _random.normal(key, (3, *conductance.shape), conductance.dtype)
        error = self.absolute * z[0] + self.relative * conductance * z[1] + self.span * (high - low) * z[2]
        return clip(conductance + error, low, high)
