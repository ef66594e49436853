"""How one matrix lies on physical tiles.

A matrix [K, N] is held in `down` row tiles of `across` column tiles. Arrays of cells are stored as [down, rows, width],
width = across x columns: row tile t holds rows t * rows onwards, column tiles stand side by side. The padding cells of
the last tiles are real cells. Which arrays of a mapping are one tile, and how, is said by its `placement`.
"""

import math
from dataclasses import dataclass
from typing import Any

import jax

from memjax.crossbar._hardware import Hardware
from memjax.mapping import Placement


def pieces(count: int, size: int) -> int:
    """How many pieces of a size are needed."""
    return -(-count // size)


def cut(matrix: Any, rows: int, columns: int, padding: float = 0.0) -> Any:
    """[..., K, N] -> [..., down, rows, width], filled up with `padding`."""
    *lead, inputs, outputs = matrix.shape
    down, width = pieces(inputs, rows), pieces(outputs, columns) * columns
    filling = [(0, 0)] * len(lead) + [(0, down * rows - inputs), (0, width - outputs)]
    padded = matrix.__array_namespace__().pad(matrix, filling, constant_values=padding)
    return padded.reshape(*lead, down, rows, width)


def join(tiles: Any, inputs: int, outputs: int) -> Any:
    """[..., down, rows, width] -> [..., K, N]: the inverse of `cut`."""
    *lead, down, rows, width = tiles.shape
    return tiles.reshape(*lead, down * rows, width)[..., :inputs, :outputs]


@dataclass(frozen=True)
class Layout:
    """The tiles of a stack of matrices [*leading, K, N].

    Attributes:
        leading: axes of the stack.
        inputs, outputs: (K, N).
        rows, columns: inputs and outputs of a tile.
        at_once: inputs of a tile that are driven together.
        arrays: name of each array of the mapping, and whether it has a column for each output.
        placement: the physical tiles that they are in.
    """

    leading: tuple[int, ...]
    inputs: int
    outputs: int
    rows: int
    columns: int
    at_once: int
    arrays: tuple[tuple[str, bool], ...]
    placement: tuple[Placement, ...]

    @classmethod
    def of(cls, hardware: Hardware, shape: tuple[int, ...]) -> "Layout":
        """Of matrices of a `shape` [*leading, K, N] on some hardware."""
        *lead, inputs, outputs = shape
        mapping = hardware.mapping
        arrays = tuple(mapping.arrays.items())
        rows, columns = hardware.rows, hardware.tile[1]
        return cls(tuple(lead), inputs, outputs, rows, columns, hardware.at_once, arrays, mapping.placement)

    @property
    def down(self) -> int:
        """Row tiles of a matrix."""
        return pieces(self.inputs, self.rows)

    @property
    def across(self) -> int:
        """Column tiles of a matrix."""
        return pieces(self.outputs, self.columns)

    @property
    def groups(self) -> list[int]:
        """Groups of word lines of every row tile that are driven one after another."""
        starts = range(0, self.inputs, self.rows)
        return [pieces(min(self.inputs - start, self.rows), self.at_once) for start in starts]

    @property
    def matrices(self) -> int:
        """Number of matrices."""
        return math.prod(self.leading)

    @property
    def places(self) -> int:
        """Tiles of each array, all matrices counted."""
        return self.matrices * self.down * self.across

    @property
    def tiles(self) -> int:
        """Number of physical tiles."""
        return self.places * len(self.placement)

    @property
    def cells(self) -> int:
        """Number of cells of all tiles, padding included."""
        return self.places * self.rows * sum(self.width(array) for array, _ in self.arrays)

    @property
    def used(self) -> int:
        """Number of cells that hold a weight."""
        columns = (self.outputs if per_output else self.across for _, per_output in self.arrays)
        return self.matrices * self.inputs * sum(columns)

    def width(self, array: str) -> int:
        """Bit lines of one tile of an array: one where it is shared by the columns of a tile."""
        return self.columns if dict(self.arrays)[array] else 1

    def shape(self, array: str) -> tuple[int, int, int]:
        """(down, rows, width) of an array of one matrix."""
        return self.down, self.rows, self.across * self.width(array)

    def apart(self, array: Any) -> Any:
        """[*leading, down, rows, width] -> [places, rows, bit lines]; a number for each tile, [*leading, down, across],
        too."""
        if array.ndim == len(self.leading) + 2:
            return array.reshape(-1)
        *_, rows, width = array.shape
        split = array.reshape(-1, self.down, rows, self.across, width // self.across)
        return split.transpose(0, 1, 3, 2, 4).reshape(self.places, rows, -1)

    def together(self, tiles: Any) -> Any:
        """The inverse of `apart`."""
        if tiles.ndim == 1:
            return tiles.reshape(*self.leading, self.down, self.across)
        _, rows, columns = tiles.shape
        split = tiles.reshape(-1, self.down, self.across, rows, columns).transpose(0, 1, 3, 2, 4)
        return split.reshape(*self.leading, self.down, rows, self.across * columns)

    def physical(self, arrays: dict[str, Any]) -> dict[str, Any]:
        """Arrays [*leading, down, rows, width] -> [places, word lines, bit lines] of each physical tile by its name."""
        tiles = physical(self.placement, {name: self.apart(array) for name, array in arrays.items()})
        return {placed.name: cells for placed, cells in tiles.items()}


def physical(placement: tuple[Placement, ...], arrays: dict[str, Any]) -> dict[Placement, Any]:
    """Trees of [..., rows, bit lines] of every array -> those of the physical tiles [..., word lines, bit lines].

    A number for each tile, [...], of arrays in one tile is that of the first.
    """
    joined = lambda placed, parts: placed.join(list(parts)) if parts[0].ndim > 1 else parts[0]
    return {
        placed: jax.tree.map(lambda *parts, p=placed: joined(p, parts), *(arrays[name] for name in placed.arrays))
        for placed in placement
    }


def logical(placement: tuple[Placement, ...], tiles: dict[Placement, Any], like: dict[str, Any]) -> dict[str, Any]:
    """The inverse of `physical`, into arrays as wide as those `like`."""
    arrays = {}
    for placed in placement:
        widths = [like[name].shape[-1] for name in placed.arrays]
        for i, name in enumerate(placed.arrays):
            arrays[name] = jax.tree.map(
                lambda leaf, p=placed, w=widths, i=i: p.split(leaf, w)[i] if leaf.ndim > 1 else leaf, tiles[placed]
            )
    return {name: arrays[name] for name in like}
