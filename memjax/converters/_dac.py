"""The digital-to-analog converters on the word lines."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import Array, lax

from memjax import _check
from memjax.converters._range import Dynamic, check_range
from memjax.converters._round import limit, quantise


class Dac(eqx.Module):
    """Word-line driver: a number x becomes the voltage v_max * code / n, code = clip(round(x / lsb), -n, n).

    With B bits n = 2^(B-1) - 1 and lsb = range / n (mid-tread: zero is a code, the range ends are codes).

    Args:
        bits: resolution in bits (at least 2 for a code beside zero to exist on both sides; 1 keeps the three codes
            -1, 0, 1), or None for a converter that scales and clips to its range but does not round.
        v_max: read voltage at full scale [V].
        range: the number that maps to `v_max`: a positive number (static); `Dynamic()` for the largest magnitude of
            each vector; None for the range stored in the chip by `calibrate` and `Dynamic()` until there is one.
        clip_gradient: whether the gradient is zero outside the range (True) or passes through.

    Raises: ValueError for a value out of its range.
    """

    bits: Any = None
    v_max: Any = 0.2
    range: Any = None
    clip_gradient: bool = eqx.field(static=True, default=True)

    def __check_init__(self):
        if self.bits is not None:
            _check.number("Dac.bits", self.bits, 1.0, 32.0)
        _check.number("Dac.v_max", self.v_max, 0.0, open_low=True)
        check_range("Dac.range", self.range)

    def full_scale(self, x: Array, axis: tuple[int, ...], calibrated: Array | None) -> Array:
        """The number that maps to v_max, broadcastable against `x`; `axis` are the axes of one vector."""
        if self.range is None and calibrated is not None:
            return calibrated
        if self.range is None or isinstance(self.range, Dynamic):
            rule = self.range or Dynamic()
            top = lax.stop_gradient(rule.full_scale(x, axis))
            return jnp.where(top > 0, top, 1.0).astype(x.dtype)
        return jnp.asarray(self.range, x.dtype)

    def steps(self) -> Any:
        """n, the largest code: v_max / n is the voltage of one code, range / n the number it stands for."""
        return 1.0 if self.bits is None else jnp.maximum(2.0 ** (jnp.asarray(self.bits) - 1.0) - 1.0, 1.0)

    def _never_clips(self, calibrated: Array | None) -> bool:
        """Whether the full scale is the largest magnitude of each vector."""
        if self.range is None:
            return calibrated is None
        return isinstance(self.range, Dynamic) and self.range.overflow is None

    def convert(self, x: Array, axis: tuple[int, ...], calibrated: Array | None = None) -> tuple[Array, Array]:
        """(codes, value of one code): codes have the shape of `x`, the value broadcasts against it."""
        steps = jnp.asarray(self.steps(), x.dtype)
        lsb = self.full_scale(x, axis, calibrated) / steps
        z = x / lsb
        clip_gradient = self.clip_gradient and not self._never_clips(calibrated)
        if self.bits is None:
            return limit(z, -steps, steps, clip_gradient), lsb
        return quantise(z, -steps, steps, "half_even", clip_gradient), lsb
