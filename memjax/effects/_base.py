"""The hooks at which a non-ideality enters, each a small abstract class with one method.

An effect is one final `equinox.Module` that implements the hooks it needs; all numbers are traced leaves, so a sweep
over any of them compiles once. The crossbar calls the hooks in the order of `Hardware.effects`:

1. `Fabrication.fabricate`, once, when the chip is made: the range of conductance that each cell can reach.
2. `Programming.write`, at each write, after the target was limited to the cell's own range (and limited again after).
3. `Ageing.age`, by `age`: what time, cycles and temperature do to a programmed conductance.
4. `Reading.read_variance`, at each read: independent Gaussian noise on every cell.

A hook sees one tile of one array at a time, [word lines, bit lines], with a key of its own, so that its random numbers
do not depend on the rest of the chip.
"""

from abc import abstractmethod
from typing import Any

import equinox as eqx
from jax import Array


class AbstractEffect(eqx.Module):
    """Anything that may stand in `Hardware.effects`: implements at least one of the four hooks."""


class Fabrication(AbstractEffect):
    """Hook: the range of each cell, fixed when the chip is made."""

    @abstractmethod
    def fabricate(self, low: Array, high: Array, key: Array) -> tuple[Array, Array]:
        """Conductances [S] between which each cell of a tile can be programmed; equal ones make it stuck."""


class Programming(AbstractEffect):
    """Hook: the conductance that a write really leaves behind."""

    @abstractmethod
    def write(self, conductance: Array, key: Array) -> Array:
        """Written conductance [S] of a tile for its target `conductance` [S]."""


class Ageing(AbstractEffect):
    """Hook: the conductance after time, use and temperature."""

    @abstractmethod
    def age(self, conductance: Array, key: Array, seconds: Any, cycles: Any, temperature: Any) -> Array:
        """Conductance [S] of a tile after `seconds` [s] at `temperature` [K] and `cycles` write cycles."""


class Reading(AbstractEffect):
    """Hook: noise at each read."""

    @abstractmethod
    def read_variance(self, conductance: Array) -> Array:
        """Variance [S^2] of the noise that each read adds to each cell, independently."""
