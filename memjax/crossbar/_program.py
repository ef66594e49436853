"""Making a chip: cells fabricated, weights written, cells aged."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from memjax import _check
from memjax.converters import clip
from memjax.crossbar._hardware import Hardware
from memjax.crossbar._tiles import cut, join, over_tiles, row_tiles
from memjax.effects import Ageing, Fabrication, Programming
from memjax.mapping import weights_to_conductances

Chip = dict[str, Any]


def program(hardware: Hardware, weights: Array, key: Array) -> Chip:
    """Program a matrix into crossbar tiles.

    Args:
        hardware: the specification.
        weights: [K, N].
        key: PRNG key of this chip. Every tile of every array folds it with its own position, so that the numbers of a
            cell do not depend on how many others there are.

    Returns:
        A dict of arrays: "conductance" {array name: [T, rows, width]} [S], tiles as in `memjax.crossbar`, padding
        included; "scale" [N], the weight that the full conductance range stands for; "drive" [K], the relative gain of
        each word-line driver (1); where cells differ from one another, "low" and "high" like "conductance", the range
        of each cell [S]; where `Hardware.programming` writes the cells, "writes", what that took: "pulses", "energy"
        [J] and "failed" (1 where the target was missed, else 0), each like "conductance"; where the ADC has no range of
        its own, "adc_range", its full-scale current [A].

    Raises: ValueError for weights that are not a matrix of finite numbers.
    """
    weights = jnp.asarray(weights)
    if weights.ndim != 2 or 0 in weights.shape:
        raise ValueError(f"weights must be a non-empty matrix [K, N], got shape {weights.shape}")
    values = _check.concrete(weights)
    if values is not None and not np.isfinite(values).all():
        raise ValueError(f"weights must be finite, got {(~np.isfinite(values)).sum()} NaN or infinite values")
    return _program(hardware, weights.astype(jnp.promote_types(weights.dtype, jnp.float32)), key)


@jax.jit
def _program(hardware: Hardware, weights: Array, key: Array) -> Chip:
    targets, scale = weights_to_conductances(hardware.mapping, hardware.cell, weights)
    across = row_tiles(weights.shape[1], hardware.tile[1])
    tiles = {}
    for name, target in targets.items():
        if hardware.mapping.arrays[name]:
            tiles[name] = cut(target, hardware.rows, hardware.tile[1], hardware.cell.g_off)
        else:  # one column shared by all columns of a tile: it stands once in every column tile
            tiles[name] = cut(jnp.repeat(target, across, axis=1), hardware.rows, across, hardware.cell.g_off)
    cells = over_tiles(partial(_write_tile, hardware), tiles, across, key)
    part = lambda name: {array: cell[name] for array, cell in cells.items()}
    chip: Chip = {"conductance": part("conductance")}
    if any(isinstance(effect, Fabrication) for effect in hardware.effects):
        chip |= {"low": part("low"), "high": part("high")}
    if hardware.programming is not None:
        chip["writes"] = {name: part(name) for name in ("pulses", "energy", "failed")}
    chip |= {"scale": scale, "drive": jnp.ones(weights.shape[0], weights.dtype)}
    if hardware.adc.bits is not None and hardware.adc.range is None:
        chip["adc_range"] = lax.stop_gradient(expected_range(hardware, chip["conductance"], *weights.shape))
    return chip


# Salt of the pulses, beyond those of the effects.
_PULSES = 2**20


def _write_tile(hardware: Hardware, target: Array, key: Array) -> dict[str, Array]:
    """Conductance, range of each cell and what writing took, of one tile [rows, columns]."""
    low = jnp.full_like(target, hardware.cell.g_off)
    high = jnp.full_like(target, hardware.cell.g_on)
    for position, effect in enumerate(hardware.effects):
        if isinstance(effect, Fabrication):
            low, high = effect.fabricate(low, high, jax.random.fold_in(key, 2 * position))
    cells = {"low": low, "high": high}
    conductance = clip(target, low, high)
    if hardware.programming is not None:
        reachable = clip(conductance, *hardware.programming.device.conductance_bounds)
        written = hardware.programming.program(reachable, jax.random.fold_in(key, _PULSES))
        conductance = clip(written.conductance.astype(target.dtype), low, high)
        # As floats, so that a chip stays something that jax.grad takes.
        cells |= {name: getattr(written, name).astype(target.dtype) for name in ("pulses", "energy", "failed")}
    for position, effect in enumerate(hardware.effects):
        if isinstance(effect, Programming):
            written = effect.write(conductance, jax.random.fold_in(key, 2 * position + 1))
            conductance = clip(written, low, high)
    return cells | {"conductance": conductance}


def expected_range(hardware: Hardware, conductance: dict[str, Array], inputs: int, outputs: int) -> Array:
    """Full-scale ADC current [A] that needs no data: v_max * max over columns of min(sum |G|, 3 sqrt(sum G^2)).

    The sums run over the word lines of a tile that are driven. The first is the largest current
    possible, the second three times that of inputs with a root mean square of v_max and random signs. Where each array
    is converted by itself all conductances are positive and the first is taken.
    """
    cell, mapping = hardware.cell, hardware.mapping

    def driven(tiles, outputs, columns):
        """The tiles with zeros in their padding cells."""
        return cut(join(tiles, inputs, outputs), hardware.rows, columns)

    if hardware.adc.subtract == "digital":
        across = row_tiles(outputs, hardware.tile[1])
        bounds = []
        for name, per_output in mapping.arrays.items():
            size = (outputs, hardware.tile[1]) if per_output else (across, across)
            bounds.append(jnp.max(jnp.sum(driven(conductance[name], *size), axis=-2)))
        return hardware.dac.v_max * jnp.stack(bounds).max()
    signed = driven(mapping.signed(conductance, cell.g_off, cell.g_on), outputs, hardware.tile[1]) / cell.g_on
    worst = jnp.sum(jnp.abs(signed), axis=-2)
    usual = 3.0 * jnp.sqrt(jnp.sum(jnp.square(signed), axis=-2))
    top = jnp.max(jnp.minimum(worst, usual))
    return hardware.dac.v_max * cell.g_on * jnp.where(top > 0, top, 1.0)


def age(
    hardware: Hardware, chip: Chip, key: Array, seconds: Any = 0.0, cycles: Any = 0, temperature: Any = 300.0
) -> Chip:
    """The chip after `seconds` [s] at `temperature` [K] and `cycles` write cycles: the ageing effects of the hardware.

    Stuck cells keep their conductance. Converter ranges stay as they are.

    Raises: ValueError where no effect of the hardware ages, and for values out of their range.
    """
    if not any(isinstance(effect, Ageing) for effect in hardware.effects):
        raise ValueError("Hardware.effects must hold an effect that ages (such as effects.Drift) for age(), got none")
    _check.number("seconds", seconds, 0.0)
    _check.number("cycles", cycles, 0.0)
    _check.number("temperature", temperature, 0.0, open_low=True)

    def age_tile(tile, key):
        for position, effect in enumerate(hardware.effects):
            if isinstance(effect, Ageing):
                tile = effect.age(tile, jax.random.fold_in(key, position), seconds, cycles, temperature)
        return tile

    across = row_tiles(chip["scale"].shape[-1], hardware.tile[1])
    fresh = chip["conductance"]
    aged = over_tiles(age_tile, fresh, across, key)
    if "low" in chip:
        stuck = {name: chip["low"][name] >= chip["high"][name] for name in fresh}
        aged = {name: jnp.where(stuck[name], fresh[name], aged[name]) for name in fresh}
    return chip | {"conductance": aged}
