"""The digital-to-analog converters on the word lines."""

from typing import Any

import jax.numpy as jnp
from jax import Array, lax

from memjax._field import Spec, flag, number, part
from memjax.converters._encoding import AbstractEncoding, Amplitude
from memjax.converters._range import Dynamic, full_scale
from memjax.converters._round import limit, quantise


class Dac(Spec):
    """Word-line driver: a number x becomes the voltage v_max * code / n, code = clip(round(x / lsb), -n, n).

    With B bits n = 2^(B-1) - 1 and lsb = range / n (mid-tread: zero is a code, the range ends are codes).

    Args:
        bits: resolution in bits (at least 2 for a code beside zero to exist on both sides; 1 keeps the three codes
            -1, 0, 1), or None for a converter that scales and clips to its range but does not round.
        v_max: read voltage at full scale [V].
        range: the number that maps to `v_max`: a positive number (static); `Dynamic()` for the largest magnitude of
            each vector, or another measure of its size; None for the range stored in the chip by `calibrate` and
            `Dynamic()` until there is one.
        rescale: whether the scaling of the numbers to voltages is undone in the result (True), or the voltages are
            what is multiplied (False): with v_max = 0.2 V and a full scale of 1, a fifth of the digital result.
        clip_gradient: whether the gradient is zero outside the range (True) or passes through.
        encoding: how a code is sent: `Amplitude()`, `BitSerial(planes)` or `PulseWidth()`, of `memjax.converters`. The
            voltage above is that of `Amplitude`. With an ideal ADC and without effects all give the same numbers.
        asymmetry: a of drivers whose negative voltages are 1 - a times what they should be; None: there is none.

    Raises: ValueError for a value out of its range; TypeError for an encoding of another kind.

    Example:
        ```python
        import memjax as mj

        plain = mj.Dac(bits=8, v_max=0.2)  # the largest input of each vector is 0.2 V
        fixed = mj.Dac(bits=8, range=1.0)  # an input of 1 is v_max, larger ones clip
        serial = mj.Dac(bits=8, encoding=mj.converters.BitSerial(7))  # bit by bit
        ```
    """

    bits: Any = number(low=1.0, high=32.0, whole=True, optional=True, default=None)
    v_max: Any = number(above=0.0, unit="V", default=0.2)
    range: Any = full_scale()
    rescale: bool = flag(default=True)
    clip_gradient: bool = flag(default=True)
    encoding: AbstractEncoding = part(AbstractEncoding, example="BitSerial(7)", default=Amplitude())
    asymmetry: Any = number(low=-1.0, high=1.0, optional=True, default=None)

    def check_relations(self) -> None:
        self.encoding.check(self.bits)

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
        """n, the largest code: range / n is the number that one code stands for."""
        return 1.0 if self.bits is None else jnp.maximum(2.0 ** (jnp.asarray(self.bits) - 1.0) - 1.0, 1.0)

    def volts(self) -> Any:
        """Voltage of one unit of the drive [V], averaged over the longest pulse where codes are durations."""
        return self.v_max / self.encoding.top(self.steps())

    def driven(self, drives: Array) -> Array:
        """What the drivers make of drives: negative ones are smaller where they are asymmetric."""
        return drives if self.asymmetry is None else jnp.where(drives < 0, drives * (1.0 - self.asymmetry), drives)

    def _never_clips(self, calibrated: Array | None) -> bool:
        """Whether no value exceeds its full scale."""
        if self.range is None:
            return calibrated is None
        return isinstance(self.range, Dynamic) and self.range.covers

    def convert(
        self, x: Array, axis: tuple[int, ...], calibrated: Array | None = None, divided: Any = None
    ) -> tuple[Array, Array]:
        """(codes, value of one code): codes have the shape of `x`, the value broadcasts against it.

        With `divided` they are those of x over a power of two, which the value makes up for.
        """
        steps = jnp.asarray(self.steps(), x.dtype)
        lsb = self.full_scale(x, axis, calibrated) / steps
        value = lsb if self.rescale else jnp.asarray(self.v_max, x.dtype) / steps
        if divided is not None:
            lsb, value = lsb * divided, value * divided
        z = x / lsb
        clip_gradient = self.clip_gradient and not self._never_clips(calibrated)
        if self.bits is None:
            return limit(z, -steps, steps, clip_gradient), value
        return quantise(z, -steps, steps, "half_even", clip_gradient), value
