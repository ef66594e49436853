"""Arrays as the terminals of their tiles see them: through wires, exactly."""

import jax.numpy as jnp
from jax import Array

from memjax import circuit
from memjax.circuit import Wires
from memjax.crossbar._hardware import Hardware
from memjax.crossbar._layout import logical, physical
from memjax.crossbar._response import conducted
from memjax.crossbar._tiles import Tiling
from memjax.effects import Power
from memjax.mapping import Placement


def at_terminals(placement: tuple[Placement, ...], arrays: dict[str, Array], wires: Wires | None) -> dict[str, Array]:
    """Conductances [S] of tiles of every array [count, rows, columns] with the wires of their physical tiles.

    What a read drives and converts are the terminals: current = voltage @ these. Each depends on all cells of its tile.
    """
    if wires is None:
        return arrays
    tiles = physical(placement, arrays)
    by_shape: dict[tuple[int, ...], list[Placement]] = {}
    for placed, cells in tiles.items():
        by_shape.setdefault(cells.shape, []).append(placed)
    seen = {}
    for alike in by_shape.values():  # of one shape together: compiled once
        transfer = circuit.transfer_matrix(jnp.stack([tiles[placed] for placed in alike]), wires)
        seen |= dict(zip(alike, transfer, strict=True))
    return logical(placement, seen, arrays)


def of_matrices(
    hardware: Hardware, cells: dict[str, dict[str, Array]], wires: Wires | None
) -> dict[str, dict[str, Array]]:
    """The same for all arrays of some crossbars in one pass, each [*leading, row tiles, rows, width].

    Cells with a curved current-voltage relation are those at the largest voltage.
    """
    if wires is None:
        return cells
    types = {name: next(iter(arrays.values())).dtype for name, arrays in cells.items()}
    seen = {}
    for dtype in dict.fromkeys(types.values()):
        alike = {name: arrays for name, arrays in cells.items() if types[name] == dtype}
        tiling = Tiling.of(hardware, {name: shape_of_arrays(hardware, arrays) for name, arrays in alike.items()})
        tiles = {array: conductance_at_top(hardware, g) for array, g in tiling.apart(alike).items()}
        seen |= tiling.together(at_terminals(tiling.placement, tiles, wires))
    return {name: seen[name] for name in cells}


def shape_of_arrays(hardware: Hardware, arrays: dict[str, Array]) -> tuple[int, ...]:
    """[*leading, K, N] of arrays, padding included."""
    per_output = next(name for name, whole in hardware.mapping.arrays.items() if whole)
    *leading, down, rows, width = arrays[per_output].shape
    return (*leading, down * rows, width)


def conductance_at_top(hardware: Hardware, conductance: Array) -> Array:
    """Conductance I / V [S] at the largest read voltage."""
    if hardware.conduction is None:
        return conductance
    volts = jnp.asarray(hardware.dac.v_max, conductance.dtype)
    branches = zip(hardware.conduction.factors(), conducted(hardware, conductance), strict=True)
    return sum((factor(volts) * g for factor, g in branches), start=jnp.zeros((), conductance.dtype))


def attenuated(powers: dict[str, Power], cells: dict[str, Array], seen: dict[str, Array]) -> dict[str, Power]:
    """Noise of the cells as the terminals see it.

    With u the voltage of a cell over that of its driver, and w the part of the current of a source across the cell that
    reaches its sense terminal, the conductance at the terminals is u w G but for currents that take detours. Both are
    taken as sqrt(u w): an approximation, of an order of the drop along the wires, that takes the noise of a cell to
    belong to its own word line and bit line.
    """
    return {name: _attenuated(power, _ratio(cells[name], seen[name])) for name, power in powers.items()}


def _ratio(cells: Array, seen: Array) -> Array:
    conducting = cells > 0
    return jnp.clip(jnp.where(conducting, seen / jnp.where(conducting, cells, 1.0), 0.0), 0.0, 1.0)


def _attenuated(power: Power, ratio: Array) -> Power:
    """Variances go with w^2 times what the voltage u does to them."""
    factors = ratio**2, ratio * jnp.sqrt(ratio + 1e-30), ratio
    scaled = (None if part is None else part * f for part, f in zip(power, factors, strict=True))
    return Power(*scaled)
