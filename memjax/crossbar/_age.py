"""What passes over a chip: time, use and temperature."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from memjax import _check
from memjax._random import fold_name
from memjax.crossbar._chip import check_memory, check_single, check_tiles
from memjax.crossbar._hardware import Hardware, check_hardware
from memjax.crossbar._program import Chip, in_passes, shape_of
from memjax.crossbar._tiles import Tiling, in_chunks, moved, over_tiles
from memjax.effects import Ageing, Stress, Wear, acting


def age(
    hardware: Hardware,
    chip: Chip,
    key: Array,
    seconds: Any = 0.0,
    cycles: Any = 0,
    temperature: Any = 300.0,
    reads: Any = 0,
) -> Chip:
    """The chip after `seconds` [s] at `temperature` [K], `cycles` write cycles and `reads` reads of every cell.

    What passes adds up over calls: ageing by a and then by b is ageing by a + b. Stuck cells keep their conductance.
    Converter ranges stay as they are.

    Raises: ValueError where no effect of the hardware ages, and for values out of their range; TypeError for a key that
        is none.
    """
    check_hardware(hardware)
    stress = _stress(hardware, seconds, cycles, temperature, reads)
    check_single("chip", chip)
    check_tiles(hardware, chip)
    check_memory(hardware, chip)
    _check.key("key", key)
    return _in_one_pass(hardware, {"chip": chip}, key, stress, False)["chip"]


def age_all(
    hardware: Hardware,
    chip: dict[str, Chip],
    key: Array,
    seconds: Any = 0.0,
    cycles: Any = 0,
    temperature: Any = 300.0,
    reads: Any = 0,
) -> dict[str, Chip]:
    """The crossbars of a chip by name, aged in one pass: each as by `age`, with keys as in `program_all`."""
    stress = _stress(hardware, seconds, cycles, temperature, reads)
    for entry in chip.values():
        check_memory(hardware, entry)
    types = {name: entry["scale"].dtype for name, entry in chip.items()}
    return in_passes(types, lambda names: _in_one_pass(hardware, {n: chip[n] for n in names}, key, stress, True))


def _stress(hardware: Hardware, seconds: Any, cycles: Any, temperature: Any, reads: Any) -> Stress:
    if not acting(hardware.effects, Ageing):
        raise ValueError("Hardware.effects must hold an effect that ages (such as effects.Drift) for age(), got none")
    return Stress(
        _check.scalar("seconds", seconds, low=0.0, unit="s"),
        _check.scalar("cycles", cycles, low=0.0),
        _check.scalar("reads", reads, low=0.0),
        _check.scalar("temperature", temperature, above=0.0, unit="K"),
    )


def _in_one_pass(hardware: Hardware, chip: dict[str, Chip], key: Array, stress: Stress, named: bool) -> dict[str, Chip]:
    first = next(iter(chip.values()))
    parts = [part for part in ("conductance", "low", "high", "memory") if part in first]
    stress = Stress(*(jnp.asarray(value, first["scale"].dtype) for value in stress))
    tiling = Tiling.of(hardware, {name: shape_of(entry) for name, entry in chip.items()})
    cells = {
        n: {a: {part: entry[part][a] for part in parts} for a in entry["conductance"]} for n, entry in chip.items()
    }
    aged = moved(
        Tiling.together, tiling, _aged_tiles(tiling, named, hardware, moved(Tiling.apart, tiling, cells), key, stress)
    )
    return {
        name: entry | {part: {array: cell[part] for array, cell in aged[name].items()} for part in parts}
        for name, entry in chip.items()
    }


@partial(jax.jit, static_argnums=(0, 1))
def _aged_tiles(tiling: Tiling, named: bool, hardware: Hardware, cells: Any, key: Array, stress: Stress) -> Any:
    def age_tile(tile, key):
        old, memory = tile["conductance"], dict(tile["memory"])
        free = tile["low"] < tile["high"] if "low" in tile else True
        for name, effect in acting(hardware.effects, Ageing):
            if isinstance(effect, Wear):
                low, high = effect.wear(tile["low"], tile["high"], memory[name], stress)
                tile |= {"low": jnp.where(free, low, tile["low"]), "high": jnp.where(free, high, tile["high"])}
            aged, memory[name] = effect.age(tile["conductance"], memory[name], fold_name(key, f"{name}/age"), stress)
            tile |= {"conductance": aged}
        return tile | {"conductance": jnp.where(free, tile["conductance"], old), "memory": memory}

    tiles = {"cells": cells, "keys": tiling.tile_keys(tiling.matrix_keys(key, named))}
    whole = lambda tiles: over_tiles(tiling.placement, age_tile, tiles["cells"], tiles["keys"])
    return in_chunks(whole, tiles, len(cells) * hardware.rows * hardware.tile[1])
