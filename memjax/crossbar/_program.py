"""Making a chip: cells fabricated, weights written, cells aged."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax import _check
from memjax._random import fold_name
from memjax.converters import clip
from memjax.crossbar._chip import check_memory, check_single, check_tiles
from memjax.crossbar._converters import make_converters
from memjax.crossbar._hardware import Hardware
from memjax.crossbar._response import conducted, presented
from memjax.crossbar._tiles import cut, join, over_tiles, row_tiles
from memjax.effects import Ageing, Fabrication, Programming, Stress, Targeting, Wear, acting
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
        of each cell [S]; where effects have one, "memory", what they remember of each array; where
        `Hardware.programming` writes the cells, "writes", what that took: "pulses", "energy" [J] and "failed" (1 where
        the target was missed, else 0), each like "conductance"; where the ADC has no range of its own, "adc_range",
        its full-scale current [A]; where `Adc.errors` holds errors that are made with the chip, "adc" {arrays in front
        of a converter: {error: [T, numbers, width]}} [LSB].

    Raises: ValueError for weights that are not a matrix of finite numbers; TypeError for a key that is none.
    """
    weights = _checked(weights)
    _check.key("key", key)
    return _program(hardware, weights, key)


def reprogram(hardware: Hardware, chip: Chip, weights: Array, key: Array) -> Chip:
    """Write other weights into the cells of a chip: their ranges, faults and wear stay, as do its converters.

    Args:
        hardware: the specification that the chip was made with.
        chip: from `program` or `age`.
        weights: [K, N], the shape that the chip was made for.
        key: PRNG key of the write.

    Returns: a chip as `program` does; an estimated "adc_range" is that of the new weights, a calibrated "dac_range"
        stays.

    Raises: ValueError for weights of another shape or that are not finite, and for a chip of other hardware; TypeError
        for a key that is none.
    """
    weights = _checked(weights)
    check_single("chip", chip)
    check_tiles(hardware, chip)
    check_memory(hardware, chip)
    _check.key("key", key)
    expected = (chip["drive"].shape[-1], chip["scale"].shape[-1])
    if weights.shape != expected:
        raise ValueError(f"weights must have the shape {expected} that the chip was made for, got {weights.shape}")
    return _reprogram(hardware, chip, weights, key)


def _checked(weights: Any) -> Array:
    weights = jnp.asarray(weights)
    if weights.ndim != 2 or 0 in weights.shape:
        raise ValueError(f"weights must be a non-empty matrix [K, N], got shape {weights.shape}")
    _check.finite("weights", weights)
    return weights.astype(jnp.promote_types(weights.dtype, jnp.float32))


@jax.jit
def _program(hardware: Hardware, weights: Array, key: Array) -> Chip:
    tiles, scale = _targets(hardware, weights)

    def make(tile, key):
        low, high = _fabricated(hardware, tile["target"], key)
        return _written(hardware, tile["target"], low, high, None, key)

    across = _across(hardware, weights)
    cells = over_tiles(make, tiles, across, key)
    made = {}
    if hardware.adc.mismatches:
        made["adc"] = make_converters(
            hardware, {name: cell["conductance"] for name, cell in cells.items()}, across, key
        )
    return _assembled(hardware, cells, scale, weights, made)


@jax.jit
def _reprogram(hardware: Hardware, chip: Chip, weights: Array, key: Array) -> Chip:
    tiles, scale = _targets(hardware, weights)
    for name, tile in tiles.items():
        tile |= {part: chip[part][name] for part in ("low", "high", "memory") if part in chip}

    def write(tile, key):
        target = tile["target"]
        low = tile.get("low", jnp.full_like(target, hardware.cell.g_off))
        high = tile.get("high", jnp.full_like(target, hardware.cell.g_on))
        return _written(hardware, target, low, high, tile.get("memory"), key)

    cells = over_tiles(write, tiles, _across(hardware, weights), key)
    return _assembled(hardware, cells, scale, weights, chip)


def _across(hardware: Hardware, weights: Array) -> int:
    return row_tiles(weights.shape[1], hardware.tile[1])


def _targets(hardware: Hardware, weights: Array) -> tuple[dict[str, dict[str, Array]], Array]:
    """Target conductances of every array in tiles, and the weight scale."""
    targets, scale = weights_to_conductances(hardware.mapping, hardware.cell, weights)
    across = _across(hardware, weights)
    tiles = {}
    for name, target in targets.items():
        if hardware.mapping.arrays[name]:
            tiles[name] = cut(target, hardware.rows, hardware.tile[1], hardware.cell.g_off)
        else:  # one column shared by all columns of a tile: it stands once in every column tile
            tiles[name] = cut(jnp.repeat(target, across, axis=1), hardware.rows, across, hardware.cell.g_off)
    return {name: {"target": tile} for name, tile in tiles.items()}, scale


def _fabricated(hardware: Hardware, like: Array, key: Array) -> tuple[Array, Array]:
    """The range [S] of each cell of a tile shaped as `like`."""
    low = jnp.full_like(like, hardware.cell.g_off)
    high = jnp.full_like(like, hardware.cell.g_on)
    for name, effect in acting(hardware.effects, Fabrication):
        low, high = effect.fabricate(low, high, fold_name(key, f"{name}/fabricate"))
    return low, high


