"""Commands keep their distances, and those of a controller that serves in order could not issue a cycle earlier.

The distances are written down here pair by pair, as a data sheet has them, not as times before which a command waits.
"""

from typing import Any

import jax
import numpy as np
import pytest

import memjax as mj

memory: Any = mj.memory
T = memory.Timing(t_rcd=9, t_ras=24, t_rp=8, t_cas=10, t_cwd=7, t_wr=11, t_wp=3, t_rtp=6, t_rrd=5, t_raw=23, t_ppd=2)
BURST = max(T.t_burst, T.t_ccd)
WRITE = T.t_cwd + T.t_burst
# (earlier, later, where): cycles; "array": of one subarray, "rank": of one rank, "others": of two ranks of a channel.
DISTANCES = {
    ("ACT", "RD", "array"): T.t_rcd - T.t_al,
    ("ACT", "WR", "array"): T.t_rcd - T.t_al,
    ("ACT", "PRE", "array"): max(T.t_rcd, T.t_ras),
    ("PRE", "ACT", "array"): T.t_rp,
    ("RD", "PRE", "array"): T.t_al + T.t_burst + T.t_rtp - T.t_ccd,
    ("WR", "PRE", "array"): T.t_al + WRITE + T.t_wp + T.t_wr,
    ("WR", "RD", "array"): WRITE + T.t_wtr + T.t_wp,
    ("WR", "WR", "array"): BURST + T.t_wp,
    ("ACT", "ACT", "rank"): T.t_rrd,
    ("PRE", "PRE", "rank"): T.t_ppd,
    ("RD", "RD", "rank"): BURST,
    ("RD", "WR", "rank"): T.t_cas + T.t_burst + T.t_rtrs - T.t_cwd,
    ("WR", "RD", "rank"): WRITE + T.t_wtr,
    ("WR", "WR", "rank"): BURST,
    ("RD", "RD", "others"): T.t_burst + T.t_rtrs,
    ("RD", "WR", "others"): T.t_cas + T.t_burst + T.t_rtrs - T.t_cwd,
    ("WR", "RD", "others"): WRITE + T.t_rtrs - T.t_cas,
    ("WR", "WR", "others"): T.t_burst + T.t_ost,
}


def _where(one, other) -> set[str]:
    """In what relation two commands of a channel stand."""
    if one.rank != other.rank:
        return {"others"}
    same = (one.bank, one.subarray) == (other.bank, other.subarray)
    return {"rank", "array"} if same else {"rank"}


def _slack(log, at: int) -> int:
    """Cycles by which a command could issue earlier without coming too near to those before it."""
    one, slack = log[at], log[at].cycle - int(T.t_cmd)
    kinds = [command.name for command in log]
    for before in log[:at]:
        if before.channel != one.channel:
            continue
        slack = min(slack, one.cycle - before.cycle - 1)  # one command in a cycle
        for where in _where(before, one):
            distance = DISTANCES.get((before.name, one.name, where))
            if distance is not None:
                slack = min(slack, one.cycle - before.cycle - int(distance))
    if one.name == "ACT":
        opened = [c.cycle for c, kind in zip(log[:at], kinds, strict=False) if kind == "ACT" and _same_rank(c, one)]
        if len(opened) >= 4:
            slack = min(slack, one.cycle - opened[-4] - int(T.t_raw))
    return slack


def _same_rank(one, other) -> bool:
    return (one.channel, one.rank) == (other.channel, other.rank)


def _config(policy: str, **changes):
    shape = {"ranks": 2, "banks": 4, "rows": 64, "columns": 8, "clock": 400e6, "cpu_clock": 400e6}
    return memory.MemoryConfig(T, policy=policy, **shape | changes)


TRACE = memory.random_trace(jax.random.key(4), 150, 512, write_share=0.4, interval=7)


@pytest.mark.parametrize(
    "changes", [{}, {"channels": 2, "row_buffer": 4}, {"mat_rows": 16, "mapping": "SA:R:RK:BK:CH:C"}]
)
def test_in_order_every_command_issues_as_soon_as_it_may(changes):
    config = _config("fcfs", **changes)
    statistics = memory.simulate_memory(TRACE, config, log=True)
    log = sorted(statistics.log, key=lambda command: command.cycle)
    columns = [command for command in log if command.name in ("RD", "WR")]
    for channel in range(config.channels):
        served = [command.request for command in columns if command.channel == channel]
        assert served == sorted(served)  # first come, first served
    assert sorted(command.request for command in columns) == list(range(len(TRACE)))
    came = np.asarray(TRACE.cycle)
    of = _requests(log)
    for at, command in enumerate(log):
        slack = _slack(log, at)
        assert slack >= 0, command
        # Nothing holds it back: it waits for its request, or for the commands before it.
        assert slack == 0 or command.cycle == came[of[at]], command


def _requests(log) -> list[int]:
    """The request that each command serves: that of the next column of its channel."""
    return [
        next(later.request for later in log[at:] if later.channel == one.channel and later.name in ("RD", "WR"))
        for at, one in enumerate(log)
    ]


def test_first_ready_keeps_the_distances_too():
    log = sorted(memory.simulate_memory(TRACE, _config("frfcfs"), log=True).log, key=lambda command: command.cycle)
    assert min(_slack(log, at) for at in range(len(log))) == 0
    assert {command.name for command in log} == {"ACT", "PRE", "RD", "WR"}


@pytest.mark.parametrize("changes", [{}, {"channels": 2}, {"mat_rows": 16, "mapping": "SA:R:RK:BK:CH:C"}])
def test_in_order_ranks_are_active_while_a_row_is_open(changes):
    config = _config("fcfs", **changes)
    found = memory.simulate_memory(TRACE, config, log=True)
    active = np.zeros((config.channels, config.ranks, int(found.cycles) + 1), bool)
    opened: dict[tuple[int, ...], int] = {}
    for one in sorted(found.log, key=lambda command: command.cycle):
        place = (one.channel, one.rank, one.bank, one.subarray)
        if one.name == "ACT":
            opened[place] = one.cycle
        if one.name == "PRE":
            active[one.channel, one.rank, opened.pop(place) : one.cycle] = True
    for place, since in opened.items():
        active[place[0], place[1], since : int(found.cycles)] = True
    assert np.array_equal(found.active, active.sum(-1))


@pytest.mark.parametrize("policy", ["fcfs", "frfcfs", "nvmain-frfcfs-wqf"])
def test_the_cycles_are_the_same_where_jax_counts_in_64_bits(policy):
    rng = np.random.default_rng(0)
    numbers = np.arange(60) * 5, rng.random(60) < 0.4, 64 * rng.integers(0, 512, 60)
    answer = memory.simulate_memory(memory.make_trace(*numbers), _config(policy)).answer
    with jax.enable_x64(True):
        wide = memory.simulate_memory(memory.make_trace(*numbers), _config(policy)).answer
    assert np.array_equal(wide, answer)
