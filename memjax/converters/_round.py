"""Rounding and clipping whose gradient passes straight through."""

import jax
import jax.numpy as jnp
from jax import Array

ROUNDINGS = ("half_even", "half_up", "floor")


def round_values(z: Array, rounding: str) -> Array:
    """Round to integers: ties to even, ties upwards (floor(z + 1/2)), or always down."""
    if rounding == "half_even":
        return jnp.round(z)
    return jnp.floor(z + 0.5) if rounding == "half_up" else jnp.floor(z)


@jax.custom_jvp
def replace_value(z: Array, value: Array) -> Array:
    """`value`, with the gradient of `z` (the straight-through estimator of Bengio et al., arXiv 1308.3432)."""
    return jnp.broadcast_to(value, jnp.shape(z)).astype(jnp.result_type(z))


@replace_value.defjvp
def _(primals, tangents):
    return replace_value(*primals), tangents[0]


def clip(z: Array, low, high) -> Array:
    """`z` limited to [low, high], with gradient 1 on the closed interval (`jnp.clip` has one half at its ends)."""
    return jnp.where(z < low, low, jnp.where(z > high, high, z))


def limit(z: Array, low, high, clip_gradient: bool = True) -> Array:
    """As `clip`; the gradient is 1 everywhere with `clip_gradient=False`."""
    clipped = clip(z, low, high)
    return clipped if clip_gradient else replace_value(z, clipped)


def quantise(z: Array, low, high, rounding: str = "half_even", clip_gradient: bool = True) -> Array:
    """Integer codes of `z` (in LSB) limited to [low, high].

    The gradient is 1 up to half an LSB beyond the last codes, where clipping adds no error (so that it does not hang on
    the rounding of a value that defines the range), and 0 farther out, or 1 everywhere with `clip_gradient=False`.
    """
    return replace_value(limit(z, low - 0.5, high + 0.5, clip_gradient), clip(round_values(z, rounding), low, high))
