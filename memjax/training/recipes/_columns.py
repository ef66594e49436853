"""What a number of a recipe is relative to: the array, or each of its columns."""

import jax.numpy as jnp
from jax import Array

OVER = ("array", "column")


def is_matrix(array: Array) -> bool:
    """Whether an array of parameters is a weight matrix: real, of two axes at least. Others are biases and gains."""
    return jnp.ndim(array) >= 2 and bool(jnp.issubdtype(jnp.result_type(array), jnp.floating))


def axes(array: Array, over: str) -> tuple[int, ...]:
    """The axes that share one number: all, or all but the last, which runs over the outputs (bit lines)."""
    return tuple(range(array.ndim if over == "array" else array.ndim - 1))


def largest(array: Array, over: str) -> Array:
    """The largest magnitude, 1 where there are only zeros; broadcasts against the array."""
    top = jnp.max(jnp.abs(array), axis=axes(array, over), keepdims=True)
    return jnp.where(top > 0, top, 1.0)
