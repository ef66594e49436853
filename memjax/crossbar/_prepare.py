"""A chip prepared for reading: everything that does not depend on the data."""

from collections.abc import Callable
from functools import partial, reduce
from operator import add
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.converters import Dynamic
from memjax.crossbar._array import AbstractArray, Branches, Linear, per_tile
from memjax.crossbar._hardware import Hardware
from memjax.crossbar._layout import Layout, physical
from memjax.crossbar._network import Network
from memjax.crossbar._program import Chip
from memjax.crossbar._range import full_scale, largest_seen
from memjax.crossbar._response import (
    conducted,
    integrated,
    noise_power,
    power_of_drives,
    presented,
    weighted_sum,
)
from memjax.crossbar._terminals import attenuated, conductance_at_top, of_matrices, shape_of_arrays
from memjax.crossbar._tile import Tile
from memjax.crossbar._tiles import Tiling
from memjax.crossbar._transposed import turned
from memjax.mapping import Conversion


class Ready(NamedTuple):
    """A chip prepared for reading: everything that does not depend on the data.

    Attributes:
        tiles: the row tiles in front of each kind of converter, in LSB per unit of drive.
        gains: for each, the value of one LSB in units of weight x input code, [N].
        reference: matrix [K, N] whose product with the input codes is subtracted digitally, or None.
        dac_range: calibrated DAC range, or None.
        backward: for reads through the transposed array, that chip prepared and the weight scales [N]; else None.
    """

    tiles: tuple[Tile, ...]
    gains: tuple[Array, ...]
    reference: Array | None
    dac_range: Array | None
    backward: "tuple[Ready, Array] | None" = None


def prepare_all(hardware: Hardware, chip: dict[str, Any]) -> dict[str, Ready]:
    """Every crossbar of a chip prepared, over its leading axes; what is prepared stays.

    The wires of all tiles are solved in one pass.
    """
    raw = {name: entry for name, entry in chip.items() if not isinstance(entry, Ready)}
    cells = {name: _over(entry, presented, hardware)(entry) for name, entry in raw.items()}
    seen = of_matrices(hardware, cells, hardware.wires)
    back = _seen_backward(hardware, cells, seen)
    ready = {n: _over(entry, _prepared, hardware)(entry, cells[n], seen[n], back[n]) for n, entry in raw.items()}
    return {name: ready.get(name, entry) for name, entry in chip.items()}


def _seen_backward(hardware: Hardware, cells: dict[str, dict[str, Array]], seen: dict[str, Any]) -> dict[str, Any]:
    """The conductances whose transpose the transposed read sees; None where there is no such read."""
    back = hardware.backward
    if back is None:
        return dict.fromkeys(cells)
    return seen if back.wires is None else of_matrices(hardware, lax.stop_gradient(cells), back.links)


def _over(entry: Chip, f: Callable, hardware: Hardware) -> Callable:
    """f(hardware, ...) over the leading axes of an entry."""
    f = partial(f, hardware)
    for _ in entry["scale"].shape[:-1]:
        f = jax.vmap(f)
    return f


def prepare(hardware: Hardware, chip: Chip) -> Ready:
    """The data-independent half of a read of one matrix (see `Ready`)."""
    return prepare_all(hardware, {"chip": chip})["chip"]


def _prepared(
    hardware: Hardware,
    chip: Chip,
    cells: dict[str, Array],
    seen: dict[str, Array],
    back: dict[str, Array] | None = None,
) -> Ready:
    """Of one matrix, whose cells a read meets with these conductances [S], and sees so at the terminals.

    `back` is what the transposed read sees, if there is one.
    """
    cell, mapping, adc = hardware.cell, hardware.mapping, hardware.adc
    scale, drive = chip["scale"], chip["drive"]
    outputs = scale.shape[-1]
    tiles, rows, _ = next(iter(cells.values())).shape
    dtype = scale.dtype

    volts = jnp.asarray(hardware.dac.volts(), dtype)
    lsb = jnp.asarray(lsb_of(hardware, chip), dtype)
    # Weight x input code per LSB of current: undoes the voltage of the drive, the conductance range and the mapping.
    # Small and large numbers meet first, so that no weight overflows.
    range_ = cell.g_on - cell.g_off
    gain = mapping.gain * scale * (lsb / volts / range_)
    lines = jnp.pad(drive, (0, tiles * rows - drive.shape[-1])).reshape(tiles, rows, 1)
    powers = noise_power(hardware, chip)
    if hardware.wires is not None:
        powers = attenuated(powers, cells, seen)

    def tile(conversion):
        array = array_of(hardware, conversion, cells, seen, lines * volts, lsb)
        # Bit lines that nothing is read from set a full scale where their cells carry current, or where all count.
        every = isinstance(adc.range, Dynamic) and (adc.range.counts or not conversion.paired)
        width = array.shape[-1] if every else min(outputs, array.shape[-1])
        sources = [weighted_sum(powers, factors) for factors in conversion.noise_sources] if powers else []
        kept = [power_of_drives(power, lines * volts, lsb) for power in sources]
        if hardware.dac.encoding.integrates:
            kept = [integrated(power, jnp.asarray(hardware.dac.steps(), dtype)) for power in kept]
        errors = {e.name: chip["adc"][conversion.name][e.name] for e in adc.mismatches}
        narrow = lambda array: array[..., :width]
        return Tile(array.narrowed(width), *jax.tree.map(narrow, (tuple(kept), errors)))

    conversions, references = hardware.conversions
    tiles_of = tuple(map(tile, conversions))
    gains = tuple(jnp.asarray(c.factor, dtype) * gain for c in conversions)
    off = [mapping.gain * scale * (sum(references) / range_)] if references else []
    off += [-chip["middle"]] if "middle" in chip else []
    reference = jnp.broadcast_to(reduce(add, off), (drive.shape[-1], outputs)) if off else None
    transposed = None if back is None else _turn(hardware, chip, cells, back)
    return Ready(tiles_of, gains, reference, chip.get("dac_range"), transposed)


