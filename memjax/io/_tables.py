"""Matrices of measured conductances or of levels, from comma-separated files."""

import os
from typing import IO, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax import _check, _table
from memjax.mapping import Cell


def read_conductances(file: str | os.PathLike | IO[str], cell: Cell | None = None) -> Array:
    """A matrix of conductances: a line for each word line, a number [S] for each bit line, between commas.

    Args:
        file: path, or an open text file.
        cell: where given, conductances must lie in its range; None: they need only be positive or zero.

    Returns: [K, N] [S], for `memjax.chip_from_conductances`.

    Raises: ValueError, with the line, for text that is not UTF-8, rows of different length and entries that are no
        numbers or out of range.
    """
    if cell is not None:
        _check.part("cell", cell, Cell, optional=True)
    low, high = (0.0, np.inf) if cell is None else _range(cell)
    slack = 0.0 if cell is None else 1e-6 * high
    return _matrix(file, lambda g: low - slack <= g <= high + slack, f"a conductance in [{low:g}, {high:g}] S")


def read_levels(file: str | os.PathLike | IO[str], cell: Cell) -> Array:
    """A matrix of levels, whole numbers from 0 (G_off) to `cell.levels` - 1 (G_on), as conductances.

    Args: as in `read_conductances`.

    Returns: [K, N] [S].

    Raises: ValueError as `read_conductances`, and for a cell without levels.
    """
    _check.part("cell", cell, Cell, example="Cell(levels=16)")
    levels = _check.concrete(cell.levels) if cell.levels is not None else None
    if levels is None or levels.ndim:
        raise ValueError(f"cell must have a number of levels (such as Cell(levels=16)), got levels={cell.levels!r}")
    last = int(levels) - 1
    found = _matrix(file, lambda level: level in range(last + 1), f"a level from 0 to {last}")
    return cell.conductance(found / last)


def _range(cell: Cell) -> tuple[float, float]:
    bounds = [_check.concrete(bound) for bound in (cell.g_off, cell.g_on)]
    if any(bound is None or bound.ndim for bound in bounds):
        raise ValueError(f"cell must have one range of numbers for a file, got {cell}")
    low, high = (float(bound) for bound in bounds if bound is not None)
    return low, high


def _matrix(file: Any, valid: Any, expected: str) -> Array:
    if isinstance(file, str | os.PathLike):
        name, lines = os.fspath(file), _table.text(file)
    else:
        name, lines = getattr(file, "name", "file"), file
    matrix = []
    for line, entries in _table.rows(lines, name):
        if matrix and len(entries) != len(matrix[0]):
            raise ValueError(f"{name}: line {line} must have {len(matrix[0])} numbers, got {len(entries)}")
        must = [f"{name}: entry {i + 1} of line {line} must be {expected}" for i in range(len(entries))]
        matrix.append([_entry(text, valid, each) for text, each in zip(entries, must, strict=True)])
    if not matrix:
        raise ValueError(f"{name} must hold a matrix, got no numbers")
    return jnp.asarray(matrix, jax.dtypes.canonicalize_dtype(float))


def _entry(text: str, valid: Any, must: str) -> float:
    value = _table.number(text)
    with np.errstate(over="ignore"):
        held = np.asarray(value, jax.dtypes.canonicalize_dtype(float))
    if not np.isfinite(held) or not valid(value):
        raise ValueError(f"{must}, got {text.strip()!r}")
    return value
