"""Which waiting request a controller serves next, and the commands that it becomes."""

from typing import TYPE_CHECKING, NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from memjax.memory._main import _state as s
from memjax.memory._main._pause import come_back, may_interrupt, take

if TYPE_CHECKING:
    from memjax.memory._main._config import MemoryConfig

_RULES = {"nvmain-frfcfs": (0, 1, 2, 3), "frfcfs": (0, 1, 2, 2), "nvmain-fcfs": (0, 0, 0, 1)}
"""Order in which the policies serve starved misses, hits, other misses, closed banks; the oldest first in each."""


class Picked(NamedTuple):
    """A request (-1: none) that has left its slot, and whether its page is open."""

    request: Array
    hit: Array


def free(config: "MemoryConfig", channel: s.Channel, empty: Array) -> Array:
    """Which queues have nothing to do, bool [queues]; `empty` says so of the requests."""
    if not config.refresh:
        return empty
    owner = s.queue_of_bank(config)
    busy = channel.closing.astype(jnp.int32)
    first = jnp.arange(config.ranks * config.banks) % config.refresh_banks == 0
    busy = busy + jnp.where(first, channel.refreshing[group_of_bank(config)], False)
    return empty & (jnp.zeros(empty.shape, jnp.int32).at[owner].add(busy) == 0)


def group_of_bank(config: "MemoryConfig") -> Array:
    """The banks that are refreshed together, int32 [banks of a channel]."""
    return jnp.arange(config.ranks * config.banks) // config.refresh_banks


def pick(config: "MemoryConfig", channel: s.Channel, cycle: Array, forced: Array) -> tuple[s.Channel, Picked, Array]:
    """Where requests are looked at, take at most one request out of its slot and put its commands into a queue.

    `forced`: no more requests will come, so that the queue of writes is drained. Returns that queue (-1: none) too.
    """
    channel = _drain(config, channel, forced)
    if channel.pause is not None:
        channel = come_back(channel, cycle)
    position, found = _choose(config, channel, cycle, forced)
    slot = channel.slots[position]
    page, subarray = slot[s.SLOT_PAGE], slot[s.SLOT_SUBARRAY]
    bank = subarray // config.subarrays
    opened, current = channel.opened[bank], channel.page[subarray]
    hit, miss = opened & (current == page), opened & (current != page)
    last = _last(config, channel, position, slot) & config.precharge & ~miss
    stage = jnp.where(hit, 4, jnp.where(miss & (current >= 0) & config.precharge, 7, 6))
    queue = slot[s.SLOT_QUEUE]
    work = jnp.stack([stage, slot[s.SLOT_REQUEST], slot[s.SLOT_WRITE], last.astype(jnp.int32), subarray, page, cycle])
    here = found & (jnp.arange(channel.page.shape[0]) == subarray)
    pages = jnp.where(here, jnp.where(last, -1, page), channel.page)
    mates = pages.reshape(-1, config.subarrays)
    still = jnp.where(hit & last, (mates[bank] >= 0).any(), ~last)
    after = channel._replace(
        slots=jnp.where(found, _without(channel.slots, position), channel.slots),
        length=channel.length - found,
        writes=channel.writes - found * slot[s.SLOT_WRITE],
        work=jnp.where((found & (jnp.arange(channel.work.shape[0]) == queue))[:, None], work, channel.work),
        page=pages,
        starved=jnp.where(here, jnp.where(hit, channel.starved + 1, 0), channel.starved),
        opened=jnp.where(found & (jnp.arange(channel.opened.shape[0]) == bank), still, channel.opened),
    )
    if channel.pause is not None:
        after = take(after, queue, slot, found, cycle)
    return after, Picked(jnp.where(found, slot[s.SLOT_REQUEST], -1), hit), jnp.where(found, queue, -1)


def _drain(config: "MemoryConfig", channel: s.Channel, forced: Array) -> s.Channel:
    """Whether the queue of writes is being drained. NVMain never stops a drain once the trace has ended, not even when
    no write is left, and then waits for ever for its reads: here it stops."""
    if config.policy != "nvmain-frfcfs-wqf":
        return channel
    begin = (channel.writes >= config.high_mark) & ~forced
    stop = jnp.where(forced, channel.writes == 0, channel.writes <= config.low_mark)
    drains = jnp.where(channel.draining, ~stop, begin)
    return channel._replace(draining=jnp.where((channel.looks > 0), drains, channel.draining))


def _choose(config: "MemoryConfig", channel: s.Channel, cycle: Array, forced: Array) -> tuple[Array, Array]:
    """Position of the request to serve, and whether there is one."""
    count, place = channel.slots.shape[0], jnp.arange(channel.slots.shape[0])
    subarray, page, queue = (channel.slots[:, i] for i in (s.SLOT_SUBARRAY, s.SLOT_PAGE, s.SLOT_QUEUE))
    bank = subarray // config.subarrays
    empty = free(config, channel, (channel.work[:, s.STAGE] == 0) & (channel.work[:, s.FREE] <= cycle))
    waits = (channel.looks > 0) & (place < channel.length) & empty[queue]
    if config.refresh:
        waits &= ~channel.refreshing[group_of_bank(config)][bank]
    if config.policy == "nvmain-fcfs":
        waits &= cycle > 0  # this controller does not note when a request came
    else:
        waits &= channel.slots[:, s.SLOT_ARRIVAL] != cycle
    if config.policy == "nvmain-frfcfs-wqf":
        writing = channel.draining | (forced & (channel.length == channel.writes))
        waits &= (channel.slots[:, s.SLOT_WRITE] == 1) == writing
    opened, hit = channel.opened[bank], channel.page[subarray] == page
    starved, hits, misses, closed = _RULES[config.policy.removesuffix("-wqf")]
    late = channel.starved[subarray] >= config.starvation
    rule = jnp.where(opened, jnp.where(hit, hits, jnp.where(late, starved, misses)), closed)
    if channel.pause is not None:
        # Between hits and other misses; while the oldest waits for its boundary, nothing is picked.
        over, stalls = may_interrupt(config, channel, cycle)
        rule = jnp.where(over & (rule > 1), 2, jnp.where(rule > 1, rule + 1, rule))
        best = jnp.min(jnp.where(waits, rule * count + place, s.NEVER))
        position = lax.rem(best, count)
        return position, (best < s.NEVER) & ~((lax.div(best, count) == 2) & stalls[position])
    best = jnp.min(jnp.where(waits, rule * count + place, s.NEVER))
    return lax.rem(best, count), best < s.NEVER


def _last(config: "MemoryConfig", channel: s.Channel, position: Array, slot: Array) -> Array:
    """Whether the row is to be closed after the request at `position`."""
    if config.page != "relaxed":
        return jnp.asarray(config.page == "closed")
    place, groups = jnp.arange(channel.slots.shape[0]), s.groups_of_columns(config)
    same = (place < channel.length) & (place != position)
    same &= channel.slots[:, s.SLOT_SUBARRAY] == slot[s.SLOT_SUBARRAY]
    same &= channel.slots[:, s.SLOT_PAGE] // groups == slot[s.SLOT_PAGE] // groups
    if config.policy == "nvmain-frfcfs-wqf":
        same &= channel.slots[:, s.SLOT_WRITE] == slot[s.SLOT_WRITE]
    return ~same.any()


def _without(slots: Array, position: Array) -> Array:
    """The slots with those behind `position` moved up."""
    behind = (jnp.arange(slots.shape[0]) >= position)[:, None]
    return jnp.where(behind, jnp.roll(slots, -1, 0), slots)
