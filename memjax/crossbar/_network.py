"""Cells with a curved current-voltage relation between wires: currents that no matrix gives."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax import circuit
from memjax.crossbar._array import AbstractArray
from memjax.effects import Conduction
from memjax.mapping import Conversion, Placement


class Network(AbstractArray):
    """The network of every tile, solved for each vector of drives; where that fails, currents are NaN.

    Args:
        cells: conductances [S] of each physical tile [..., T, across, word lines, bit lines].
        own, shared: the factors of a `mapping.Conversion`, [..., T].
        reference: conductance [S] of a cell on each word line whose current is taken off, [..., T], or None.
        volts: voltage of each input at a unit of the drive, or, with `full_swing`, when driven [V], [..., T, rows].
        lsb: current of one LSB [A], [..., T].
        wires, conduction: of all tiles, their numbers once for each tile.
        top: `at_top`.
        layout: each physical tile, and the bit lines of its arrays.
        full_swing: whether word lines are at 0 or +-v_max.
        first: the first of the word lines that drives are for, the others being at 0 V, [..., T]; None: drives are for
            all.
    """

    cells: tuple[Array, ...]
    own: dict[str, Array]
    shared: dict[str, Array]
    reference: Array | None
    volts: Array
    lsb: Array
    wires: circuit.Wires
    conduction: Conduction
    top: Array
    layout: tuple[tuple[Placement, tuple[int, ...]], ...] = eqx.field(static=True)
    full_swing: bool = eqx.field(static=True)
    first: Array | None = None

    @property
    def shape(self):
        return self.top.shape

    def products(self, drives):
        return None

    def at_top(self):
        return self.top

    def in_groups(self, size, count):
        groups = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (count, *leaf.shape)), self)
        return eqx.tree_at(lambda array: array.first, groups, size * jnp.arange(count), is_leaf=lambda x: x is None)

    def currents(self, drives):
        if self.first is not None:
            lines = len(self.volts)
            driven = jnp.zeros((len(drives), lines + drives.shape[-1]), drives.dtype)
            drives = lax.dynamic_update_slice_in_dim(driven, drives, self.first, 1)[:, :lines]
        volts = self.volts * (jnp.sign(drives) if self.full_swing else drives)
        seen = {}
        for (placed, widths), cells in zip(self.layout, self.cells, strict=True):
            if not (self.own.keys() | self.shared.keys()) & set(placed.arrays):
                continue
            if placed.share == "bit lines":  # the signs of the arrays are those of their voltages
                lines = jnp.stack([self.own[name] * volts for name in placed.arrays], axis=-1)
                total = self._solved(cells, lines.reshape(len(volts), -1))
                parts = [self.own[name] * total / len(placed.arrays) for name in placed.arrays]
            else:
                parts = placed.split(self._solved(cells, volts), list(widths))
            seen |= dict(zip(placed.arrays, parts, strict=True))
        side_by_side = {name: jnp.moveaxis(part, 0, 1).reshape(len(volts), -1) for name, part in seen.items()}
        total = Conversion(self.own, self.shared).signed(side_by_side)[:, : self.shape[-1]]
        if self.reference is not None:
            total = total - _reference(self.conduction, volts, self.reference)
        return total / self.lsb

    def _solved(self, cells: Array, volts: Array) -> Array:
        """Currents [A] of the tiles side by side, [across, B, bit lines]."""
        found = circuit.solve(cells[:, None], volts, self.wires, conduction=self.conduction)
        return jnp.where(found.converged[..., None], found.current, jnp.nan)

    def narrowed(self, width):
        return eqx.tree_at(lambda array: array.top, self, self.top[..., :width])

    def over_cells(self, f):
        raise ValueError(
            "Hardware.wires must be None for cells with a current-voltage relation where the groups of a convolution "
            "share tiles: the cells of a tile hang together"
        )


def _reference(conduction: Conduction, volts: Array, conductance: Array) -> Array:
    """Current [A] of one reference cell on every word line, [B, 1]."""
    branches = zip(conduction.factors(), conduction.conductances(conductance), strict=True)
    return jnp.sum(volts * sum(f(volts) * c for f, c in branches), axis=-1, keepdims=True)
