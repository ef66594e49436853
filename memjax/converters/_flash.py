"""Errors of a flash converter."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from memjax._field import integer, number
from memjax.converters._adc_error import Mismatch
from memjax.converters._transitions import check_resolution, shift_to


class Flash(Mismatch):
    """A comparator for every code transition, each with an offset of its own: T_k = k + INL_k, INL_k normal.

    The code is the number of comparators below the input, so that it stays monotonic whatever their order. INL_k are
    independent with standard deviation `std`; DNL_k = INL_(k+1) - INL_k has sqrt(2) times that. The gradient is that
    of the converter without the error.

    Args:
        std: standard deviation of the thresholds [LSB].
        resolution: largest resolution [bits] (static): 2^resolution - 1 numbers for each converter are stored.

    Raises: ValueError for a value out of its range, and for `Adc.bits` above the resolution (traced: NaN codes).

    Source: algebra.
    """

    std: Any = number(low=0.0, unit="LSB", default=0.0)
    resolution: int = integer(1, 10, default=6)

    def check(self, bits):
        check_resolution("Flash", self.resolution, bits)

    def draw(self, key, columns, dtype):
        return self.std * jax.random.normal(key, (2**self.resolution - 1, columns), dtype)

    def shift(self, z, y, bits, drawn):
        # One comparator after another: all at once would take 2^B times the memory.
        y, drawn = lax.stop_gradient((y, drawn))
        last = jnp.round(2.0**bits) - 1.0

        def compare(code, comparator):
            k, inl = comparator
            return code + ((y >= k + inl) & (k <= last)), None

        k = jnp.arange(1.0, len(drawn) + 1, dtype=y.dtype)
        code, _ = lax.scan(compare, jnp.zeros_like(y), (k, drawn), unroll=8)
        return shift_to(code, y, bits, self.resolution)
