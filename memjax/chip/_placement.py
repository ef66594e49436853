"""Where every tile lies."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from memjax._text import columns
from memjax.chip._architecture import Architecture
from memjax.chip._grid import Grid
from memjax.chip._runs import Run, runs
from memjax.transform import Plan


class Place(NamedTuple):
    """Where a row tile and a column tile of a matrix cross: a tile for every array of cells (as each sign, each digit).

    Attributes:
        crossbar: name of the crossbar.
        replica: which of its copies.
        matrix: which of its matrices (steps of loops, stacks, sets of groups).
        row, column: row tile and column tile; by kernel position the row tiles of one position after another.
        core: the core that it lies on.
        tiles: number of tiles.
    """

    crossbar: str
    replica: int
    matrix: int
    row: int
    column: int
    core: int
    tiles: int


@dataclass(frozen=True)
class Placement:
    """Every tile of a plan on a core. `print` it.

    Attributes:
        plan: what is placed.
        architecture: where.
        grids: the tiles of every crossbar, by name.
        replicas: how often each crossbar is built, by name.
        places: where each lies.
    """

    plan: Plan
    architecture: Architecture
    grids: dict[str, Grid]
    replicas: dict[str, int]
    places: tuple[Place, ...]

    @property
    def tiles(self) -> int:
        """Number of tiles that are used."""
        return sum(place.tiles for place in self.places)

    @property
    def cores(self) -> int:
        """Number of cores that are used."""
        return len(self.by_core)

    @cached_property
    def by_core(self) -> dict[int, tuple[Place, ...]]:
        """What lies on every core that is used."""
        return grouped(self.places, lambda place: place.core)

    @cached_property
    def by_crossbar(self) -> dict[str, tuple[Place, ...]]:
        """Where every crossbar lies."""
        return grouped(self.places, lambda place: place.crossbar)

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """What runs through the crossbars in one call."""
        return runs(self.plan, self.grids)

    @property
    def buffer_reads(self) -> dict[str, int]:
        """Numbers that one call takes from buffers for each crossbar, its row tiles on as many cores as they are on."""
        found = dict.fromkeys(self.grids, 0)
        for run in self.runs:
            cores = grouped(self.on(run, 0), lambda place: place.core)
            found[run.crossbar] += run.vectors * sum(self.loaded(run, places) for places in cores.values())
        return found

    @property
    def stage_cycles(self) -> int:
        """Cycles in which every layer reads the vectors of one call: the cycle of a pipeline of layers.

            max over layers of ceil(vectors / replicas) mvm cycles

        Source: L. Song et al., PipeLayer, HPCA 2017.
        """
        cycles = dict.fromkeys(self.grids, 0)
        for run in self.runs:
            grid = self.grids[run.crossbar]
            turns = -(-run.vectors // self.replicas[run.crossbar])
            cycles[run.crossbar] += turns * self.architecture.mvm_cycles(grid.drives, grid.columns)
        return max(cycles.values(), default=0)

    def on(self, run: Run, replica: int) -> list[Place]:
        """The places that a run reads."""
        return [
            place
            for place in self.by_crossbar[run.crossbar]
            if place.replica == replica and place.matrix in range(*run.matrices)
        ]

    def loaded(self, run: Run, places: Any) -> int:
        """Words that the places of a run on one core take from its buffer for a vector."""
        rows = grouped(places, lambda place: place.matrix)
        grid = self.grids[run.crossbar]
        return sum(grid.fetched({place.row for place in found}, run.fresh) for found in rows.values())

    def __str__(self) -> str:
        head = ("crossbar", "cores", "grid", "matrices", "replicas", "tiles", "buffer reads")
        reads = self.buffer_reads
        rows = [
            (
                name or "(the matrix)",
                _ranges(sorted({place.core for place in self.by_crossbar[name]})),
                f"{len(grid.heights)} x {len(grid.widths)}" + (f", {grid.window} positions" if grid.window > 1 else ""),
                grid.matrices,
                self.replicas[name],
                grid.tiles * self.replicas[name],
                f"{reads[name]:,}",
            )
            for name, grid in self.grids.items()
        ]
        own = self.architecture
        return "\n".join(
            [
                *columns((head, *rows), left=2),
                "",
                f"{self.tiles:,} of {own.tiles:,} tiles on {self.cores:,} of {own.cores:,} cores.",
            ]
        )


def grouped(items: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, tuple]:
    """Items by their key, in order."""
    found: dict[Any, list] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return {name: tuple(group) for name, group in found.items()}


def _ranges(numbers: list[int]) -> str:
    """Sorted numbers in words: 0-3, 7."""
    pieces: list[list[int]] = []
    for number in numbers:
        if pieces and number == pieces[-1][-1] + 1:
            pieces[-1].append(number)
        else:
            pieces.append([number])
    words = [f"{piece[0]}-{piece[-1]}" if len(piece) > 1 else f"{piece[0]}" for piece in pieces]
    return ", ".join(words if len(words) <= 4 else [*words[:3], "..."])
