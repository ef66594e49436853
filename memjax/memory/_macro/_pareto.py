"""Macros that no other one beats in everything."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from memjax import _check
from memjax.memory._macro._macro import OBJECTIVES, Macro
from memjax.memory._macro._search import values


def pareto(
    macros: Macro, objectives: Sequence[str | Callable[[Macro], Any]] = ("area", "read_latency", "read_energy")
) -> Macro:
    """Those of many macros that are not dominated: none other is as good in all objectives and better in one.

    Among equals the first stays. In the order of the first objective.

    Args:
        macros: from `explore`.
        objectives: two or more of those of `macro`, each to be least.

    Raises: ValueError for objectives that are unknown or fewer than two; TypeError for no macros.
    """
    _check.part("macros", macros, Macro, example="explore(2**19, 64, cell, process)")
    if isinstance(objectives, str) or not isinstance(objectives, Sequence) or len(objectives) < 2:
        raise ValueError(
            f'objectives must be two or more, such as ("area", "read_latency"), got {_check.shown(objectives)}'
        )
    for objective in objectives:
        if not callable(objective) or isinstance(objective, type):
            _check.choice("objectives", objective, OBJECTIVES)
    costs = np.stack([values(macros, objective) for objective in objectives], -1).astype(float)
    return macros[_front(costs)]


def _front(costs: np.ndarray) -> np.ndarray:
    """Places of the points [n, objectives] on the front, by the first objective."""
    left = np.lexsort(costs.T[::-1])  # in which no point is dominated by a later one
    left = left[np.isfinite(costs[left]).all(1)]
    front = []
    while len(left):
        chosen = left[0]
        front.append(chosen)
        left = left[np.any(costs[left] < costs[chosen], 1)]
    return np.array(front, int)
