"""Finitely many programmable states."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax import _check
from memjax._field import choice, number, series
from memjax.converters import clip, replace_value
from memjax.effects._base import Targeting

SPACINGS = ("conductance", "resistance")


class FiniteStates(Targeting):
    """A write aims at the nearest of the states that a cell has.

    `levels` states are spread evenly over each cell's own range, in conductance (the nearest in conductance is taken)
    or in resistance (the nearest in resistance). A `table` gives the states of all cells, limited to each cell's own
    range. The gradient passes straight through.

    Args:
        levels: number of states, at least 2.
        spacing: "conductance" or "resistance".
        table: conductances [S] of the states, rising, at least two; instead of `levels`.

    Raises: ValueError for a value out of its range, for a table that does not rise, and for `levels` and `table`
        together or neither.

    Source: algebra (rounding to the nearest state); what MemTorch's finite conductance states are meant to be.
    """

    levels: Any = number(low=2.0, whole=True, optional=True, default=None)
    spacing: str = choice(*SPACINGS, default="conductance")
    table: tuple[Any, ...] | Array | None = series(least=2, low=0.0, unit="S", optional=True, default=None)

    def check_relations(self) -> None:
        if (self.levels is None) == (self.table is None):
            raise ValueError(
                f"FiniteStates needs either levels or a table, got levels={self.levels} and table={self.table}"
            )
        states = _check.concrete(self.table)
        if states is not None and not (np.diff(states) > 0).all():
            raise ValueError(f"FiniteStates.table must rise, got {_check.shown(self.table)}")

    def target(self, conductance: Array, low: Array, high: Array) -> Array:
        if self.table is not None:
            states = jnp.asarray(self.table, conductance.dtype)
            above = jnp.searchsorted((states[1:] + states[:-1]) / 2.0, conductance)
            nearest = clip(states[above], low, high)
        else:
            nearest = self._nearest(conductance, low, high)
        return replace_value(conductance, nearest)

    def check(self, hardware: Any) -> None:
        g_off = _check.concrete(hardware.cell.g_off)
        if self.table is None and self.spacing == "resistance" and g_off is not None and (g_off == 0).any():
            raise ValueError(
                "FiniteStates.spacing 'resistance' needs a finite Hardware.cell.r_off, got inf: use 'conductance' or a "
                "table"
            )

    def _nearest(self, conductance: Array, low: Array, high: Array) -> Array:
        last = jnp.asarray(self.levels, conductance.dtype) - 1.0
        width = jnp.where(high > low, high - low, 1.0)
        fraction = (conductance - low) / width
        if self.spacing == "resistance":
            # Fraction of the way from R_off to R_on: (1/low - 1/g) / (1/low - 1/high), without dividing by low = 0.
            fraction = fraction * high / jnp.where(conductance > 0, conductance, 1.0)
        step = jnp.round(fraction * last) / last
        if self.spacing == "conductance":
            return low * (1.0 - step) + high * step
        # 1 / g = (1 - step) / low + step / high, with the ends met exactly.
        across = high * (1.0 - step) + low * step
        between = low * high / jnp.where(across > 0, across, 1.0)
        return jnp.where(step >= 1.0, high, jnp.where(step <= 0.0, low, between))