def _turn(hardware: Hardware, chip: Chip, cells: dict[str, Array], seen: dict[str, Array]) -> tuple[Ready, Array]:
    """The chip of the transposed matrix without its scales, prepared, and the scales that go with its inputs."""
    scale, drive = chip["scale"], chip["drive"]
    other = other_side(hardware)
    held = {part: chip[part] for part in ("conductance", "memory") if part in chip and other.effects}
    back, cells, seen = lax.stop_gradient(turned((held, cells, seen), hardware.tile[1]))
    back |= {"scale": jnp.ones(drive.shape, scale.dtype), "drive": jnp.ones(scale.shape, scale.dtype)}
    if other.adc.in_chip:
        tiling = Tiling.of(other, {"chip": (scale.shape[-1], drive.shape[-1])})
        driven = tiling.cut({"chip": jnp.ones((scale.shape[-1], drive.shape[-1]), bool)})
        top = largest_seen(other, tiling.apart({"chip": seen}), driven).max()
        back["adc_range"] = full_scale(other, top)
    return _prepared(other, back, cells, seen), lax.stop_gradient(scale)


def other_side(hardware: Hardware) -> Hardware:
    """The hardware as errors see it, driven at the bit lines and read at the word lines."""
    assert hardware.backward is not None
    return Hardware(
        hardware.cell,
        hardware.mapping,
        (hardware.tile[1], hardware.tile[0]),
        hardware.backward.dac,
        hardware.backward.adc,
        hardware.backward.effects,
        wires=hardware.wires if hardware.backward.wires is None else hardware.backward.wires,
        schedule=hardware.schedule,
    )


def lsb_of(hardware: Hardware, chip: Chip) -> Any:
    """Current of one LSB [A]. An ideal converter counts in currents of a full cell, a dynamic one in amperes."""
    adc = hardware.adc
    if adc.bits is None:
        return hardware.dac.v_max * (hardware.cell.g_on - hardware.cell.g_off)
    if isinstance(adc.range, Dynamic):
        return 1.0
    return adc.lsb(chip["adc_range"] if adc.in_chip else adc.range)


def array_of(
    hardware: Hardware,
    conversion: Conversion,
    cells: dict[str, Array],
    seen: dict[str, Array],
    volts: Array,
    lsb: Array,
) -> AbstractArray:
    """What drives meet in front of one kind of converter.

    Args:
        hardware, conversion: the specification.
        cells: conductances of every array [S], [row tiles, rows, width].
        seen: the same at the terminals.
        volts: voltage of each word line at a unit of the drive [V], [row tiles, rows, 1].
        lsb: current of one LSB [A].
    """
    per_drive = volts / lsb
    if hardware.conduction is None:
        return Linear(conversion.signed(seen) * per_drive)
    dac, swing = hardware.dac, hardware.dac.encoding.full_swing
    if hardware.wires is not None:
        top = conversion.referred(lambda g: conductance_at_top(hardware, g)).signed(seen) * per_drive
        full = volts[..., 0] * (dac.v_max / dac.volts() if swing else 1.0)
        return _network(hardware, conversion, cells, full, lsb, top)
    branches = zip(*(conducted(hardware, g) for g in cells.values()), strict=True)

    def matrix(i, arrays):
        signed = conversion.referred(lambda g: conducted(hardware, g)[i]).signed
        return signed(dict(zip(cells, arrays, strict=True))) * per_drive

    matrices = tuple(matrix(i, arrays) for i, arrays in enumerate(branches))
    numbers = hardware.conduction, dac.v_max if swing else dac.volts(), dac.v_max
    conduction, unit, top = per_tile(numbers, matrices[0])
    return Branches(matrices, conduction, unit, top, swing)


def _network(
    hardware: Hardware, conversion: Conversion, cells: dict[str, Array], volts: Array, lsb: Array, top: Array
) -> Network:
    layout = Layout.of(hardware, shape_of_arrays(hardware, cells))
    down, rows = layout.down, layout.rows
    by_column_tile = lambda g: jnp.moveaxis(g.reshape(down, rows, layout.across, -1), 2, 1)
    tiles = physical(layout.placement, {name: by_column_tile(g) for name, g in cells.items()})
    numbers = conversion.own, conversion.shared, conversion.reference, lsb, hardware.wires, hardware.conduction
    own, shared, reference, lsb, wires, conduction = jax.tree.map(
        lambda a: jnp.broadcast_to(jnp.asarray(a, top.dtype), (down, *jnp.shape(a))), numbers
    )
    widths = tuple((placed, tuple(map(layout.width, placed.arrays))) for placed in layout.placement)
    swing = hardware.dac.encoding.full_swing
    return Network(tuple(tiles.values()), own, shared, reference, volts, lsb, wires, conduction, top, widths, swing)
