"""Reading a chip: DAC, currents, ADC, and the scales undone."""

from functools import reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.contraction import Convolution, Dot, Observation, merge
from memjax.converters import Dynamic, never_clips, replace_value
from memjax.crossbar._hardware import Hardware
from memjax.crossbar._layout import join
from memjax.crossbar._mvm import Schedule, Term, Watch, mvm
from memjax.crossbar._packing import Packing
from memjax.crossbar._program import Chip
from memjax.crossbar._range import expected_range
from memjax.crossbar._response import (
    Response,
    conducted,
    integrated,
    noise_power,
    power_of_drives,
    presented,
    weighted_sum,
)
from memjax.crossbar._reverse_only import reverse_only
from memjax.crossbar._transposed import FORWARD_MODE, errors_back, turned
from memjax.mapping import copy_columns

Contraction = Dot | Convolution

# Bytes of input rows and partial sums that are live at once: what stays in a CPU's cache, what fills a GPU.
CACHE_BYTES = {"cpu": 1 << 20}
DEVICE_BYTES = 1 << 28


class Ready(NamedTuple):
    """A chip prepared for reading: everything that does not depend on the data.

    Attributes:
        terms: the arrays in front of the converters, in LSB per unit of drive.
        gains: for each, the value of one LSB in units of weight x input code, [N].
        reference: matrix [K, N] whose product with the input codes is subtracted digitally, or None.
        dac_range: calibrated DAC range, or None.
        backward: for reads through the transposed array, that chip prepared and the weight scales [N]; else None.
    """

    terms: tuple[Term, ...]
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
    lsb = jnp.asarray(_lsb(hardware, chip), dtype)
    # Weight x input code per LSB of current: undoes the voltage of the drive, the conductance range and the mapping.
    weight_per_siemens = mapping.gain * scale / (cell.g_on - cell.g_off)
    gain = weight_per_siemens * (lsb / volts)
    lines = jnp.pad(drive, (0, tiles * rows - drive.shape[-1])).reshape(tiles, rows, 1)
    # The arrays of every branch of the current-voltage relation.
    parts = zip(*(conducted(hardware, g) for g in conductance.values()), strict=True)
    branches = [dict(zip(conductance, arrays, strict=True)) for arrays in parts]
    powers = noise_power(hardware, chip)

    def term(conversion):
        signed = [
            conversion.referred(lambda g, i=i: conducted(hardware, g)[i]).signed(arrays)
            for i, arrays in enumerate(branches)
        ]
        width = signed[0].shape[-1] if isinstance(adc.range, Dynamic) else min(outputs, signed[0].shape[-1])
        sources = [weighted_sum(powers, factors) for factors in conversion.noise_sources] if powers else []
        kept = [power_of_drives(power, lines * volts, lsb) for power in sources]
        if hardware.dac.encoding.integrates:
            kept = [integrated(power, jnp.asarray(hardware.dac.steps(), dtype)) for power in kept]
        errors = {e.name: chip["adc"][conversion.name][e.name] for e in adc.mismatches}
        per_drive = tuple(g * (lines * (volts / lsb)) for g in signed)
        return Term(*jax.tree.map(lambda array: array[..., :width], (per_drive, tuple(kept), errors)))

    conversions, references = hardware.conversions
    terms = tuple(map(term, conversions))
    gains = tuple(jnp.asarray(c.factor, dtype) * gain for c in conversions)
    shape = (drive.shape[-1], outputs)
    reference = jnp.broadcast_to(sum(references) * weight_per_siemens, shape) if references else None
    turned_chip = None if hardware.backward is None else _turn(hardware, conductance, scale, drive.shape[-1])
    return Ready(terms, gains, reference, chip.get("dac_range"), turned_chip)


def _turn(hardware: Hardware, conductance: dict[str, Array], scale: Array, inputs: int) -> tuple[Ready, Array]:
    """The transposed chip, prepared, and the scales that go with its inputs."""
    chip = lax.stop_gradient(turned(conductance, hardware.tile, hardware.cell.g_off, scale, inputs))
    other = _other_side(hardware)
    if other.adc.bits is not None and other.adc.range is None:
        chip["adc_range"] = lax.stop_gradient(expected_range(other, chip, scale.shape[-1], inputs))
    return prepare(other, chip), lax.stop_gradient(scale)


def _other_side(hardware: Hardware) -> Hardware:
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


def _lsb(hardware: Hardware, chip: Chip) -> Any:
    """Current of one LSB [A]. An ideal converter counts in currents of a full cell, a dynamic one in amperes."""
    adc = hardware.adc
    if adc.bits is None:
        return hardware.dac.v_max * (hardware.cell.g_on - hardware.cell.g_off)
    if isinstance(adc.range, Dynamic):
        return 1.0
    return adc.lsb(chip["adc_range"] if adc.range is None else adc.range)


