"""Errors of a successive-approximation converter."""

from typing import Any

import jax
import jax.numpy as jnp

from memjax._field import integer, number
from memjax.converters._adc_error import Mismatch
from memjax.converters._transitions import check_resolution, shift_to


class Sar(Mismatch):
    """Successive approximation on binary-weighted capacitors that do not match.

    The capacitor of bit i is 2^i units, C_i = 2^i + s 2^(i/2) n_i, with a terminating unit of C_T = 1 + s n_T; the
    level of a code is 2^B sum over its bits of C_i / (C_T + sum of all C_i). From the top bit down, a bit is kept
    where the level does not exceed the input. DNL peaks at mid-scale, where all bits change:

        std(DNL) = s sqrt(2^B - 1) LSB,  INL there = DNL / 2 (with the ends of the scale fixed),

    to first order in s; there are missing codes where DNL < -1. The gradient is that of the converter without the
    error.

    Args:
        mismatch: relative standard deviation s of a unit capacitor.
        resolution: largest resolution [bits] (static).

    Raises: ValueError for a value out of its range, and for `Adc.bits` above the resolution (traced: NaN codes).

    Source: charge redistribution, J. L. McCreary and P. R. Gray, IEEE J. Solid-State Circuits 10 (1975); DNL by
    algebra.
    """

    mismatch: Any = number(low=0.0, default=0.0)
    resolution: int = integer(1, 16, default=10)

    def check(self, bits):
        check_resolution("Sar", self.resolution, bits)

    def draw(self, key, columns, dtype):
        """Errors of the capacitors in units: the terminating one, then the bits, lowest first."""
        units = jnp.array([1.0, *(2.0**i for i in range(self.resolution))], dtype)
        return self.mismatch * jnp.sqrt(units)[:, None] * jax.random.normal(key, (len(units), columns), dtype)

    def shift(self, z, y, bits, drawn):
        codes = jnp.round(2.0**bits)
        used = [i < bits for i in range(len(drawn) - 1)]
        error = drawn[0] + sum(jnp.where(use, e, 0.0) for use, e in zip(used, drawn[1:], strict=True))
        unit = codes / (codes + error)
        level, code = jnp.zeros_like(y), jnp.zeros_like(y)
        for i in reversed(range(len(used))):
            trial = level + (2.0**i + drawn[1 + i]) * unit
            keep = used[i] & (trial <= y)
            level, code = jnp.where(keep, trial, level), code + jnp.where(keep, 2.0**i, 0.0)
        return shift_to(code, y, bits, self.resolution)
