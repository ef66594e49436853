"""A chip prepared for reading: everything that does not depend on the data."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.converters import Dynamic
from memjax.crossbar._array import AbstractArray, Branches, Linear, per_tile
from memjax.crossbar._hardware import Hardware
from memjax.crossbar._program import Chip
from memjax.crossbar._range import expected_range
from memjax.crossbar._response import (
    conducted,
    integrated,
    noise_power,
    power_of_drives,
    presented,
    weighted_sum,
)
from memjax.crossbar._tile import Tile
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


def prepare(hardware: Hardware, chip: Chip) -> Ready:
    """The data-independent half of a read of one matrix (see `Ready`)."""
    cell, mapping, adc = hardware.cell, hardware.mapping, hardware.adc
    conductance = presented(hardware, chip)
    scale, drive = chip["scale"], chip["drive"]
    tiles, rows, _ = next(iter(conductance.values())).shape
    dtype = scale.dtype
    outputs = scale.shape[-1]

    volts = jnp.asarray(hardware.dac.volts(), dtype)
    lsb = jnp.asarray(lsb_of(hardware, chip), dtype)
    # Weight x input code per LSB of current: undoes the voltage of the drive, the conductance range and the mapping.
    weight_per_siemens = mapping.gain * scale / (cell.g_on - cell.g_off)
    gain = weight_per_siemens * (lsb / volts)
    lines = jnp.pad(drive, (0, tiles * rows - drive.shape[-1])).reshape(tiles, rows, 1)
    powers = noise_power(hardware, chip)

    def tile(conversion):
        array = array_of(hardware, conversion, conductance, lines * (volts / lsb))
        width = array.shape[-1] if isinstance(adc.range, Dynamic) else min(outputs, array.shape[-1])
        sources = [weighted_sum(powers, factors) for factors in conversion.noise_sources] if powers else []
        kept = [power_of_drives(power, lines * volts, lsb) for power in sources]
        if hardware.dac.encoding.integrates:
            kept = [integrated(power, jnp.asarray(hardware.dac.steps(), dtype)) for power in kept]
        errors = {e.name: chip["adc"][conversion.name][e.name] for e in adc.mismatches}
        narrow = lambda array: array[..., :width]
        return Tile(array.over_cells(narrow), *jax.tree.map(narrow, (tuple(kept), errors)))

    conversions, references = hardware.conversions
    tiles_of = tuple(map(tile, conversions))
    gains = tuple(jnp.asarray(c.factor, dtype) * gain for c in conversions)
    shape = (drive.shape[-1], outputs)
    reference = jnp.broadcast_to(sum(references) * weight_per_siemens, shape) if references else None
    turned_chip = None if hardware.backward is None else _turn(hardware, conductance, scale, drive.shape[-1])
    return Ready(tiles_of, gains, reference, chip.get("dac_range"), turned_chip)


def _turn(hardware: Hardware, conductance: dict[str, Array], scale: Array, inputs: int) -> tuple[Ready, Array]:
    """The transposed chip, prepared, and the scales that go with its inputs."""
    chip = lax.stop_gradient(turned(conductance, hardware.tile, hardware.cell.g_off, scale, inputs))
    other = other_side(hardware)
    if other.adc.bits is not None and other.adc.range is None:
        chip["adc_range"] = lax.stop_gradient(expected_range(other, chip, scale.shape[-1], inputs))
    return prepare(other, chip), lax.stop_gradient(scale)


def other_side(hardware: Hardware) -> Hardware:
    """The hardware as errors see it, driven at the bit lines and read at the word lines."""
    assert hardware.backward is not None
    return Hardware(
        hardware.cell,
        hardware.mapping,
        (hardware.tile[1], hardware.tile[0]),
        hardware.backward.dac,
        hardware.backward.adc,
        schedule=hardware.schedule,
    )


def lsb_of(hardware: Hardware, chip: Chip) -> Any:
    """Current of one LSB [A]. An ideal converter counts in currents of a full cell, a dynamic one in amperes."""
    adc = hardware.adc
    if adc.bits is None:
        return hardware.dac.v_max * (hardware.cell.g_on - hardware.cell.g_off)
    if isinstance(adc.range, Dynamic):
        return 1.0
    return adc.lsb(chip["adc_range"] if adc.range is None else adc.range)


def array_of(
    hardware: Hardware, conversion: Conversion, conductance: dict[str, Array], lsb_per_siemens: Array
) -> AbstractArray:
    """What drives meet in front of one kind of converter, of arrays [S] [T, rows, width]."""
    branches = zip(*(conducted(hardware, g) for g in conductance.values()), strict=True)

    def matrix(i, arrays):
        seen = conversion.referred(lambda g: conducted(hardware, g)[i])
        return seen.signed(dict(zip(conductance, arrays, strict=True))) * lsb_per_siemens

    matrices = tuple(matrix(i, arrays) for i, arrays in enumerate(branches))
    if hardware.conduction is None:
        return Linear(*matrices)
    dac = hardware.dac
    swing = dac.encoding.full_swing
    conduction, volts, top = per_tile(
        (hardware.conduction, dac.v_max if swing else dac.volts(), dac.v_max), matrices[0]
    )
    return Branches(matrices, conduction, volts, top, swing)
