"""The data flow of a program as runs: so many vectors through a crossbar, after other runs."""

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from memjax.chip._grid import Grid
from memjax.transform import Plan, SiteRow


@dataclass(frozen=True)
class Run:
    """Vectors that go through a crossbar one after another.

    Attributes:
        crossbar: its name.
        matrices: first and last + 1 of its matrices (of the `Grid`), all read together.
        vectors: how many.
        fresh: numbers of a vector that no window before it had.
        after: runs whose results it needs, by number.
    """

    crossbar: str
    matrices: tuple[int, int]
    vectors: int
    fresh: float
    after: tuple[int, ...]


def runs(plan: Plan, grids: dict[str, Grid]) -> tuple[Run, ...]:
    """The runs of a plan in the order of the program.

    A loop whose steps need results of steps before them is a run for each step, those of other loops are one run. A
    plan knows loops by their lengths: loops of equal length that follow one another are taken for one.
    """
    found: list[Run] = []
    last: dict[str, int] = {}
    for site, steps in _by_step(list(plan.sites), 0):
        grid = grids[site.crossbar]
        together = grid.sets if site.kind == "conv" else site.stack  # matrices of one evaluation
        first, count = _held(grid.matrices // together, steps)
        evaluations = -(-site.reads // (math.prod(length for _, length in steps) * count * site.stack))
        after = tuple(sorted({last[name] for name in site.after if name in last}))
        matrices = (first * together, (first + count) * together)
        found.append(Run(site.crossbar, matrices, evaluations * grid.turns, site.data / site.reads, after))
        last[site.crossbar] = len(found) - 1
    return tuple(found)


Steps = tuple[tuple[int, int], ...]  # (step, length) of every enclosing loop that is unrolled


def _by_step(sites: list[SiteRow], depth: int) -> Iterator[tuple[SiteRow, Steps]]:
    """Sites in the order in which they run, loops that carry results unrolled."""
    for loop, inside in itertools.groupby(sites, key=lambda site: site.loops[depth : depth + 1]):
        body = list(inside)
        if not loop:
            yield from ((site, ()) for site in body)
        elif _carries(body):
            length = loop[0] or 1
            for step in range(length):
                yield from ((site, ((step, length), *deeper)) for site, deeper in _by_step(body, depth + 1))
        else:
            yield from _by_step(body, depth + 1)


def _carries(body: list[SiteRow]) -> bool:
    """Whether a step of a loop needs what crossbars read in the step before it."""
    later = lambda index: {site.crossbar for site in body[index:]}
    return any(later(index) & set(site.after) for index, site in enumerate(body))


def _held(held: int, steps: Steps) -> tuple[int, int]:
    """(first, number) of the matrices of a step, of a crossbar that holds those of `held` steps; else all of them."""
    if math.prod(length for _, length in steps) == held:
        return functools.reduce(lambda number, one: number * one[1] + one[0], steps, 0), 1
    return next(((step, 1) for step, length in steps if length == held), (0, held))
