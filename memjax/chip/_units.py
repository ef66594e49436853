"""Parts of a core that do one thing at a time."""

from bisect import bisect_left, bisect_right
from typing import NamedTuple

import numpy as np


class Times(NamedTuple):
    """Start and end of every operation of a stream, [count] each."""

    starts: np.ndarray
    stops: np.ndarray


class Unit:
    """What a unit does when, as the intervals in which it is busy: sorted, and apart from one another.

    Operations come in streams, so many of one duration in order. Each is done in the first cycles from when it is ready
    in which the unit is idle; what came before goes first, and may interrupt it.
    """

    def __init__(self):
        self._starts = self._stops = np.zeros(0, np.int64)
        self._measure()

    @property
    def last(self) -> int:
        """When it is idle for ever."""
        return int(self._stops[-1]) if len(self._stops) else 0

    def idle(self, times: np.ndarray) -> np.ndarray:
        """Idle cycles until a time."""
        passed = np.searchsorted(self._stops, times, side="right")
        return np.minimum(times - self._busy[passed], np.append(self._before, np.iinfo(np.int64).max)[passed])

    def begin(self, idle: np.ndarray) -> np.ndarray:
        """The time at which an idle cycle begins, given by how many were before it."""
        return idle + self._busy[np.searchsorted(self._before, idle, side="right")]

    def end(self, idle: np.ndarray) -> np.ndarray:
        """The time at which so many idle cycles are over."""
        return idle + self._busy[np.searchsorted(self._before, idle, side="left")]

    def intervals(self) -> tuple[list[int], list[int], list[int]]:
        """Ends of the busy intervals, the busy cycles before each and in all, and the idle cycles before each."""
        return self._stops.tolist(), self._busy.tolist(), self._before.tolist()

    def occupy(self, times: Times) -> None:
        """Add operations that leave no idle cycle from their start to their end."""
        starts, stops = np.concatenate([self._starts, times.starts]), np.concatenate([self._stops, times.stops])
        if times.starts[0] < self.last:
            order = np.argsort(starts, kind="stable")
            starts, stops = starts[order], np.maximum.accumulate(stops[order])
        first = np.append(True, starts[1:] > stops[:-1])
        self._starts, self._stops = starts[first], stops[np.append(first[1:], True)]
        self._measure()

    def _measure(self) -> None:
        self._busy = np.append(0, np.cumsum(self._stops - self._starts))  # cycles of the first intervals
        self._before = self._starts - self._busy[:-1]  # idle cycles before each


def take(unit: Unit, ready: np.ndarray, cycles: int) -> Times:
    """Put a stream on a unit, given when each operation is ready.

    Counted in idle cycles, nothing is in the way of a stream.
    """
    idle = _spaced(unit.idle(ready), cycles)
    times = Times(unit.begin(idle), unit.end(idle + cycles))
    unit.occupy(times)
    return times


def read(port: Unit, tiles: Unit, ready: np.ndarray, load: int, mvm: int) -> tuple[Times, Times]:
    """Put loads and reads of vectors on a port and on tiles: one is loaded once the one before it is being read.

        load_k = max(ready_k, read_(k-1));   read_k = max(load_k + load, read_(k-1) + mvm)

    where both units are idle.
    """
    loads, reads = (Times(np.empty_like(ready), np.empty_like(ready)) for _ in range(2))
    last = max(port.last, tiles.last)
    on_port, on_tiles = _Cursor(port), _Cursor(tiles)
    k, begun, over = 0, 0, 0  # begin and end of the read before
    while k < len(ready) and max(ready[k], begun) < last:
        loads.starts[k], loads.stops[k] = on_port(max(int(ready[k]), begun), load)
        reads.starts[k], reads.stops[k] = begun, over = on_tiles(max(int(loads.stops[k]), over), mvm)
        k += 1
    rest = np.maximum(ready[k:] + load, max(begun + load, over))
    reads.starts[k:] = _spaced(rest, max(load, mvm))
    reads.stops[k:] = reads.starts[k:] + mvm
    loads.starts[k:] = np.maximum(ready[k:], np.append(begun, reads.starts[k:-1])[: len(rest)])
    loads.stops[k:] = loads.starts[k:] + load
    port.occupy(loads)
    tiles.occupy(reads)
    return loads, reads


class _Cursor:
    """Single operations on a unit, later and later: (start, end) of each, as `take` has them."""

    def __init__(self, unit: Unit):
        self.stops, self.busy, self.before = unit.intervals()

    def __call__(self, ready: int, cycles: int) -> tuple[int, int]:
        passed = bisect_right(self.stops, ready)
        idle = ready - self.busy[passed]
        if passed < len(self.before):
            idle = min(idle, self.before[passed])
        begin = idle + self.busy[bisect_right(self.before, idle)]
        return begin, idle + cycles + self.busy[bisect_left(self.before, idle + cycles)]


def _spaced(ready: np.ndarray, cycles: int) -> np.ndarray:
    """start_k = max(ready_k, start_(k-1) + cycles)."""
    steps = cycles * np.arange(len(ready))
    return np.maximum.accumulate(ready - steps) + steps
