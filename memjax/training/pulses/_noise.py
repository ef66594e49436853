"""Random numbers of training steps, which draw several for every cell at every update.

Those of `jax.random` with `threefry_partitionable` off (of the next even size): half the work of the default. What is
given up is that sharded arrays draw without communication.
"""

import math

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.extend.random import threefry_2x32


def normal(key: Array, shape: tuple[int, ...], dtype) -> Array:
    """Standard normal numbers of a shape."""
    if dtype != jnp.float32:
        with jax.threefry_partitionable(False):
            return jax.random.normal(key, shape, dtype)
    return _to_normal(_bits(key, math.prod(shape))).reshape(shape)


def uniform(key: Array, shape: tuple[int, ...], dtype) -> Array:
    """Uniform numbers in [0, 1) of a shape."""
    if dtype != jnp.float32:
        with jax.threefry_partitionable(False):
            return jax.random.uniform(key, shape, dtype)
    return _to_unit(_bits(key, math.prod(shape))).reshape(shape)


def has_places(key: Array, dtype) -> bool:
    """Whether numbers can be drawn by their place in an array."""
    return dtype == jnp.float32 and jax.random.key_impl(key) == "threefry2x32"


def normal_at(keys: Array, which: Array, place: Array, size: int) -> Array:
    """Elements `place` of the arrays normal(keys[which], (size,)), float32."""
    half = -(-size // 2)
    block = (place % half).astype(jnp.uint32)
    words = jax.random.key_data(keys) if jnp.issubdtype(keys.dtype, jax.dtypes.prng_key) else keys
    pair = tuple(words[which].T) if len(words) > 1 else tuple(words[0])
    first, second = jnp.split(threefry_2x32(pair, jnp.concatenate([block, block + jnp.uint32(half)])), 2)
    return _to_normal(jnp.where(place < half, first, second))


def _to_unit(words: Array) -> Array:
    """Words as the fractions of numbers in [1, 2), less one."""
    return lax.bitcast_convert_type((words >> 9) | jnp.uint32(0x3F800000), jnp.float32) - 1.0


def _to_normal(words: Array) -> Array:
    low = jnp.nextafter(jnp.float32(-1.0), jnp.float32(0.0))
    return math.sqrt(2.0) * lax.erf_inv(jnp.maximum(low, _to_unit(words) * (1.0 - low) + low))


def _bits(key: Array, size: int) -> Array:
    """Random words.

    The generator makes two halves and joins them. XLA's CPU compiler would carry that choice of a half into every loop
    that reads the numbers, which then are no vector loops: three times the time. Halves written to memory cannot be.
    """
    half = -(-size // 2)
    with jax.threefry_partitionable(False):
        words = jax.random.bits(key, (2 * half,))
    return jnp.zeros((2, half), words.dtype).at[0].set(words[:half]).at[1].set(words[half:]).reshape(-1)[:size]
