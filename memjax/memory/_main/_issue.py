"""Which command a channel issues, and whom it keeps waiting until when."""

from typing import TYPE_CHECKING, NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from memjax.memory._main import _state as s
from memjax.memory._main._pause import Target, begin_write, interrupt, pulse_of, wait_for_writes
from memjax.memory._main._pick import group_of_bank

if TYPE_CHECKING:
    from memjax.memory._main._config import MemoryConfig


class Issued(NamedTuple):
    """A command (0: none), its subarray (of banks: the first one), page, request (-1: none)
    and pulse, if it writes."""

    command: Array
    subarray: Array
    page: Array
    request: Array
    pulse: Array


def ready(config: "MemoryConfig", channel: s.Channel, cycle: Array) -> Array:
    """When the first command of each queue may issue, int32 [queues + banks + groups]; the latter two for a refresh."""
    heads = _head_ready(config, channel, channel.work)
    if channel.pause is not None:
        heads = wait_for_writes(config, channel, heads, cycle)
    if not config.refresh:
        return heads
    shape, subarray = s.shape_of(config), jnp.arange(s.shape_of(config).subarrays)
    open_, rank = channel.open, subarray // (config.banks * config.subarrays)
    idle = channel.work[:, s.STAGE] == 0
    owner, group = s.queue_of_bank(config), group_of_bank(config)
    closable = jnp.where(open_, channel.times[:, 1], 0).reshape(shape.banks, -1).max(1)
    closable = jnp.maximum(closable, channel.rank[jnp.arange(shape.banks) // config.banks, 1])
    closable = jnp.where(channel.closing & idle[owner], closable, s.NEVER)
    opening = jnp.maximum(channel.rank[:, 0], channel.window[:, 0] + config.timing.t_raw)
    fresh = jnp.where(open_, s.NEVER, jnp.maximum(channel.times[:, 0], opening[rank])).reshape(shape.groups, -1).max(1)
    first = jnp.arange(shape.groups) * config.refresh_banks
    fresh = jnp.where(channel.refreshing & idle[owner[first]] & ~channel.closing[first], fresh, s.NEVER)
    del group
    return jnp.concatenate([heads, closable, fresh])


def _head_ready(config: "MemoryConfig", channel: s.Channel, work: Array) -> Array:
    """When the first command of some `work` [..., 7] may issue, int32 [...]."""
    stage, subarray = work[..., s.STAGE], work[..., s.OF]
    rank = subarray // (config.banks * config.subarrays)
    column = 2 + work[..., s.WRITES]
    kind = jnp.where(stage & 1, 1, jnp.where(stage & 2, 0, column))
    time = jnp.maximum(channel.times[subarray, kind], channel.rank[rank, kind])
    time = jnp.where(kind == 0, jnp.maximum(time, channel.window[rank, 0] + config.timing.t_raw), time)
    return jnp.where(stage > 0, time, s.NEVER)


def update_ready(config: "MemoryConfig", channel: s.Channel, queue: Array, cycle: Array) -> s.Channel:
    """`channel` with `ready` brought up to date for one queue (-1: none)."""
    if channel.pause is not None:
        return channel._replace(ready=ready(config, channel, cycle))
    fresh = _head_ready(config, channel, channel.work[queue])
    return channel._replace(ready=jnp.where(jnp.arange(channel.ready.shape[0]) == queue, fresh, channel.ready))


def issue(
    config: "MemoryConfig", effects: s.Effects, pulse: Array, channel: s.Channel, cycle: Array
) -> tuple[s.Channel, Issued, Array]:
    """Issue at most one command, that of the first queue in turn which may go. Returns that queue (-1: none) too."""
    shape = s.shape_of(config)
    chosen, turn, found = _turn(config, channel, cycle)
    queue = jnp.minimum(chosen, shape.queues - 1)
    work = channel.work[queue]
    stage, auto = work[s.STAGE], work[s.AUTO]
    column = s.RD + 2 * work[s.WRITES] + auto
    command = jnp.where(stage & 1, s.PRE, jnp.where(stage & 2, s.ACT, column))
    subarray, own = work[s.OF], chosen < shape.queues
    if config.refresh:
        bank, group = chosen - shape.queues, chosen - shape.queues - shape.banks
        command = jnp.where(own, command, jnp.where(group < 0, s.PREALL, s.REF))
        first = jnp.where(group < 0, bank, group * config.refresh_banks) * config.subarrays
        subarray = jnp.where(own, subarray, first)
    command = jnp.where(found, command, s.NOTHING)
    is_column = (command >= s.RD) & (command <= s.WRA)
    request = jnp.where(is_column, work[s.REQUEST], -1)
    lasts = pulse[jnp.maximum(request, 0)]
    if channel.pause is not None:
        lasts, target = pulse_of(channel, queue, lasts), Target(command, subarray, queue)
        channel = begin_write(config, interrupt(config, channel, target, cycle), target, cycle, lasts)
    after = _apply(config, effects, channel, cycle, command, subarray, lasts)
    rest = jnp.where(stage & 1, stage - 1, jnp.where(stage & 2, stage - 2, 0))
    here = (found & own & (jnp.arange(shape.queues) == queue))[:, None]
    left = jnp.stack([rest, *(work[i] for i in range(1, s.FREE)), cycle + 1])
    after = after._replace(
        work=jnp.where(here, left, channel.work),
        issued=jnp.where(found, cycle, channel.issued),
        # NVMain ends a precharge of one cycle after it has looked at the requests of the next cycle, where it had made
        # up its mind to do so before it issued the precharge.
        slow=jnp.where(found, jnp.where((command == s.PRE) & (channel.wake > 0), queue, -1), channel.slow),
        pointer=jnp.where(found, jnp.where(channel.pointer == shape.queues, 0, channel.pointer + 1), channel.pointer),
    )
    if config.refresh:
        after = after._replace(
            closing=channel.closing & ~(found & (jnp.arange(shape.banks) == bank)),
            refreshing=channel.refreshing & ~(found & (jnp.arange(shape.groups) == group)),
        )
    return after, Issued(command, subarray, work[s.OPENS], request, lasts), jnp.where(found, turn, -1)


def _turn(config: "MemoryConfig", channel: s.Channel, cycle: Array) -> tuple[Array, Array, Array]:
    """Number of the next command among those of `ready`, its queue, and whether there is one."""
    shape = s.shape_of(config)
    queue = jnp.arange(shape.queues)
    if config.refresh:
        groups = s.queue_of_bank(config)[jnp.arange(shape.groups) * config.refresh_banks]
        queue = jnp.concatenate([queue, s.queue_of_bank(config), groups])
    count = channel.ready.shape[0]
    slow = (queue == channel.slow) & (channel.looks > 0) & (channel.issued + 1 == cycle) & (config.timing.t_rp <= 1)
    after = queue - channel.pointer + jnp.where(queue < channel.pointer, shape.queues, 0)
    order = (after + slow * shape.queues) * count + jnp.arange(count)
    may = (channel.ready <= cycle) & (channel.issued != cycle) & (cycle < s.NEVER)
    best = jnp.min(jnp.where(may, order, s.NEVER))
    chosen = lax.rem(best, count)
    return chosen, queue[chosen], best < s.NEVER


def _apply(
    config: "MemoryConfig",
    effects: s.Effects,
    channel: s.Channel,
    cycle: Array,
    command: Array,
    subarray: Array,
    pulse: Array,
) -> s.Channel:
    """The memory after a command."""
    per_rank = config.banks * config.subarrays
    every, rank = jnp.arange(channel.open.shape[0]), subarray // per_rank
    here = every == subarray
    if config.refresh:
        whole_bank = every // config.subarrays == subarray // config.subarrays
        width = config.refresh_banks * config.subarrays
        whole_group = every // width == subarray // width
        here = jnp.where(command == s.PREALL, whole_bank & channel.open, jnp.where(command == s.REF, whole_group, here))
    late = cycle + effects.subarray[command] + effects.pulsed[command] * pulse
    times = jnp.where(here[:, None], jnp.maximum(channel.times, late), channel.times)
    own_rank = (jnp.arange(channel.rank.shape[0]) == rank)[:, None]
    kept = jnp.where(own_rank, effects.rank[command], effects.others[command])
    opens, closes = command == s.ACT, (command == s.RDA) | (command >= s.WRA)
    steps = (opens | (command == s.REF)) & own_rank
    recover = jnp.where(closes & (command < s.PRE), config.timing.t_rp, 0)
    until = jnp.where(command == s.REF, late[0], jnp.where(command >= s.PRE, cycle, late[0] - recover))
    return channel._replace(
        times=times,
        rank=jnp.maximum(channel.rank, cycle + kept),
        window=jnp.where(steps, jnp.roll(channel.window, -1, 1).at[:, -1].set(cycle), channel.window),
        open=jnp.where(here & opens, True, jnp.where(here & closes & (command != s.NOTHING), False, channel.open)),
        until=jnp.where(here & closes, until, channel.until),
    )
