"""The tiles of one layer, by what they hold."""

import math
from dataclasses import dataclass

from memjax.crossbar import Packing
from memjax.transform import CrossbarPlan

CONVOLUTIONS = ("unrolled", "kernel position")


@dataclass(frozen=True)
class Grid:
    """Matrices cut into row tiles and column tiles; a place is where one stands, with a tile for every array of cells.

    Groups of a convolution that lie in the same tiles are one matrix here, read once for each of them.

    Attributes:
        name: of the crossbar.
        matrices: number of matrices.
        sets: matrices that the groups of one convolution are; 1 of everything else.
        turns: reads of a matrix for each vector: the groups in it.
        inputs, outputs: (K, N) of a read.
        rows, columns: inputs and outputs of a tile.
        tiles_per_place: arrays of cells that are tiles of their own.
        window: positions of a kernel that have tiles of their own; 1: the matrix is cut as it is.
        planes: input planes of a vector.
        at_once: inputs of a tile that are driven together.
    """

    name: str
    matrices: int
    sets: int
    turns: int
    inputs: int
    outputs: int
    rows: int
    columns: int
    tiles_per_place: int
    window: int
    planes: int
    at_once: int

    @classmethod
    def of(cls, crossbar: CrossbarPlan, convolution: str) -> "Grid":
        """The tiles of a crossbar for a mapping of convolutions, one of CONVOLUTIONS."""
        layout, (inputs, outputs) = crossbar.layout, crossbar.matrix
        groups = crossbar.copies // layout.matrices
        sets = 1 if groups == 1 else Packing(groups, inputs, outputs, layout.rows, layout.columns).sets
        apart = convolution == "kernel position" and groups == 1
        return cls(
            crossbar.name,
            layout.matrices * sets,
            sets,
            -(-groups // sets),
            inputs,
            outputs,
            layout.rows,
            layout.columns,
            len(layout.placement),
            crossbar.window if apart else 1,
            crossbar.planes,
            layout.at_once,
        )

    @property
    def drives(self) -> int:
        """Times that a tile is driven for a vector: once for each plane of each group of its word lines."""
        return self.planes * -(-max(self.heights) // self.at_once)

    @property
    def channels(self) -> int:
        """Inputs at one position of the kernel."""
        return self.inputs // self.window

    @property
    def heights(self) -> list[int]:
        """Inputs of every row tile, those of one position after another."""
        return _cut(self.channels, self.rows) * self.window

    @property
    def widths(self) -> list[int]:
        """Outputs of every column tile."""
        return _cut(self.outputs, self.columns)

    @property
    def places(self) -> int:
        """Number of places."""
        return self.matrices * len(self.heights) * len(self.widths)

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return self.places * self.tiles_per_place

    def fetched(self, rows: set[int], fresh: float) -> int:
        """Words that the row tiles `rows` of one matrix take from the buffer for a vector.

        By kernel position the tiles of a position pass their inputs on to the next: only the `fresh` numbers of a
        vector, those that no window before it had, are read.
        """
        if self.window == 1:
            return sum(self.heights[row] for row in rows)
        pieces = len(self.heights) // self.window
        channels = sum(self.heights[piece] for piece in {row % pieces for row in rows})
        return math.ceil(min(fresh, self.inputs) * channels / self.channels)


def _cut(count: int, size: int) -> list[int]:
    return [min(size, count - start) for start in range(0, count, size)]
