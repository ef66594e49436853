"""Measured writes of many cells to a few levels, and the hardware that they describe."""

import os
from typing import NamedTuple

import numpy as np

from memjax import _check, effects
from memjax._table import read_columns
from memjax.mapping import Cell


class Writes(NamedTuple):
    """Conductances that cells had after they were written, [n] each: one for each cell, level and repeat."""

    cell: np.ndarray
    """Number of the cell."""
    level: np.ndarray
    """Number of the level that was aimed at, 0 for the lowest conductance."""
    conductance: np.ndarray
    """Conductance that was read afterwards [S]."""


def read_writes(path: str | os.PathLike) -> Writes:
    """Read columns `cell`, `level` and `conductance` [S], named in the first line; others are ignored.

    A line is one write: the number of the cell, that of the level it aimed at, what was read afterwards. Lines may come
    in any order; a cell may be written to a level any number of times.

    Raises: ValueError, with the line, for missing columns and entries that are no finite numbers; for cells and levels
        that are no whole numbers from 0, negative conductances, fewer than two levels and levels that are missing.
    """
    columns = read_columns(path, "cell", "level", "conductance")
    for name in ("cell", "level"):
        _check_line(path, name, columns[name], (columns[name] >= 0) & (columns[name] % 1 == 0), "a whole number from 0")
    _check_line(path, "conductance", columns["conductance"], columns["conductance"] >= 0, "at least 0 S")
    cell, level = (columns[name].astype(int) for name in ("cell", "level"))
    writes = Writes(cell, level, columns["conductance"])
    _check_levels(str(path), level)
    return writes


def _check_line(path, name: str, values: np.ndarray, valid: np.ndarray, expected: str) -> None:
    if not valid.all():
        first = int(np.flatnonzero(~valid)[0])
        raise ValueError(f"{path}: {name} of measurement {first + 1} must be {expected}, got {values[first]:g}")


def _check_levels(owner: str, level: np.ndarray) -> None:
    present = set(level.tolist())
    missing = sorted(set(range(max(present) + 1)) - present)
    if missing:
        raise ValueError(
            f"{owner}: level {', '.join(map(str, missing[:5]))} was never written, but level {max(present)} was: "
            "number the levels 0, 1, 2, ... without gaps"
        )
    if len(present) < 2:
        raise ValueError(f"{owner}: at least two levels are needed, got {len(present)}")


class WritesFit(NamedTuple):
    """What `fit_writes` found."""

    cell: Cell
    """From the lowest to the highest level."""
    effects: tuple[effects.AbstractEffect, ...]
    """`StuckAt`, `FiniteStates` and `LevelSpread`, for `Hardware(effects=)`."""
    levels: np.ndarray
    """[L], S: mean conductance of each level."""
    spread: np.ndarray
    """[L], S: standard deviation of a write to it."""
    between: np.ndarray
    """[L]: share of the variance that is between cells (the rest: between writes of a cell); NaN where no cell was
    written to the level twice."""
    cells: int
    """How many cells were measured."""
    stuck: tuple[int, int]
    """How many of them are stuck: in the low-, in the high-resistance state."""


