"""Streams on a unit against a table of its cycles."""

import numpy as np
import pytest

from memjax.chip._units import Unit, read, take


class Slots:
    """The same, cycle by cycle."""

    def __init__(self, length=4000):
        self.busy = np.zeros(length, bool)

    def one(self, ready, cycles):
        free = ready + np.flatnonzero(~self.busy[ready:])[:cycles]
        return free[0], free[-1] + 1, free

    def take(self, ready, cycles):
        found, over, taken = [], 0, []
        for when in ready:
            begin, over, cells = self.one(max(when, over), cycles)
            found.append((begin, over))
            taken.append(cells)
        self.busy[np.concatenate(taken)] = True
        return np.transpose(found)


def streams(seed, count=6):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield np.cumsum(rng.integers(0, 30, rng.integers(1, 30))), int(rng.integers(1, 12))


@pytest.mark.parametrize("seed", range(8))
def test_streams_take_the_first_idle_cycles(seed):
    unit, slots = Unit(), Slots()
    for ready, cycles in streams(seed):
        np.testing.assert_array_equal(take(unit, ready, cycles), slots.take(ready, cycles))


@pytest.mark.parametrize("seed", range(8))
def test_a_vector_is_loaded_while_the_one_before_it_is_read(seed):
    port, tiles, at_port, at_tiles = Unit(), Unit(), Slots(), Slots()
    for index, (ready, load) in enumerate(streams(seed)):
        mvm = 1 + (5 * index + seed) % 13
        own = index % 2 == 0  # on tiles of its own, or on those of the other streams
        loads, reads = read(port, Unit() if own else tiles, ready, load, mvm)
        slots, begun, over, expected = (Slots() if own else at_tiles), 0, 0, []
        cells = ([], [])
        for when in ready:
            start, stop, taken = at_port.one(max(when, begun), load)
            begun, over, read_at = slots.one(max(stop, over), mvm)
            expected.append((start, stop, begun, over))
            cells[0].extend(taken), cells[1].extend(read_at)
        at_port.busy[cells[0]] = slots.busy[cells[1]] = True
        np.testing.assert_array_equal((*loads, *reads), np.transpose(expected))


def test_intervals_stay_apart():
    unit = Unit()
    take(unit, np.array([10, 20, 30]), 5)
    take(unit, np.array([0]), 12)  # 0 to 10 and 15 to 17
    assert unit.intervals()[0] == [17, 25, 35]
    assert unit.last == 35
    take(unit, np.array([35]), 3)
    assert unit.intervals()[0] == [17, 25, 38]
    np.testing.assert_array_equal(unit.idle(np.array([5, 17, 18, 22, 40])), [0, 0, 1, 3, 10])
