"""The requests of a trace served by a main memory."""

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from memjax import _check
from memjax.memory._main import _state as s
from memjax.memory._main._address import place
from memjax.memory._main._clock import clock_cycle, clocks_of
from memjax.memory._main._config import MemoryConfig
from memjax.memory._main._in_order import Served, serve_in_order
from memjax.memory._main._log import commands_in_order, commands_of, open_cycles
from memjax.memory._main._pulse import bit_counts, write_cycles
from memjax.memory._main._statistics import Command, Counts, Energies, Statistics
from memjax.memory._main._step import Event, latency, pack, step, unpack
from memjax.memory._trace import MemoryTrace, check_trace

_STEPS = 1024
"""Steps between two looks at whether the trace has ended."""


class _Results(NamedTuple):
    """What is known of the requests so far, int32 [n], the commands counted, int32 [9], and the refreshed banks."""

    arrival: Array
    issue: Array
    answer: Array
    hit: Array
    commands: Array


def simulate_memory(
    trace: MemoryTrace, config: MemoryConfig, *, key: Any = None, log: bool = False, progress: bool = False
) -> Statistics:
    """Serve the requests of a trace by a main memory, cycle by cycle, jumping over cycles in which nothing happens.

    A request enters when its clock has come and the queue of its channel has room; else it and all later ones wait.
    In each cycle a channel looks for a request whose bank has nothing to do, turns it into commands (PRE, ACT, RD or
    WR), and issues at most one command that is allowed by then, its banks taking turns.

    All numbers of `config` may be traced: `jax.vmap` runs over timings or energies, and over traces of one length
    (`stack_traces`), with one compilation; energies have gradients. The result is that of one trace alone.

    Args:
        trace: of requests of 64 bytes.
        config: the memory.
        key: a PRNG key, where pulses of cells of two bits are drawn (`WritePulses`).
        log: return every command too; not under `jax.jit` and `jax.vmap`.
        progress: show a bar; not under `jax.jit` and `jax.vmap`.

    Raises: TypeError and ValueError for arguments that do not fit, and where a key is missing.

    Source: the rules are those of M. Poremba et al., NVMain 2.0, IEEE CAL 2015, as described in docs/memory_main.md.
    """
    check_trace("trace", trace)
    _check.part("config", config, MemoryConfig)
    _check.flag("log", log)
    _check.flag("progress", progress)
    if not len(trace):
        raise ValueError("trace must have at least one request, got none")
    if key is not None:
        _check.key("key", key)
    if config.pulses is not None and config.pulses.bits == 2 and key is None:
        raise ValueError("key must be given with pulses of two bits a cell, whose number is drawn, got None")
    if config.policy == "fcfs" and config.refresh:
        raise ValueError("config.refresh must be False with policy 'fcfs', which serves requests only, got True")
    config = jax.tree.map(jnp.asarray, config)  # as arrays all numbers are traced
    if not (log or progress):
        return _at_once(trace, config, key)
    if isinstance(trace.cycle, Tracer):
        raise ValueError("log and progress must be False inside jax.jit and jax.vmap, got True")
    return _in_sight(trace, config, key, log, progress)


@eqx.filter_jit
def _at_once(trace: MemoryTrace, config: MemoryConfig, key: Any) -> Statistics:
    if config.policy == "fcfs":
        return _in_order(trace, config, key)[0]
    requests, effects, numbers = (
        _requests(trace, config, key),
        s.effects_of(config.timing, config.link),
        _discrete(config),
    )

    def chunk(carry: tuple[s.State, _Results]) -> tuple[s.State, _Results]:
        state, results, _ = _chunk(numbers, effects, requests, carry)
        return state, results

    begun = s.start(config), _nothing(len(trace))
    state, results = jax.lax.while_loop(lambda carry: carry[0].cycle < s.NEVER, chunk, begun)
    return _statistics(trace, config, requests, results, state.end, state.channels.active, state.channels.pause)


def _in_order(trace: MemoryTrace, config: MemoryConfig, key: Any) -> tuple[Statistics, Served]:
    """Strictly first come, first served, which needs no search."""
    requests, at = _requests(trace, config, key), place(trace.line, config)
    cycle = clock_cycle(config, trace.cycle)
    served = serve_in_order(cycle, trace.write, at, requests.pulse, config)
    real, hit, closing = trace.real, served.activate < 0, served.closed >= 0
    begin = jnp.where(hit, served.column, jnp.where(served.precharge < 0, served.activate, served.precharge))
    answer = served.column + latency(config, requests.pulse, trace.write)
    end = jnp.max(jnp.where(real, answer, 0))
    known = lambda cycles: jnp.where(real, cycles, -1)
    column = jnp.where(trace.write, s.WR, s.RD) + closing
    number = lambda code, those: jnp.sum(real & those) * (jnp.arange(9) == code)
    codes = number(s.PRE, served.precharge >= 0) + number(s.ACT, ~hit)
    codes = codes + sum(number(code, column == code) for code in (s.RD, s.RDA, s.WR, s.WRA))
    results = _Results(known(cycle), known(begin), known(answer), hit & real, codes)
    active = open_cycles(served, at, real, end, config)
    return _statistics(trace, config, requests, results, end, active, None), served


