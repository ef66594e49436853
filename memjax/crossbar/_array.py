"""Arrays as what they are to a converter: currents of bit lines for drives of word lines."""

from abc import abstractmethod
from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.contraction import matmul
from memjax.effects import Conduction


class AbstractArray(eqx.Module):
    """The bit lines in front of the converters of row tiles; every leaf has the tiles as leading axes [..., T].

    Drives are in units of the input code, currents in LSB. `currents` is of one tile, without the leading axes.
    """

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """[..., T, rows, bit lines]."""

    @abstractmethod
    def currents(self, drives: Array) -> Array:
        """[B, rows] -> [B, bit lines]."""

    @abstractmethod
    def products(self, drives: Array) -> list[tuple[Array, Array]] | None:
        """Pairs (f(drives), matrix), f being elementwise, whose products add up to the currents of every tile.

        None where currents are no such sum (then it does not look at the drives).
        """

    @abstractmethod
    def at_top(self) -> Array:
        """Current per drive [LSB] of every cell, at the largest voltage: [..., T, rows, bit lines]."""

    def narrowed(self, width: int) -> "AbstractArray":
        """The array without the bit lines after the first `width`."""
        return self.over_cells(lambda cells: cells[..., :width])

    def in_groups(self, size: int, count: int) -> "AbstractArray":
        """The first `count` groups of `size` word lines of a tile, which are driven one after another: [count, ...].

        A group takes the drives of its own word lines, the others being at 0 V.
        """
        return self.over_cells(lambda cells: cut_groups(cells, size, count))

    @abstractmethod
    def over_cells(self, f: Callable[[Array], Array]) -> "AbstractArray":
        """The array whose cells are f of those of this one; `f` moves numbers [..., T, rows, bit lines]."""


class Linear(AbstractArray):
    """Ohm's law: currents are a product with the conductances, or with those that the terminals see through wires.

    Args:
        matrix: signed conductance in LSB per unit of drive, [..., T, rows, bit lines].
    """

    matrix: Array

    @property
    def shape(self):
        return self.matrix.shape

    def currents(self, drives):
        return matmul(drives, self.matrix)

    def products(self, drives):
        return [(drives, self.matrix)]

    def at_top(self):
        return self.matrix

    def over_cells(self, f):
        return Linear(f(self.matrix))


class Branches(AbstractArray):
    """A curved current-voltage relation: a sum of branches, each a function of the voltage times one of the cell.

    Args:
        matrices: of every branch, as in `Linear`.
        conduction: the relation, its numbers once for each tile.
        volts: voltage of one unit of the drive, or, with `full_swing`, of every driven word line [V], [..., T].
        top: the largest voltage [V], [..., T].
        full_swing: whether word lines are at 0 or +-v_max.
    """

    matrices: tuple[Array, ...]
    conduction: Conduction
    volts: Array
    top: Array
    full_swing: bool = eqx.field(static=True)

    @property
    def shape(self):
        return self.matrices[0].shape

    def products(self, drives):
        conduction, unit, _ = self._numbers
        volts = unit * (jnp.sign(drives) if self.full_swing else drives)
        factors = conduction.factors()
        return [(drives * factor(volts), matrix) for factor, matrix in zip(factors, self.matrices, strict=True)]

    def currents(self, drives):
        return reduce(add, (matmul(x, matrix) for x, matrix in self.products(drives)))

    def at_top(self):
        conduction, _, top = self._numbers
        return reduce(add, (f(top) * matrix for f, matrix in zip(conduction.factors(), self.matrices, strict=True)))

    def over_cells(self, f):
        matrices = tuple(map(f, self.matrices))
        conduction, volts, top = per_tile(self._numbers, matrices[0])
        return Branches(matrices, conduction, volts, top, self.full_swing)

    @property
    def _numbers(self) -> tuple[Conduction, Array, Array]:
        """What is the same for all tiles."""
        return jax.tree.map(lambda a: a.reshape(-1)[0], (self.conduction, self.volts, self.top))


def cut_groups(cells: Array, size: int, count: int) -> Array:
    """[rows, bit lines] -> [count, size, bit lines], filled up with zeros."""
    filling = ((0, size * count - len(cells), 0), (0, 0, 0))
    return lax.pad(cells, jnp.zeros((), cells.dtype), filling).reshape(count, size, -1)


def per_tile(numbers: Any, like: Array) -> Any:
    """Numbers once for each tile of an array [..., T, rows, bit lines]."""
    return jax.tree.map(lambda a: jnp.broadcast_to(jnp.asarray(a, like.dtype), like.shape[:-2]), numbers)
