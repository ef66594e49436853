"""Where the full scale of a converter comes from."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax import _check
from memjax._field import Spec, choice, flag, number, ruled

SCOPES = ("vector", "batch")


class Dynamic(Spec):
    """Full scale chosen anew for each vector: its largest magnitude, or its (1 - overflow) quantile.

    With magnitudes sorted in falling order s_0 >= s_1 >= ..., the full scale is s_k with k = round(overflow * N) of the
    N values; `power_of_two` rounds it up to a power of two not below 1e-12 (with two's-complement codes the LSB is one
    as well).

    Args:
        overflow: fraction of the values that may exceed the full scale, in [0, 1]; None: none may.
        power_of_two: round the full scale up to the next power of two.
        at_least: smallest full scale, in the units of the values.
        over: what has a full scale of its own: each "vector" (of a convolution's input: each example), or the whole
            "batch", so that results depend on what is in it. An ADC sees vectors.

    Raises: ValueError for a value out of its range.

    Source: the adaptive scaling of Lammie et al. (Array 13, 2022), as an option of every converter here.
    """

    overflow: Any = number(low=0.0, high=1.0, optional=True, default=None)
    power_of_two: bool = flag(default=False)
    at_least: Any = number(low=0.0, default=0.0)
    over: str = choice(*SCOPES, default="vector")

    def full_scale(self, values: Array, axis: tuple[int, ...]) -> Array:
        """Full scale of each vector of `values` along `axis` (kept as axes of length one)."""
        if self.over == "batch":
            axis = tuple(range(values.ndim))
        magnitude = jnp.abs(values)
        if self.overflow is None:
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


def power_of_two_above(x: Array) -> Array:
    """The smallest power of two >= x > 0, exact (a logarithm is not)."""
    mantissa, exponent = jnp.frexp(x)  # x = mantissa 2^exponent, 1/2 <= mantissa < 1
    return jnp.ldexp(jnp.ones_like(x), exponent - (mantissa == 0.5))


def full_scale() -> Any:
    """A field for the full scale of a converter: None, a positive number or `Dynamic`."""

    def check(name: str, value: Any) -> None:
        if value is None or isinstance(value, Dynamic):
            return
        if not _check.is_number(value):
            raise TypeError(f"{name} must be None, a positive number or Dynamic(), got {_check.shown(value)}")
        _check.real(name, value, above=0.0)

    return ruled(check, converter=_check.as_leaf, default=None)
