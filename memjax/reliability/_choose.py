"""How many word lines may be driven at once."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from memjax import _check


def choose_rows(score: Callable[[int], Any], candidates: Iterable[int], target: float) -> int:
    """The largest number of word lines N among `candidates` with score(N) >= target.

    Args:
        score: what is to be kept up as a function of N: an accuracy, or minus an error rate.
        candidates: numbers of word lines; tried from the largest down to the first that is good enough.
        target: the least score that will do.

    Raises: ValueError where no candidate reaches the target; TypeError for arguments of another kind.
    """
    if not callable(score):
        raise TypeError(f"score must be a function of the number of word lines, got {_check.shown(score)}")
    _check.scalar("target", target)
    tried = {}
    for rows in sorted(set(_integers(candidates)), reverse=True):
        tried[rows] = float(np.asarray(score(rows)))
        if tried[rows] >= target:
            return rows
    found = ", ".join(f"{rows}: {value:g}" for rows, value in tried.items())
    raise ValueError(f"target must be reached by one of the candidates, got {target:g} with scores {{{found}}}")


def _integers(candidates: Iterable[Any]) -> list[int]:
    try:
        found = list(candidates)
    except TypeError:
        raise TypeError(f"candidates must be numbers of word lines, got {_check.shown(candidates)}") from None
    for rows in found:
        _check.integer("candidates", rows, 1, 2**20)
    if not found:
        raise ValueError("candidates must hold at least one number of word lines, got none")
    return found
