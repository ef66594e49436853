"""What the cores of a layer do for one vector."""

from collections import Counter
from typing import NamedTuple

from memjax.chip._architecture import Architecture
from memjax.chip._placement import Placement, grouped
from memjax.chip._runs import Run

KINDS: tuple[str, ...] = ("load", "mvm", "alu", "store", "send")


class Task(NamedTuple):
    """One operation for every vector.

    Attributes:
        core: where.
        kind: one of KINDS.
        words: how many numbers.
        cycles: how long.
        after: the tasks whose results it needs, by number; none: the vector alone.
    """

    core: int
    kind: str
    words: int
    cycles: int
    after: tuple[int, ...]


def tasks(
    placement: Placement, architecture: Architecture, run: Run, replica: int, needed: frozenset[int]
) -> tuple[list[Task], list[int]]:
    """The tasks of one copy of a layer, and which of them bring its results to the cores `needed`.

    Each mvm stands behind its load. Tasks on one unit are in the order of their right of way.
    """
    grid = placement.grids[run.crossbar]
    width = lambda columns: sum(grid.widths[index] for _, index in columns)
    places = placement.on(run, replica)
    column = lambda place: (place.matrix, place.column)
    home = {one: found[0].core for one, found in grouped(places, column).items()}
    terms = {core: Counter(map(column, own)) for core, own in grouped(places, lambda place: place.core).items()}
    found: list[Task] = []

    widths, mvm = architecture.widths, architecture.mvm_cycles(grid.drives, grid.columns)

    def add(core: int, kind: str, words: int, after: list[int]) -> int:
        cycles = mvm if kind == "mvm" else -(-words // widths[kind])
        found.append(Task(core, kind, words, cycles, tuple(after)))
        return len(found) - 1

    waits: dict[int, list[int]] = {}  # by core, what its results need
    for core, own in grouped(places, lambda place: place.core).items():
        words = placement.loaded(run, own)
        waits[core] = [add(core, "mvm", words, [add(core, "load", words, [])])]
    sums: Counter = Counter()  # from other cores, by column
    for core, own in terms.items():
        away = grouped([one for one in own if home[one] != core], home.__getitem__)
        additions = sum((own[one] - 1) * grid.widths[one[1]] for group in away.values() for one in group)
        summed = add(core, "alu", additions, waits[core][:1]) if additions else waits[core][0]
        for target, group in away.items():
            waits[target].append(add(core, "send", width(group), [summed]))
            sums.update(group)
    last = []
    for core, group in grouped(home, home.__getitem__).items():
        words = sum((terms[core][one] + sums[one]) * grid.widths[one[1]] for one in group)  # the last is the activation
        result = add(core, "store", width(group), [add(core, "alu", words, waits[core])])
        last.append(add(core, "send", width(group), [result]) if needed - {core} else result)
    return found, last
