"""A weight in several pairs of cells, filled one after another."""

from typing import Any

from jax import Array

from memjax._field import choice, number, numbers
from memjax.converters import clip, limit
from memjax.mapping._base import SCALINGS, AbstractMapping
from memjax.mapping._cell import Cell
from memjax.mapping._conversion import Conversion
from memjax.mapping._differential import pair


class Pairs(AbstractMapping):
    """w = sum over k of f_k (G_pos_k - G_neg_k) / (F (G_on - G_off)), F = sum f_k: several cells for each sign.

    The first pair holds what it can of |w| F, up to its significance f_0, the next one what is left, and so on. The
    currents of all pairs meet before one converter, each times its f_k; a converter for each array
    (`Adc(subtract="digital")`) has f_k as the factor of its codes. Equal significances are cells in parallel: additive
    conductance errors of standard deviation s give a weight error of s sqrt(2 sum f_k^2) / (F (G_on - G_off)), with n
    equal pairs sqrt(n) times smaller than that of one.

    Args:
        significance: f_k of every pair, in the order in which they are filled (their number is static).
        scaling: "matrix" (one scale for all weights) or "column" (one per output).
        percentile: percentile of |w| that maps to the full range (None: the maximum); larger weights are clipped.

    Raises: ValueError for values out of their range.

    Source: four-device unit cells, M. Le Gallo et al., Nature Electronics 6, 680 (2023), and the pairs with
        significances of aihwkit; error by algebra.
    """

    significance: tuple[Any, ...] = numbers(above=0.0, default=(1.0, 1.0))
    scaling: str = choice(*SCALINGS, default="matrix")
    percentile: Any = number(above=0.0, high=100.0, optional=True, default=None)

    @property
    def arrays(self) -> dict[str, bool]:
        return {f"{sign}_{k}": True for k in range(len(self.significance)) for sign in ("pos", "neg")}

    @property
    def gain(self) -> Any:
        return 1.0 / sum(self.significance)

    def fractions(self, weight: Array, cell: Cell) -> dict[str, Array]:
        *before, last = self.significance
        fractions = {}
        for sign, magnitude in pair(weight).items():
            left = magnitude * sum(self.significance)
            for k, share in enumerate(before):
                fractions[f"{sign}_{k}"] = clip(left / share, 0.0, 1.0)
                left = left - share * fractions[f"{sign}_{k}"]
            # What is left fits but for rounding, which must not cost the largest weight its gradient.
            fractions[f"{sign}_{len(before)}"] = limit(left / last, 0.0, 1.0, clip_gradient=False)
        return {name: fractions[name].astype(weight.dtype) for name in self.arrays}

    def conversions(self, cell: Cell) -> list[Conversion]:
        signs = {"pos": 1.0, "neg": -1.0}
        return [
            Conversion({f"{s}_{k}": signs[s] * f for k, f in enumerate(self.significance) for s in signs}, paired=True)
        ]