def read(
    hardware: Hardware, contraction: Contraction, ready: Ready, x: Array, key: Array | None = None, watch: Watch = None
) -> tuple[Array, Observation | None]:
    """Contract data with a programmed weight.

    Args:
        hardware: the specification.
        contraction: the digital op that is being replaced.
        ready: the prepared chip, with the stack of a `Dot` as leading axes; the groups of a convolution are packed.
        x: the data operand, in the op's own layout.
        key: key of this read.
        watch: what to record of the currents of every tile [LSB].

    Returns: the result in the op's own layout, and what was watched.
    """
    packing = Packing.of(hardware, contraction)
    if packing is not None:
        ready = packing.apart(ready)
    data = contraction.data(x).astype(ready.gains[0].dtype)
    if ready.backward is None or watch is not None:
        result, seen = _forward(hardware, contraction, ready, data, key, watch)
    else:
        result, seen = _through_the_array(hardware, contraction, ready, data, key), None
    return contraction.result(result), seen


def _forward(
    hardware: Hardware, contraction: Contraction, ready: Ready, data: Array, key: Array | None, watch: Watch
) -> tuple[Array, Observation | None]:
    """The read between standard forms."""
    stored = None if ready.dac_range is None else jnp.max(ready.dac_range)  # one range, also for a stack
    codes, value = hardware.dac.convert(data, contraction.vector_axes, stored)
    total, seen = jnp.zeros((), data.dtype), []
    for index, (term, gain) in enumerate(zip(ready.terms, ready.gains, strict=True)):
        random = term.powers or hardware.adc.noisy
        term_key = jax.random.fold_in(key, index) if key is not None and random else None
        part, observed = _convert_currents(hardware, contraction, codes, term, term_key, watch)
        total = total + part * contraction.spread(gain)
        seen.append(observed)
    if ready.reference is not None:
        total = total - contraction.product(codes, ready.reference)
    return total * value, None if watch is None else reduce(merge, seen)


def _through_the_array(
    hardware: Hardware, contraction: Contraction, ready: Ready, data: Array, key: Array | None
) -> Array:
    """The read whose gradient by the data is read from the transposed array."""

    def forward(data, operands):
        hardware, ready, key = operands
        return _forward(hardware, contraction, ready, data, key, None)[0]

    def gradient(d, operands):
        hardware, ready, _ = operands
        turned_chip, scale = ready.backward
        back = lambda contraction, errors: read(_other_side(hardware), contraction, turned_chip, errors)[0]
        return errors_back(contraction, back, scale, data.shape, d)

    return reverse_only(forward, gradient, FORWARD_MODE, data, (hardware, ready, key))


def _convert_currents(
    hardware: Hardware, contraction: Contraction, codes: Array, term: Term, key: Array | None, watch: Watch
) -> tuple[Array, Observation | None]:
    """Sum over the tiles of the converted currents, in standard form, and what was watched."""
    inputs, outputs = contraction.shape
    columns = hardware.tile[1]
    shared = term.conductances[0].shape[-1] < outputs  # one column in each tile, copied digitally
    backend = jax.default_backend()
    batched = hardware.schedule == "batched" or (hardware.schedule is None and backend != "cpu")
    schedule = Schedule(batched, 1 if shared else columns)
    encoding = hardware.dac.encoding
    cast = lambda tree: jax.tree.map(lambda leaf: jnp.asarray(leaf, codes.dtype), tree)
    steps, adc, response = cast((hardware.dac.steps(), hardware.adc, Response.of(hardware)))

    def wide(array):
        """Bit lines as outputs: padding columns dropped, the shared column of a tile copied to its columns."""
        return copy_columns(array, columns, outputs) if shared else array[..., :outputs]

    def product():
        branches = zip(response.branches(codes), term.conductances, strict=True)
        return reduce(jnp.add, (contraction.product(x, join(wide(g), inputs, outputs)) for x, g in branches))

    def simulate(codes, term, steps, adc, response):
        def kernel(rows, term, key, first):
            drives = encoding.drives(rows, steps)
            result, seen = mvm(schedule, watch, adc, response, drives, term, key, first * encoding.planes)
            return wide(encoding.collect(result)), seen

        tiles, _, width = term.conductances[0].shape[-3:]
        row = codes.dtype.itemsize * (inputs + width * (tiles if schedule.batched else 1))
        most = CACHE_BYTES.get(backend, DEVICE_BYTES) // (row * encoding.planes)
        return contraction.over_rows(kernel, codes, term, key, most, watch is not None)

    real = codes, term, steps, adc, response
    if adc.bits is None and key is None and watch is None:
        return product(), None
    if watch is None and (not adc.clip_gradient or never_clips(adc)):
        # The simulated result, with the derivatives of the digital product (whose value is not computed).
        return replace_value(product(), simulate(*lax.stop_gradient(real))[0]), None
    return simulate(*real)
