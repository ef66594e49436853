"""Rounding and clipping whose gradient passes straight through."""

import jax.numpy as jnp
from jax import Array, lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

ROUNDINGS = ("half_even", "half_up", "floor")


def round_values(z: Array, rounding: str) -> Array:
    """Round to integers: ties to even, ties upwards (floor(z + 1/2)), or always down."""
    if rounding == "half_even":
        return jnp.round(z)
    return jnp.floor(z + 0.5) if rounding == "half_up" else jnp.floor(z)


def replace_value(z: Array, value: Array) -> Array:
    """`value`, with the derivatives of `z` (the straight-through estimator of Bengio et al., arXiv 1308.3432)."""
    z = jnp.asarray(z)
    return _replace.bind(z, jnp.broadcast_to(jnp.asarray(value, z.dtype), z.shape))


def _batch(arguments: tuple[Array, Array], axes: tuple) -> tuple[Array, int]:
    size = next(a.shape[axis] for a, axis in zip(arguments, axes, strict=True) if axis is not None)
    return _replace.bind(*(batching.bdim_at_front(a, axis, size) for a, axis in zip(arguments, axes, strict=True))), 0


# A primitive, since the rule of a `jax.custom_jvp` inside a scan is lost in derivatives of gradients.
_replace = Primitive("replace_value")
_replace.def_impl(lambda z, value: value)
_replace.def_abstract_eval(lambda z, value: value)
mlir.register_lowering(_replace, lambda context, z, value: [value])
ad.primitive_jvps[_replace] = lambda primals, tangents: (_replace.bind(*primals), tangents[0])
batching.primitive_batchers[_replace] = _batch


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
    fixed = lax.stop_gradient((low, z, high))
    lowest, value, highest = (jnp.asarray(a, z.dtype) for a in fixed)
    codes = lax.clamp(lowest, round_values(value, rounding), highest)
    return replace_value(clip(z, low - 0.5, high + 0.5) if clip_gradient else z, codes)
