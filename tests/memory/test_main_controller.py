"""Timing diagrams by hand, and NVMain's results where the policies are its own."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from memory_minis import DDR3, RRAM, WORKED, at, mixed, reads, runs

from memjax import memory


def commands(statistics):
    return [(one.cycle, one.name, one.bank, one.request) for one in statistics.log]


# Worked by hand from the times between commands, and the same in NVMain.
FRFCFS = """20 ACT 0; 25 ACT 1; 29 RD 0 0; 33 RD 0 1; 37 RD 1 3; 41 RD 1 5; 49 WR 0 4; 62 ACT 2; 70 PRE 0; 71 WR 2 7;
79 ACT 0; 88 RD 0 2; 92 RD 0 6"""
FCFS = """20 ACT 0; 25 ACT 1; 29 RD 0 0; 33 RD 0 1; 37 RD 1 3; 41 RD 1 5; 44 PRE 0; 53 ACT 0; 61 ACT 2; 62 RD 0 2;
70 WR 2 7; 77 PRE 0; 86 ACT 0; 95 WR 0 4; 116 PRE 0; 125 ACT 0; 134 RD 0 6"""
# Strictly in order no command of a later request comes before those of an earlier one.
IN_ORDER = """1 ACT 0; 10 RD 0 0; 14 RD 0 1; 25 PRE 0; 34 ACT 0; 43 RD 0 2; 44 ACT 1; 53 RD 1 3; 58 PRE 0; 67 ACT 0;
76 WR 0 4; 92 RD 1 5; 97 PRE 0; 106 ACT 0; 115 RD 0 6; 116 ACT 2; 125 WR 2 7"""


def parsed(text):
    lines = [one.split() for one in text.split(";")]
    return [(int(one[0]), one[1], int(one[2]), int(one[3]) if len(one) > 3 else -1) for one in lines]


@pytest.mark.parametrize(
    ("policy", "expected", "answers"),
    [
        ("nvmain-frfcfs", FRFCFS, [53, 57, 112, 61, 70, 65, 116, 92]),
        ("nvmain-fcfs", FCFS, [53, 57, 86, 61, 116, 65, 158, 91]),
        ("fcfs", IN_ORDER, [34, 38, 67, 77, 97, 116, 139, 146]),
    ],
)
def test_commands_of_the_worked_example(policy, expected, answers):
    found = memory.simulate_memory(WORKED, dataclasses.replace(DDR3, policy=policy), log=True)
    assert commands(found) == parsed(expected)
    np.testing.assert_array_equal(found.answer, answers)
    assert found.cycles == max(answers)
    if policy == "nvmain-frfcfs":
        assert (found.service_latency, found.queue_latency, found.latency) == (39.875, 22.0, 61.875)
        assert (found.hits, found.misses) == (4, 4)
        rows = [(one.row, one.name) for one in found.log if one.bank == 0]
        assert rows[0] == (0, "ACT")
        assert rows[-2:] == [(5, "RD"), (5, "RD")]
    # Energy is the sum over the commands and the cycles of a rank.
    each, counts, names = DDR3.energy.costs(DDR3), found.counts, [one.name for one in found.log]
    assert [names.count(name) for name in ("ACT", "RD", "WR", "PRE")] == [int(n) for n in counts[:4]]
    total = names.count("ACT") * each.activate + names.count("RD") * each.read + names.count("WR") * each.write
    open_ = int(found.active[0, 0])
    total += open_ * each.active + (int(found.cycles) - open_) * each.idle
    np.testing.assert_allclose(found.energy, total, rtol=1e-5)


@pytest.fixture(scope="module")
def batch():
    return memory.stack_traces([*runs(), WORKED])


@pytest.fixture(scope="module")
def first_ready(batch):
    return jax.vmap(memory.simulate_memory, (0, None))(batch, DDR3)


def test_first_ready_on_dram_is_nvmains(first_ready):
    np.testing.assert_array_equal(first_ready.cycles, [849, 4049, 6620, 1985, 116])
    np.testing.assert_array_equal(first_ready.counts.activations, [7, 32, 200, 89, 4])
    np.testing.assert_allclose(first_ready.latency, [145.965, 157.792, 1015.88, 175.2475, 61.875], rtol=1e-6)


def test_first_ready_on_rram_with_few_sensed_columns_is_nvmains(batch):
    found = jax.vmap(memory.simulate_memory, (0, None))(batch, RRAM)
    np.testing.assert_array_equal(found.cycles[:4], [922, 4179, 3234, 2025])
    np.testing.assert_array_equal(found.counts.activations[:4], [49, 249, 200, 106])
    np.testing.assert_allclose(found.latency[:4], [152.23, 159.352, 498.25, 177.6575], rtol=1e-6)


def test_nvmains_fcfs_is_nvmains(batch):
    found = jax.vmap(memory.simulate_memory, (0, None))(batch, dataclasses.replace(DDR3, policy="nvmain-fcfs"))
    np.testing.assert_array_equal(found.cycles, [849, 4049, 6620, 7315, 158])
    np.testing.assert_array_equal(found.counts.activations, [7, 32, 200, 400, 6])
    # NVMain counts these latencies from cycle 0.
    answers = np.where(found.arrival >= 0, found.answer, 0).sum(1) / found.count
    np.testing.assert_allclose(answers[:4], [451, 2051, 3336.5, 3793.345], rtol=1e-6)


def test_starvation_is_a_number(first_ready):
    one = jax.tree.map(lambda field: field[3], memory.stack_traces([*runs(), WORKED]))
    run = lambda starvation: memory.simulate_memory(one, dataclasses.replace(DDR3, starvation=starvation)).cycles
    np.testing.assert_array_equal(jax.vmap(run)(jnp.array([0, 1, 4, 16])), [7320, 3737, 1985, 1748])
    assert int(run(4)) == int(first_ready.cycles[3])


# Ends in clocks of the processor, mean latency [cycles], activations, precharges, refreshes of NVMain.
REFRESH = {
    (1, 512): (1969, 130.4263, 159, 159, 144),
    (8, 4096): (1842, 128.1668, 281, 281, 132),
    (60, 4096): (4591, 72.78, 299, 299, 352),
    (8, 512): (1838, 134.1899, 155, 155, 132),
}
DRAIN = {
    (1, 512): (4410, 163.5002, 145, 137, 0),
    (8, 4096): (4915, 182.6999, 273, 265, 0),
    (60, 4096): (5535, 97.2933, 288, 280, 0),
    (8, 512): (4380, 168.52, 148, 140, 0),
}
SUBARRAYS = {
    (1, 512): (1599, 196.81, 16, 0, 0),
    (8, 4096): (1687, 201.573, 193, 0, 0),
    (60, 4096): (4519, 32.51, 248, 0, 0),
    (8, 512): (1601, 192.48, 16, 0, 0),
}


@pytest.mark.parametrize(
    ("base", "changes", "expected"),
    [
        (
            DDR3,
            {
                "channels": 2,
                "ranks": 2,
                "queue_size": 8,
                "page": "relaxed",
                "turn": "rank",
                "refresh": True,
                "refresh_banks": 2,
                "timing": memory.Timing(t_refw=51200),
            },
            REFRESH,
        ),
        (
            RRAM,
            {
                "policy": "nvmain-frfcfs-wqf",
                "channels": 2,
                "write_queue_size": 8,
                "high_mark": 6,
                "low_mark": 2,
                "cpu_clock": 2000e6,
            },
            DRAIN,
        ),
        (DDR3, {"mat_rows": 256, "mapping": "R:SA:RK:BK:CH:C", "precharge": False}, SUBARRAYS),
    ],
    ids=["refresh-ranks-channels-relaxed", "queue-of-writes", "subarrays-without-precharge"],
)
def test_other_memories_are_nvmains(base, changes, expected):
    traces = memory.stack_traces([mixed(*key) for key in expected])
    found = jax.vmap(memory.simulate_memory, (0, None))(traces, dataclasses.replace(base, **changes))
    end, latency, *counts = np.transpose(list(expected.values()))
    np.testing.assert_array_equal(found.clocks, end)
    np.testing.assert_allclose(found.latency, latency, rtol=1e-5)
    np.testing.assert_array_equal([found.counts.activations, found.counts.precharges, found.counts.refreshes], counts)
    assert bool((found.answer[:, :300] > found.issue[:, :300]).all())
    assert bool((found.issue[:, :300] > found.arrival[:, :300]).all())


def test_every_request_is_served_once_and_a_trace_alone_as_in_a_batch(first_ready):
    seen = []
    for index, trace in enumerate([runs()[3], WORKED]):
        one = memory.simulate_memory(trace, DDR3, log=True)
        seen = sorted(command.request for command in one.log if command.request >= 0)
        assert seen == list(range(len(trace)))
        for name in ("arrival", "issue", "answer", "hit"):
            wide = getattr(first_ready, name)[3 + index]
            np.testing.assert_array_equal(wide[: len(trace)], getattr(one, name))
        assert one.cycles == first_ready.cycles[3 + index]


# Bank 0, of the requests: a miss; a hit; another row; two banks; a queue that is reordered. By hand, with
# t_rcd 9, t_cas 10, burst 4, t_rp 9, t_ras 24, t_rtp 5, link 10, t_rrd 5; a row is opened at 20 (t_raw) at first.
def test_single_requests_by_hand():
    miss = reads(np.array([30]), np.array([at(0, 1, 0)]))
    hit = reads(np.array([30, 90]), np.array([at(0, 1, 0), at(0, 1, 3)]))
    conflict = reads(np.array([30, 90]), np.array([at(0, 1, 0), at(0, 2, 0)]))
    banks = reads(np.array([30, 30]), np.array([at(0, 1, 0), at(1, 2, 0)]))
    reordered = reads(np.array([30, 31, 32]), np.array([at(0, 1, 0), at(0, 2, 0), at(0, 1, 1)]))
    traces = memory.stack_traces([miss, hit, conflict, banks, reordered])
    found = jax.vmap(memory.simulate_memory, (0, None))(traces, dataclasses.replace(DDR3, policy="frfcfs"))
    # Taken at 31, ACT 31, RD 40, data 54, answer 64.
    assert found.answer[0, 0] == 64
    # Taken and RD at 91.
    assert found.answer[1, 1] == 91 + 10 + 4 + 10
    # PRE 91, ACT 100, RD 109.
    assert found.answer[2, 1] == 109 + 24
    # Taken at 32, ACT 36 (t_rrd), RD 45 (also after the burst of the first).
    assert found.answer[3, 1] == 45 + 24
    # RD 40, the later hit RD 44, PRE 55 (t_ras), ACT 64, RD 73.
    np.testing.assert_array_equal(found.answer[4, :3], [64, 73 + 24, 44 + 24])
    np.testing.assert_array_equal(found.hit[:, :3].sum(1), [0, 1, 0, 0, 1])


def test_a_longer_time_never_answers_one_request_sooner():
    # But t_al, by which columns are commanded sooner.
    times = {name: value for name, value in vars(DDR3.timing).items() if name not in ("t_refw", "t_al")}
    base = jnp.asarray(list(times.values()))
    longer = base + 3 * jnp.eye(len(times), dtype=int)
    trace = reads(np.array([50]), np.array([at(0, 1, 0)]))
    write = memory.make_trace(np.array([50]), np.array([True]), np.array([at(0, 1, 0)]))

    def answer(values, trace):
        timing = memory.Timing(**dict(zip(times, values, strict=True)))
        return memory.simulate_memory(trace, dataclasses.replace(DDR3, policy="frfcfs", timing=timing)).cycles

    both = memory.stack_traces([trace, write])
    found = jax.vmap(jax.vmap(answer, (None, 0)), (0, None))(jnp.concatenate([base[None], longer]), both)
    assert bool((found[1:] >= found[0]).all())
    rises = {name: tuple(int(n) for n in rise) for name, rise in zip(times, found[1:] - found[0], strict=True)}
    # A read opens its row and waits for its data; a write waits for all of a burst and for its pulse.
    assert rises["t_rcd"] == (3, 3)
    assert rises["t_cas"] == (3, 0)
    assert rises["t_cwd"] == (0, 3)
    assert rises["t_wp"] == (0, 3)
    assert rises["t_rp"] == (0, 0)
