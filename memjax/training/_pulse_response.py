"""Measured pulse responses from comma-separated files."""

import os
from typing import NamedTuple

import numpy as np

from memjax._table import read_columns


class PulseResponse(NamedTuple):
    """A measured pulse response."""

    pulses: np.ndarray
    """Signs [T]: 1 up, -1 down, 0 a reading without a pulse."""
    values: np.ndarray
    """[T], after each pulse."""
    quantity: str
    """What was measured: "conductance" [S] or "weight" (in units of a law)."""


def read_pulse_response(path: str | os.PathLike) -> PulseResponse:
    """Read columns `pulse` (1, -1 or 0) and `conductance` [S] or `weight`, named in the first line.

    Raises: ValueError, with the line, for missing columns, entries that are no finite numbers and pulses that are not
        1, -1 or 0.
    """
    table = read_columns(path, "pulse", ("conductance", "weight"))
    pulses = table.pop("pulse")
    wrong = np.flatnonzero(~np.isin(pulses, (-1, 0, 1)))
    if wrong.size:
        raise ValueError(f"{path}: pulse in line {wrong[0] + 2} must be 1, -1 or 0, got {pulses[wrong[0]]:g}")
    ((quantity, values),) = table.items()
    return PulseResponse(pulses.astype(int), values, quantity)
