"""What is seen of a run: converter ranges from sample data, how often converters clip, errors of every crossbar."""

import math
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from memjax import crossbar
from memjax.contraction import Convolution, Observation
from memjax.converters import BitSerial
from memjax.crossbar import Hardware, Layout
from memjax.transform._chips import leading_of
from memjax.transform._fleet import Fleet, prepared
from memjax.transform._sites import Program

# Magnitudes are counted in bins evenly spaced in log2, so that any scale is resolved to 2^(1/256) - 1 = 0.27 %.
BINS_PER_OCTAVE = 256
LOWEST_OCTAVE = -64
OCTAVES = 96


def histogram(values: Array) -> Observation:
    """Counts of the magnitudes of `values`, and the largest."""
    magnitude = jnp.abs(values).ravel().astype(jnp.float32)
    octave = jnp.log2(jnp.maximum(magnitude, 2.0**LOWEST_OCTAVE)) - LOWEST_OCTAVE
    index = jnp.clip((octave * BINS_PER_OCTAVE).astype(int), 0, OCTAVES * BINS_PER_OCTAVE - 1)
    return Observation(jnp.zeros(OCTAVES * BINS_PER_OCTAVE).at[index].add(1.0), jnp.max(magnitude))


def quantile(seen: Observation, percentile: Any) -> Array:
    """The percentile of what was counted, along the last axis; 1 where there was nothing but zeros."""
    count = jnp.cumsum(seen.total, axis=-1)
    index = jnp.argmax(count >= count[..., -1:] * (percentile / 100.0), axis=-1)
    edge = 2.0 ** ((index + 1) / BINS_PER_OCTAVE + LOWEST_OCTAVE)
    top = jnp.where(percentile >= 100.0, seen.peak, jnp.minimum(edge, seen.peak))
    return jnp.where(top > 0, top, 1.0)


def calibrates(hardware: Hardware) -> tuple[bool, bool]:
    """Whether the DAC, and the ADC, take their range from sample data."""
    return hardware.dac.range is None, hardware.adc.range is None and hardware.adc.bits is not None


def _ideal(hardware: Hardware) -> Hardware:
    """The hardware with converters that only scale; bit-serial inputs stay what they are, in planes."""
    serial = isinstance(hardware.dac.encoding, BitSerial)
    where = lambda h: [b for b in (None if serial else h.dac.bits, h.adc.bits) if b is not None]
    return eqx.tree_at(where, hardware, replace_fn=lambda _: None) if where(hardware) else hardware


def calibrate(program: Program, fleet: Fleet, chip: dict[str, Any], leaves: list[Array], percentile: Array) -> Any:
    """The chip with the ranges of `program` on the sample data `leaves` stored in it (see `Analog.calibrate`)."""
    ideal = Fleet(tuple(map(_ideal, fleet.kinds)), fleet.index)
    of_dac, of_adc = ([name for name in chip if calibrates(fleet[name])[side]] for side in (0, 1))
    without = lambda name, entry: {k: v for k, v in entry.items() if k != "dac_range" or name not in of_dac}
    chip = {name: without(name, entry) for name, entry in chip.items()}

    def observe(read):
        ready = prepared(ideal, chip)
        return program.run(leaves, ready, None, read)[1]

    def read_inputs(site, entry, x, key):
        return crossbar.read(ideal[site.crossbar], site.contraction, entry, x)[0], histogram(x)

    for name, seen in (observe(read_inputs) if of_dac else {}).items():
        if name in of_dac:
            stored = quantile(seen, percentile).astype(chip[name]["scale"].dtype)
            chip[name] = chip[name] | {"dac_range": _of_stack(program, name, stored)}

    def read_currents(site, entry, x, key):
        return crossbar.read(ideal[site.crossbar], site.contraction, entry, x, watch=lambda z, *_: histogram(z))

    for name, seen in (observe(read_currents) if of_adc else {}).items():
        if name in of_adc:
            cell, dac = fleet[name].cell, fleet[name].dac
            amperes = quantile(_of_tiles(program, name, seen), percentile) * dac.v_max * (cell.g_on - cell.g_off)
            chip[name] = chip[name] | {"adc_range": amperes.astype(chip[name]["scale"].dtype)}
    return chip


