"""A DRAM cache before a second memory: what hits, what is written back, and when answers come."""

from typing import Any

import jax
import numpy as np
import pytest

import memjax as mj

memory: Any = mj.memory
SHAPE = {"banks": 4, "rows": 64, "policy": "fcfs", "clock": 500e6, "cpu_clock": 500e6}
DRAM = memory.MemoryConfig(**SHAPE)
SLOW = memory.MemoryConfig(memory.Timing(t_rcd=60, t_cas=70, t_wp=80), **SHAPE)


def _by_hand(trace, lines):
    """(hits, lines written back, of them those that a write sends away) with a dictionary."""
    held: dict[int, tuple[int, bool]] = {}
    hits, back, by_write = [], 0, 0
    for line, write in zip(trace.line.tolist(), trace.write.tolist(), strict=True):
        there, dirty = held.get(line % lines, (-1, False))
        hits.append(there == line)
        if there != line and dirty:
            back, by_write = back + 1, by_write + write
        held[line % lines] = (line, write or (dirty and there == line))
    return hits, back, by_write


@pytest.fixture(scope="module")
def served():
    trace = memory.random_trace(jax.random.key(0), 200, 60, write_share=0.4, interval=40)
    return trace, memory.simulate_cached(trace, DRAM, SLOW, 20)


def test_hits_and_lines_written_back_are_those_of_a_dictionary(served):
    trace, found = served
    hits, back, by_write = _by_hand(trace, 20)
    assert found.hit.tolist() == hits
    assert int(found.written_back) == back > 20
    missed = sum(not hit and not write for hit, write in zip(hits, trace.write.tolist(), strict=True))
    assert (int(found.memory.counts.reads), int(found.memory.counts.writes)) == (missed, back)
    reads = int((~trace.write).sum())
    assert (int(found.cache.counts.reads), int(found.cache.counts.writes)) == (reads + by_write, 200 - reads + missed)


def test_answers_of_single_requests_are_those_of_the_memories():
    alone = lambda config, at: int(memory.simulate_memory(at, config).answer[0] - at.cycle[0])
    line, cycle = np.array([7, 7, 27, 7]), np.array([0, 1000, 2000, 3000])
    trace = memory.make_trace(cycle, np.zeros(4, bool), 64 * line)
    found = memory.simulate_cached(trace, DRAM, SLOW, 20)
    assert found.hit.tolist() == [False, True, False, False]  # 27 sends 7 away
    first = memory.make_trace(cycle[:1], np.zeros(1, bool), 64 * line[:1])
    took = (found.answer - trace.cycle).tolist()
    assert took[0] == alone(DRAM, first) + alone(
        SLOW, memory.make_trace(np.array([30]), np.zeros(1, bool), np.array([448]))
    )
    assert took[1] < took[0] / 2
    assert int(found.memory.counts.reads) == 3


def test_a_large_cache_reads_each_line_once_and_answers_sooner():
    trace = memory.random_trace(jax.random.key(1), 200, 60, write_share=0.0, interval=40)
    large = memory.simulate_cached(trace, DRAM, SLOW, 64)
    assert int(large.memory.counts.reads) == len(set(trace.line.tolist()))
    assert int(large.written_back) == 0
    alone = memory.simulate_memory(trace, SLOW)
    assert float(large.latency) < float(alone.latency)


def test_a_batch_is_served_as_single_traces(served):
    trace, found = served
    short = memory.random_trace(jax.random.key(2), 90, 60, interval=40)
    batch = memory.stack_traces([trace, short])
    both = jax.vmap(lambda one: memory.simulate_cached(one, DRAM, SLOW, 20))(batch)
    assert np.array_equal(both.answer[0], found.answer)
    assert np.array_equal(both.answer[1, :90], memory.simulate_cached(short, DRAM, SLOW, 20).answer)
    assert np.all(np.asarray(both.answer[1, 90:]) == -1)


def test_wrong_arguments_are_named():
    trace = memory.stream_trace(3)
    with pytest.raises(ValueError, match=r"memory.cpu_clock must be that of the cache, 5e\+08 Hz"):
        memory.simulate_cached(trace, DRAM, memory.MemoryConfig(), 20)
    with pytest.raises(ValueError, match="lines must be in"):
        memory.simulate_cached(trace, DRAM, SLOW, 0)
    with pytest.raises(TypeError, match="cache must be a MemoryConfig"):
        memory.simulate_cached(trace, "dram", SLOW, 20)
