"""One read of a vector: DAC, currents, ADC, and the scales undone."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from memjax.contraction import Convolution, Dot
from memjax.crossbar._hardware import Hardware
from memjax.crossbar._prepare import Ready
from memjax.crossbar._tile import Tile

# (input codes, tiles, key) -> (the sum of their codes, what was seen)
Convert = Callable[[Array, Tile, Array | None], tuple[Array, Any]]


def once(
    hardware: Hardware,
    contraction: Dot | Convolution,
    ready: Ready,
    data: Array,
    key: Array | None,
    convert: Convert,
    divided: Any = None,
) -> tuple[Array, list[Any]]:
    """The result in standard form of data in standard form, and what was seen at each kind of converter.

    With `divided`, a power of two, the inputs are so many times smaller and the result is scaled back.
    """
    stored = None if ready.dac_range is None else jnp.max(ready.dac_range)  # one range, also for a stack
    codes, value = hardware.dac.convert(data, contraction.vector_axes, stored, divided)
    total, seen = jnp.zeros((), data.dtype), []
    for index, (tile, gain) in enumerate(zip(ready.tiles, ready.gains, strict=True)):
        random = tile.powers or hardware.adc.noisy
        tile_key = jax.random.fold_in(key, index) if key is not None and random else None
        part, observed = convert(codes, tile, tile_key)
        total = total + part * contraction.spread(gain)
        seen.append(observed)
    if ready.reference is not None:
        total = total - contraction.product(codes, ready.reference)
    return total * value, seen
