"""How far a result is from the exact one."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.core import Tracer

from memjax import _check


def relative_error(found: Any, exact: Any, tau: Any = 0.01) -> Array:
    """Fraction of the vertices with |found - exact| > tau |exact|; equal infinities are no error.

    Args:
        found, exact: [..., n]; of many chips and of one digital result, for example.
        tau: relative error that is tolerated, >= 0.

    Returns: [...].

    Raises: ValueError for shapes that do not fit together.
    """
    found, exact = _pair(found, exact)
    tau = _check.scalar("tau", tau, low=0.0)
    within = (found == exact) | (jnp.isfinite(exact) & (jnp.abs(found - exact) <= tau * jnp.abs(exact)))
    return jnp.mean(~within, axis=-1)


def wrong_levels(found: Any, exact: Any) -> Array:
    """Fraction of the vertices [..., n] whose level, or component, is not the exact one: [...].

    Raises: ValueError for shapes that do not fit together.
    """
    found, exact = _pair(found, exact)
    return jnp.mean(found != exact, axis=-1)


def top_k_overlap(found: Any, exact: Any, k: int) -> Array:
    """Fraction of the k largest of `exact` [..., n] that are among the k largest of `found`: [...].

    Of equal values the first ones count as larger.

    Raises: ValueError for shapes that do not fit together, or a k that is not in [1, n].
    """
    found, exact = _pair(found, exact)
    _check.integer("k", k, 1, found.shape[-1])
    top = lambda values: lax.top_k(values, k)[1]
    common = top(found)[..., :, None] == top(exact)[..., None, :]
    return jnp.sum(common, axis=(-2, -1)) / k


def _pair(found: Any, exact: Any) -> tuple[Array, Array]:
    found, exact = _numbers("found", found), _numbers("exact", exact)
    if exact.ndim == 0 or exact.shape[-1] == 0 or found.shape[-1:] != exact.shape[-1:]:
        raise ValueError(f"found must have shape [..., n], as exact has, got {found.shape} and {exact.shape}")
    return found, exact


def _numbers(name: str, value: Any) -> Array:
    """As an array, which may hold infinities."""
    array = value if isinstance(value, Tracer) and _check.is_number(value) else _check.concrete(value)
    if array is None:
        raise TypeError(f"{name} must be an array of real numbers, got {_check.shown(value)}")
    with np.errstate(over="ignore"):
        return jnp.asarray(array)