def fit_writes(writes: Writes, *, stuck_below: float = 0.25, quantiles: int = 101) -> WritesFit:
    """The levels, their spread and the stuck cells of measured writes.

    A cell is stuck if its own medians of the levels that it was written to span less than `stuck_below` times what the
    medians of all cells span over the same levels; in the LRS if they are nearer to the highest level. Levels are means
    over the cells that are not stuck; the spread of a level is kept as the quantiles of its errors. A cell that was
    written to one level only is taken to work.

    Spread between cells and between writes are drawn together, anew at each write: right for chips that are written
    once. `WritesFit.between` says how much of it belongs to the cell.

    Args:
        writes: measured writes (`read_writes`, or arrays of your own).
        stuck_below: in (0, 1).
        quantiles: of the errors of a level that are kept, at least 2.

    Raises: TypeError for what is no `Writes`; ValueError for numbers out of their range, levels that are missing or
        whose means do not rise, a level that fewer than two working cells' writes aimed at, no working cell.

    Source: algebra; faults, finite states and spread measured in this way feed inference in Mehonic, Joksas et al.
        (Frontiers in Neuroscience 13:593, 2019).
    """
    _check.part("writes", writes, Writes, example='read_writes("writes.csv")')
    _check.scalar("stuck_below", stuck_below, above=0.0, below=1.0)
    _check.integer("quantiles", quantiles, 2, 100_000)
    cell, level, conductance = (np.asarray(part) for part in writes)
    if not cell.shape == level.shape == conductance.shape or cell.ndim != 1 or not len(cell):
        raise ValueError(
            f"writes must have one cell, level and conductance for each write, got shapes {cell.shape}, {level.shape} "
            f"and {conductance.shape}"
        )
    _check_levels("writes", level)
    names, cell = np.unique(cell, return_inverse=True)
    in_lrs, in_hrs = _stuck(cell, level, conductance, stuck_below)
    works = ~(in_lrs | in_hrs)[cell]
    by_level = [conductance[works & (level == number)] for number in range(level.max() + 1)]
    if few := [number for number, found in enumerate(by_level) if len(found) < 2]:
        raise ValueError(
            f"writes: level {few[0]} needs at least two writes of working cells, got {len(by_level[few[0]])}"
        )
    levels = np.array([found.mean() for found in by_level])
    if not (np.diff(levels) > 0).all():
        raise ValueError(f"writes: the mean conductances of the levels must rise, got {_check.shown(levels)} S")
    at = np.linspace(0.0, 1.0, quantiles)
    errors = np.array([np.quantile(found - mean, at) for found, mean in zip(by_level, levels, strict=True)])
    return WritesFit(
        cell=Cell(r_on=float(1.0 / levels[-1]), r_off=float(1.0 / levels[0]) if levels[0] > 0 else np.inf),
        effects=(
            effects.StuckAt(lrs=float(in_lrs.mean()), hrs=float(in_hrs.mean())),
            effects.FiniteStates(table=tuple(map(float, levels))),
            effects.LevelSpread(tuple(map(float, levels)), errors),
        ),
        levels=levels,
        spread=np.array([found.std(ddof=1) for found in by_level]),
        between=np.array([_between(cell[works & (level == n)], found) for n, found in enumerate(by_level)]),
        cells=len(names),
        stuck=(int(in_lrs.sum()), int(in_hrs.sum())),
    )


def _stuck(cell: np.ndarray, level: np.ndarray, conductance: np.ndarray, below: float) -> tuple[np.ndarray, np.ndarray]:
    """Which cells are stuck in the LRS, in the HRS."""
    of_all = np.array([np.median(conductance[level == number]) for number in range(level.max() + 1)])
    middle = (of_all[0] + of_all[-1]) / 2.0
    in_lrs, in_hrs = np.zeros((2, cell.max() + 1), bool)
    for number in range(cell.max() + 1):
        own = cell == number
        tried = np.unique(level[own])
        medians = [np.median(conductance[own & (level == each)]) for each in tried]
        if np.ptp(of_all[tried]) > 0 and np.ptp(medians) < below * np.ptp(of_all[tried]):
            (in_lrs if np.mean(medians) > middle else in_hrs)[number] = True
    return in_lrs, in_hrs


def _between(cell: np.ndarray, conductance: np.ndarray) -> float:
    """Share of the variance that is between cells: the intraclass correlation of a one-way analysis of variance."""
    counts = np.bincount(cell)
    counts, sums = counts[counts > 0], np.bincount(cell, conductance)[counts > 0]
    groups, total = len(counts), counts.sum()
    if groups < 2 or total == groups:
        return np.nan
    squares = (sums**2 / counts).sum()
    within = ((conductance**2).sum() - squares) / (total - groups)
    among = (squares - conductance.sum() ** 2 / total) / (groups - 1)
    size = (total - (counts**2).sum() / total) / (groups - 1)
    variance = max((among - within) / size, 0.0)
    return float(variance / (variance + within)) if variance + within > 0 else np.nan
