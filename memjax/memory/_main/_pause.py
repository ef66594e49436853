"""Writes that are interrupted: paused and resumed, or cancelled and done again."""

from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from memjax.memory._main import _state as s

if TYPE_CHECKING:
    from memjax.memory._main._config import MemoryConfig


class Target(NamedTuple):
    """The command that has issued and its subarray."""

    command: Array
    subarray: Array
    queue: Array


def _boundary(config: "MemoryConfig", pause: s.Pause, cycle: Array) -> Array:
    """Cycles from the start of each write to its last boundary of iterations, int32 [subarrays]."""
    count = jnp.asarray(config.pausing.iterations, jnp.int32)
    every = jnp.maximum(jnp.asarray(config.timing.t_wp, jnp.int32) // count, 1)
    return every * jnp.minimum((cycle - pause.start) // every, count - 1)


def is_written(pause: s.Pause, cycle: Array) -> Array:
    """Which subarrays are being written, bool [subarrays]."""
    return cycle < pause.until


def _left(config: "MemoryConfig", pause: s.Pause, cycle: Array) -> Array:
    """What is left of the pulse of each write, were it interrupted, int32 [subarrays]."""
    done = cycle - pause.start if config.pausing.mode == "exact" else _boundary(config, pause, cycle)
    return jnp.maximum(pause.total - done, 0)


def is_forced(config: "MemoryConfig", pause: s.Pause, cycle: Array) -> Array:
    """Which writes may not be interrupted, having been so often, being done, or while another is on its way back.

    NVMain interrupts a write that is done too, with a time below zero left, and does not come to an end.
    """
    often = pause.written[:, s.SLOT_CANCELS] >= config.pausing.cancellations
    on_its_way = (pause.due < s.NEVER) & (cycle < pause.due)
    return often | on_its_way | (_left(config, pause, cycle) == 0)


def come_back(channel: s.Channel, cycle: Array) -> s.Channel:
    """Put the write whose time has come to the front of the waiting requests."""
    pause = channel.pause
    now = pause.due == cycle
    row = jnp.sum(jnp.where(now[:, None], pause.back, 0), 0)
    slots = jnp.where(now.any(), jnp.concatenate([row[None], channel.slots[:-1]]), channel.slots)
    return channel._replace(
        slots=slots,
        length=channel.length + now.any(),
        writes=channel.writes + now.any(),
        pause=pause._replace(due=jnp.where(now, s.NEVER, pause.due)),
    )


def may_interrupt(config: "MemoryConfig", channel: s.Channel, cycle: Array) -> tuple[Array, Array]:
    """Which waiting reads may open their row over a write now, and which have to wait for a boundary, bool [slots]."""
    pause, subarray = channel.pause, channel.slots[:, s.SLOT_SUBARRAY]
    rank = subarray // (config.banks * config.subarrays)
    opens = jnp.maximum(channel.times[subarray, 0], channel.rank[rank, 0])
    opens = jnp.maximum(opens, channel.window[rank, 0] + config.timing.t_raw)
    may = is_written(pause, cycle) & ~is_forced(config, pause, cycle)
    may = may[subarray] & (opens <= cycle) & (channel.slots[:, s.SLOT_WRITE] == 0)
    between = _boundary(config, pause, cycle) == cycle - pause.start
    stalls = (config.pausing.mode == "iteration") & ~between[subarray]
    return may, stalls


def take(channel: s.Channel, queue: Array, slot: Array, found: Array, cycle: Array) -> s.Channel:
    """Note the request of a queue, and whether its row may be opened over a write."""
    pause, here = channel.pause, found & (jnp.arange(channel.work.shape[0]) == queue)
    over = is_written(pause, cycle)[slot[s.SLOT_SUBARRAY]]
    return channel._replace(
        pause=pause._replace(taken=jnp.where(here[:, None], slot, pause.taken), over=jnp.where(here, over, pause.over))
    )


def wait_for_writes(config: "MemoryConfig", channel: s.Channel, ready: Array, cycle: Array) -> Array:
    """When the first command of each queue may issue, where a row may not be opened over a write."""
    pause, work = channel.pause, channel.work
    subarray, opens = work[:, s.OF], (work[:, s.STAGE] & 3) == 2
    done = jax.vmap(lambda array, cycle: is_forced(config, pause, cycle)[array])(subarray, jnp.maximum(ready, cycle))
    waits = opens & (~pause.over | done)
    until = jnp.where(waits, pause.until[subarray], 0)
    return jnp.where(work[:, s.STAGE] > 0, jnp.maximum(ready, until), ready)


def pulse_of(channel: s.Channel, queue: Array, pulse: Array) -> Array:
    """The pulse of the write at the head of a queue: what is left of it."""
    left = channel.pause.taken[queue, s.SLOT_LEFT]
    return jnp.where(left < 0, pulse, left)


def interrupt(config: "MemoryConfig", channel: s.Channel, target: Target, cycle: Array) -> s.Channel:
    """Before a row is opened over a write: the write stops, to come back, and its subarray is as before it."""
    pause = channel.pause
    here = (jnp.arange(pause.until.shape[0]) == target.subarray) & (target.command == s.ACT) & is_written(pause, cycle)
    left = _left(config, pause, cycle)
    paused = 1.0 - left / jnp.maximum(pause.total, 1) > config.pausing.threshold
    row = pause.written.at[:, s.SLOT_LEFT].set(jnp.where(paused, left, -1)).at[:, s.SLOT_CANCELS].add(~paused)
    back = cycle + 1 + jnp.asarray(config.link, jnp.int32)
    return channel._replace(
        times=jnp.where(here[:, None], pause.saved, channel.times),
        pause=pause._replace(
            back=jnp.where(here[:, None], row, pause.back),
            due=jnp.where(here, back, pause.due),
            until=jnp.where(here, cycle + 1, pause.until),
            paused=pause.paused + (here & paused).any(),
            cancelled=pause.cancelled + (here & ~paused).any(),
        ),
    )


def begin_write(config: "MemoryConfig", channel: s.Channel, target: Target, cycle: Array, pulse: Array) -> s.Channel:
    """Remember a write that begins, and what its subarray was like before."""
    pause, t = channel.pause, config.timing
    here = (jnp.arange(pause.until.shape[0]) == target.subarray) & (target.command == s.WR)
    lasts = jnp.asarray(t.t_cwd + jnp.maximum(t.t_burst, t.t_ccd), jnp.int32) + pulse
    return channel._replace(
        pause=pause._replace(
            written=jnp.where(here[:, None], pause.taken[target.queue], pause.written),
            start=jnp.where(here, cycle, pause.start),
            total=jnp.where(here, pulse, pause.total),
            until=jnp.where(here, cycle + lasts, pause.until),
            saved=jnp.where(here[:, None], channel.times, pause.saved),
        )
    )
