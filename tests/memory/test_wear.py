"""Wear and levelling: closed forms, nothing lost, nothing overwritten."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

memory: Any = mj.memory
KEY = jax.random.key(3)


@pytest.mark.parametrize("levelling", [memory.StartGap(7), memory.StartGap(5, randomised=False), memory.RandomSwap(4)])
def test_a_levelled_memory_returns_what_was_written(levelling):
    trace = memory.with_old(memory.random_trace(KEY, 400, 12, data=True))
    levelled = jax.jit(lambda t: memory.level(t, levelling, 12, key=KEY))(trace)
    writes = int(trace.write.sum())
    assert int(levelled.count) == 400 + 2 * levelling.copies * (writes // levelling.interval)
    cells, own = {}, 0
    logical: dict[int, np.ndarray] = {}
    line, write, data, old = (
        np.asarray(field) for field in (levelled.line, levelled.write, levelled.data, levelled.old)
    )
    moved, after = 0, -1
    for i in range(int(levelled.count)):
        assert np.array_equal(old[i], cells.get(line[i], np.zeros(16))), i  # the cells hold what the trace says
        if write[i]:
            cells[line[i]] = data[i]
        if moved:
            moved -= 1
            continue
        assert np.array_equal(old[i], logical.get(int(trace.line[own]), np.zeros(16))), i  # and that is the program's
        if write[i]:
            logical[int(trace.line[own])] = data[i]
            after += 1
            moved = 2 * levelling.copies * ((after + 1) % levelling.interval == 0)
        own += 1
    assert own == 400
    assert np.all(np.diff(levelled.cycle) >= 0)
    assert line.max() < 12 + levelling.spare


def test_start_gap_takes_every_line_one_place_on_in_a_round():
    levelling = memory.StartGap(1, randomised=False)
    state, line = levelling.start(5, KEY), jnp.arange(5)
    seen = [levelling.place(state, line).tolist()]
    for _ in range(6 * 5):
        state, _ = levelling.step(state, KEY)
        seen.append(levelling.place(state, line).tolist())
    assert all(len(set(places)) == 5 for places in seen)
    assert seen[5] == [1, 2, 3, 4, 5]
    assert seen[6] == [1, 2, 3, 4, 0]
    assert seen[30] == [0, 1, 2, 3, 4]  # n + 1 moves take each line on by one place, n rounds to where it was
    # Over all rounds each line was in each place equally often.
    assert np.all(np.array([np.bincount(np.array(seen[:30])[:, k], minlength=6) for k in range(5)]) == 5)


def test_without_levelling_the_hottest_line_ends_the_life():
    trace = memory.zipf_trace(KEY, 5000, 20, write_share=1.0)
    hottest = np.bincount(trace.line).max() / 5000
    life = memory.lifetime(trace, 20, 50_000.0)
    assert bool(life.worn)
    assert float(life.writes) == pytest.approx(50_000 / hottest, rel=0.02)  # a round of the trace is 2 % of the life
    assert float(life.fraction) == pytest.approx(1 / (20 * hottest), rel=0.02)


def test_start_gap_levels_all_but_its_own_writes():
    trace = memory.zipf_trace(KEY, 5000, 16, write_share=1.0)
    life = memory.lifetime(trace, 16, 100_000.0, levelling=memory.StartGap(10), key=KEY)
    # Of 11 writes 10 are the program's, and 17 lines share them.
    assert float(life.fraction) == pytest.approx(10 / 11 * 17 / 16, rel=0.05)
    assert int(life.wear.sum()) == pytest.approx(float(life.writes) * 1.1)


def test_one_address_wears_out_a_line_unless_it_moves_in_time():
    attack = memory.make_trace(np.arange(1), np.ones(1, bool), np.zeros(1, int))
    # The line stays where it is for 33 moves of 100 writes: longer than 2000 writes, far shorter than 200 000.
    slow, fast = (
        memory.lifetime(attack, 32, endurance, levelling=memory.StartGap(100), key=KEY) for endurance in (2e3, 2e5)
    )
    assert float(slow.writes) <= 4000.0
    assert float(fast.fraction) > 0.9


def test_random_swaps_level_too_and_cost_two_writes():
    trace = memory.zipf_trace(KEY, 5000, 16, write_share=1.0)
    life = memory.lifetime(trace, 16, 100_000.0, levelling=memory.RandomSwap(20), key=KEY)
    plain = memory.lifetime(trace, 16, 100_000.0)
    assert int(life.wear.sum()) == pytest.approx(float(life.writes) * 1.1)
    assert float(plain.fraction) < 0.3 < 0.8 < float(life.fraction) < 10 / 11


def test_a_weak_line_ends_the_life_and_a_limit_the_run():
    trace = memory.stream_trace(100, write_every=1)
    weak = jnp.full(100, 1e6).at[17].set(1e4)
    life = memory.lifetime(trace, 100, weak, limit=1e8)
    assert float(life.writes) == 100 * 1e4
    ended = memory.lifetime(trace, 100, 1e6, limit=1e5)
    assert not bool(ended.worn)
    assert float(ended.writes) == 1e5


def test_lives_in_a_batch_are_single_lives():
    trace = memory.zipf_trace(KEY, 500, 8, write_share=1.0)
    run = lambda endurance, key: memory.lifetime(trace, 8, endurance, levelling=memory.StartGap(10), key=key)
    keys, endurance = jax.random.split(KEY, 3), jnp.array([2e3, 1e3, 5e3])
    batch = jax.jit(jax.vmap(run))(endurance, keys)
    assert batch.writes.tolist() == [float(run(e, k).writes) for e, k in zip(endurance, keys, strict=True)]


def test_wear_counts_lines_bytes_and_bits():
    data = np.zeros((3, 16), np.uint32)
    data[0, 0], data[1, 0], data[2, 15] = 0x80000001, 0x80000003, 0x100
    trace = memory.with_old(memory.make_trace(np.arange(3), np.array([True, True, False]), np.array([64, 64, 0]), data))
    assert memory.wear(trace, 3).tolist() == [0, 2, 0]
    bits = memory.wear(trace, 3, unit="bit")
    assert int(bits.sum()) == 3
    assert bits[1, [0, 30, 31]].tolist() == [1, 1, 1]
    assert memory.wear(trace, 3, unit="byte")[1, [0, 3]].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda t: memory.wear(t, 4), ValueError, "below lines=4, got line 9"),
        (lambda t: memory.wear(t, 10, unit="word"), ValueError, "unit must be one of 'line', 'byte', 'bit'"),
        (lambda t: memory.lifetime(t, 10, -1.0), ValueError, "endurance must be"),
        (lambda t: memory.lifetime(t, 10, jnp.ones(3)), ValueError, r"an array \(10,\), got shape \(3,\)"),
        (lambda t: memory.lifetime(memory.stream_trace(5), 10, 1.0), ValueError, "must have a write"),
        (lambda t: memory.lifetime(t, 10, 1.0, levelling=memory.StartGap()), TypeError, "key must be a PRNG key"),
        (lambda t: memory.level(t, "gap", 10, key=KEY), TypeError, "levelling must be a Levelling"),
        (lambda t: memory.StartGap(0), ValueError, r"StartGap.interval must be in \[1"),
    ],
)
def test_wrong_arguments_are_named(call, error, message):
    trace = memory.stream_trace(10, write_every=1)
    with pytest.raises(error, match=message):
        call(trace)
