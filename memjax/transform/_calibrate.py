"""Converter ranges from sample data, and how often converters clip."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from memjax import crossbar
from memjax.converters import BitSerial
from memjax.crossbar import Hardware, Observation

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


def _ideal(hardware: Hardware) -> Hardware:
    """The hardware with converters that only scale; bit-serial inputs stay what they are, in planes."""
    serial = isinstance(hardware.dac.encoding, BitSerial)
    where = lambda h: [b for b in (None if serial else h.dac.bits, h.adc.bits) if b is not None]
    return eqx.tree_at(where, hardware, replace_fn=lambda _: None) if where(hardware) else hardware


def calibrated(trace: Any, hardware: Hardware, chip: dict[str, Any], leaves: list[Array], percentile: Any) -> Any:
    """The chip with the ranges of `trace` on the sample data `leaves` stored in it (see `Analog.calibrate`)."""
    of_dac = hardware.dac.range is None
    of_adc = hardware.adc.range is None and hardware.adc.bits is not None
    if not (of_dac or of_adc):
        raise ValueError("calibrate needs a converter with range=None (and bits) in hardware, got none")
    ideal = _ideal(hardware)
    chip = {name: {k: v for k, v in entry.items() if k != "dac_range"} for name, entry in chip.items()}
    siemens = hardware.cell.g_on - hardware.cell.g_off

    def observe(chip, read):
        return jax.jit(lambda chip, leaves: trace.evaluate(ideal, chip, leaves, None, read)[1])(chip, leaves)

    if of_dac:

        def read_inputs(site, entry, x, key):
            return crossbar.read(ideal, site.contraction, entry, x)[0], histogram(x)

        for name, seen in observe(chip, read_inputs).items():
            stored = quantile(seen, percentile).astype(chip[name]["scale"].dtype)
            for count in trace.crossbars[name].contraction.stack:
                stored = jnp.repeat(stored[..., None], count, axis=-1)
            chip[name] = chip[name] | {"dac_range": stored}
    if of_adc:

        def read_currents(site, entry, x, key):
            return crossbar.read(ideal, site.contraction, entry, x, watch=histogram)

        for name, seen in observe(chip, read_currents).items():
            amperes = quantile(seen, percentile) * hardware.dac.v_max * siemens
            chip[name] = chip[name] | {"adc_range": amperes.astype(chip[name]["scale"].dtype)}
    return chip


def clipping_rates(trace: Any, hardware: Hardware, chip: dict[str, Any], leaves: list[Array]) -> dict[str, Array]:
    """Fraction of ADC conversions of each crossbar outside the converter's range."""
    if hardware.adc.bits is None:
        return {name: jnp.zeros(entry["scale"].shape[:-1]) for name, entry in chip.items()}
    quiet = eqx.tree_at(lambda h: h.effects, hardware, ())

    def watch(z: Array) -> Observation:
        outside = hardware.adc.clips(z)
        return Observation(jnp.stack([jnp.sum(outside), outside.size]).astype(jnp.float32), jnp.max(jnp.abs(z)))

    def read(site, entry, x, key):
        return crossbar.read(quiet, site.contraction, entry, x, watch=watch)

    run: Callable = jax.jit(lambda chip, leaves: trace.evaluate(quiet, chip, leaves, None, read)[1])
    return {name: seen.total[..., 0] / seen.total[..., 1] for name, seen in run(chip, leaves).items()}
