"""One matrix, read with vectors."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax import _check
from memjax.contraction import Dot
from memjax.crossbar._converters import check_converters
from memjax.crossbar._hardware import Hardware
from memjax.crossbar._program import Chip, check_memory
from memjax.crossbar._read import prepare, read


def matmul(hardware: Hardware, chip: Chip, x: Array, key: Array | None = None) -> Array:
    """Multiply vectors with a programmed matrix.

    Args:
        hardware: the specification that the chip was made with.
        chip: as returned by `program`.
        x: [..., K], finite.
        key: PRNG key of this read, needed where `Hardware.effects` has read noise or `Hardware.adc` noise.

    Returns: [..., N], approximately x @ weights, in the units of both.

    Raises: ValueError for a chip of other hardware, for inputs of another length or NaN, and for a missing key.
    """
    x = jnp.asarray(x)
    check_entry("chip", chip)
    inputs = chip["drive"].shape[-1]
    if x.ndim == 0 or x.shape[-1] != inputs:
        raise ValueError(f"x must have shape [..., {inputs}], the inputs of the programmed matrix, got {x.shape}")
    values = _check.concrete(x)
    if values is not None and not np.isfinite(values).all():
        raise ValueError(f"x must be finite, got {(~np.isfinite(values)).sum()} NaN or infinite values")
    check_chip(hardware, chip)
    check_key(hardware, key)
    return _matmul(hardware, chip, x, key)


@jax.jit
def _matmul(hardware: Hardware, chip: Chip, x: Array, key: Array | None) -> Array:
    contraction = Dot(x.shape, (x.shape[-1], chip["scale"].shape[-1]), (x.ndim - 1,), (0,))
    return read(hardware, contraction, prepare(hardware, chip), x, key)[0].astype(jnp.result_type(x, chip["scale"]))


def check_key(hardware: Hardware, key: Array | None) -> None:
    """Raise where reads are random and there is no key."""
    if hardware.noisy and key is None:
        source = "Hardware.adc has noise" if hardware.adc.noisy else "Hardware.effects has read noise"
        raise ValueError(f"key must be a PRNG key, since {source}, got None")


def check_entry(name: str, entry: Any) -> None:
    """Raise unless something has the arrays of one programmed matrix."""
    if not isinstance(entry, dict) or not {"conductance", "scale", "drive"} <= entry.keys():
        found = sorted(entry) if isinstance(entry, dict) else type(entry).__name__
        raise TypeError(f"{name} must be a dict with conductance, scale and drive, as made by program, got {found}")


def check_chip(hardware: Hardware, chip: Chip) -> None:
    """Raise unless the tiles of one matrix of a chip are those of the hardware."""
    rows, columns = hardware.rows, hardware.tile[1]
    inputs, outputs = chip["drive"].shape[-1], chip["scale"].shape[-1]
    across = -(-outputs // columns)
    for name, per_output in hardware.mapping.arrays.items():
        width = across * columns if per_output else across
        expected = (-(-inputs // rows), rows, width)
        found = chip["conductance"][name].shape[-3:] if name in chip["conductance"] else None
        if found != expected:
            raise ValueError(
                f"chip must have tiles of shape {expected} in array {name!r} for this Hardware, got {found}: "
                "read a chip with the hardware it was programmed with"
            )
    if hardware.adc.bits is not None and hardware.adc.range is None and "adc_range" not in chip:
        raise ValueError("chip must hold 'adc_range' for Adc(range=None): program it with this Hardware")
    check_memory(hardware, chip)
    check_converters(hardware, chip)
