"""What a controller and its memory remember between cycles, and what they are told beforehand."""

from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from memjax.memory._main._address import place
from memjax.memory._main._clock import clock_cycle, clocks_of
from memjax.memory._main._timing import Timing

if TYPE_CHECKING:
    from memjax.memory._main._config import MemoryConfig

NEVER = 2**30
"""A cycle that does not come."""

_EVENTS = 6 * 24

# Commands, in the order of the rows of `Effects`.
NOTHING, ACT, RD, RDA, WR, WRA, PRE, PREALL, REF = range(9)
NAMES = ("-", "ACT", "RD", "RDA", "WR", "WRA", "PRE", "PREALL", "REF")


class Shape(NamedTuple):
    """Sizes of a channel: slots for requests, queues of commands, subarrays, banks, ranks, groups that refresh."""

    slots: int
    queues: int
    subarrays: int
    banks: int
    ranks: int
    groups: int


def shape_of(config: "MemoryConfig") -> Shape:
    banks = config.ranks * config.banks
    queues = {"rank": config.ranks, "bank": banks, "subarray": banks * config.subarrays}[config.queues]
    slots = config.queue_size + (config.write_queue_size if config.policy == "nvmain-frfcfs-wqf" else 0)
    if config.pausing is not None:
        slots += banks * config.subarrays  # writes that come back
    groups = config.ranks * (config.banks // config.refresh_banks) if config.refresh else 0
    return Shape(slots, queues, banks * config.subarrays, banks, config.ranks, groups)


def queue_of_bank(config: "MemoryConfig") -> Array:
    """The queue in which refreshes of a bank wait, int32 [banks of a channel]."""
    bank = jnp.arange(config.ranks * config.banks)
    return _queue(config, bank // config.banks, bank % config.banks, 0)


def _queue(config: "MemoryConfig", rank: Any, bank: Any, subarray: Any) -> Any:
    if config.queues == "rank":
        return rank
    if config.queues == "subarray":
        return (rank * config.banks + bank) * config.subarrays + subarray
    return bank * config.ranks + rank if config.turn == "rank" else rank * config.banks + bank


class Requests(NamedTuple):
    """What a controller reads of each request, int32 [n, 7], and its write pulse; `count` of them are requests."""

    fields: Array
    pulse: Array
    count: Array


CYCLE, CHANNEL, WRITE, SUBARRAY, PAGE, QUEUE, ARRIVES = range(7)
"""Fields of `Requests`: clock of the processor, channel, whether it writes, subarray, page, queue, cycle."""


def requests_of(
    config: "MemoryConfig", cycle: Array, write: Array, line: Array, pulse: Array, count: Array
) -> Requests:
    """Places of requests: subarray of the channel, page (row and group of columns), queue of commands."""
    at = place(line, config)
    subarray = (at.rank * config.banks + at.bank) * config.subarrays + at.subarray
    page = at.row * groups_of_columns(config) + at.column // config.sensed
    queue = _queue(config, at.rank, at.bank, at.subarray)
    arrives = clock_cycle(config, cycle)
    fields = jnp.stack([cycle, at.channel, write.astype(jnp.int32), subarray, page, queue, arrives], -1)
    return Requests(fields, pulse, count)


def groups_of_columns(config: "MemoryConfig") -> int:
    return -(-config.columns // config.sensed)


class Effects(NamedTuple):
    """Until when a command that issues at 0 keeps others waiting, int32 [command, (ACT, PRE, RD, WR)]: those of its
    subarray, of its rank, of the other ranks. Of `subarray`, write pulses are added where `pulsed`. And when what it
    begins `ends`, int32 [command, 5], to which write pulses are added where `late`."""

    subarray: Array
    pulsed: Array
    rank: Array
    others: Array
    ends: Array
    late: Array


def effects_of(timing: Timing, link: Any) -> Effects:
    t = Timing(**{name: jnp.asarray(value, jnp.int32) for name, value in vars(timing).items()})
    no, between = jnp.int32(-NEVER), jnp.maximum(t.t_burst, t.t_ccd)
    turn = t.t_cas + t.t_burst + t.t_rtrs - t.t_cwd
    column = t.t_rcd - t.t_al
    written = t.t_cwd + t.t_burst
    table = lambda *rows: jnp.stack([jnp.stack([jnp.asarray(one, jnp.int32) for one in row]) for row in rows])
    nothing = (no,) * 4
    closed_by_read = (t.t_al + t.t_rtp + t.t_rp,) * 4
    closed_by_write = (t.t_al + written + t.t_wr + t.t_rp,) * 4
    precharge = (jnp.maximum(1, t.t_rp), no, no, no)
    own = table(
        nothing,
        (no, jnp.maximum(t.t_rcd, t.t_ras), column, column),
        (no, t.t_al + t.t_burst + t.t_rtp - t.t_ccd, between, turn),
        closed_by_read,
        (no, t.t_al + written + t.t_wr, written + t.t_wtr, between),
        closed_by_write,
        precharge,
        precharge,
        (t.t_rfc, no, no, no),
    )
    opening, closing = (t.t_rrd, no, no, no), (no, t.t_ppd, no, no)
    reading, writing = (no, no, between, turn), (no, no, written + t.t_wtr, between)
    rank = table(nothing, opening, reading, reading, writing, writing, closing, closing, opening)
    seen_read = (no, no, t.t_burst + t.t_rtrs, turn)
    seen_write = (no, no, t.t_burst + t.t_cwd + t.t_rtrs - t.t_cas, t.t_burst + t.t_ost)
    others = table(nothing, nothing, seen_read, seen_read, seen_write, seen_write, nothing, nothing, nothing)
    pulsed = jnp.zeros((9, 4), jnp.int32).at[WR, 1:].set(1).at[WRA].set(1)
    read, answered = (t.t_cas, t.t_cas + t.t_burst), jnp.asarray(link, jnp.int32)
    write, precharged = (t.t_cwd, t.t_cwd + between), t.t_al + t.t_cwd + t.t_burst + t.t_wr
    ends = table(
        (no,) * 5,
        (t.t_rcd, no, no, no, no),
        (*read, read[1] + answered, no, no),
        (*read, read[1] + answered, t.t_al + t.t_rtp, t.t_al + t.t_rtp + t.t_rp),
        (*write, write[1] + answered, no, no),
        (*write, write[1] + answered, precharged, precharged + t.t_rp),
        (jnp.maximum(1, t.t_rp), no, no, no, no),
        (jnp.maximum(1, t.t_rp), no, no, no, no),
        (t.t_rfc, no, no, no, no),
    )
    late = jnp.zeros((9, 5), jnp.int32).at[WR, 1:3].set(1).at[WRA, 1:].set(1)
    return Effects(own, pulsed, rank, others, ends, late)


class Pause(NamedTuple):
    """Writes in progress and interrupted; every field has the channels in front.

    Attributes:
        taken: the slot of the request of each queue, int32 [queues, 8]; over: whether it opens its row over a write.
        written: the slot of the last write of each subarray, int32 [subarrays, 8].
        start, total, until: its issue, pulse, and the end of its data and pulse.
        saved: the times of the subarray before it, int32 [subarrays, 4].
        back, due: an interrupted write and when it is back in the queue.
        paused, cancelled: how many have been.
    """

    taken: Array
    over: Array
    written: Array
    start: Array
    total: Array
    until: Array
    saved: Array
    back: Array
    due: Array
    paused: Array
    cancelled: Array


class Channel(NamedTuple):
    """One controller and its memory; every field has the channels in front.

    Attributes:
        slots: waiting requests in the order of arrival, int32 [slots, 6] (see the names below).
        length, writes: how many wait, and how many of them write.
        work: for each queue what remains of a request, int32 [queues, 7] (see the names below).
        ready: when the head of each queue, each precharge of all and each refresh may issue.
        times: when ACT, PRE, RD, WR may come, int32 [subarrays, 4]; rank: [ranks, 4].
        window: the last openings of each rank, oldest first.
        page: that the controller has opened in a subarray, -1 for none; opened: whether it has opened any in a bank.
        starved: hits since the page was opened.
        open: whether a row is open; until: when it is closed, where that is known.
        closing, refreshing: banks to be precharged for a refresh, groups of banks to be refreshed; due: the next time.
        pointer: of the queues' turns; issued: cycle of the last command.
        slow: queue that comes last in the next cycle (-1: none).
        looks, wake: how often the requests are looked at in this cycle, and in the next one; pending: whether again in
            this cycle, because some have come.
        draining: the queue of writes.
        events: cycles in which something ends, int32 [_EVENTS].
        active: cycles of each rank with a row open.
        pause: interrupted writes, or None.
    """

    slots: Array
    length: Array
    writes: Array
    work: Array
    ready: Array
    times: Array
    rank: Array
    window: Array
    page: Array
    opened: Array
    starved: Array
    open: Array
    until: Array
    closing: Array
    refreshing: Array
    due: Array
    pointer: Array
    issued: Array
    slow: Array
    looks: Array
    wake: Array
    pending: Array
    draining: Array
    events: Array
    active: Array
    pause: Any


SLOT_REQUEST, SLOT_WRITE, SLOT_SUBARRAY, SLOT_PAGE, SLOT_QUEUE, SLOT_ARRIVAL, SLOT_LEFT, SLOT_CANCELS = range(8)
"""Fields of `Channel.slots`; the last two, what is left of a pulse (-1: all) and how often it was cancelled, only with
pausing."""

STAGE, REQUEST, WRITES, AUTO, OF, OPENS, FREE = range(7)
"""Fields of `Channel.work`: commands to come (1 PRE, 2 ACT, 4 column), request, whether it writes, whether it closes
the row, subarray, page, cycle from which the queue counts as empty."""


class State(NamedTuple):
    """The whole memory: cycle and whether it is looked at again, next request of the trace, clock of the processor and
    those at which this cycle and the next one begin, cycle of the last answer, channels."""

    cycle: Array
    repeats: Array
    head: Array
    clock: Array
    begins: Array
    ends: Array
    end: Array
    channels: Channel


def start(config: "MemoryConfig") -> State:
    shape, c = shape_of(config), config.channels
    zeros = lambda *sizes: jnp.zeros((c, *sizes), jnp.int32)
    full = lambda value, *sizes: jnp.full((c, *sizes), value, jnp.int32)
    false = lambda *sizes: jnp.zeros((c, *sizes), bool)
    pending = (shape.banks, shape.groups) if config.refresh else (0, 0)
    channels = Channel(
        slots=zeros(shape.slots, 6 if config.pausing is None else 8),
        length=zeros(),
        writes=zeros(),
        work=zeros(shape.queues, 7),
        ready=full(NEVER, shape.queues + sum(pending)),
        times=zeros(shape.subarrays, 4),
        rank=zeros(shape.ranks, 4) + jnp.asarray(config.timing.t_cmd, jnp.int32),
        window=zeros(shape.ranks, config.window),
        page=full(-1, shape.subarrays),
        opened=false(shape.banks),
        starved=zeros(shape.subarrays),
        open=false(shape.subarrays),
        until=zeros(shape.subarrays),
        closing=false(pending[0]),
        refreshing=false(pending[1]),
        due=zeros(pending[1]) + _first_refreshes(config),
        pointer=zeros(),
        issued=zeros(),
        slow=full(-1),
        looks=zeros(),
        wake=zeros(),
        pending=false(),
        draining=false(),
        events=zeros(_EVENTS),
        active=zeros(shape.ranks),
        pause=None
        if config.pausing is None
        else Pause(
            taken=zeros(shape.queues, 8),
            over=false(shape.queues),
            written=zeros(shape.subarrays, 8),
            start=zeros(shape.subarrays),
            total=zeros(shape.subarrays),
            until=zeros(shape.subarrays),
            saved=zeros(shape.subarrays, 4),
            back=zeros(shape.subarrays, 8),
            due=full(NEVER, shape.subarrays),
            paused=zeros(),
            cancelled=zeros(),
        ),
    )
    zero = jnp.int32(0)
    return State(zero, jnp.asarray(False), zero, zero, *clocks_of(config, zero), zero, channels)


def refresh_interval(config: "MemoryConfig") -> Array:
    """Cycles between two refreshes of a group of banks."""
    return jnp.asarray(config.timing.t_refw, jnp.int32) // (config.rows // config.refresh_rows)


def _first_refreshes(config: "MemoryConfig") -> Array:
    """The first refresh of each group: they are spread over an interval."""
    groups = shape_of(config).groups
    if not groups:
        return jnp.zeros(0, jnp.int32)
    interval = refresh_interval(config)
    late = 1 + jnp.asarray(config.refresh_delay, jnp.int32)
    return interval * late + jnp.arange(groups, dtype=jnp.int32) * (interval // groups)
