"""Measured traces from comma-separated files."""

import os
from typing import NamedTuple

import numpy as np

from memjax._table import read_columns


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
    trace = Measurement(**read_columns(path, "time", "voltage", "current"))
    stuck = np.flatnonzero(np.diff(trace.time) <= 0)
    if stuck.size:
        raise ValueError(f"{path}: time must increase, got {trace.time[stuck[0] + 1]:g} s in line {stuck[0] + 3}")
    return trace
