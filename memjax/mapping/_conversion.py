"""What one analog-to-digital converter sees of the arrays of a mapping."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from typing import Any

import jax.numpy as jnp
from jax import Array


@dataclass(frozen=True)
class Conversion:
    """Currents that meet before one converter, and the digital factor of its codes.

    Attributes:
        own: analog factor of each array that has a column for every output.
        shared: the same for arrays with one column for all outputs of a tile, whose current is copied to each.
        factor: digital factor of the codes in the sum over the conversions.
        reference: conductance [S] of an exact reference on every word line, whose current is taken off, or None.
        paired: whether cells that are alike in all arrays leave no current, as those to which nothing is written.
    """

    own: dict[str, Any]
    shared: dict[str, Any] = field(default_factory=dict)
    factor: Any = 1.0
    reference: Any = None
    paired: bool = False

    @property
    def name(self) -> str:
        """The arrays, as in "pos-neg"."""
        return "-".join((*self.own, *self.shared))

    def signed(self, conductance: dict[str, Array]) -> Array:
        """Signed conductance [S] that a bit line presents to the converter."""
        total = _weighted(self.own, conductance)
        for name, factor in self.shared.items():
            width, across = total.shape[-1], conductance[name].shape[-1]
            total = total + factor * copy_columns(conductance[name], width // across, width)
        return total if self.reference is None else total - self.reference

    def referred(self, f: Callable[[Array], Array]) -> "Conversion":
        """The same with the reference f(reference), where the conductances of the cells become f of theirs."""
        return self if self.reference is None else replace(self, reference=f(jnp.asarray(self.reference)))

    @property
    def noise_sources(self) -> list[dict[str, Any]]:
        """The independent noises on each bit line, of all its own cells and of each shared column.

        Each is the sum of the variances of some arrays, with these factors.
        """
        own = {name: factor**2 for name, factor in self.own.items()}
        return [own, *({name: factor**2} for name, factor in self.shared.items())]

    def apart(self) -> "list[Conversion]":
        """The same with a converter for each array, the factors being applied to the codes."""
        return [Conversion({name: 1.0}, factor=f * self.factor) for name, f in (self.own | self.shared).items()]


def _weighted(factors: dict[str, Any], arrays: dict[str, Array]) -> Array:
    return reduce(add, (factor * arrays[name] for name, factor in factors.items()))


def copy_columns(column: Array, columns: int, count: int) -> Array:
    """The one column of each tile, repeated for the tile's `columns`: [..., tiles] -> [..., count]."""
    return jnp.repeat(column, columns, axis=-1)[..., :count]
