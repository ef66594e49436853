"""What every core does for every vector, and when."""

import functools
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from memjax.chip._architecture import Architecture
from memjax.chip._placement import Placement
from memjax.chip._runs import Run
from memjax.chip._tasks import Task, tasks
from memjax.chip._units import Times, Unit, read, take


@dataclass(frozen=True)
class Operation:
    """Operations of one kind on one core, for the vectors of one layer.

    Attributes:
        core: the core.
        kind: "load" from its buffer, "mvm" on its tiles, "alu", "store" into its buffer, or "send".
        layer: name of the crossbar.
        start, stop: cycles in which the first one starts and the last one is done.
        count: number of operations.
        cycles: of each.
        words: of each; those that a tile is given, of an mvm.
        starts, stops: when each starts and is done, [count]; operations of earlier layers may interrupt it.
    """

    core: int
    kind: str
    layer: str
    start: int
    stop: int
    count: int
    cycles: int
    words: int
    starts: np.ndarray = field(repr=False, compare=False)
    stops: np.ndarray = field(repr=False, compare=False)


class _Timetable:
    """The operations so far, and the units that they are on."""

    def __init__(self, placement: Placement, architecture: Architecture):
        self.placement, self.architecture = placement, architecture
        self.operations: list[Operation] = []
        self._units: dict[Any, Unit] = defaultdict(Unit)
        self._known: dict[Any, tuple[list[Task], list[int]]] = {}

    def run(self, run: Run, replica: int, ready: np.ndarray, needed: frozenset[int]) -> np.ndarray:
        """When the results of vectors are on the cores `needed`, given when the vectors are there."""
        found, last = self._tasks(run, replica, needed)
        layer, done = (run.crossbar, replica, run.matrices), []
        latest = lambda numbers: functools.reduce(np.maximum, (done[one] for one in numbers))
        for number, task in enumerate(found):
            if task.kind == "mvm":
                load = found[number - 1]
                port, tiles = self._units[load.core, load.kind], self._units[load.core, *layer]
                loads, reads = read(port, tiles, ready, load.cycles, task.cycles)
                done += [self._note(load, run, loads), self._note(task, run, reads)]
            elif task.kind != "load":  # which is done with its mvm
                times = take(self._units[task.core, task.kind], latest(task.after), task.cycles)
                done.append(self._note(task, run, times))
        return latest(last)

    def _tasks(self, run: Run, replica: int, needed: frozenset[int]) -> tuple[list[Task], list[int]]:
        key = (run.crossbar, run.matrices, run.fresh, replica, needed)
        if key not in self._known:
            self._known[key] = tasks(self.placement, self.architecture, run, replica, needed)
        return self._known[key]

    def _note(self, task: Task, run: Run, times: Times) -> np.ndarray:
        starts, stops = times
        core, kind, words, cycles, _ = task
        one = Operation(
            core, kind, run.crossbar, int(starts[0]), int(stops[-1]), len(starts), cycles, words, starts, stops
        )
        self.operations.append(one)
        return stops


def operations(placement: Placement, architecture: Architecture, pipelined: bool) -> tuple[Operation, ...]:
    """Everything that is done in one call, in the order of the program."""
    table, runs = _Timetable(placement, architecture), placement.runs
    cores = {name: {place.core for place in own} for name, own in placement.by_crossbar.items()}
    needed: dict[int, set[int]] = defaultdict(set)  # cores that need the results of a run
    for run in runs:
        for before in run.after:
            needed[before] |= cores[run.crossbar]
    done: list[np.ndarray] = []
    for number, run in enumerate(runs):
        arrival, finished = _arrival(run, done, pipelined), np.zeros(run.vectors, np.int64)
        replicas = placement.replicas[run.crossbar]
        for replica in range(min(replicas, run.vectors)):
            turn = slice(replica, None, replicas)
            finished[turn] = table.run(run, replica, arrival[turn], frozenset(needed[number]))
        done.append(np.maximum.accumulate(finished))
    return tuple(table.operations)


def _arrival(run: Run, done: list[np.ndarray], pipelined: bool) -> np.ndarray:
    """When each vector of a run has what it needs of the runs before it."""
    arrival = np.zeros(run.vectors, np.int64)
    for before in run.after:
        ready = done[before]
        first = -(-np.arange(1, run.vectors + 1) * len(ready) // run.vectors) if pipelined else len(ready)
        arrival = np.maximum(arrival, ready[first - 1])
    return arrival
