"""Errors of a ramp (single-slope) converter."""

from math import sqrt
from typing import Any

import jax
import jax.numpy as jnp

from memjax._field import number
from memjax.converters._adc_error import Mismatch


class Ramp(Mismatch):
    """A ramp that is not straight, common to the columns of a tile: z - INL(u), u = 2 y / 2^B - 1 in [-1, 1].

        INL(u) = q (1 - u^2) + c (3 sqrt(3) / 2) (u - u^3)   [LSB],

    q and c being the peaks of a quadratic and of a cubic departure from the line through the ends, normal numbers
    drawn for each tile. The code is monotonic as long as the slope of INL is below one LSB per LSB, for which
    4 |q| + 6 sqrt(3) |c| < 2^B is enough.

    Args:
        quadratic: standard deviation of q [LSB].
        cubic: standard deviation of c [LSB].

    Raises: ValueError for a value out of its range.

    Source: algebra (the lowest polynomials that vanish at both ends).
    """

    quadratic: Any = number(low=0.0, unit="LSB", default=0.0)
    cubic: Any = number(low=0.0, unit="LSB", default=0.0)

    def draw(self, key, columns, dtype):
        peaks = jnp.stack([jnp.asarray(s, dtype) for s in (self.quadratic, self.cubic)])
        return jnp.broadcast_to((peaks * jax.random.normal(key, (2,), dtype))[:, None], (2, columns))

    def shift(self, z, y, bits, drawn):
        quadratic, cubic = drawn
        u = jnp.clip(2.0 * y / 2.0**bits - 1.0, -1.0, 1.0)
        return -(quadratic + 1.5 * sqrt(3.0) * cubic * u) * (1.0 - u * u)
