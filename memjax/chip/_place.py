"""Which tile lies on which core."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from memjax import _check
from memjax.chip._architecture import Architecture, check_architecture
from memjax.chip._grid import CONVOLUTIONS, Grid
from memjax.chip._pipeline import replicate
from memjax.chip._placement import Place, Placement
from memjax.transform import Plan


def place(
    plan: Plan,
    architecture: Architecture,
    *,
    convolution: str = "unrolled",
    sharing: bool = True,
    duplicate: Mapping[str, int] | str | None = None,
) -> Placement:
    """The tiles of a plan on the cores of a chip.

    Tiles are placed in the order of the plan, each on the first core with room; the tiles of all arrays of cells that
    cross at one place (as both signs of a weight, whose currents are subtracted) stay together, and the row tiles of a
    column tile, whose results are added, are placed in a row.

    Args:
        plan: of `Analog.plan`.
        architecture: the chip.
        convolution: how kernels become matrices: "unrolled": one matrix with a row for each position of the kernel and
            channel; "kernel position": a matrix [channels, outputs] for each position, with tiles of its own, that
            passes its inputs on to the next, so that each number is read from a buffer once. Convolutions in groups are
            always unrolled.
        sharing: whether a core may hold tiles of several crossbars.
        duplicate: how often crossbars are built, by name; "balance": so that the slowest becomes as fast as the tiles
            of the chip allow (`replicate`, by the cycles of reads alone); None: once. Copies share the vectors of a
            crossbar; where each step of a loop needs the one before it there is nothing to share.

    Raises: ValueError for an architecture that is too small, with the number of tiles that are missing, for unknown
        names, and for a plan without data; TypeError for arguments of other types.

    Source: X. Peng et al., DNN+NeuroSim V2.0, IEEE TCAD 2021 (mapping by kernel position and its reuse of inputs,
    duplicates); L. Song et al., PipeLayer, HPCA 2017 (replication).
    """
    _check.part("plan", plan, Plan, example="analog.plan(params, x)")
    check_architecture("architecture", architecture)
    _check.choice("convolution", convolution, CONVOLUTIONS)
    _check.flag("sharing", sharing)
    for site in plan.sites:
        if not site.reads:
            raise ValueError(f"plan must be that of a call with data, got no input vector for {site.crossbar!r}")
    grids = {crossbar.name: Grid.of(crossbar, convolution) for crossbar in plan.crossbars}
    for name, grid in grids.items():
        if grid.tiles_per_place > architecture.tiles_per_core:
            raise ValueError(
                f"architecture must have tiles_per_core of at least {grid.tiles_per_place}, the tiles of {name!r} "
                f"whose results are one, got {architecture.tiles_per_core}"
            )
    if isinstance(duplicate, str) and duplicate == "balance":
        return _balanced(plan, architecture, grids, sharing)
    found = Placement(plan, architecture, grids, _copies(duplicate, grids), ())
    return _filled(found, sharing)


def _copies(duplicate: Any, grids: dict[str, Grid]) -> dict[str, int]:
    if duplicate is None:
        return dict.fromkeys(grids, 1)
    if not isinstance(duplicate, Mapping):
        raise TypeError(f'duplicate must be {{name: copies}}, "balance" or None, got {_check.shown(duplicate)}')
    for name, count in duplicate.items():
        if name not in grids:
            raise ValueError(f"duplicate must have names of crossbars {list(grids)}, got {_check.shown(name)}")
        _check.integer(f"duplicate[{name!r}]", count, 1, 10**6)
    return dict.fromkeys(grids, 1) | dict(duplicate)


def _balanced(plan: Plan, architecture: Architecture, grids: dict[str, Grid], sharing: bool) -> Placement:
    """With the copies that fit: a budget of all tiles, and less while pieces of cores stay empty."""
    found = _filled(Placement(plan, architecture, grids, dict.fromkeys(grids, 1), ()), sharing)
    vectors = [max(run.vectors for run in found.runs if run.crossbar == name) for name in grids]
    cycles = [architecture.mvm_cycles(grid.drives, grid.columns) for grid in grids.values()]
    tiles = [grid.tiles for grid in grids.values()]
    budget = architecture.tiles
    while budget > sum(tiles):
        copies, _, used = replicate(vectors, tiles, budget, cycles)
        wanted = Placement(plan, architecture, grids, dict(zip(grids, copies, strict=True)), ())
        places = _fill(wanted, sharing)
        missing = _missing(architecture, places)
        if not missing:
            return replace(wanted, places=places)
        budget = used - missing
    return found


def _filled(placement: Placement, sharing: bool) -> Placement:
    """With every tile on a core.

    Raises: ValueError where the chip is too small.
    """
    places, architecture = _fill(placement, sharing), placement.architecture
    missing = _missing(architecture, places)
    if missing:
        cores = max(place.core for place in places) + 1
        raise ValueError(
            f"architecture must have at least {cores} cores of {architecture.tiles_per_core} tiles for the "
            f"{sum(place.tiles for place in places)} tiles of the plan, got {architecture.cores}: {missing} tiles are "
            "missing"
        )
    return replace(placement, places=places)


def _missing(architecture: Architecture, places: tuple[Place, ...]) -> int:
    """Number of tiles beyond the last core."""
    return sum(place.tiles for place in places if place.core >= architecture.cores)


def _fill(placement: Placement, sharing: bool) -> tuple[Place, ...]:
    """Each place on the first core with room, of as many cores as it takes."""
    size = placement.architecture.tiles_per_core
    room: list[int] = []
    places, start = [], 0
    for name, grid in placement.grids.items():
        count, core = grid.tiles_per_place, start  # no core before it has room for as many tiles
        for replica in range(placement.replicas[name]):
            for matrix in range(grid.matrices):
                for column in range(len(grid.widths)):
                    for row in range(len(grid.heights)):
                        while core < len(room) and room[core] < count:
                            core += 1
                        if core == len(room):
                            room.append(size)
                        room[core] -= count
                        places.append(Place(name, replica, matrix, row, column, core, count))
        start = 0 if sharing else len(room)
    return tuple(places)
