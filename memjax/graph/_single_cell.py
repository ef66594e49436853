"""One cell per edge, as boolean reads need it."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax._field import choice, number
from memjax.mapping import AbstractMapping, Cell, Conversion


class SingleCell(AbstractMapping):
    """w = G / (G_on - G_off) - G_off / (G_on - G_off), one cell for a weight >= 0; the second term is not taken off.

    Half the cells of a pair, and no reference: what reads show is sum_i x_i w_i + G_off / (G_on - G_off) sum_i x_i. The
    current of the driven cells in the high-resistance state stays, and a threshold has to tell it from an edge.
    Negative weights are held as zero.

    Args:
        scaling: "matrix" (one scale for all weights) or "column" (one per output).
        percentile: percentile of |w| that maps to the full range (None: the maximum); larger weights are clipped.
    """

    scaling: str = choice("matrix", "column", default="matrix")
    percentile: Any = number(above=0.0, high=100.0, optional=True, default=None)

    @property
    def arrays(self) -> dict[str, bool]:
        return {"cell": True}

    @property
    def gain(self) -> float:
        return 1.0

    def fractions(self, weight: Array, cell: Cell) -> dict[str, Array]:
        return {"cell": jnp.maximum(weight, 0.0)}

    def conversions(self, cell: Cell) -> list[Conversion]:
        return [Conversion({"cell": 1.0})]
