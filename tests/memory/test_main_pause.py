"""Writes that reads interrupt, by hand."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from memory_minis import DDR3, at, mixed

from memjax import memory

# Opened at 20 (t_raw) at first and written at 29 over 90 cycles: to 119, and the pulse of the data to 130.
TIMING = memory.Timing(t_wp=90)
WRITES = np.array([True, False])


def config(mode, **changes):
    pausing = memory.WritePausing(mode=mode, **changes)
    return dataclasses.replace(DDR3, precharge=False, timing=TIMING, pausing=pausing)


def commands(arrival, mode, **changes):
    """A write of row 1 of bank 0, and a read of row 2 that comes later."""
    trace = memory.make_trace(np.array([0, arrival]), WRITES, np.array([at(0, 1, 0), at(0, 2, 0)]))
    found = memory.simulate_memory(trace, config(mode, **changes), log=True)
    return [(one.cycle, one.name, one.row) for one in found.log], [int(answer) for answer in found.answer]


LEFT = 7 + 4 + 10  # t_cwd, burst, link of a write


@pytest.mark.parametrize(
    ("arrival", "mode", "opened", "left"),
    [
        (49, "exact", 50, 90),  # 21 of 90 done: cancelled
        (99, "exact", 100, 90 - 71),  # paused
        (99, "restart", 100, 30),  # iterations of 30: two are done
        (79, "restart", 80, 90),  # one is done: cancelled
        (99, "iteration", None, 0),  # the last boundary was at 89: the read waits for the end of the write
        (80, "iteration", 89, 30),  # at the boundary
        (31, "iteration", 59, 90),
    ],
)
def test_a_read_opens_its_row_over_a_write(arrival, mode, opened, left):
    log, (written, answered) = commands(arrival, mode)
    assert log[:2] == [(20, "ACT", 1), (29, "WR", 1)]
    if opened is None:
        assert log[2:] == [(130, "ACT", 2), (139, "RD", 2)]
        assert (written, answered) == (29 + LEFT + 90, 139 + 24)
        return
    assert log[2:4] == [(opened, "ACT", 2), (opened + 9, "RD", 2)]
    assert answered == opened + 9 + 24
    # The write comes back after 1 + link, opens its row again and does what is left.
    again = [one for one in log[4:] if one[1] == "WR"]
    assert len(again) == 1
    assert written == again[0][0] + LEFT + left


def test_a_write_that_was_cancelled_often_is_not_interrupted():
    log, (_, answered) = commands(49, "exact", cancellations=0)
    assert log[2:] == [(130, "ACT", 2), (139, "RD", 2)]
    assert answered == 163


def test_all_requests_are_served_and_reads_sooner():
    traces = memory.stack_traces([mixed(240, 512), mixed(240, 4096)])
    read = ~np.asarray(traces.write)

    def latency(one):
        found = jax.vmap(memory.simulate_memory, (0, None))(traces, one)
        assert bool((found.answer > found.arrival).all())
        np.testing.assert_array_equal(found.counts.writes, (~read).sum(1) + found.paused + found.cancelled)
        return jnp.sum(jnp.where(read, found.answer - found.arrival, 0), 1) / read.sum(1)

    plain, pausing = latency(dataclasses.replace(config("exact"), pausing=None)), latency(config("exact"))
    assert bool((pausing < plain).all())


def test_what_pausing_needs():
    with pytest.raises(ValueError, match="MemoryConfig.pausing needs precharge=False"):
        dataclasses.replace(DDR3, pausing=memory.WritePausing())
