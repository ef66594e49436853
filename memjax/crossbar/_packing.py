"""Groups of a convolution side by side in shared tiles.

The matrices of the groups [G, k, n] are small: nine rows and one column for a depthwise layer. They stand next to and
above one another in tiles, as many as fit. A read drives the word lines of one group, the others are at zero volts, and
takes the bit lines of that group: one read for each group, as if it had a tile of its own. So cells are shared, while
reads are as many as groups.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax.contraction import Convolution, Dot
from memjax.crossbar._hardware import Hardware
from memjax.crossbar._tile import Tile


@dataclass(frozen=True)
class Packing:
    """Where the matrices of groups lie in one matrix that is cut into tiles.

    Attributes:
        groups: number of matrices.
        inputs, outputs: (k, n) of each.
        rows, columns: inputs and bit lines of a tile.
    """

    groups: int
    inputs: int
    outputs: int
    rows: int
    columns: int

    @classmethod
    def of(cls, hardware: Hardware, contraction: Dot | Convolution) -> "Packing | None":
        """The packing of a convolution's groups; None for a product of one matrix, or of a stack with tiles each."""
        if not isinstance(contraction, Convolution) or not contraction.stack:
            return None
        return cls(contraction.groups, *contraction.shape, hardware.rows, hardware.tile[1])

    @property
    def down(self) -> int:
        """Row tiles that a group needs."""
        return -(-self.inputs // self.rows)

    @property
    def blocks(self) -> int:
        """Groups above one another in a tile."""
        return max(self.rows // self.inputs, 1)

    @property
    def slots(self) -> int:
        """Groups next to one another."""
        return min(max(self.columns // self.outputs, 1), self.groups)

    @property
    def sets(self) -> int:
        """How many times a full tile (or, for large groups, a full column of tiles) is needed."""
        return -(-self.groups // (self.blocks * self.slots))

    @property
    def shape(self) -> tuple[int, int]:
        """(K, N) of the one matrix."""
        left = self.groups - (self.sets - 1) * self.blocks * self.slots
        last = -(-left // self.slots) * self.inputs
        return (self.sets - 1) * self.down * self.rows + last, self.slots * self.outputs

    def pack(self, stack: Array) -> Array:
        """[G, k, n] -> [K, N], with zeros where there is no group."""
        full = self.sets * self.blocks * self.slots
        stack = jnp.pad(stack, ((0, full - self.groups), (0, 0), (0, 0)))
        by_place = stack.reshape(self.sets, self.blocks, self.slots, self.inputs, self.outputs)
        whole = by_place.transpose(0, 1, 3, 2, 4).reshape(self.sets, self.blocks * self.inputs, -1)
        padding = self.down * self.rows - whole.shape[1]
        whole = jnp.pad(whole, ((0, 0), (0, padding), (0, 0))).reshape(-1, whole.shape[-1])
        return whole[: self.shape[0]]

    def unpack(self, matrix: Array) -> Array:
        """[at least K, at least N] -> [G, k, n]; columns shared by those of a tile [.., tiles] -> [G, k, tiles]."""
        height = self.sets * self.down * self.rows
        matrix = jnp.pad(matrix, ((0, max(height - matrix.shape[0], 0)), (0, 0)))[:height]
        by_set = matrix.reshape(self.sets, self.down * self.rows, -1)[:, : self.blocks * self.inputs]
        by_block = by_set.reshape(self.sets, self.blocks, self.inputs, -1)
        parts = self._by_slot(by_block).transpose(0, 1, 3, 2, 4)
        return parts.reshape(-1, self.inputs, parts.shape[-1])[: self.groups]

    def _by_slot(self, array: Array) -> Array:
        """[..., width] -> [..., slots, n], each the bit lines of a group."""
        if array.shape[-1] < self.slots * self.outputs:  # one column for all columns of a tile
            return jnp.repeat(array[..., None, :], self.slots, axis=-2)
        return array[..., : self.slots * self.outputs].reshape(*array.shape[:-1], self.slots, self.outputs)

    def apart(self, ready: Any) -> Any:
        """The groups of a prepared crossbar (a `Ready`), each with tiles of its own: a leading axis G."""
        return ready._replace(
            tiles=tuple(map(self._tile, ready.tiles)),
            gains=tuple(map(self._of_columns, ready.gains)),
            reference=None if ready.reference is None else self.unpack(ready.reference),
            backward=None if ready.backward is None else self._turned(*ready.backward),
        )

    def _tile(self, tile: Tile) -> Tile:
        powers = jax.tree.map(self._cells, tile.powers)
        return Tile(tile.array.over_cells(self._cells), powers, jax.tree.map(self._converters, tile.errors))

    def _cells(self, tiles: Array) -> Array:
        """[T, rows, width] -> [G, T of a group, rows, n]."""
        return jax.vmap(lambda matrix: _cut(matrix, self.rows))(self.unpack(_joined(tiles)))

    def _of_columns(self, values: Array) -> Array:
        """[N] -> [G, n]."""
        return self._by_slot(values)[np.arange(self.groups) % self.slots]

    def _converters(self, numbers: Array) -> Array:
        """Those of the tiles that a group is in: [T, m, width] -> [G, T of a group, m, n]."""
        by_slot = self._by_slot(numbers.reshape(self.sets, self.down, *numbers.shape[1:]))
        group = np.arange(self.groups)
        return jnp.moveaxis(by_slot, 3, 1)[group // (self.blocks * self.slots), group % self.slots]

    def _turned(self, ready: Any, scale: Array) -> tuple[Any, Array]:
        """The transposed crossbar, driven at the bit lines of one group."""
        inputs, outputs = self.shape

        def cells(tiles: Array) -> Array:
            stack = self.unpack(_joined(tiles)[:outputs, :inputs].T).transpose(0, 2, 1)
            return jax.vmap(lambda matrix: _cut(matrix, self.columns))(stack)

        def gains(values: Array) -> Array:
            return self.unpack(jnp.broadcast_to(values[:, None], self.shape))[..., 0]

        turn = lambda tile: Tile(tile.array.over_cells(cells), jax.tree.map(cells, tile.powers), tile.errors)
        tiles = tuple(map(turn, ready.tiles))
        return ready._replace(tiles=tiles, gains=tuple(map(gains, ready.gains))), self._of_columns(scale)


def _joined(tiles: Array) -> Array:
    """[T, rows, width] -> [T rows, width]."""
    return tiles.reshape(-1, tiles.shape[-1])


def _cut(matrix: Array, rows: int) -> Array:
    """[k, n] -> [T, rows, n]; a matrix that needs no whole tile stays one of its own height."""
    inputs, width = matrix.shape
    if inputs <= rows:
        return matrix[None]
    tiles = -(-inputs // rows)
    return jnp.pad(matrix, ((0, tiles * rows - inputs), (0, 0))).reshape(tiles, rows, width)
