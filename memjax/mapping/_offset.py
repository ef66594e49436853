"""One cell per weight, read against a reference half-way between G_off and G_on."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax._field import choice, flag, number
from memjax.mapping._base import SCALINGS, AbstractMapping
from memjax.mapping._cell import Cell
from memjax.mapping._conversion import Conversion
from memjax.mapping._placement import Placement


class Offset(AbstractMapping):
    """w = 2 (G - G_mid) / (G_on - G_off), G_mid = (G_on + G_off) / 2, with an exact reference.

    With analog subtraction the reference current G_mid * sum(V) is taken off before the converter; with digital
    subtraction the sum of the inputs is multiplied by G_mid digitally and taken off after it. An additive conductance
    error of standard deviation s gives a weight error of 2 s / (G_on - G_off), sqrt(2) times that of a pair.

    With `centred` the weights w - m are held so, m = (min W + max W) / 2, and m times the sum of the inputs is added
    digitally: [min W, max W] is all of the range of conductance. Chips then hold m as "middle".

    Args:
        scaling: "matrix" (one scale for all weights) or "column" (one per output).
        percentile: percentile of |w| that maps to the full range (None: the maximum); larger weights are clipped.
        centred: whether weights are held about the middle of their range, of the matrix or of each column.
    """

    scaling: str = choice(*SCALINGS, default="matrix")
    percentile: Any = number(above=0.0, high=100.0, optional=True, default=None)
    centred: bool = flag(default=False)

    @property
    def has_middle(self) -> bool:
        return self.centred

    @property
    def arrays(self) -> dict[str, bool]:
        return {"cell": True}

    @property
    def gain(self) -> float:
        return 2.0

    def fractions(self, weight: Array, cell: Cell) -> dict[str, Array]:
        return {"cell": (1.0 + weight) / 2.0}

    def conversions(self, cell: Cell) -> list[Conversion]:
        return [Conversion({"cell": 1.0}, reference=(cell.g_on + cell.g_off) / 2.0)]


class CurrentMirror(AbstractMapping):
    """w = 2 (G - G_ref) / (G_on - G_off): as `Offset`, the reference being a column of real cells in each tile.

    Its current is copied to every column of the tile by a current mirror and taken off; the reference cells are
    programmed to G_mid and have the imperfections of all cells, common to the columns of their tile: the weight error
    is 2 sqrt(s^2 + s_ref^2) / (G_on - G_off).

    Args:
        gain_error: relative error of the mirror's copy (0: exact).
        scaling, percentile: as in `Offset`.
    """

    gain_error: Any = number(low=-1.0, high=1.0, default=0.0)
    scaling: str = choice(*SCALINGS, default="matrix")
    percentile: Any = number(above=0.0, high=100.0, optional=True, default=None)

    @property
    def arrays(self) -> dict[str, bool]:
        return {"cell": True, "reference": False}

    @property
    def placement(self) -> tuple[Placement, ...]:
        return (Placement(("cell", "reference"), "word lines"),)

    @property
    def gain(self) -> float:
        return 2.0

    def fractions(self, weight: Array, cell: Cell) -> dict[str, Array]:
        return {"cell": (1.0 + weight) / 2.0, "reference": jnp.full_like(weight[..., :1], 0.5)}

    def conversions(self, cell: Cell) -> list[Conversion]:
        return [Conversion({"cell": 1.0}, {"reference": -(1.0 + self.gain_error)})]
