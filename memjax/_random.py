"""Random numbers of many axes, drawn flat, and folds that depend on names.

The numbers are those of `jax.random`, bit for bit; under nested `vmap` the flat draw compiles several times faster.
"""

import math
import zlib

import jax
from jax import Array


def normal(key: Array, shape: tuple[int, ...], dtype) -> Array:
    """Standard normal numbers of a shape."""
    return jax.random.normal(key, (math.prod(shape),), dtype).reshape(shape)


def uniform(key: Array, shape: tuple[int, ...], dtype) -> Array:
    """Uniform numbers in [0, 1) of a shape."""
    return jax.random.uniform(key, (math.prod(shape),), dtype).reshape(shape)


def salt(text: str) -> int:
    """A 31-bit number that depends on the text alone, in every process."""
    return zlib.crc32(text.encode()) & 0x7FFFFFFF


def fold_name(key: Array, name: str) -> Array:
    """The key folded with a name."""
    return jax.random.fold_in(key, salt(name))
