"""Two cells per weight, one for each sign: as two columns, or as two rows driven by opposite voltages."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax._field import choice, number
from memjax.mapping._base import SCALINGS, AbstractMapping
from memjax.mapping._cell import Cell
from memjax.mapping._conversion import Conversion
from memjax.mapping._placement import Placement


def pair(weight: Array) -> dict[str, Array]:
    """Magnitude of the positive and of the negative weights, zero elsewhere."""
    return {"pos": jnp.maximum(weight, 0.0), "neg": jnp.maximum(-weight, 0.0)}


class DoubleColumn(AbstractMapping):
    """w = (G_pos - G_neg) / (G_on - G_off), the two cells in two arrays of columns whose currents are subtracted.

    One of the two cells is always at G_off. An additive conductance error of standard deviation s gives a weight error
    of sqrt(2) s / (G_on - G_off).

    Args:
        scaling: "matrix" (one scale for all weights) or "column" (one per output).
        percentile: percentile of |w| that maps to the full range (None: the maximum); larger weights are clipped.

    Source: the two-array scheme of Lammie et al. (Array 13, 2022); error by algebra.

    Example:
        ```python
        import memjax as mj

        remapped = mj.Hardware(mapping=mj.mapping.DoubleColumn(scaling="column"))  # a scale for each output
        clipped = mj.Hardware(mapping=mj.mapping.DoubleColumn(percentile=99.5))  # the largest weights are clipped
        ```
    """

    scaling: str = choice(*SCALINGS, default="matrix")
    percentile: Any = number(above=0.0, high=100.0, optional=True, default=None)

    @property
    def arrays(self) -> dict[str, bool]:
        return {"pos": True, "neg": True}

    @property
    def gain(self) -> float:
        return 1.0

    def fractions(self, weight: Array, cell: Cell) -> dict[str, Array]:
        return pair(weight)

    def conversions(self, cell: Cell) -> list[Conversion]:
        return [Conversion({"pos": 1.0, "neg": -1.0}, paired=True)]


class DualRow(AbstractMapping):
    """w = (G_pos - G_neg) / (G_on - G_off), the two cells on two word lines driven by +V and -V.

    The currents subtract on the bit line itself, so there is one converter per column and no digital subtraction; a
    tile of R word lines holds R // 2 inputs.

    Args: as in `DoubleColumn`.
    """

    scaling: str = choice(*SCALINGS, default="matrix")
    percentile: Any = number(above=0.0, high=100.0, optional=True, default=None)

    @property
    def arrays(self) -> dict[str, bool]:
        return {"pos": True, "neg": True}

    @property
    def gain(self) -> float:
        return 1.0

    @property
    def placement(self) -> tuple[Placement, ...]:
        return (Placement(("pos", "neg"), "bit lines"),)

    def fractions(self, weight: Array, cell: Cell) -> dict[str, Array]:
        return pair(weight)

    def conversions(self, cell: Cell) -> list[Conversion]:
        return [Conversion({"pos": 1.0, "neg": -1.0}, paired=True)]
