"""What passes over a chip: time, use and temperature."""

from collections.abc import Mapping
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

    `cycles` may also be those of each cell, {array: numbers of the shape of chip["conductance"][array]}, as they are
    counted in training (`memjax.training.pulses_sent`).

    Raises: ValueError where no effect of the hardware ages, and for values out of their range; TypeError for a key that
        is none.

    Example:
        ```python
        import jax
        import memjax as mj

        hardware = mj.Hardware(effects=(mj.effects.Drift(0.05),))
        w = jax.random.normal(jax.random.key(0), (20, 10))
        chip = mj.program(hardware, w, jax.random.key(1))
        old = mj.age(hardware, chip, jax.random.key(2), seconds=1e6)
        print((mj.weights(hardware, old) / w).mean())  # about (1e6)^-0.05 = 0.5
        ```
    """
    check_hardware(hardware)
    check_single("chip", chip)
    check_tiles(hardware, chip)
    check_memory(hardware, chip)
    of_cells = isinstance(cycles, Mapping)
    if of_cells:
        _check_cycles("cycles", cycles, chip)
    stress = _stress(hardware, seconds, 0 if of_cells else cycles, temperature, reads)
    _check.key("key", key)
    found = _in_one_pass(hardware, {"chip": chip}, key, stress, False, {"chip": cycles} if of_cells else None)
    return found["chip"]


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
    of_cells = isinstance(cycles, Mapping)
    stress = _stress(hardware, seconds, 0 if of_cells else cycles, temperature, reads)
    for name, entry in chip.items():
        check_memory(hardware, entry)
        if of_cells:
            _check_cycles(f"cycles[{name!r}]", cycles.get(name), entry)
    types = {name: entry["scale"].dtype for name, entry in chip.items()}

    def one_pass(names):
        own = {name: cycles[name] for name in names} if of_cells else None
        return _in_one_pass(hardware, {name: chip[name] for name in names}, key, stress, True, own)

    return in_passes(types, one_pass)


def _check_cycles(name: str, cycles: Any, chip: Chip) -> None:
    """Raise unless there is a number for each cell."""
    shapes = {array: jnp.shape(g) for array, g in chip["conductance"].items()}
    found = {array: jnp.shape(n) for array, n in cycles.items()} if isinstance(cycles, Mapping) else cycles
    if found != shapes:
        raise ValueError(f"{name} must be a number for each cell of each array, of the shapes {shapes}, got {found}")
    for array, numbers in cycles.items():
        _check.satisfies(f"{name}[{array!r}]", numbers, lambda n: n >= 0, "at least 0")


def _stress(hardware: Hardware, seconds: Any, cycles: Any, temperature: Any, reads: Any) -> Stress:
    if not acting(hardware.effects, Ageing):
        raise ValueError("Hardware.effects must hold an effect that ages (such as effects.Drift) for age(), got none")
    return Stress(
        _check.scalar("seconds", seconds, low=0.0, unit="s"),
        _check.scalar("cycles", cycles, low=0.0),
        _check.scalar("reads", reads, low=0.0),
        _check.scalar("temperature", temperature, above=0.0, unit="K"),
    )


def _in_one_pass(
    hardware: Hardware,
    chip: dict[str, Chip],
    key: Array,
    stress: Stress,
    named: bool,
    cycles: Mapping[str, Any] | None,
) -> dict[str, Chip]:
    first = next(iter(chip.values()))
    parts = [part for part in ("conductance", "low", "high", "memory") if part in first]
    stress = Stress(*(jnp.asarray(value, first["scale"].dtype) for value in stress))
    tiling = Tiling.of(hardware, {name: shape_of(entry) for name, entry in chip.items()})
    cells = {
        n: {a: {part: entry[part][a] for part in parts} for a in entry["conductance"]} for n, entry in chip.items()
    }
    if cycles is not None:
        as_cell = lambda name, array: jnp.asarray(cycles[name][array], chip[name]["scale"].dtype)
        cells = {n: {a: cell | {"cycles": as_cell(n, a)} for a, cell in arrays.items()} for n, arrays in cells.items()}
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
        passed = stress._replace(cycles=tile["cycles"]) if "cycles" in tile else stress
        old, memory = tile["conductance"], dict(tile["memory"])
        free = tile["low"] < tile["high"] if "low" in tile else True
        for name, effect in acting(hardware.effects, Ageing):
            if isinstance(effect, Wear):
                low, high = effect.wear(tile["low"], tile["high"], memory[name], passed)
                tile |= {"low": jnp.where(free, low, tile["low"]), "high": jnp.where(free, high, tile["high"])}
            aged, memory[name] = effect.age(tile["conductance"], memory[name], fold_name(key, f"{name}/age"), passed)
            tile |= {"conductance": aged}
        return tile | {"conductance": jnp.where(free, tile["conductance"], old), "memory": memory}

    tiles = {"cells": cells, "keys": tiling.tile_keys(tiling.matrix_keys(key, named))}
    whole = lambda tiles: over_tiles(tiling.placement, age_tile, tiles["cells"], tiles["keys"])
    return in_chunks(whole, tiles, len(cells) * hardware.rows * hardware.tile[1])