def _of_stack(program: Program, name: str, value: Array) -> Array:
    """A number of every loop of a crossbar, as every member of a stack has it."""
    for count in leading_of(program.crossbars[name])[len(program.crossbars[name].steps) :]:
        value = jnp.repeat(value[..., None], count, axis=-1)
    return value


def _of_tiles(program: Program, name: str, seen: Observation) -> Observation:
    """What was seen at the converters of a crossbar: groups of a convolution share them."""
    if isinstance(program.crossbars[name].contraction, Convolution) and program.crossbars[name].contraction.stack:
        return Observation(seen.total.sum(-2), seen.peak.max(-1))
    return seen


class InputUse(NamedTuple):
    """The inputs of a crossbar beside the range of its DACs: each in the shape of the chip's "dac_range".

    Attributes:
        inside: fraction of the inputs that do not exceed the range.
        deviation: their standard deviation.
        largest: their largest magnitude.
    """

    inside: Array
    deviation: Array
    largest: Array


def inputs(program: Program, fleet: Fleet, chip: dict[str, Any], leaves: list[Array]) -> dict[str, InputUse]:
    """The use of the DACs of each crossbar."""

    def read(site, entry, x, key):
        dac, contraction = fleet[site.crossbar].dac, site.contraction
        data = contraction.data(x).astype(float)
        stored = None if entry.dac_range is None else jnp.max(entry.dac_range)
        inside = jnp.abs(data) <= dac.full_scale(data, contraction.vector_axes, stored)
        total = [inside.sum(dtype=data.dtype), data.sum(), (data**2).sum(), jnp.full((), data.size, data.dtype)]
        seen = Observation(jnp.stack(total), jnp.max(jnp.abs(data)))
        return crossbar.read(fleet[site.crossbar], contraction, entry, x)[0], seen

    def use(name, seen):
        inside, mean, square = (seen.total[..., i] / jnp.maximum(seen.total[..., 3], 1.0) for i in range(3))
        deviation = jnp.sqrt(jnp.maximum(square - mean**2, 0.0))
        return InputUse(*(_of_stack(program, name, value) for value in (inside, deviation, seen.peak)))

    seen = program.run(leaves, prepared(fleet, chip), None, read)[1]
    return {name: use(name, one) for name, one in seen.items()}


class ConverterUse(NamedTuple):
    """How the ADCs of a crossbar are used, by tile: [*loops, row tiles, column tiles].

    Attributes:
        clipping: fraction of the conversions that clip.
        used: largest current, as a fraction of the full scale.
    """

    clipping: Array
    used: Array


def converter_use(program: Program, fleet: Fleet, chip: dict[str, Any], leaves: list[Array]) -> dict[str, ConverterUse]:
    """The use of the converters of every tile (of a group of a convolution: of those that it has)."""
    seen = _converters(program, fleet, chip, leaves)
    ratio = lambda total: total[..., 0] / jnp.maximum(total[..., 1], 1.0)
    return {name: ConverterUse(ratio(one.total), one.peak) for name, one in seen.items()}


def clipping(program: Program, fleet: Fleet, chip: dict[str, Any], leaves: list[Array]) -> dict[str, Array]:
    """Fraction of ADC conversions of each crossbar outside the converter's range."""
    seen = _converters(program, fleet, chip, leaves)
    total = {name: _of_tiles(program, name, Observation(one.total.sum((-3, -2)), one.peak.max((-2, -1)))).total
             for name, one in seen.items()}  # fmt: skip
    rates = {name: t[..., 0] / t[..., 1] for name, t in total.items()}
    return {name: rates.get(name, jnp.zeros(entry["scale"].shape[:-1])) for name, entry in chip.items()}


