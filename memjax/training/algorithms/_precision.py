"""Parameters of less precision than the steps of cells need.

The neighbour of 0.5 in bfloat16 is 0.004 away, more than most pulses move a weight. Such parameters are a rounded view
of weights in float32: what their rounding loses is kept in the state and put back before the next update.
"""

from typing import Any

import jax.numpy as jnp
from jax import Array, lax


def working(dtype: Any) -> Any:
    """The precision in which the weights of parameters of a dtype are kept: float32 at least."""
    return jnp.promote_types(dtype, jnp.float32)


def nothing_lost(value: Array) -> Array | None:
    """What rounding has lost of parameters at the start, zeros; None where they are kept in their own precision."""
    own, kept = jnp.result_type(value), working(jnp.result_type(value))
    return None if own == kept else jnp.zeros(jnp.shape(value), kept)


def exact(value: Array, lost: Array | None) -> Array:
    """Parameters with what their rounding has lost."""
    return value if lost is None else value.astype(lost.dtype) + lost


def rounded(value: Array, lost: Array | None, change: Array) -> tuple[Array, Array, Array | None]:
    """(update, parameters after it, what their rounding loses) for a change of the exact parameters."""
    if lost is None:
        return change, value + change, None
    before, after = value.astype(lost.dtype), exact(value, lost) + change
    update = _nearest(_nearest(after, value.dtype) - before, value.dtype)
    seen = _nearest(before + update, value.dtype)
    return update.astype(value.dtype), seen, after - seen


def _nearest(value: Array, dtype: Any) -> Array:
    """The nearest numbers of a narrower dtype; unlike those of a cast, the compiler may not leave them unrounded."""
    kind = jnp.finfo(dtype)
    normal = lax.reduce_precision(value, kind.nexp, kind.nmant)
    if kind.nexp == jnp.finfo(value.dtype).nexp:
        return normal
    least = float(kind.smallest_subnormal)
    return jnp.where(jnp.abs(value) < float(kind.tiny), jnp.round(value / least) * least, normal)
