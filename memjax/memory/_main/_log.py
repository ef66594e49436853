"""The commands of a run as a list, and what follows from a list of commands."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from memjax.memory._main import _state as s
from memjax.memory._main._address import Place, place
from memjax.memory._main._config import MemoryConfig
from memjax.memory._main._in_order import Served
from memjax.memory._main._statistics import Command
from memjax.memory._trace import MemoryTrace


def commands_of(config: MemoryConfig, events: list[dict[str, Any]]) -> tuple[Command, ...]:
    """The commands of some chunks of steps in the order of time."""
    groups, found = s.groups_of_columns(config), []
    for event in events:
        for at, channel in zip(*np.nonzero(event["command"]), strict=True):
            code, subarray = int(event["command"][at, channel]), int(event["subarray"][at, channel])
            bank, row = subarray // config.subarrays, int(event["page"][at, channel]) // groups
            found.append(
                Command(
                    cycle=int(event["cycle"][at]),
                    name=s.NAMES[code],
                    channel=int(channel),
                    rank=bank // config.banks,
                    bank=bank % config.banks,
                    subarray=subarray % config.subarrays,
                    row=row if code in (s.ACT, s.RD, s.RDA, s.WR, s.WRA) else -1,
                    request=int(event["request"][at, channel]),
                )
            )
    return tuple(found)


def commands_in_order(config: MemoryConfig, trace: MemoryTrace, served: Served) -> tuple[Command, ...]:
    """The commands of requests that were served in order."""
    at, found = Place(*map(np.asarray, place(trace.line, config))), []
    for request in range(int(trace.count)):
        channel, rank, bank, subarray, row = (
            int(field[request]) for field in (at.channel, at.rank, at.bank, at.subarray, at.row)
        )
        column = ("WR" if trace.write[request] else "RD") + ("A" if served.closed[request] >= 0 else "")
        steps = (("PRE", served.precharge), ("ACT", served.activate), (column, served.column))
        for name, cycles in steps:
            if cycles[request] >= 0:
                of = -1 if name in ("PRE", "ACT") else request
                goes = -1 if name == "PRE" else row
                found.append(Command(int(cycles[request]), name, channel, rank, bank, subarray, goes, of))
    return tuple(sorted(found, key=lambda command: command.cycle))


def open_cycles(served: Served, at: Place, real: Array, end: Array, config: MemoryConfig) -> Array:
    """Cycles until `end` in which a rank had a row open, int32 [channels, ranks]."""
    opened, closed = (real & (cycles >= 0) for cycles in (served.activate, served.precharge))
    alone = real & (served.closed >= 0)
    rank = at.channel * config.ranks + at.rank
    times = jnp.stack([served.precharge, served.activate, served.closed])
    changes = jnp.stack([-closed.astype(jnp.int32), opened.astype(jnp.int32), -alone.astype(jnp.int32)])
    if config.page == "open" and config.channels == 1:
        # Request by request is the order of time.
        time, change, rank = times[:2].T.ravel(), changes[:2].T.ravel(), jnp.repeat(rank, 2)
        time = lax.cummax(jnp.where(change == 0, 0, time))
    else:
        time = jnp.where(changes == 0, s.NEVER, times).ravel()
        order = jnp.argsort(time, stable=True)
        time, change, rank = time[order], changes.ravel()[order], jnp.tile(rank, 3)[order]
    time = jnp.minimum(time, end)
    lasts = jnp.diff(time, append=end)
    each = [
        jnp.sum(lasts * (jnp.cumsum(jnp.where(rank == one, change, 0)) > 0))
        for one in range(config.channels * config.ranks)
    ]
    return jnp.stack(each).reshape(config.channels, config.ranks)
