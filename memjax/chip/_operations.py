"""What every core does for every vector, and when."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from memjax.chip._architecture import Architecture
from memjax.chip._placement import Place, Placement, grouped
from memjax.chip._runs import Run
from memjax.chip._units import Times, Unit, read, take

KINDS: tuple[str, ...] = ("load", "mvm", "alu", "store", "send")


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


class Timetable:
    """The operations so far, and the units that they are on."""

    def __init__(self, placement: Placement, architecture: Architecture):
        self.placement, self.architecture = placement, architecture
        self.operations: list[Operation] = []
        self._units: dict[Any, Unit] = defaultdict(Unit)

    def take(self, core: int, kind: str, layer: str, ready: np.ndarray, words: int) -> np.ndarray:
        """When operations of so many words are done."""
        cycles = self.architecture.cycles(kind, words)
        return self._note(core, kind, layer, take(self._units[core, kind], ready, cycles), cycles, words)

    def read(self, core: int, run: Run, replica: int, ready: np.ndarray, places: tuple[Place, ...]) -> np.ndarray:
        """When the places of a run on a core have read their vectors."""
        grid = self.placement.grids[run.crossbar]
        words = self.placement.loaded(run, places)
        load, mvm = self.architecture.cycles("load", words), self.architecture.mvm_cycles(grid.planes, grid.columns)
        tiles = self._units[core, run.crossbar, replica, run.matrices]
        loads, reads = read(self._units[core, "load"], tiles, ready, load, mvm)
        self._note(core, "load", run.crossbar, loads, load, words)
        return self._note(core, "mvm", run.crossbar, reads, mvm, words)

    def _note(self, core: int, kind: str, layer: str, times: Times, cycles: int, words: int) -> np.ndarray:
        starts, stops = times
        one = Operation(core, kind, layer, int(starts[0]), int(stops[-1]), len(starts), cycles, words, starts, stops)
        self.operations.append(one)
        return stops


def operations(placement: Placement, architecture: Architecture, pipelined: bool) -> tuple[Operation, ...]:
    """Everything that is done in one call, in the order of the program."""
    table, runs = Timetable(placement, architecture), placement.runs
    needed: dict[int, set[int]] = defaultdict(set)  # cores that need the results of a run
    for run in runs:
        for before in run.after:
            needed[before] |= {place.core for place in placement.by_crossbar[run.crossbar]}
    done: list[np.ndarray] = []
    for number, run in enumerate(runs):
        arrival, finished = _arrival(run, done, pipelined), np.zeros(run.vectors, np.int64)
        replicas = placement.replicas[run.crossbar]
        for replica in range(min(replicas, run.vectors)):
            turn = slice(replica, None, replicas)
            finished[turn] = _layer(table, run, replica, arrival[turn], needed[number])
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


def _layer(table: Timetable, run: Run, replica: int, ready: np.ndarray, needed: set[int]) -> np.ndarray:
    """When the vectors of one replica are where they are needed."""
    layer, widths = run.crossbar, table.placement.grids[run.crossbar].widths
    column = lambda place: (place.matrix, place.column)
    width = lambda columns: sum(widths[index] for _, index in columns)
    places = table.placement.on(run, replica)
    home = {one: found[0].core for one, found in grouped(places, column).items()}
    by_core = grouped(places, lambda place: place.core)
    done = {core: table.read(core, run, replica, ready, own) for core, own in by_core.items()}
    terms, sums = {core: Counter(map(column, own)) for core, own in by_core.items()}, Counter()
    complete = dict(done)
    for core, own in terms.items():
        away = grouped([one for one in own if home[one] != core], home.__getitem__)
        additions = sum((own[one] - 1) * widths[one[1]] for group in away.values() for one in group)
        summed = table.take(core, "alu", layer, done[core], additions) if additions else done[core]
        for target, group in away.items():
            arrived = table.take(core, "send", layer, summed, width(group))
            complete[target] = np.maximum(complete[target], arrived)
            sums.update(group)
    finished = np.zeros_like(ready)
    for core, group in grouped(home, home.__getitem__).items():
        words = sum((terms[core][one] + sums[one]) * widths[one[1]] for one in group)  # the last is the activation
        result = table.take(core, "alu", layer, complete[core], words)
        result = table.take(core, "store", layer, result, width(group))
        if needed - {core}:
            result = table.take(core, "send", layer, result, width(group))
        finished = np.maximum(finished, result)
    return finished
