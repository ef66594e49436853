"""A DRAM cache before a second, slower memory."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from memjax import _check
from memjax.memory._main._clock import clocks_of
from memjax.memory._main._config import MemoryConfig
from memjax.memory._main._simulate import simulate_memory
from memjax.memory._main._statistics import Statistics
from memjax.memory._trace import MemoryTrace, check_trace

_ABSENT = 2**31 - 1
_IN_ROW, _ROW = 28, 32
"""Lines of 72 bytes, with their tags, in a row of 2 KB that holds 32 lines of 64 bytes."""


class Cached(NamedTuple):
    """What came of a trace before a cache; times in clocks of the processor.

    Attributes:
        answer: when each request was answered, int32 [n]; -1 for padding.
        hit: whether its line was in the cache, bool [n].
        written_back: dirty lines that were written to the memory, int32 [].
        latency: mean clocks from request to answer.
        cache, memory: `Statistics` of both; their requests are those that each was sent.
    """

    answer: jax.Array
    hit: jax.Array
    written_back: jax.Array
    latency: jax.Array
    cache: Statistics
    memory: Statistics


def simulate_cached(
    trace: MemoryTrace, cache: MemoryConfig, memory: MemoryConfig, lines: int, *, rounds: int = 3
) -> Cached:
    """Serve a trace by a memory behind a direct-mapped DRAM cache whose tags lie beside the data.

    A line of the cache takes 72 bytes, tag and data in one access, 28 in a row of 2 KB (Qureshi and Loh, MICRO 2012;
    NVMain's LO_Cache). Every request is one access of the cache. A read that misses then reads the memory, is answered,
    and its line is written to the cache; a write that misses takes the place of what is there without reading it. A
    line that was written and has to go is written to the memory (NVMain never does), and before, where a write sends
    it away, read from the cache.

    What comes back from the memory competes with later requests for the cache, and when it comes depends on both. So
    both are simulated in turn, each with the other's last answers, `rounds` times; three are enough where the cache is
    not the bottleneck.

    Args:
        trace: the requests; data are not looked at, so both memories write pulses as without data.
        cache: the DRAM; `cache.cpu_clock` equals that of the memory.
        memory: the memory behind it.
        lines: of the cache.
        rounds: in which both are simulated.

    Raises: TypeError and ValueError for arguments that do not fit.
    """
    check_trace("trace", trace)
    for name, config in (("cache", cache), ("memory", memory)):
        _check.part(name, config, MemoryConfig, example="MemoryConfig()")
    _check.integer("lines", lines, 1, 2**30)
    _check.integer("rounds", rounds, 1, 100)
    if not len(trace):
        raise ValueError("trace must have at least one request, got none")
    clocks = [_check.concrete(config.cpu_clock) for config in (cache, memory)]
    if clocks[0] is not None and clocks[1] is not None and clocks[0] != clocks[1]:
        raise ValueError(f"memory.cpu_clock must be that of the cache, {clocks[0]:g} Hz, got {clocks[1]:g}")
    return _served(trace, cache, memory, lines, rounds)


@eqx.filter_jit
def _served(trace: MemoryTrace, cache: MemoryConfig, memory: MemoryConfig, lines: int, rounds: int) -> Cached:
    n, real, slot = len(trace), trace.real, trace.line % lines
    hit, victim, dirty = _looked_up(trace, slot)
    place = slot // _IN_ROW * _ROW + slot % _IN_ROW
    read, write = real & ~trace.write, real & trace.write
    missed = read & ~hit
    filled = jnp.full(n, _ABSENT)
    for turn in range(rounds):
        # The cache: the requests, victims that a write sends away, and what has come from the memory.
        when = jnp.where(real, trace.cycle, _ABSENT)
        evicted = jnp.where(dirty & write, trace.cycle, _ABSENT)
        kinds = [(when, trace.write, place), (evicted, jnp.zeros(n, bool), place), (filled, jnp.ones(n, bool), place)]
        of_cache, (found, away, _) = _serve(kinds, cache)
        known = jnp.where(dirty & write, away, found)  # when the victim is at hand
        kinds = [
            (jnp.where(missed, found, _ABSENT), jnp.zeros(n, bool), trace.line),
            (jnp.where(dirty, known, _ABSENT), jnp.ones(n, bool), victim),
        ]
        of_memory, (fetched, _) = _serve(kinds, memory)
        if turn < rounds - 1:
            filled = jnp.where(missed, fetched, _ABSENT)
    answer = jnp.where(missed, fetched, found)
    latency = jnp.sum(jnp.where(real, answer - trace.cycle, 0) / jnp.maximum(trace.count, 1))
    return Cached(
        jnp.where(real, answer, -1), hit & real, jnp.sum(dirty, dtype=jnp.int32), latency, of_cache, of_memory
    )


def _looked_up(trace: MemoryTrace, slot: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Whether each request finds its line, which line it sends away, and whether that one was written.

    Every request leaves its line in its slot. So, slot by slot, it hits where the request before has the same line.
    """
    slot = jnp.where(trace.real, slot, _ABSENT)  # padding apart from all
    order = jnp.argsort(slot, stable=True)
    line, place = trace.line[order], jnp.arange(len(trace))
    same_slot = (slot[order] == jnp.roll(slot[order], 1)) & (place > 0)
    same_line = same_slot & (line == jnp.roll(line, 1))
    # Where the stay of the line that lies there began, and the last write to any.
    began = jax.lax.cummax(jnp.where(same_line, -1, place))
    written = jax.lax.cummax(jnp.where(trace.write[order], place, -1))
    dirty = same_slot & ~same_line & (jnp.roll(written, 1) >= jnp.roll(began, 1))
    back = lambda values: jnp.zeros_like(values).at[order].set(values)
    return back(same_line), back(jnp.roll(line, 1)), back(dirty & trace.real[order])


def _serve(kinds: list[tuple[Any, Any, Any]], config: MemoryConfig) -> tuple[Statistics, list[jax.Array]]:
    """Serve requests of several kinds, each (clock, write, line) [n], in the order of their clocks; a clock that is
    absent is no request. Returns the clocks of their answers too."""
    clock, write, line = (jnp.concatenate(parts) for parts in zip(*kinds, strict=True))
    order, here = jnp.argsort(clock, stable=True), clock < _ABSENT
    count = jnp.sum(here, dtype=jnp.int32)
    clock = clock[order]
    clock = jnp.where(clock < _ABSENT, clock, clock[jnp.maximum(count - 1, 0)] * (count > 0))
    statistics = simulate_memory(MemoryTrace(clock, write[order], line[order], None, None, count), config)
    answer = clocks_of(config, statistics.answer)[1] - 1  # the last clock of that cycle
    answers = jnp.full(len(clock), _ABSENT).at[order].set(jnp.where(statistics.answer < 0, _ABSENT, answer))
    return statistics, jnp.split(answers, len(kinds))
