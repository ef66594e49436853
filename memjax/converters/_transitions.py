"""Errors that move the code transitions, with numbers stored for a largest resolution."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from memjax import _check


def check_resolution(kind: str, resolution: int, bits: Any) -> None:
    """Raise where `bits` is known to be above a resolution."""
    largest = _check.concrete(bits)
    if largest is not None and np.any(largest > resolution):
        raise ValueError(
            f"{kind}.resolution must be at least Adc.bits={np.max(largest):g}, got {resolution}: "
            f"use {kind}(..., resolution={int(np.ceil(np.max(largest)))})"
        )


def shift_to(code: Array, y: Array, bits: Array, resolution: int) -> Array:
    """Shift of the input `y` that makes an ideal converter give `code` (0 to 2^B - 1); NaN above the resolution.

    It is zero where the code is the ideal one, and has no gradient.
    """
    ideal = jnp.clip(jnp.floor(y), 0.0, jnp.round(2.0**bits) - 1.0)
    shift = jnp.where(code == ideal, 0.0, code + 0.5 - y)
    return lax.stop_gradient(jnp.where(bits <= resolution, shift, jnp.nan))