def _written(hardware: Hardware, wanted: Array, low: Array, high: Array, before: Any, key: Array) -> dict[str, Any]:
    """Conductance of a tile after a write, the range of its cells, what effects remember and what writing took."""
    cells: dict[str, Any] = {"low": low, "high": high}
    conductance = clip(wanted, low, high)
    for _, effect in acting(hardware.effects, Targeting):
        conductance = effect.target(conductance, low, high)
    if hardware.programming is not None:
        reachable = clip(conductance, *hardware.programming.device.conductance_bounds)
        written = hardware.programming.program(reachable, fold_name(key, "pulses"))
        conductance = clip(written.conductance.astype(wanted.dtype), low, high)
        # As floats, so that a chip stays something that jax.grad takes.
        cells |= {name: getattr(written, name).astype(wanted.dtype) for name in ("pulses", "energy", "failed")}
    for name, effect in acting(hardware.effects, Programming):
        written = effect.write(conductance, low, high, fold_name(key, f"{name}/write"))
        conductance = jnp.where(low < high, jnp.maximum(written, 0.0), conductance)
    memory = {}
    for name, effect in acting(hardware.effects, Ageing):
        previous = None if before is None else before[name]
        memory[name] = effect.start(conductance, low, high, fold_name(key, f"{name}/start"), previous)
    return cells | {"conductance": conductance, "memory": memory}


def _assembled(hardware: Hardware, cells: dict[str, Any], scale: Array, weights: Array, made: Chip) -> Chip:
    """The chip of written cells; what is no matter of the write comes from `made`, such as its converters."""
    part = lambda name: {array: cell[name] for array, cell in cells.items()}
    chip: Chip = {"conductance": part("conductance")}
    if acting(hardware.effects, Fabrication) or acting(hardware.effects, Wear):
        chip |= {"low": part("low"), "high": part("high")}
    if acting(hardware.effects, Ageing):
        chip["memory"] = part("memory")
    if hardware.programming is not None:
        chip["writes"] = {name: part(name) for name in ("pulses", "energy", "failed")}
    chip |= {"scale": scale, "drive": jnp.ones(weights.shape[0], weights.dtype)}
    if hardware.adc.bits is not None and hardware.adc.range is None:
        chip["adc_range"] = lax.stop_gradient(expected_range(hardware, chip, *weights.shape))
    return {name: part for name, part in made.items() if name not in ("writes", "adc_range")} | chip


def expected_range(hardware: Hardware, chip: Chip, inputs: int, outputs: int) -> Array:
    """Full-scale ADC current [A] that needs no data: v_max * max over columns of min(sum |G|, 3 sqrt(sum G^2)).

    The sums run over the word lines of a tile that are driven, of the conductances at v_max. The first is the largest
    current possible, the second three times that of inputs with a root mean square of v_max and random signs; both hold
    for whole codes and for the planes of bit-serial inputs. Where each array is converted by itself all conductances
    are positive and the first is taken.
    """
    at_top = partial(_at_top, hardware)
    conductance = {name: at_top(g) for name, g in presented(hardware, chip).items()}
    unit = at_top(jnp.asarray(hardware.cell.g_on, chip["scale"].dtype))

    def driven(tiles, outputs, columns):
        """The tiles with zeros in their padding cells."""
        return cut(join(tiles, inputs, outputs), hardware.rows, columns)

    if hardware.adc.subtract == "digital":
        across = row_tiles(outputs, hardware.tile[1])
        bounds = []
        for name, per_output in hardware.mapping.arrays.items():
            size = (outputs, hardware.tile[1]) if per_output else (across, across)
            bounds.append(jnp.max(jnp.sum(driven(conductance[name], *size), axis=-2)))
        return hardware.dac.v_max * jnp.stack(bounds).max()
    tops = []
    for conversion in hardware.conversions[0]:
        signed = driven(conversion.referred(at_top).signed(conductance), outputs, hardware.tile[1]) / unit
        worst = jnp.sum(jnp.abs(signed), axis=-2)
        usual = 3.0 * jnp.sqrt(jnp.sum(jnp.square(signed), axis=-2))
        tops.append(jnp.max(jnp.minimum(worst, usual)))
    top = jnp.stack(tops).max()
    return hardware.dac.v_max * unit * jnp.where(top > 0, top, 1.0)


def _at_top(hardware: Hardware, conductance: Array) -> Array:
    """Conductance I / V [S] at the largest read voltage."""
    if hardware.conduction is None:
        return conductance
    volts = jnp.asarray(hardware.dac.v_max, conductance.dtype)
    branches = zip(hardware.conduction.factors(), conducted(hardware, conductance), strict=True)
    return sum((factor(volts) * g for factor, g in branches), start=jnp.zeros((), conductance.dtype))


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

    Raises: ValueError where no effect of the hardware ages, for a chip of other hardware, and for values out of their
        range; TypeError for a key that is none.
    """
    if not acting(hardware.effects, Ageing):
        raise ValueError("Hardware.effects must hold an effect that ages (such as effects.Drift) for age(), got none")
    _check.not_negative("age", seconds=seconds, cycles=cycles, reads=reads)
    _check.positive("age", temperature=temperature)
    check_single("chip", chip)
    check_tiles(hardware, chip)
    check_memory(hardware, chip)
    _check.key("key", key)
    return _age(hardware, chip, key, Stress(seconds, cycles, reads, temperature))


@jax.jit
def _age(hardware: Hardware, chip: Chip, key: Array, stress: Stress) -> Chip:
    parts = [part for part in ("conductance", "low", "high", "memory") if part in chip]
    stress = Stress(*(jnp.asarray(value, chip["scale"].dtype) for value in stress))

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

    tiles = {name: {part: chip[part][name] for part in parts} for name in chip["conductance"]}
    aged = over_tiles(age_tile, tiles, row_tiles(chip["scale"].shape[-1], hardware.tile[1]), key)
    return chip | {part: {name: tile[part] for name, tile in aged.items()} for part in parts}
