"""The analog-to-digital converters at the foot of the bit lines."""

from abc import abstractmethod
from typing import Any, ClassVar

import jax.numpy as jnp
from equinox import AbstractVar
from jax import Array

from memjax import _check
from memjax._field import Spec, choice, flag, number, parts
from memjax.converters._adc_error import AbstractAdcError, Fresh, Mismatch
from memjax.converters._range import Dynamic, RelativeToWeights, full_scale
from memjax.converters._round import ROUNDINGS, clip, limit, quantise, replace_value

CODES = ("symmetric", "twos_complement", "mid_rise")
SUBTRACTIONS = ("analog", "digital")


class AbstractAdc(Spec):
    """A converter works in units of its LSB: currents / lsb(full scale) -> `distort` -> `code` -> codes.

    A new converter is one final subclass with `lsb`, `limits`, `distort` and `code`.
    """

    bits: AbstractVar[Any]
    range: AbstractVar[Any]
    subtract: AbstractVar[str]
    clip_gradient: AbstractVar[bool]
    errors: AbstractVar[tuple[AbstractAdcError, ...]]

    @property
    def mismatches(self) -> list[Mismatch]:
        """The errors that are drawn when a chip is made."""
        return [] if self.bits is None else [e for e in self.errors if isinstance(e, Mismatch) and e.made]

    @property
    def fresh(self) -> list[Fresh]:
        """The errors that are drawn in each conversion."""
        return [] if self.bits is None else [e for e in self.errors if isinstance(e, Fresh)]

    @property
    def noisy(self) -> bool:
        """Whether conversions are random."""
        return bool(self.fresh)

    @property
    def in_chip(self) -> bool:
        """Whether chips hold the full scale, found when weights are written."""
        return self.bits is not None and (self.range is None or isinstance(self.range, RelativeToWeights))

    @abstractmethod
    def lsb(self, full_scale: Array) -> Array:
        """Current of one LSB for a full-scale current [A]."""

    @abstractmethod
    def limits(self) -> tuple[Array, Array]:
        """Lowest and highest code [LSB]; currents beyond them are clipped."""

    def clips(self, z: Array) -> Array:
        """Whether currents `z` in LSB lie beyond the last codes, by more than the half LSB that rounds to them."""
        low, high = self.limits()
        return (z < low - 0.5) | (z > high + 0.5)

    @abstractmethod
    def distort(self, z: Array, drawn: dict[str, Array]) -> Array:
        """The currents `z` in LSB, [..., *columns], that an ideal converter would have to see to make the errors.

        `drawn` holds the numbers of each error by name, [m, *columns] (of noise: the shape of `z`); errors without
        numbers do not act.
        """

    @abstractmethod
    def code(self, z: Array) -> Array:
        """The code of a current `z` given in LSB, with its straight-through gradient."""


class Adc(AbstractAdc):
    """Linear converter: code = clip(round(I / lsb)), one per tile column; the codes of the row tiles add digitally.

    | codes             | lsb                      | lowest and highest code     |
    |-------------------|--------------------------|-----------------------------|
    | "symmetric"       | range / (2^(B-1) - 1)    | ± (2^(B-1) - 1)             |
    | "twos_complement" | range / 2^(B-1)          | -2^(B-1), 2^(B-1) - 1       |
    | "mid_rise"        | range / 2^(B-1)          | ± (2^(B-1) - 1/2)           |

    The first two are mid-tread (zero is a code); mid-rise has none, and with one bit it is a comparator. A symmetric
    converter of one bit keeps the codes -1, 0, 1.

    Args:
        bits: resolution B, or None for an ideal converter.
        range: full-scale current [A], static; `Dynamic()` for each tile's own vector of column currents;
            `RelativeToWeights(factor)` for a multiple of the current of the largest weight; None for the range stored
            in the chip: estimated from the targets of the write, or set by `calibrate`.
        rounding: "half_even", "half_up" (floor(z + 1/2)) or "floor"; mid-rise codes are floor(z) + 1/2 always.
        codes: see the table.
        subtract: "analog": the currents of a pair are subtracted before one conversion; "digital": each array is
            converted and the codes are subtracted.
        clip_gradient: whether the gradient is zero where the converter clips (True; costs one more pass over the
            tiles in the backward pass) or passes through (False; the backward pass is that of the digital layer).
        errors: imperfections of `memjax.converters` in the order in which the signal meets them, at most one of each
            kind: `Noise`, `Offset`, `Gain`, `Asymmetry`, `Compression`, `Flash`, `Sar`, `Ramp`, `Confusion`. Every tile
            column has its own converter.

    Raises: ValueError for a value out of its range, and for errors without bits; TypeError for errors of another kind.

    Source: mid-tread and mid-rise quantisers and their optimal ranges, J. Max, IRE Trans. Inf. Theory 6 (1960).

    Example:
        ```python
        import memjax as mj
        from memjax.converters import Noise, Offset

        plain = mj.Adc(bits=8)
        real = mj.Adc(bits=8, errors=(Offset(0.5), Noise(0.3)))  # LSB
        own_range = mj.Adc(bits=6, range=mj.Dynamic())  # a full scale for each vector and tile
        ```
    """

    bits: Any = number(low=1.0, high=32.0, whole=True, optional=True, default=None)
    range: Any = full_scale(RelativeToWeights)
    rounding: str = choice(*ROUNDINGS, default="half_even")
    codes: str = choice(*CODES, default="symmetric")
    subtract: str = choice(*SUBTRACTIONS, default="analog")
    clip_gradient: bool = flag(default=True)
    errors: tuple[AbstractAdcError, ...] = parts(AbstractAdcError, example="(Offset(0.5),)", default=())

    def check_relations(self) -> None:
        _check_vectors(self)
        names = [error.name for error in self.errors]
        if len(set(names)) < len(names):
            raise ValueError(f"Adc.errors must hold at most one error of each kind, got {', '.join(names)}")
        if names and self.bits is None:
            raise ValueError(f"Adc.bits must be a number where Adc.errors are in LSB, got None with {', '.join(names)}")
        for error in self.errors:
            error.check(self.bits)

    def _half(self) -> Array:
        half = 2.0 ** (jnp.asarray(self.bits) - 1.0)
        return jnp.maximum(half - 1.0, 1.0) if self.codes == "symmetric" else half

    def lsb(self, full_scale: Array) -> Array:
        return full_scale / self._half()

    def limits(self) -> tuple[Array, Array]:
        half = self._half()
        low = -half + 0.5 if self.codes == "mid_rise" else -half
        return low, {"symmetric": half, "twos_complement": half - 1.0, "mid_rise": half - 0.5}[self.codes]

    @property
    def foot(self) -> Array:
        """What is added to a current [LSB] so that the code transitions lie at 1, 2, ..., 2^B - 1."""
        nearest = self.codes != "mid_rise" and self.rounding != "floor"
        return 2.0 ** (jnp.asarray(self.bits) - 1.0) + (0.5 if nearest else 0.0)

    def distort(self, z: Array, drawn: dict[str, Array]) -> Array:
        for error in self.errors:
            if error.name in drawn:
                z = z + error.shift(z, z + self.foot, self.bits, drawn[error.name])
        return z

    def code(self, z: Array) -> Array:
        low, high = (bound.astype(z.dtype) for bound in self.limits())
        if self.codes != "mid_rise":
            return quantise(z, low, high, self.rounding, self.clip_gradient)
        inside = limit(z, low - 0.5, high + 0.5, self.clip_gradient)
        return replace_value(inside, clip(jnp.floor(z) + 0.5, low, high))


