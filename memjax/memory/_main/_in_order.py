"""A controller that serves requests in the order in which they came: one step of a scan for each."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from memjax.memory._main._address import Place
from memjax.memory._main._config import MemoryConfig

_CLOSED = -1
_NEVER = 2**31 - 1


class Served(NamedTuple):
    """When the commands of each request issue, int32 [n] cycles of the memory; -1: none was needed.

    Attributes:
        precharge: of the row that was open.
        activate: of its own row; none: a hit.
        column: the read or write.
        closed: when it closes its row by itself.
    """

    precharge: jax.Array
    activate: jax.Array
    column: jax.Array
    closed: jax.Array


def serve_in_order(cycle: Any, write: Any, place: Place, pulse: Any, config: MemoryConfig) -> Served:
    """First come, first served: of each channel only the oldest request has commands, each as soon as it is legal.

    A channel issues at most one command in a cycle, none before `Timing.t_cmd`. There is neither refresh nor pausing.

    Args:
        cycle: of the memory in which requests come, int32 [n], not decreasing.
        write: whether they write, bool [n].
        place: where.
        pulse: write pulse of each [cycles], int32 [n].
        config: of the memory.
    """
    t = jax.tree.map(lambda number: jnp.asarray(number, jnp.int32), config.timing)
    bank = (place.channel * config.ranks + place.rank) * config.banks + place.bank
    array = bank * config.subarrays + place.subarray
    wanted = place.row * (config.columns // config.sensed) + place.column // config.sensed
    again = _next_use(cycle, place.channel, array, wanted, config)

    def step(state: tuple, request: tuple) -> tuple[tuple, Served]:
        arrays, channels = state
        cycle, write, channel, rank, array, wanted, pulse, again = request
        mine, shared = arrays[array], channels[channel]
        one = _serve(t, config.precharge, mine, shared[rank], cycle, write, wanted, pulse)
        row, waits, closed = _after(t, one, write, wanted, pulse, again)
        arrays = arrays.at[array].set(jnp.concatenate([row[None], waits]))
        own = jnp.arange(config.ranks) == rank
        channels = channels.at[channel].set(_rank_waits(t, shared, own, one, write))
        return (arrays, channels), Served(one.precharge, one.activate, one.column, closed)

    start = jnp.asarray(t.t_cmd)
    arrays = jnp.full((config.channels * config.ranks * config.banks * config.subarrays, 5), start)
    channels = jnp.full((config.channels, config.ranks, 5 + config.window), start).at[:, :, 4].set(start - 1)
    # No row was opened before: nothing to wait for.
    channels = channels.at[:, :, 5:].set(-t.t_raw)
    requests = (cycle, write, place.channel, place.rank, array, wanted, pulse, again)
    _, served = jax.lax.scan(step, (arrays.at[:, 0].set(_CLOSED), channels), requests)
    return served


class _Commands(NamedTuple):
    """The commands of one request, and the times before which its subarray has no ACT, PRE, RD, WR after them."""

    precharge: Any
    activate: Any
    column: Any
    waits: tuple


def _serve(
    t: Any, closes: bool, subarray: Any, rank: Any, cycle: Any, write: Any, wanted: Any, pulse: Any
) -> _Commands:
    """Precharge, activation and column command of a request, as early as subarray, rank and channel let them.

    `subarray` holds its open row and the times before which it has no ACT, PRE, RD, WR; `rank` those of the rank, the
    last command of the channel and the last activations.
    """
    row, act, pre, read, written = (subarray[k] for k in range(5))
    hit, now = row == wanted, jnp.maximum(cycle, rank[4] + 1)
    due = ~hit & (row != _CLOSED) & closes
    at_pre = jnp.maximum(now, jnp.maximum(pre, rank[1]))
    # Where rows need not be closed, the open one still has to be done.
    opens = jnp.where(due, at_pre + jnp.maximum(1, t.t_rp), now if closes else jnp.maximum(now, pre))
    at_act = jnp.maximum(jnp.maximum(opens, act), jnp.maximum(rank[0], rank[5] + t.t_raw))
    pre = jnp.where(hit, pre, at_act + jnp.maximum(t.t_rcd, t.t_ras))
    sensed = at_act + jnp.maximum(1, t.t_rcd - t.t_al)
    read, written = jnp.where(hit, read, sensed), jnp.where(hit, written, sensed)
    column = jnp.maximum(now, jnp.where(write, jnp.maximum(written, rank[3]), jnp.maximum(read, rank[2])))
    return _Commands(jnp.where(due, at_pre, -1), jnp.where(hit, -1, at_act), column, (act, pre, read, written))


def _after(t: Any, one: _Commands, write: Any, wanted: Any, pulse: Any, again: Any) -> tuple[Any, Any, Any]:
    """The open row of the subarray, its waiting times and when the row closes if no request comes for it."""
    act, pre, read, written = one.waits
    at, burst = one.column, jnp.maximum(t.t_burst, t.t_ccd)
    busy = t.t_al + t.t_cwd + t.t_burst + pulse + t.t_wr
    pre = jnp.maximum(pre, at + jnp.where(write, busy, t.t_al + t.t_burst + t.t_rtp - t.t_ccd))
    read = jnp.maximum(read, at + jnp.where(write, t.t_cwd + t.t_burst + t.t_wtr + pulse, burst))
    turned = t.t_cas + t.t_burst + t.t_rtrs - t.t_cwd
    written = jnp.maximum(written, at + jnp.where(write, burst + pulse, turned))
    closes = again > at
    recovered = at + jnp.where(write, busy, t.t_al + t.t_rtp) + t.t_rp
    act = jnp.where(closes, jnp.maximum(act, recovered), act)
    row = jnp.where(closes, _CLOSED, wanted)
    return row, jnp.stack([act, pre, read, written]), jnp.where(closes, recovered - t.t_rp, -1)


def _rank_waits(t: Any, shared: Any, own: Any, one: _Commands, write: Any) -> Any:
    """The waiting times of the ranks of a channel after a request to one of them, [ranks, 5 + window]."""
    at, burst = one.column, jnp.maximum(t.t_burst, t.t_ccd)
    to_read = jnp.where(
        own,
        jnp.where(write, t.t_cwd + t.t_burst + t.t_wtr, burst),
        jnp.where(write, t.t_burst + t.t_cwd + t.t_rtrs - t.t_cas, t.t_burst + t.t_rtrs),
    )
    turned = t.t_cas + t.t_burst + t.t_rtrs - t.t_cwd
    to_write = jnp.where(write, jnp.where(own, burst, t.t_burst + t.t_ost), turned)
    opened, precharged = own & (one.activate >= 0), own & (one.precharge >= 0)
    head = jnp.stack(
        [
            jnp.where(opened, jnp.maximum(shared[:, 0], one.activate + t.t_rrd), shared[:, 0]),
            jnp.where(precharged, jnp.maximum(shared[:, 1], one.precharge + t.t_ppd), shared[:, 1]),
            jnp.maximum(shared[:, 2], at + to_read),
            jnp.maximum(shared[:, 3], at + to_write),
            jnp.full(own.shape, at),
        ],
        axis=1,
    )
    newest = jnp.broadcast_to(one.activate, (*own.shape, 1))
    opens = jnp.where(opened[:, None], jnp.concatenate([shared[:, 6:], newest], axis=1), shared[:, 5:])
    return jnp.concatenate([head, opens], axis=1)


def _next_use(cycle: Any, channel: Any, array: Any, wanted: Any, config: MemoryConfig) -> Any:
    """The cycle from which another request for the row of each waits in the queue: always (-1) where rows stay open."""
    if config.page != "relaxed":
        return jnp.full(cycle.shape, -1 if config.page == "open" else _NEVER)
    n = cycle.shape[0]
    within = jnp.cumsum(channel[:, None] == jnp.arange(config.channels), axis=0)[jnp.arange(n), channel]
    order = jnp.lexsort((jnp.arange(n), wanted, array))
    following = jnp.roll(order, -1)
    same = (array[order] == array[following]) & (wanted[order] == wanted[following]) & (jnp.arange(n) < n - 1)
    soon = same & (within[following] - within[order] < config.queue_size)
    return jnp.zeros(n, cycle.dtype).at[order].set(jnp.where(soon, cycle[following], _NEVER))
