"""Random numbers of training steps, which draw several for every cell at every update.

Those of `jax.random` with `threefry_partitionable` off (of the next even size): half the work of the default. What is
given up is that sharded arrays draw without communication. The generator is written out here, bit for bit that of JAX,
whose CPU form is a loop over its rounds: three times the time for an array, eight times for a list of cells.
"""

import math

import jax
import jax.numpy as jnp
from jax import Array, lax

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


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


def octets(key: Array, size: int) -> Array:
    """Random numbers of eight bits."""
    four = _bits(key, -(-size // 4))
    return jnp.stack([(four >> shift).astype(jnp.uint8) for shift in (0, 8, 16, 24)]).reshape(-1)[:size]


def words(key: Array, size: int) -> Array:
    """Random words, two for each place, [2, size]."""
    return _bits(key, 2 * size).reshape(2, size)


def has_places(key: Array, dtype) -> bool:
    """Whether numbers can be drawn by their place in an array."""
    return dtype == jnp.float32 and jax.random.key_impl(key) == "threefry2x32"


def normal_at(keys: Array, which: Array, place: Array, size: int) -> Array:
    """Elements `place` of the arrays normal(keys[which], (size,)), float32."""
    half = -(-size // 2)
    first, second = words_at(keys, which, place % half, half)
    return _to_normal(jnp.where(place < half, first, second))


def words_at(keys: Array, which: Array, place: Array, size: int) -> Array:
    """Elements `place` of words(keys[which], size), [2, places]."""
    data = _data(keys)
    place = place.astype(jnp.uint32)
    return _joined(*_threefry(data[which].T if len(data) > 1 else data[0], place, place + jnp.uint32(size)))


def _to_unit(words: Array) -> Array:
    """Words as the fractions of numbers in [1, 2), less one."""
    return lax.bitcast_convert_type((words >> 9) | jnp.uint32(0x3F800000), jnp.float32) - 1.0


def _to_normal(words: Array) -> Array:
    low = jnp.nextafter(jnp.float32(-1.0), jnp.float32(0.0))
    return math.sqrt(2.0) * lax.erf_inv(jnp.maximum(low, _to_unit(words) * (1.0 - low) + low))


def _bits(key: Array, size: int) -> Array:
    """Random words."""
    half = -(-size // 2)
    if jax.random.key_impl(key) == "threefry2x32":
        place = jnp.arange(half, dtype=jnp.uint32)
        first, second = _threefry(_data(key), place, place + jnp.uint32(half))
    else:
        with jax.threefry_partitionable(False):
            first, second = jax.random.bits(key, (2, half))
    return _joined(first, second).reshape(-1)[:size]


def _joined(first: Array, second: Array) -> Array:
    """Two arrays as the rows of one, written to memory.

    XLA's CPU compiler would carry the generator, and the choice of a row, into every loop that reads the numbers: much
    is computed several times, and loops that choose are no vector loops.
    """
    return jnp.zeros((2, *first.shape), first.dtype).at[0].set(first).at[1].set(second)


def _data(keys: Array) -> Array:
    return jax.random.key_data(keys) if jnp.issubdtype(keys.dtype, jax.dtypes.prng_key) else keys


def _threefry(key: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """Threefry 2x32 with 20 rounds: two random words for each pair of words x, y, with a key of two words.

    Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
    """
    keys = key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(0x1BD11BDA)
    x, y = x + keys[0], y + keys[1]
    for group in range(5):
        for turn in _ROTATIONS[group % 2]:
            x = x + y
            y = x ^ ((y << turn) | (y >> (32 - turn)))
        x, y = x + keys[(group + 1) % 3], y + keys[(group + 2) % 3] + jnp.uint32(group + 1)
    return x, y