def _in_sight(trace: MemoryTrace, config: MemoryConfig, key: Any, log: bool, progress: bool) -> Statistics:
    """The same in chunks that the host sees."""
    from tqdm import tqdm

    if config.policy == "fcfs":
        statistics, served = _in_order(trace, config, key)
        return _logged(statistics, commands_in_order(config, trace, served) if log else None)
    requests, effects, total = _requests(trace, config, key), s.effects_of(config.timing, config.link), int(trace.count)
    state, results, events = s.start(config), _nothing(len(trace)), []
    with tqdm(total=total, desc="requests", disable=not progress) as bar:
        while int(state.cycle) < s.NEVER:
            state, results, event = _jitted_chunk(config, effects, requests, (state, results))
            if log:
                events.append(jax.tree.map(np.asarray, event.issued._asdict() | {"cycle": event.cycle}))
            bar.update(int(state.head) - bar.n)
    statistics = _statistics(trace, config, requests, results, state.end, state.channels.active, state.channels.pause)
    return _logged(statistics, commands_of(config, events) if log else None)


def _logged(statistics: Statistics, log: tuple[Command, ...] | None) -> Statistics:
    return dataclasses.replace(statistics, log=log)


def _discrete(config: MemoryConfig) -> MemoryConfig:
    """The configuration for what happens when, which has no gradients."""
    return jax.tree.map(jax.lax.stop_gradient, config)


def _requests(trace: MemoryTrace, config: MemoryConfig, key: Any) -> s.Requests:
    pulse = write_cycles(trace, config, key)
    return s.requests_of(config, trace.cycle, trace.write, trace.line, pulse, trace.count)


def _nothing(n: int) -> _Results:
    unknown = jnp.full(n, -1, jnp.int32)
    return _Results(unknown, unknown, unknown, jnp.zeros(n, bool), jnp.zeros(9, jnp.int32))


def _chunk(
    config: MemoryConfig, effects: s.Effects, requests: s.Requests, carry: tuple[s.State, _Results]
) -> tuple[s.State, _Results, Event]:
    state, results = carry

    def one(state: s.State, _: None) -> tuple[s.State, Array]:
        after, event = step(config, effects, requests, state)
        # 32 bits also where JAX counts in 64.
        return jax.tree.map(lambda new, old: jnp.asarray(new, old.dtype), after, state), pack(event)

    state, packed = jax.lax.scan(one, state, length=min(_STEPS, 8 * len(requests.pulse)))
    event = unpack(config, packed)
    return state, _collect(config, requests, results, event), event


_jitted_chunk = eqx.filter_jit(_chunk)


def _collect(config: MemoryConfig, requests: s.Requests, results: _Results, event: Event) -> _Results:
    """Put what the steps did to the requests that they did it to; -1, no request, is out of range."""
    cycle = event.cycle[:, None]
    where = lambda request: jnp.where(request < 0, len(requests.pulse), request)
    picked, served = where(event.picked.request), where(event.issued.request)
    answer = cycle + latency(config, event.issued.pulse, event.issued.command >= s.WR)
    one_each = jnp.ones(event.issued.command.shape, jnp.int32)
    return _Results(
        arrival=results.arrival.at[where(event.arrived)].set(event.cycle, mode="drop"),
        issue=results.issue.at[picked].max(jnp.broadcast_to(cycle, picked.shape), mode="drop"),
        answer=results.answer.at[served].max(answer, mode="drop"),
        hit=results.hit.at[picked].set(event.picked.hit, mode="drop"),
        commands=results.commands.at[event.issued.command].add(one_each),
    )


def _statistics(
    trace: MemoryTrace,
    config: MemoryConfig,
    requests: s.Requests,
    results: _Results,
    end: Array,
    active: Array,
    pause: s.Pause | None,
) -> Statistics:
    n = results.commands
    counts = Counts(
        activations=n[s.ACT],
        reads=n[s.RD] + n[s.RDA],
        writes=n[s.WR] + n[s.WRA],
        precharges=n[s.PRE] + n[s.PREALL] + n[s.RDA] + n[s.WRA],
        refreshes=n[s.REF] * config.refresh_banks,
    )
    each, (zeros, ones, kept) = config.energy.costs(config), bit_counts(trace)
    idle = end * config.ranks * config.channels - active.sum()
    energies = Energies(
        activate=counts.activations * each.activate,
        read=counts.reads * each.read,
        write=counts.writes * each.write - kept * each.unchanged,
        pulses=zeros * each.reset + ones * each.set,
        refresh=counts.refreshes * each.refresh,
        background=active.sum() * each.active + idle * each.idle,
    )
    busy = (counts.reads + counts.writes) * config.timing.t_burst
    return Statistics(
        arrival=results.arrival,
        issue=results.issue,
        answer=results.answer,
        hit=results.hit,
        read=~trace.write,
        channel=requests.fields[:, s.CHANNEL],
        count=trace.count,
        counts=counts,
        energies=energies,
        cycles=end,
        seconds=end / config.clock,
        clocks=clocks_of(config, end)[0],
        active=active,
        paused=jnp.int32(0) if pause is None else pause.paused.sum(),
        cancelled=jnp.int32(0) if pause is None else pause.cancelled.sum(),
        utilisation=busy / jnp.maximum(end, 1) / config.channels,
    )
