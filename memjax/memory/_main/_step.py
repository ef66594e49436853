"""One step of the memory: what happens in one cycle, and which cycle comes next."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from memjax.memory._main import _state as s
from memjax.memory._main._clock import clocks_of
from memjax.memory._main._issue import Issued, issue, ready, update_ready
from memjax.memory._main._pick import Picked, free, group_of_bank, pick

if TYPE_CHECKING:
    from memjax.memory._main._config import MemoryConfig


class Event(NamedTuple):
    """What a step did: its cycle, the request that came (-1: none), and what each channel picked and issued."""

    cycle: Array
    arrived: Array
    picked: Picked
    issued: Issued


def step(config: "MemoryConfig", effects: s.Effects, requests: s.Requests, state: s.State) -> tuple[s.State, Event]:
    """One cycle: refreshes fall due, requests are picked, commands issue, at most one request comes."""
    cycle, forced = state.cycle, state.head >= requests.count
    serve = lambda channel: _serve(config, effects, requests.pulse, channel, cycle, forced)
    channels, picked, issued, empty = _each(serve, state.channels)
    looked = state.repeats & (state.channels.looks > 0).any()
    state = state._replace(
        channels=channels,
        # A second look at the requests in one cycle takes a clock of the processor, before which no request comes.
        clock=state.clock + looked,
        end=jnp.maximum(state.end, _answer(config, cycle, issued)),
    )
    state, arrived = _arrive(config, requests, state, empty)
    return _advance(config, requests, state), Event(cycle, arrived, picked, issued)


def _each(serve: Callable, channels: s.Channel) -> Any:
    """`jax.vmap` over the channels; one alone is served faster without an axis."""
    if channels.length.shape[0] > 1:
        return jax.vmap(serve)(channels)
    return jax.tree.map(lambda field: field[None], serve(jax.tree.map(lambda field: field[0], channels)))


def pack(event: Event) -> Array:
    """An event as int32 [...]: one array is written faster than many."""
    return jnp.concatenate([jnp.ravel(field).astype(jnp.int32) for field in jax.tree.leaves(event)])


def unpack(config: "MemoryConfig", packed: Array) -> Event:
    """Events [steps] from their arrays [steps, ...]."""
    cycle, arrived, rest = packed[:, 0], packed[:, 1], packed[:, 2:].reshape(len(packed), 7, config.channels)
    request, hit, *issued = jnp.moveaxis(rest, 1, 0)
    return Event(cycle, arrived, Picked(request, hit == 1), Issued(*issued))


def _serve(
    config: "MemoryConfig", effects: s.Effects, pulse: Array, channel: s.Channel, cycle: Array, forced: Array
) -> tuple[s.Channel, Picked, Issued, Array]:
    """A channel after a cycle, what it did, and which of its queues have nothing to do."""
    channel = _refresh(config, channel, cycle)
    channel, picked, queue = pick(config, channel, cycle, forced)
    channel = update_ready(config, channel, queue, cycle)
    soonest = jnp.min(channel.ready)
    woken = jnp.where((soonest <= cycle) | (picked.request >= 0), jnp.maximum(soonest, cycle + 1), 0)
    channel, issued, queue = issue(config, effects, pulse, channel, cycle)
    channel = _note(effects, channel, cycle, issued, woken)
    channel = channel._replace(ready=ready(config, channel, cycle))
    empty = free(config, channel, channel.work[:, s.STAGE] == 0)
    # Requests are looked at again in the next cycle where one waits for a queue with nothing to do; twice, where such a
    # queue has become empty after the last look at all of them.
    waiting = (jnp.arange(channel.slots.shape[0]) < channel.length) & empty[channel.slots[:, s.SLOT_QUEUE]]
    emptied = (waiting & (channel.slots[:, s.SLOT_QUEUE] == queue)).any()
    looking = channel.looks > 0
    wake = jnp.maximum(channel.wake + emptied, looking & waiting.any())
    channel = channel._replace(wake=wake, looks=channel.looks - looking, pending=channel.pending & ~looking)
    return channel, picked, issued, empty


def _note(effects: s.Effects, channel: s.Channel, cycle: Array, issued: Issued, woken: Array) -> s.Channel:
    """Note when what a command begins ends, and when NVMain looks at the commands again.

    In each such cycle NVMain brings the clock of the memory up to date before requests come; where the clocks of memory
    and processor do not divide, a request may come one cycle later for it.
    """
    late = effects.late[issued.command] * issued.pulse
    events = jnp.concatenate([cycle + effects.ends[issued.command] + late, woken[None]])
    return channel._replace(events=jnp.concatenate([channel.events[events.shape[0] :], events]))


def _refresh(config: "MemoryConfig", channel: s.Channel, cycle: Array) -> s.Channel:
    """Close and refresh the groups of banks whose time has come; no other command issues in such a cycle."""
    if not config.refresh:
        return channel
    now = channel.due == cycle
    banks = now[group_of_bank(config)]
    channel = channel._replace(
        refreshing=channel.refreshing | now,
        due=jnp.where(now, cycle + s.refresh_interval(config), channel.due),
        issued=jnp.where(now.any(), cycle, channel.issued),
    )
    if config.precharge:
        channel = channel._replace(
            closing=channel.closing | (banks & channel.opened),
            opened=channel.opened & ~banks,
            page=jnp.where(jnp.repeat(banks, config.subarrays), -1, channel.page),
        )
    return channel


def _answer(config: "MemoryConfig", cycle: Array, issued: Issued) -> Array:
    """The last cycle in which the data of commands that issue now are at the controller."""
    answer = cycle + latency(config, issued.pulse, issued.command >= s.WR)
    return jnp.max(jnp.where(issued.request >= 0, answer, 0))


def latency(config: "MemoryConfig", pulse: Array, write: Any = False) -> Array:
    """Cycles from RD or WR to the answer at the controller."""
    t = config.timing
    between = jnp.maximum(jnp.asarray(t.t_burst), jnp.asarray(t.t_ccd))
    cycles = jnp.where(write, t.t_cwd + between + pulse, t.t_cas + t.t_burst) + config.link
    return jnp.asarray(cycles, jnp.int32)


def _arrive(config: "MemoryConfig", requests: s.Requests, state: s.State, empty: Array) -> tuple[s.State, Array]:
    """Let the next request of the trace in, where its clock has come and its channel has a slot for it."""
    channels, request = state.channels, state.head
    fields = requests.fields[jnp.minimum(request, requests.fields.shape[0] - 1)]
    comes = _may_come(config, requests, state, fields)
    here = comes & (jnp.arange(config.channels) == fields[s.CHANNEL])
    more = () if config.pausing is None else (jnp.int32(-1), jnp.int32(0))
    slot = jnp.stack([request, *(fields[i] for i in (s.WRITE, s.SUBARRAY, s.PAGE, s.QUEUE)), state.cycle, *more])
    at = here[:, None] & (jnp.arange(channels.slots.shape[1]) == channels.length[:, None])
    channels = channels._replace(
        slots=jnp.where(at[..., None], slot, channels.slots),
        length=channels.length + here,
        writes=channels.writes + here * fields[s.WRITE],
        pending=channels.pending | (here & empty[:, fields[s.QUEUE]]),
    )
    clock = jnp.where(comes, jnp.maximum(state.clock, fields[s.CYCLE]), state.clock)
    state = state._replace(head=request + comes, clock=clock, channels=channels)
    return state, jnp.where(comes, request, -1)


def _may_come(config: "MemoryConfig", requests: s.Requests, state: s.State, fields: Array) -> Array:
    """Whether the request at the head of the trace, with these fields, can come in this cycle."""
    channels, writes = state.channels, fields[s.WRITE] == 1
    room = channels.length < config.queue_size
    if config.policy == "nvmain-frfcfs-wqf":
        reads = channels.length - channels.writes < config.queue_size
        room = jnp.where(writes, (channels.writes < config.write_queue_size) & ~channels.draining, reads)
    ready = _in_time(config, state, fields) & (channels.looks == 0).all()
    return (state.head < requests.count) & ready & room[fields[s.CHANNEL]]


def _in_time(config: "MemoryConfig", state: s.State, fields: Array) -> Array:
    """Whether the clock of a request has come, and that of the processor is still in this cycle."""
    c = state.channels
    events = (c.events == state.cycle + 1).any(1)
    busy = (events | (c.wake > 0) | (c.ready.min(1) <= state.cycle + 1) | (c.issued == state.cycle)).any()
    if config.refresh:
        busy |= c.due.min() <= state.cycle + 1
    early = busy & (fields[s.CYCLE] >= state.ends)
    late = early | (state.clock > state.begins) & (state.clock >= state.ends)
    return (fields[s.ARRIVES] <= state.cycle) & ~late


def _advance(config: "MemoryConfig", requests: s.Requests, state: s.State) -> s.State:
    """Go to the next cycle in which something happens: this one again, where a request comes or is looked at."""
    channels, cycle = state.channels, state.cycle
    fields = requests.fields[jnp.minimum(state.head, requests.fields.shape[0] - 1)]
    comes, remain = _may_come(config, requests, state, fields), state.head < requests.count
    unfinished = (channels.looks > 0).any()
    again = unfinished | comes | channels.pending.any()
    at_once = comes & (fields[s.CYCLE] <= state.clock)

    put_off = jnp.maximum(fields[s.CYCLE], state.clock) >= state.ends
    arrival = jnp.maximum(fields[s.ARRIVES], cycle + put_off)
    soonest = jnp.where(channels.wake > 0, cycle + 1, jnp.maximum(channels.ready.min(1), cycle + 1)).min()
    soonest = jnp.minimum(soonest, jnp.where(remain & (arrival > cycle), arrival, s.NEVER))
    waiting = remain | (channels.length > 0).any() | (channels.work[..., s.STAGE] > 0).any()
    if channels.pause is not None:
        waiting |= (channels.pause.due < s.NEVER).any()
        soonest = jnp.minimum(soonest, channels.pause.due.min())
    stuck = waiting & (soonest >= s.NEVER)
    if config.refresh:
        soonest = jnp.minimum(soonest, channels.due.min())
    soonest = jnp.where(stuck, cycle + 1, soonest)
    over = ~waiting & (soonest > state.end)
    later = jnp.where(again, cycle, jnp.where(over | (cycle >= s.NEVER), s.NEVER, soonest))

    last = jnp.where(channels.open, s.NEVER, channels.until).reshape(config.channels, config.ranks, -1).max(2)
    passed = jnp.clip(last - cycle, 0, jnp.maximum(jnp.minimum(later, jnp.where(over, state.end, later)) - cycle, 0))
    looks = jnp.where(again, channels.pending & ~at_once, jnp.where(later == cycle + 1, channels.wake + stuck, 0))
    channels = channels._replace(
        looks=jnp.where(unfinished, channels.looks, looks),
        wake=jnp.where(again, channels.wake, 0),
        active=channels.active + jnp.where(again, 0, passed),
    )
    begins, ends = clocks_of(config, later)
    return state._replace(
        cycle=later,
        repeats=jnp.where(unfinished, state.repeats, again),
        clock=jnp.maximum(state.clock, begins),
        begins=begins,
        ends=ends,
        channels=channels,
    )
