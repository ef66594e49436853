"""Measured traces from comma-separated files."""

import csv
import os
from typing import NamedTuple

import numpy as np

_COLUMNS = ("time", "voltage", "current")


class Measurement(NamedTuple):
    """A measured trace."""

    time: np.ndarray
    """[T], s."""
    voltage: np.ndarray
    """[T], V."""
    current: np.ndarray
    """[T], A."""


def read_measurement(path: str | os.PathLike) -> Measurement:
    """Read columns `time` [s], `voltage` [V] and `current` [A], named in the first line; others are ignored.

    Raises ValueError, with the line, for missing columns, entries that are no finite numbers and times that do not
    increase.
    """
    with open(path, newline="") as file:
        reader = csv.DictReader(file)
        header = [name.strip().lower() for name in reader.fieldnames or ()]
        missing = [name for name in _COLUMNS if name not in header]
        if missing:
            raise ValueError(f"{path}: missing column {', '.join(missing)}; the first line has {', '.join(header)}")
        reader.fieldnames = header
        rows = [[_number(row[name], path, reader.line_num, name) for name in _COLUMNS] for row in reader]
    if len(rows) < 2:
        raise ValueError(f"{path}: a trace needs at least 2 samples, got {len(rows)}")
    time, voltage, current = np.array(rows).T
    stuck = np.flatnonzero(np.diff(time) <= 0)
    if stuck.size:
        raise ValueError(f"{path}: time must increase, got {time[stuck[0] + 1]:g} s in line {stuck[0] + 3}")
    return Measurement(time, voltage, current)


def _number(text: str | None, path, line: int, column: str) -> float:
    try:
        value = float(text or "nan")
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise ValueError(f"{path}: {column} in line {line} must be a finite number, got {text!r}")
    return value
