"""Digital corrections of a chip's output: for drift, and for all that scales it."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from memjax import _check
from memjax.contraction import Dot
from memjax.converters import Dynamic
from memjax.crossbar._chip import check_chip, check_single
from memjax.crossbar._hardware import Hardware
from memjax.crossbar._program import Chip
from memjax.crossbar._read import prepare, read

VECTORS = 64


def compensate(
    hardware: Hardware, chip: Chip, fresh: Chip, key: Array, columns: bool = False, vectors: int = VECTORS
) -> Chip:
    """The aged chip with its output scaled as the fresh one's: global drift compensation.

    scale -> scale * sum |y(fresh)| / sum |y(chip)| over reads of random input vectors that span the DAC's range.

    Args:
        hardware: the specification that the chips were made with.
        chip: the chip to be compensated.
        fresh: the same chip as it was programmed.
        key: PRNG key of the vectors and of both reads.
        columns: whether every column has a factor of its own (True), or the crossbar one.
        vectors: number of input vectors.

    Raises: ValueError for chips of other hardware or of different shape.

    Source: the global drift compensation of Joshi et al., Nature Communications 11, 2473 (2020).
    """
    for name, entry in (("chip", chip), ("fresh", fresh)):
        check_single(name, entry)
        check_chip(hardware, entry, name)
    shapes = [(entry["drive"].shape, entry["scale"].shape) for entry in (chip, fresh)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"fresh must be the chip as programmed, of shape {shapes[0]}, got {shapes[1]}")
    _check.number("vectors", vectors, 1)
    _check.key("key", key)
    return _compensated(hardware, chip, fresh, key, columns, vectors)


@partial(jax.jit, static_argnums=(4, 5))
def _compensated(hardware: Hardware, chip: Chip, fresh: Chip, key: Array, columns: bool, vectors: int) -> Chip:
    inputs, *keys = jax.random.split(key, 3)
    x = _vectors(hardware, chip, inputs, vectors)
    now, then = (_outputs(hardware, entry, x, k) for entry, k in zip((chip, fresh), keys, strict=True))
    axis = 0 if columns else None
    return _scaled(chip, jnp.sum(jnp.abs(then), axis), jnp.sum(jnp.abs(now), axis))


def tune(hardware: Hardware, chip: Chip, weights: Array, key: Array, vectors: int = VECTORS) -> Chip:
    """The chip with its output scaled to fit the digital product: a regression of one parameter through the origin.

    scale -> scale * sum y_digital y / sum y^2 over reads of random input vectors that span the DAC's range.

    Args:
        hardware: the specification that the chip was made with.
        chip: the chip.
        weights: [K, N], what it was programmed with.
        key: PRNG key of the vectors and of the reads.
        vectors: number of input vectors.

    Raises: ValueError for a chip of other hardware or weights of another shape.

    Source: the output regression of MemTorch, for its slope.
    """
    check_single("chip", chip)
    check_chip(hardware, chip)
    expected = (chip["drive"].shape[-1], chip["scale"].shape[-1])
    if jnp.shape(weights) != expected:
        raise ValueError(f"weights must have the shape {expected} that the chip was made for, got {jnp.shape(weights)}")
    _check.number("vectors", vectors, 1)
    _check.key("key", key)
    return _tuned(hardware, chip, jnp.asarray(weights, chip["scale"].dtype), key, vectors)


@partial(jax.jit, static_argnums=4)
def _tuned(hardware: Hardware, chip: Chip, weights: Array, key: Array, vectors: int) -> Chip:
    inputs, reads = jax.random.split(key)
    x = _vectors(hardware, chip, inputs, vectors)
    y = _outputs(hardware, chip, x, reads)
    return _scaled(chip, jnp.sum((x @ weights) * y), jnp.sum(y * y))


def _vectors(hardware: Hardware, chip: Chip, key: Array, count: int) -> Array:
    """Input vectors [count, K], uniform over the range of the DAC."""
    stated = hardware.dac.range
    top = chip.get("dac_range", 1.0) if stated is None or isinstance(stated, Dynamic) else stated
    dtype = chip["scale"].dtype
    return jnp.max(jnp.asarray(top, dtype)) * jax.random.uniform(key, (count, chip["drive"].shape[-1]), dtype, -1.0)


def _outputs(hardware: Hardware, chip: Chip, x: Array, key: Array) -> Array:
    contraction = Dot(x.shape, (x.shape[-1], chip["scale"].shape[-1]), (x.ndim - 1,), (0,))
    return read(hardware, contraction, prepare(hardware, chip), x, key)[0]


def _scaled(chip: Chip, wanted: Any, found: Any) -> Chip:
    """The chip with its scale multiplied by wanted / found (by 1 where nothing was found)."""
    factor = jnp.where(found > 0, wanted / jnp.where(found > 0, found, 1.0), 1.0)
    return chip | {"scale": chip["scale"] * factor.astype(chip["scale"].dtype)}
