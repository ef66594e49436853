"""The range that a designer gives the ADC: what currents can be expected, without data."""

from functools import partial
from typing import Any

import jax.numpy as jnp
from jax import Array, lax

from memjax.converters import RelativeToWeights
from memjax.crossbar._hardware import Hardware
from memjax.crossbar._terminals import at_terminals, conductance_at_top
from memjax.crossbar._tiles import Tiling
from memjax.effects import Reading, Remembering, Targeting, acting


def nominal(hardware: Hardware, target: Array) -> Array:
    """Conductance [S] that a read meets in nominal cells with these targets.

    Effects by which cells differ from one another are left out: variation, faults, errors of the write, and what reads
    meet of a cell's own memory.
    """
    for _, effect in acting(hardware.effects, Targeting):
        target = effect.target(
            target, jnp.full_like(target, hardware.cell.g_off), jnp.full_like(target, hardware.cell.g_on)
        )
    for _, effect in acting(hardware.effects, Reading):
        if not isinstance(effect, Remembering):
            target = effect.read(target, {}, hardware.cell)
    return target


def largest_current(
    hardware: Hardware, conductance: dict[str, Array], driven: Array, at_once: int | None = None
) -> Array:
    """Full-scale ADC current [A] of tiles that needs no data:

        v_max * max over columns of min(sum |G|, 3 sqrt(sum G^2))

    The sums run over the word lines of a tile that are driven together, of the conductances at v_max. The first is the
    largest current possible, the second three times that of inputs with a root mean square of v_max and random signs;
    both hold for whole codes and for the planes of bit-serial inputs. Where each array is converted by itself all
    conductances are positive and the first is taken.

    For a range `RelativeToWeights` it is the current of one cell, v_max * max |G|.

    Args:
        hardware: the specification.
        conductance: of every array [S], [count, rows, columns] (of a shared column [count, rows, 1]).
        driven: which cells are no padding, [count, rows, columns].
        at_once: number of inputs that a vector drives; None: all of a tile.

    Returns: [count].
    """
    at_top = {name: conductance_at_top(hardware, g) for name, g in conductance.items()}
    seen = at_terminals(hardware.mapping.placement, at_top, hardware.wires)
    return largest_seen(hardware, seen, driven, at_once)


def largest_seen(hardware: Hardware, seen: dict[str, Array], driven: Array, at_once: int | None = None) -> Array:
    """The same of conductances [S] as the terminals see them, at the largest voltage."""
    of_one_cell = isinstance(hardware.adc.range, RelativeToWeights)
    if hardware.adc.subtract == "digital":
        held = [jnp.where(driven[..., : g.shape[-1]], g, 0.0) for g in seen.values()]
        sums = held if of_one_cell else [_sum(g, at_once, hardware.at_once) for g in held]
        return hardware.dac.v_max * jnp.stack([jnp.max(total, axis=(-2, -1)) for total in sums]).max(0)
    at_top = partial(conductance_at_top, hardware)
    unit, tops = full_cell(hardware, next(iter(seen.values())).dtype), []
    for conversion in hardware.conversions[0]:
        signed = jnp.where(driven, conversion.referred(at_top).signed(seen), 0.0) / unit
        each = jnp.abs(signed) if of_one_cell else _expected(signed, at_once, hardware.at_once)
        tops.append(jnp.max(each, axis=(-2, -1)))
    return hardware.dac.v_max * unit * jnp.stack(tops).max(0)


def _expected(signed: Array, *at_once: int | None) -> Array:
    """The largest current to expect of each bit line, per volt."""
    worst = _sum(jnp.abs(signed), *at_once)
    usual = 3.0 * jnp.sqrt(_sum(jnp.square(signed), *at_once))
    return jnp.minimum(worst, usual)


def _sum(cells: Array, *at_once: int | None) -> Array:
    """Sums over the word lines that are driven together: [..., rows, columns] -> [..., times, columns].

    The rows are cut into pieces of the first number in `at_once`, each of these into pieces of the second.
    """
    *lead, rows, columns = cells.shape
    for size in at_once:
        if size is not None and size < rows:
            times = -(-rows // size)
            cells = jnp.pad(cells, [(0, 0)] * (cells.ndim - 2) + [(0, times * size - rows), (0, 0)])
            cells, rows = cells.reshape(*cells.shape[:-2], times, size, columns), size
    return jnp.sum(cells, axis=-2).reshape(*lead, -1, columns)


def full_cell(hardware: Hardware, dtype: Any) -> Array:
    """Conductance [S] of a cell at G_on, at the largest read voltage."""
    return conductance_at_top(hardware, jnp.asarray(hardware.cell.g_on, dtype))


def full_scale(hardware: Hardware, top: Array) -> Array:
    """The range [A] for the largest current of all tiles: that of one full cell where nothing flows.

    It has no gradient but that by the factor of a range `RelativeToWeights`.
    """
    rule = hardware.adc.range
    found = lax.stop_gradient(jnp.where(top > 0, top, hardware.dac.v_max * full_cell(hardware, top.dtype)))
    return (rule.factor * found).astype(top.dtype) if isinstance(rule, RelativeToWeights) else found


def expected_range(hardware: Hardware, chip: dict[str, Any], inputs: int, outputs: int) -> Array:
    """The range [A] for the conductances of a matrix [inputs, outputs] as they are."""
    tiling = Tiling.of(hardware, {"chip": (inputs, outputs)})
    arrays = tiling.apart({"chip": chip["conductance"]})
    driven = tiling.cut({"chip": jnp.ones((inputs, outputs), bool)})
    return full_scale(hardware, largest_current(hardware, arrays, driven).max())
