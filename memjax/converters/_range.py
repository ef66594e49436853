"""Where the full scale of a converter comes from."""

from typing import Any

import jax.numpy as jnp
from jax import Array, lax

from memjax import _check
from memjax._field import Spec, choice, flag, number, ruled

SCOPES = ("vector", "batch")


class Dynamic(Spec):
    """Full scale chosen anew for each vector: its largest magnitude, or another measure of its size.

    | given             | full scale of the values x                 |
    |-------------------|--------------------------------------------|
    | nothing           | max |x|                                    |
    | `overflow`        | the (1 - overflow) quantile of |x|         |
    | `mean`            | mean * average of |x|                      |
    | `signed`          | max x (where that is positive, else 1)     |

    With magnitudes sorted in falling order s_0 >= s_1 >= ..., the full scale is s_k with k = round(overflow * N) of the
    N values; `power_of_two` rounds it up to a power of two not below 1e-12 (with two's-complement codes the LSB is one
    as well).

    Args:
        overflow: fraction of the values that may exceed the full scale, in [0, 1]; None: none may.
        mean: how many times the average magnitude the full scale is; None: it does not depend on that.
        signed: whether it is the largest value, for vectors that are positive; negative ones then may clip.
        power_of_two: round the full scale up to the next power of two.
        at_least: smallest full scale, in the units of the values.
        over: what has a full scale of its own: each "vector" (of a convolution's input: each example), or the whole
            "batch", so that results depend on what is in it. An ADC sees vectors.

    Raises: ValueError for a value out of its range, and for more than one of `overflow`, `mean` and `signed`.

    Source: the adaptive scaling of Lammie et al. (Array 13, 2022), as an option of every converter here; largest value
        and average magnitude as in the noise management of aihwkit (Rasch et al., AICAS 2021).
    """

    overflow: Any = number(low=0.0, high=1.0, optional=True, default=None)
    power_of_two: bool = flag(default=False)
    at_least: Any = number(low=0.0, default=0.0)
    over: str = choice(*SCOPES, default="vector")
    mean: Any = number(above=0.0, optional=True, default=None)
    signed: bool = flag(default=False)

    def check_relations(self) -> None:
        held = {"overflow": self.overflow is not None, "mean": self.mean is not None, "signed": self.signed}
        given = [name for name, is_held in held.items() if is_held]
        if len(given) > 1:
            raise ValueError(f"Dynamic must have at most one of overflow, mean and signed, got {' and '.join(given)}")

    @property
    def covers(self) -> bool:
        """Whether no value exceeds the full scale."""
        return self.overflow is None and self.mean is None and not self.signed

    @property
    def counts(self) -> bool:
        """Whether values of zero change the full scale: where it is not that of the largest."""
        return self.mean is not None or self.overflow is not None

    def full_scale(self, values: Array, axis: tuple[int, ...]) -> Array:
        """Full scale of each vector of `values` along `axis` (kept as axes of length one)."""
        if self.over == "batch":
            axis = tuple(range(values.ndim))
        magnitude = values if self.signed else jnp.abs(values)
        if self.mean is not None:
            top = self.mean * jnp.mean(magnitude, axis=axis, keepdims=True)
        elif self.overflow is None:
            top = jnp.max(magnitude, axis=axis, keepdims=True)
        else:
            kept = [i for i in range(values.ndim) if i not in {a % values.ndim for a in axis}]
            moved = jnp.transpose(magnitude, (*kept, *(a % values.ndim for a in axis)))
            ranked = -jnp.sort(-moved.reshape(*(values.shape[i] for i in kept), -1), axis=-1)
            count = ranked.shape[-1]
            # Half-way cases go up, as C's round() does for positive numbers.
            index = jnp.minimum(jnp.floor(jnp.asarray(self.overflow) * count + 0.5), count - 1).astype(int)
            top = jnp.expand_dims(jnp.take(ranked, index, axis=-1), tuple(a % values.ndim for a in axis))
        top = jnp.maximum(top, self.at_least)
        return power_of_two_above(jnp.maximum(top, 1e-12)) if self.power_of_two else top


class RelativeToWeights(Spec):
    """Full scale of an ADC relative to the matrix that it converts, whatever the inputs:

        full scale = factor * v_max * max |G|,   y = +-factor * max |W| * max |x| in weights and inputs

    G is the signed conductance of a cell in front of the converter: what the largest weight was mapped to, as nominal
    cells hold it (with a scale for each column every column has it). It is taken when weights are written and stored in
    the chip; `calibrate` leaves it.

    Args:
        factor: how many cells of the largest weight, driven by the largest input, make the full scale.

    Raises: ValueError for a value out of its range.

    Source: the output bound of aihwkit (Rasch et al., AICAS 2021), which is relative to the largest weight and input.
    """

    factor: Any = number(above=0.0)


def power_of_two_above(x: Array) -> Array:
    """The smallest power of two >= x > 0, exact (a logarithm is not); NaN and infinity stay."""
    kind = jnp.finfo(x.dtype)
    mantissa = (1 << kind.nmant) - 1
    bits = lax.bitcast_convert_type(x, f"int{kind.bits}")
    above = lax.bitcast_convert_type((bits + mantissa) & ~mantissa, x.dtype)  # a mantissa above zero: one exponent more
    return jnp.where(jnp.isfinite(x), above, x)


def full_scale(*rules: type) -> Any:
    """A field for the full scale of a converter: None, a positive number, `Dynamic` or one of other `rules`."""
    known = (Dynamic, *rules)
    valid = ", ".join(["None", "a positive number", *(f"{rule.__name__}()" for rule in rules)]) + " or Dynamic()"

    def check(name: str, value: Any) -> None:
        if value is None or isinstance(value, known):
            return
        if not _check.is_number(value):
            raise TypeError(f"{name} must be {valid}, got {_check.shown(value)}")
        _check.real(name, value, above=0.0)

    return ruled(check, converter=_check.as_leaf, default=None)
