"""Reading a chip: DAC, currents, ADC, and the scales undone."""

from collections.abc import Callable
from functools import partial, reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from memjax.converters import AbstractAdc, Dynamic, never_clips
from memjax.crossbar._contraction import Dot
from memjax.crossbar._convolution import Convolution
from memjax.crossbar._hardware import Hardware
from memjax.crossbar._mvm import Observation, Schedule, Term, Watch, merge, mvm
from memjax.crossbar._program import Chip
from memjax.crossbar._tiles import join
from memjax.effects import Reading
from memjax.mapping import copy_columns

Contraction = Dot | Convolution

# Bytes of input rows and partial sums that are live at once: what stays in a CPU's cache, what fills a GPU.
CACHE_BYTES = {"cpu": 1 << 20}
DEVICE_BYTES = 1 << 28


class Ready(NamedTuple):
    """A chip prepared for reading: everything that does not depend on the data.

    Attributes:
        terms: the arrays in front of the converters, in LSB per input code.
        gains: for each, the value of one LSB in units of weight x input code, [N].
        reference: matrix [K, N] whose product with the input codes is subtracted digitally, or None.
        dac_range: calibrated DAC range, or None.
    """

    terms: tuple[Term, ...]
    gains: tuple[Array, ...]
    reference: Array | None
    dac_range: Array | None


def prepare(hardware: Hardware, chip: Chip) -> Ready:
    """The data-independent half of a read of one matrix (see `Ready`)."""
    cell, mapping, adc = hardware.cell, hardware.mapping, hardware.adc
    conductance = chip["conductance"]
    scale, drive = chip["scale"], chip["drive"]
    tiles, rows, _ = next(iter(conductance.values())).shape
    dtype = scale.dtype
    outputs = scale.shape[-1]

    volts = jnp.asarray(hardware.dac.v_max / hardware.dac.steps(), dtype)
    lsb = jnp.asarray(_lsb(hardware, chip), dtype)
    # Weight x input code per LSB of current: undoes the voltage of a code, the conductance range and the mapping.
    weight_per_siemens = mapping.gain * scale / (cell.g_on - cell.g_off)
    gain = weight_per_siemens * (lsb / volts)
    lines = jnp.pad(drive, (0, tiles * rows - drive.shape[-1])).reshape(tiles, rows, 1) * (volts / lsb)

    variance = {
        name: sum((e.read_variance(g) for e in hardware.effects if isinstance(e, Reading)), start=jnp.zeros((), dtype))
        for name, g in conductance.items()
    }

    def term(signed, sources):
        kept = [v * jnp.square(lines) for v in sources] if hardware.noisy else []
        width = signed.shape[-1] if isinstance(adc.range, Dynamic) else min(outputs, signed.shape[-1])
        return Term((signed * lines)[..., :width], tuple(v[..., :width] for v in kept))

    if adc.subtract == "analog":
        signed = mapping.signed(conductance, cell.g_off, cell.g_on)
        terms, gains, reference = (term(signed, mapping.noise_sources(variance)),), (gain,), None
    else:
        parts = mapping.converted()
        terms = tuple(term(conductance[name], [variance[name]]) for name, _ in parts)
        gains = tuple(factor * gain for _, factor in parts)
        mid = mapping.digital_reference(cell.g_off, cell.g_on)
        shape = (drive.shape[-1], outputs)
        reference = None if mid is None else jnp.broadcast_to(mid * weight_per_siemens, shape)
    return Ready(terms, gains, reference, chip.get("dac_range"))


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
        ready: the prepared chip, with the contraction's stack as leading axes.
        x: the data operand, in the op's own layout.
        key: key of this read.
        watch: what to record of the currents of every tile [LSB].

    Returns: the result in the op's own layout, and what was watched.
    """
    dtype = ready.gains[0].dtype
    stored = None if ready.dac_range is None else jnp.max(ready.dac_range)  # one range, also for a stack
    codes, value = hardware.dac.convert(contraction.data(x).astype(dtype), contraction.vector_axes, stored)
    total, seen = jnp.zeros((), dtype), []
    for index, (term, gain) in enumerate(zip(ready.terms, ready.gains, strict=True)):
        term_key = jax.random.fold_in(key, index) if key is not None and term.variances else None
        part, observed = _convert_currents(hardware, contraction, codes, term, term_key, watch)
        total = total + part * contraction.spread(gain)
        seen.append(observed)
    if ready.reference is not None:
        total = total - contraction.product(codes, ready.reference)
    return contraction.result(total * value), None if watch is None else reduce(merge, seen)


def _convert_currents(
    hardware: Hardware, contraction: Contraction, codes: Array, term: Term, key: Array | None, watch: Watch
) -> tuple[Array, Observation | None]:
    """Sum over the tiles of the converted currents, in standard form, and what was watched."""
    inputs, outputs = contraction.shape
    columns = hardware.tile[1]
    shared = term.conductance.shape[-1] < outputs  # one column in each tile, copied digitally
    backend = jax.default_backend()
    batched = hardware.schedule == "batched" or (hardware.schedule is None and backend != "cpu")
    schedule = Schedule(batched, 1 if shared else columns)
    adc = jax.tree.map(lambda leaf: jnp.asarray(leaf, codes.dtype), hardware.adc)

    def wide(array):
        """Bit lines as outputs: padding columns dropped, the shared column of a tile copied to its columns."""
        return copy_columns(array, columns, outputs) if shared else array[..., :outputs]

    def product(codes, conductance):
        return contraction.product(codes, join(wide(conductance), inputs, outputs))

    def simulate(codes, term, adc, key):
        def kernel(rows, term, key, first):
            result, seen = mvm(schedule, watch, adc, rows, term, key, first)
            return wide(result), seen

        tiles, _, width = term.conductance.shape[-3:]
        row = codes.dtype.itemsize * (inputs + width * (tiles if schedule.batched else 1))
        most = CACHE_BYTES.get(backend, DEVICE_BYTES) // row
        return contraction.over_rows(kernel, codes, term, key, most, watch is not None)

    if adc.bits is None and key is None and watch is None:
        return product(codes, term.conductance), None
    if watch is None and (not adc.clip_gradient or never_clips(adc)):
        return _straight_through(product, simulate, codes, term, adc, key), None
    return simulate(codes, term, adc, key)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _straight_through(product: Callable, simulate: Callable, codes: Array, term: Term, adc: AbstractAdc, key: Any):
    """The simulated result, with the gradient of the digital product."""
    return simulate(codes, term, adc, key)[0]


def _straight_through_forward(product, simulate, codes, term, adc, key):
    return simulate(codes, term, adc, key)[0], (codes, term)


def _straight_through_backward(product, simulate, saved, cotangent):
    codes, term = saved
    d_codes, d_conductance = jax.vjp(product, codes, term.conductance)[1](cotangent)
    return d_codes, Term(d_conductance, jax.tree.map(jnp.zeros_like, term.variances)), None, None


_straight_through.defvjp(_straight_through_forward, _straight_through_backward)
