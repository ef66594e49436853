"""Wear of cells, and how long a memory lasts."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from memjax import _check
from memjax.memory._encode import changes
from memjax.memory._level import AbstractLevelling, Still, check_region
from memjax.memory._trace import LINE, MemoryTrace

_UNITS = ("line", "byte", "bit")


def wear(trace: MemoryTrace, lines: int, *, unit: str = "line") -> jax.Array:
    """How often each unit of each line is written by a trace.

    A byte or bit is written where its data differs from the old data; a line by every write. Of a levelled and encoded
    trace (`level`, then `encode`) this is the wear of physical cells. A memory that runs the trace again and again
    lasts min(endurance / wear) rounds.

    Args:
        trace: with data and old data for bytes and bits.
        lines: of the memory, spare lines included.
        unit: "line", "byte" or "bit".

    Returns: int32 [lines], [lines, 64] or [lines, 512]; bits from the highest of the first byte on.

    Raises: ValueError for lines outside the memory, an unknown unit and a trace that lacks data.
    """
    check_region(trace, lines)
    _check.choice("unit", unit, _UNITS)
    if unit == "line":
        return jnp.zeros(lines, jnp.int32).at[trace.line].add(trace.write & trace.real)
    bits = (changes(trace)[:, :, None] >> jnp.arange(31, -1, -1, dtype=jnp.uint32)) & 1
    bits = bits.reshape(len(trace), 8 * LINE).astype(jnp.int32)
    written = bits if unit == "bit" else bits.reshape(len(trace), LINE, 8).max(axis=-1)
    return jnp.zeros((lines, written.shape[1]), jnp.int32).at[trace.line].add(written)


class Lifetime(NamedTuple):
    """How long a memory lasts.

    Attributes:
        writes: of the program until a line is worn out.
        fraction: of the writes that the lines of the region would stand if all wore out together.
        worn: whether a line was worn out; otherwise the run ended at its limit.
        wear: writes of each physical line, those of levelling included, int32 [lines + spare].
    """

    writes: jax.Array
    fraction: jax.Array
    worn: jax.Array
    wear: jax.Array


def lifetime(
    trace: MemoryTrace,
    lines: int,
    endurance: Any,
    *,
    levelling: AbstractLevelling | None = None,
    key: Any = None,
    limit: float = 1e9,
) -> Lifetime:
    """Writes until the first line of a region is worn out, by a trace that repeats until then.

    The lines' moves continue from round to round, so nothing is extrapolated: with Start-Gap a round of the memory,
    lines * (lines + 1) * interval writes, is what levels it. What counts is the ratio of the endurance to
    lines * interval: a small region with a small endurance stands for a large one with a large one.

    Args:
        trace: of lines within the region, with a write; its cycles do not matter.
        lines: of the region, levelling's spare lines not counted.
        endurance: writes that a line stands: one number, or one for each physical line [lines + spare].
        levelling: `StartGap`, `RandomSwap`, your own, or None.
        key: of levelling's random numbers.
        limit: writes after which the run ends, at most 2**30 intervals.

    Returns: `Lifetime`, to within `interval` writes (1000 without levelling).

    Raises: TypeError and ValueError for wrong arguments.
    """
    check_region(trace, lines, Still() if levelling is None else levelling)
    if levelling is not None:
        _check.key("key", key)
    levelling, key = (Still(), jax.random.key(0)) if levelling is None else (levelling, key)
    _check.real("endurance", endurance, above=0.0)
    stands, size = jnp.asarray(endurance, float), lines + levelling.spare
    if stands.shape not in ((), (size,)):
        raise ValueError(f"endurance must be one number or an array {(size,)}, got shape {stands.shape}")
    _check.scalar("limit", limit, low=levelling.interval, high=2.0**30 * levelling.interval)
    writes = trace.write & trace.real
    known = _check.concrete(writes)
    if known is not None and not known.any():
        raise ValueError("trace must have a write, got reads only")
    return _run(trace.line, writes, jnp.broadcast_to(stands, (size,)), levelling, key, jnp.asarray(limit, float), lines)


@eqx.filter_jit
def _run(
    line: jax.Array,
    writes: jax.Array,
    stands: jax.Array,
    levelling: AbstractLevelling,
    key: Any,
    limit: Any,
    lines: int,
) -> Lifetime:
    written, count, block = (
        line[jnp.argsort(~writes, stable=True)],
        jnp.sum(writes, dtype=jnp.int32),
        levelling.interval,
    )
    begin, steps = jax.random.split(key)

    def go_on(carry: tuple) -> jax.Array:
        _, _, _, blocks, worn = carry
        return ~worn & ((blocks + 1) * float(block) <= limit)

    def one(carry: tuple) -> tuple:
        state, wear, at, blocks, _ = carry
        place = levelling.place(state, written[(at + jnp.arange(block, dtype=jnp.int32)) % count])
        state, moves = levelling.step(state, jax.random.fold_in(steps, blocks))
        place = jnp.concatenate([place, moves.target])
        wear = wear.at[place].add(1)
        return state, wear, (at + block) % count, blocks + 1, jnp.any(wear[place] >= stands[place])

    zero = jnp.asarray(0, jnp.int32)
    start = levelling.start(lines, begin), jnp.zeros(stands.shape, jnp.int32), zero, zero, jnp.asarray(False)
    _, wear, _, blocks, worn = jax.lax.while_loop(go_on, one, start)
    total = blocks * float(block)
    return Lifetime(total, total / (lines * jnp.mean(stands)), worn, wear)