def _converters(program: Program, fleet: Fleet, chip: dict[str, Any], leaves: list[Array]) -> dict[str, Observation]:
    """Of each crossbar with converters, by tile: (conversions that clip, conversions), and the largest share of the
    full scale. A read without a key has no noise, as in `calibrate`; every other effect acts."""

    def read(site, entry, x, key):
        hardware = fleet[site.crossbar]
        rows = Layout.of(hardware, site.contraction.shape).down
        watch = None if hardware.adc.bits is None else partial(_by_tile, hardware, rows)
        return crossbar.read(hardware, site.contraction, entry, x, watch=watch)

    ready = prepared(fleet, chip)
    return program.run(leaves, ready, None, read)[1]


def _by_tile(hardware: Hardware, rows: int, z: Array, tile: Array, columns: int) -> Observation:
    """What is seen of one row of `rows` rows of tiles."""
    flat = z.reshape(len(z), -1)
    across = -(-flat.shape[-1] // columns)
    pad = lambda a: jnp.pad(a, ((0, 0), (0, across * columns - a.shape[-1]))).reshape(-1, across, columns)
    outside = pad(hardware.adc.clips(flat).astype(jnp.float32)).sum((0, 2))
    number = pad(jnp.ones_like(flat, jnp.float32)).sum((0, 2))
    low, high = hardware.adc.limits()
    share = pad(jnp.abs(flat)).max((0, 2)) / jnp.maximum(jnp.abs(low), jnp.abs(high))
    put = lambda values: jnp.zeros((rows, *values.shape), jnp.float32).at[tile].set(values)
    return Observation(put(jnp.stack([outside, number], axis=-1)), put(share))


def errors(
    program: Program, fleet: Fleet, chip: dict[str, Any], leaves: list[Array], key: Array | None
) -> dict[str, Array]:
    """Relative error of each crossbar: sqrt(sum (y - y_digital)^2 / sum y_digital^2), on the data that reaches it."""
    matrices = program.matrices(program.split(leaves)[0])
    ready = prepared(fleet, chip)

    def read(site, entry, x, key):
        held, matrix = entry
        operation = site.contraction
        y = crossbar.read(fleet[site.crossbar], operation, held, x, key)[0]
        exact = operation.result(operation.product(operation.data(x).astype(matrix.dtype), matrix))
        gap = y.astype(matrix.dtype) - exact
        return y, Observation(jnp.stack([jnp.sum(gap**2), jnp.sum(exact**2)]), jnp.max(jnp.abs(gap)))

    both = {name: (entry, matrices[name]) for name, entry in ready.items()}
    seen = program.run(leaves, both, key, read)[1]
    ratio = lambda total: jnp.sqrt(total[..., 0] / jnp.where(total[..., 1] > 0, total[..., 1], 1.0))
    return jax.tree.map(ratio, {name: one.total for name, one in seen.items()})


def power(program: Program, fleet: Fleet, chip: dict[str, Any], leaves: list[Array]) -> dict[str, Array]:
    """Power of the cells of each crossbar [W], summed over the input planes of the call (see `crossbar.power`)."""
    ready = prepared(fleet, chip)
    lines = {name: crossbar.word_lines(fleet[name], entry) for name, entry in chip.items()}

    def read(site, entry, x, key):
        held, of_site = entry
        hardware = fleet[site.crossbar]
        y = crossbar.read(hardware, site.contraction, held, x)[0]
        return y, crossbar.power(hardware, site.contraction, of_site, x, held.dac_range)

    both = {name: (entry, lines[name]) for name, entry in ready.items()}
    seen = program.run(leaves, both, None, read)[1]
    return {name: jnp.sum(one.total) for name, one in seen.items()}


def mean_power(program: Program, fleet: Fleet, chip: dict[str, Any]) -> dict[str, Array]:
    """The same expected of inputs spread evenly over the range of the DAC, for all loops together."""
    found = {}
    for name, entry in chip.items():
        crossbars = program.crossbars[name]
        matrices = math.prod((*crossbars.steps, *crossbars.contraction.stack))
        vectors = sum(row.reads for row in program.table if row.crossbar == name) / matrices
        found[name] = crossbar.mean_power(fleet[name], crossbar.word_lines(fleet[name], entry), vectors)
    return found
