"""Writes that make up for the wires of the tile."""

from typing import Any

from jax import Array

from memjax._field import integer, number, part
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
    wires: Wires = part(Wires, example="memjax.Wires(row=1.0)")
    headroom: Any = number(above=0.0, high=1.0, default=0.85)
    steps: int = integer(0, 100, default=2)

    def target(self, conductance: Array, low: Array, high: Array) -> Array:
        return predistort(conductance, self.wires, low, high, steps=self.steps)
