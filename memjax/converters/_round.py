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


def quantise(z: Array, low, high, rounding: str = "half_even", clip_gradient: bool = True) -> Array:
    """Integer codes of `z` (in LSB) limited to [low, high].

    The gradient is 1 inside the range and 0 outside it, or 1 everywhere with `clip_gradient=False`.
    """
    clipped = jnp.clip(z, low, high)
    if not clip_gradient:
        clipped = replace_value(z, clipped)
    return replace_value(clipped, jnp.clip(round_values(z, rounding), low, high))
