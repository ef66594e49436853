"""Random numbers of training steps, which draw several for every cell at every update.

Those of `jax.random` with `threefry_partitionable` off, bit for bit: half the work of the default. What is given up is
that sharded arrays draw without communication.
"""

import math

import jax
import jax.numpy as jnp
from jax import Array, lax


def normal(key: Array, shape: tuple[int, ...], dtype) -> Array:
    """Standard normal numbers of a shape."""
    if dtype != jnp.float32:
        with jax.threefry_partitionable(False):
            return jax.random.normal(key, shape, dtype)
    low = jnp.nextafter(jnp.float32(-1.0), jnp.float32(0.0))
    return math.sqrt(2.0) * lax.erf_inv(jnp.maximum(low, _unit(key, shape) * (1.0 - low) + low))


def uniform(key: Array, shape: tuple[int, ...], dtype) -> Array:
    """Uniform numbers in [0, 1) of a shape."""
    if dtype != jnp.float32:
        with jax.threefry_partitionable(False):
            return jax.random.uniform(key, shape, dtype)
    return _unit(key, shape)


def _unit(key: Array, shape: tuple[int, ...]) -> Array:
    """Uniform float32 numbers in [0, 1): random bits as the fraction of numbers in [1, 2)."""
    one = jnp.uint32(0x3F800000)
    return lax.bitcast_convert_type((_bits(key, math.prod(shape)) >> 9) | one, jnp.float32).reshape(shape) - 1.0


def _bits(key: Array, size: int) -> Array:
    """Random words.

    The generator makes two halves and joins them. XLA's CPU compiler would carry that choice of a half into every loop
    that reads the numbers, which then are no vector loops: three times the time. Halves written to memory cannot be.
    """
    half = -(-size // 2)
    with jax.threefry_partitionable(False):
        words = jax.random.bits(key, (2 * half,))
    return jnp.zeros((2, half), words.dtype).at[0].set(words[:half]).at[1].set(words[half:]).reshape(-1)[:size]
