"""Cells that cannot be programmed."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax import _check, _random
from memjax._field import choice, number
from memjax.effects._base import Fabrication

UNITS = ("cell", "row", "column")


class StuckAt(Fabrication):
    """Each cell is, independently, stuck in its LRS with probability `lrs` or in its HRS with probability `hrs`.

    A stuck cell's range shrinks to one conductance, so that it keeps it whatever is written. With `unit` "row" or
    "column" a whole word line or bit line of a tile fails together, with the same probabilities: a cell is as likely to
    be stuck, but never alone. Faults of several kinds are several effects: a cell stays as the first left it.

    Args:
        lrs: probability of being stuck in the low-resistance state, in [0, 1].
        hrs: probability of being stuck in the high-resistance state, in [0, 1]; lrs + hrs <= 1.
        unit: what fails together: "cell", "row" (word line) or "column" (bit line).

    Raises: ValueError for a value out of its range.

    Source: the stuck-at faults of Lammie et al. (Array 13, 2022), drawn here for each cell or line independently.

    Example:
        ```python
        import memjax as mj

        hardware = mj.Hardware(effects=(mj.effects.StuckAt(lrs=0.01, hrs=0.02),))  # shares of the cells
        ```
    """

    rank = 1
    lrs: Any = number(low=0.0, high=1.0, default=0.0)
    hrs: Any = number(low=0.0, high=1.0, default=0.0)
    unit: str = choice(*UNITS, default="cell")

    def check_relations(self) -> None:
        lrs, hrs = _check.concrete(self.lrs), _check.concrete(self.hrs)
        if lrs is not None and hrs is not None and (lrs + hrs > 1.0).any():
            raise ValueError(f"StuckAt.lrs + StuckAt.hrs must be at most 1, got {self.lrs} + {self.hrs}")

    def fabricate(self, low: Array, high: Array, key: Array) -> tuple[Array, Array]:
        rows, columns = low.shape
        shape = {"cell": (rows, columns), "row": (rows, 1), "column": (1, columns)}[self.unit]
        u = _random.uniform(key, shape, low.dtype)
        in_lrs = u < self.lrs
        in_hrs = u >= 1.0 - jnp.asarray(self.hrs, u.dtype)
        return jnp.where(in_lrs, high, low), jnp.where(in_hrs, low, high)
