"""Writes that make up for the wires of the tile."""

from typing import Any

import equinox as eqx
from jax import Array

from memjax import _check
from memjax.circuit import Wires, predistort
from memjax.effects._base import Targeting


class Predistortion(Targeting):
    """A write aims at conductances that give, through the wires of their tile, the wanted ones.

    See `memjax.circuit.predistort`. Cells near G_on need more conductance than they should show, which the range does
    not hold: weights are mapped to a share `headroom` of it, so that the signal is smaller by as much (noise and
    programming errors are not).

    Args:
        wires: the resistances that the controller reckons with, as a rule those of `Hardware.wires` [ohm].
        headroom: share of the range of conductances that the weights are mapped to, in (0, 1].
        steps: corrections by the whole array after the first guess (static); each costs a `circuit.transfer_matrix`.

    Raises: TypeError for other wires; ValueError for a value out of its range.
    """

    rank = -1  # before the states of the cells
    wires: Wires
    headroom: Any = 0.85
    steps: int = eqx.field(static=True, default=2)

    def __check_init__(self):
        if not isinstance(self.wires, Wires):
            raise TypeError(f"Predistortion.wires must be a memjax.Wires, got {self.wires!r}")
        _check.number("Predistortion.headroom", self.headroom, 0.0, 1.0, open_low=True)
        _check.integer("Predistortion.steps", self.steps, 0, 100)

    def target(self, conductance: Array, low: Array, high: Array) -> Array:
        return predistort(conductance, self.wires, low, high, steps=self.steps)