class LogAdc(AbstractAdc):
    """Logarithmic converter: one sign bit, and magnitudes spaced evenly in log I over `decades` below full scale.

    With n = 2^(B-1) - 1 magnitudes, code k = 0..n-1 stands for range * 10^(-decades * (1 - k / (n - 1))); currents
    more than half a step below the lowest magnitude read as zero. The gradient is that of a linear converter: straight
    through inside the range.

    Args:
        bits: resolution B >= 3 (a sign, and at least three magnitudes).
        decades: dynamic range below full scale [decades].
        range, subtract, clip_gradient: as in `Adc`.

    Raises: ValueError for a value out of its range.
    """

    bits: Any = number(low=3.0, high=32.0, whole=True, default=8)
    decades: Any = number(above=0.0, unit="decades", default=3.0)
    range: Any = full_scale(RelativeToWeights)
    subtract: str = choice(*SUBTRACTIONS, default="analog")
    clip_gradient: bool = flag(default=True)
    errors: ClassVar[tuple[AbstractAdcError, ...]] = ()

    def check_relations(self) -> None:
        _check_vectors(self)

    def lsb(self, full_scale: Array) -> Array:
        return jnp.asarray(full_scale)

    def limits(self) -> tuple[Array, Array]:
        return jnp.asarray(-1.0), jnp.asarray(1.0)

    def clips(self, z: Array) -> Array:
        return jnp.abs(z) > 1.0

    def distort(self, z: Array, drawn: dict[str, Array]) -> Array:
        return z

    def code(self, z: Array) -> Array:
        last = 2.0 ** (jnp.asarray(self.bits) - 1.0) - 2.0
        magnitude = jnp.abs(z)
        position = 1.0 + jnp.log10(jnp.where(magnitude > 0, magnitude, 1.0)) / self.decades
        step = jnp.round(jnp.minimum(position, 1.0) * last)
        level = 10.0 ** (self.decades * (step / last - 1.0))
        value = jnp.where((magnitude > 0) & (step >= 0), jnp.sign(z) * level, 0.0)
        top = 10.0 ** (0.5 * self.decades / last)  # half a step above full scale
        return replace_value(limit(z, -top, top, self.clip_gradient), value)


def _check_vectors(adc: Any) -> None:
    """Raise unless a dynamic full scale is that of each vector."""
    if isinstance(adc.range, Dynamic) and adc.range.over != "vector":
        raise ValueError(
            f"{type(adc).__name__}.range must have a full scale for each vector, got {_check.shown(adc.range)}"
        )


def never_clips(adc: AbstractAdc) -> bool:
    """Whether no current can fall outside the converter's range, so that its gradient is 1 everywhere."""
    symmetric = isinstance(adc, LogAdc) or (isinstance(adc, Adc) and adc.codes != "twos_complement")
    return isinstance(adc.range, Dynamic) and adc.range.covers and symmetric
