"""Wires from the edge of a bank to its mats."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from memjax.memory._macro._organisation import Levels
from memjax.memory._macro._repeaters import Line

LEVELS = 10  # of a tree each way: 1024 mats


class Routing(NamedTuple):
    """Latency one way [s], energy [J], leakage [W], and what the wires add to the bank [m]."""

    latency: Any
    energy: Any
    leakage: Any
    height: Any
    width: Any


class _Direction(NamedTuple):
    """The levels of a tree in one direction [LEVELS], from the root on."""

    there: Any
    bits: Any
    wires: Any  # that switch
    all_wires: Any
    bundles: Any  # side by side across the bank


def h_tree(line: Line, size: Levels, address: Any, word: Any, height: Any, width: Any) -> Routing:
    """A tree of wires whose branches halve the bank, first across, then the longer way, then by turns.

    All address and data bits enter. At every branch either half of the data goes each way, while mats on both sides
    work on the word, or an address bit is used up. Branches grow twice as long with every level outwards.

    Args:
        address, word: bits of an address and of a word.
        height, width: of a mat [m].
    """
    rows, columns = size.mats
    level = jnp.arange(LEVELS)
    across_before = jnp.where(level == 0, 0, jnp.maximum(0, level + rows - columns))
    across = _direction(size, address, word, level, across_before, level < columns, jnp.maximum(0, across_before))
    down_before = jnp.maximum(0, level - rows + columns)
    beside = jnp.where(down_before > 0, down_before - jnp.where(columns == 2, 1, 0), 0)
    down = _direction(size, address, word, down_before, level + 1, level < rows, beside)
    along_across = jnp.where(across.there, width * 2.0 ** (columns - 1 - level), 0.0)
    along_down = jnp.where(down.there, height * 2.0 ** (rows - 2 - level), 0.0)
    if line.delay_per_metre is not None:
        longer_across, longer_down = _room_for_bundles(line, rows, columns, across, down)
        along_across, along_down = along_across + longer_across, along_down + longer_down

    def summed(across_of_it: Any, down_of_it: Any) -> Any:
        return jnp.sum(jnp.where(across.there, across_of_it, 0.0)) + jnp.sum(jnp.where(down.there, down_of_it, 0.0))

    bits_across, bits_down = (one.wires * one.bits for one in (across, down))
    all_across, all_down = (one.all_wires * one.bits for one in (across, down))
    return Routing(
        latency=summed(line.delay(along_across), line.delay(along_down)),
        energy=line.energy_per_metre * summed(bits_across * along_across, bits_down * along_down),
        leakage=line.leakage_per_metre * summed(all_across * along_across, all_down * along_down),
        height=jnp.sum(jnp.where(across.there, line.bundle(across.bits * across.bundles), 0.0)),
        width=jnp.sum(jnp.where(down.there, line.bundle(down.bits * down.bundles), 0.0)),
    )


def _direction(size: Levels, address: Any, word: Any, across: Any, down: Any, there: Any, bundles: Any) -> _Direction:
    """Levels after so many branches across and down."""
    active_rows, active_columns = size.active_mats
    split = jnp.minimum(across, active_columns) + jnp.minimum(down, active_rows)
    used = jnp.maximum(0, across - active_columns) + jnp.maximum(0, down - active_rows)
    bits = address - used + word * 2.0**-split
    return _Direction(there, bits, 2.0**split, 2.0 ** (across + down), 2.0**bundles)


def _room_for_bundles(line: Line, rows: Any, columns: Any, across: _Direction, down: _Direction) -> tuple[Any, Any]:
    """What branches grow by, since they reach over the repeaters of the branches inside them."""
    level = jnp.arange(LEVELS)
    inner, outer = level[None, :], level[:, None]
    paired = jnp.minimum(rows, columns) - 1  # the branch down that the last branch across meets
    doubled = jnp.where(inner >= outer, 2.0 ** jnp.maximum(0, inner - outer), 0.0)

    def half(direction: _Direction, index: Any) -> Any:
        found = line.bundle(direction.bits) / 2.0
        inside = (index >= 0) & (index < LEVELS)
        return jnp.where(inside, found[jnp.clip(index, 0, LEVELS - 1)], 0.0)

    over_down = jnp.sum(jnp.where(down.there & (level >= paired), line.bundle(down.bits) / 2.0, 0.0))
    over_down = jnp.where(paired >= 0, over_down, 0.0)
    met_down = half(down, level - (columns - 1) + paired)
    added = jnp.where(level < columns - 1, met_down, jnp.where(level == columns - 1, over_down, 0.0))
    longer_across = doubled @ added
    met_across = half(across, level + 1 - paired + (columns - 1))
    longer_down = doubled @ jnp.where(level < paired, met_across, 0.0)
    return jnp.where(across.there, longer_across, 0.0), jnp.where(down.there, longer_down, 0.0)


def bus(line: Line, size: Levels, address: Any, data: Any, height: Any) -> Routing:
    """Straight wires along each column of mats, as long as the bank is high for the farthest mat.

    Args:
        address, data: bits that reach a mat.
        height: of a mat [m].
    """
    rows, columns, active_rows, active_columns = (2.0**count for count in (*size.mats, *size.active_mats))
    total = height * (active_rows * rows - active_rows * (active_rows - 1.0) / 2.0)  # to all active mats of a column
    bits = address + data
    return Routing(
        latency=line.delay(height * rows),
        energy=line.energy_per_metre * total * bits * active_columns,
        leakage=line.leakage_per_metre * total * bits * columns,
        height=jnp.zeros_like(height),
        width=line.bundle(rows * columns * address),
    )
