"""Cycle-to-cycle variation of the two resistance states."""

from typing import Any

from jax import Array

from memjax import _random
from memjax._field import choice, number
from memjax.effects._base import Programming
from memjax.effects._spread import DISTRIBUTIONS, scattered


class CycleVariation(Programming):
    """Each write meets states of its own: R_on and R_off of the cycle scatter about those of the cell.

    The cell ends at the same fraction of the cycle's range as it was aimed at in its own:
    G' = G_off' + f (G_on' - G_off'), f = (G - G_off) / (G_on - G_off). Draws as in `DeviceVariation`.

    Args:
        r_on_std: standard deviation of R_on from write to write [ohm].
        r_off_std: standard deviation of R_off [ohm].
        distribution: "normal" or "lognormal".

    Raises: ValueError for a value out of its range.

    Source: the cycle-to-cycle variability of Lammie et al. (Array 13, 2022), which draws R_on and R_off anew; keeping
    the fraction instead of clipping is ours.
    """

    r_on_std: Any = number(low=0.0, unit="ohm", default=0.0)
    r_off_std: Any = number(low=0.0, unit="ohm", default=0.0)
    distribution: str = choice(*DISTRIBUTIONS, default="normal")

    def write(self, conductance: Array, low: Array, high: Array, key: Array) -> Array:
        draw = lambda key: _random.normal(key, (2, *low.shape), low.dtype)
        off, on = scattered(low, high, self.r_on_std, self.r_off_std, self.distribution, draw, key)
        # As a change, which is exactly nothing where nothing scatters.
        return conductance + moved(conductance, low, high, off - low, on - high)


def moved(conductance: Array, low: Array, high: Array, off: Array, on: Array) -> Array:
    """Change of the conductance where the ends of its range move by `off` and `on` and its place in it stays."""
    stuck = low >= high
    return ((high - conductance) * off + (conductance - low) * on) / (high - low + stuck)
