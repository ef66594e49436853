"""A sparse matrix in tiles: only blocks that hold something have one."""

from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax import _check
from memjax._field import check_scalars
from memjax.contraction import Dot
from memjax.crossbar import (
    Hardware,
    Ready,
    check_chip,
    check_entry,
    check_key,
    inputs,
    leading,
    prepare,
    program_all,
    read,
)
from memjax.graph._adjacency import Edges, edges

# Tiles have keys of their own up to this number (see `memjax.program`).
MOST = 2**15


class Blocks(eqx.Module):
    """The blocks of a square matrix, of the size of a tile, that are not empty: row by row, from left to right.

    On a chip they are the row tiles of one tall matrix [tiles x rows, columns]: with one scale, one range of the ADC
    and a key for each tile by its number, as any programmed matrix has. What is asked of a chip (`memjax.age`,
    `memjax.weights`, files, plots) can be asked of it.

    Attributes:
        weights: [tiles, rows, columns].
        row, column: place of each block in the matrix, counted in blocks, [tiles].
        vertices: n, rows and columns of the matrix.
    """

    weights: Any
    row: Any
    column: Any
    vertices: int = eqx.field(static=True)

    @classmethod
    def of(cls, hardware: Hardware, graph: Edges) -> "Blocks":
        """Of the adjacency matrix of a graph. One without edges keeps one block, so that there is a chip.

        Raises: ValueError for a graph that fills more than 32 768 tiles; TypeError for no hardware.
        """
        _check.part("hardware", hardware, Hardware)
        check_scalars("hardware", hardware)
        rows, columns = hardware.rows, hardware.tile[1]
        across = -(-graph.vertices // columns)
        places = (graph.row // rows).astype(np.int64) * across + graph.column // columns
        used, block = np.unique(places, return_inverse=True)
        if len(used) > MOST:
            raise ValueError(
                f"adjacency must fill at most {MOST} tiles of {rows} x {columns}, got {len(used)}: choose a larger "
                "Hardware.tile"
            )
        used = used if len(used) else np.zeros(1, int)
        weights = np.zeros((len(used), rows, columns), graph.weight.dtype)
        weights[block, graph.row % rows, graph.column % columns] = graph.weight
        return cls(weights, (used // across).astype(np.int32), (used % across).astype(np.int32), graph.vertices)

    @property
    def tiles(self) -> int:
        """Number of blocks, each of which takes a tile of each array of the mapping."""
        return self.weights.shape[0]

    @property
    def places(self) -> int:
        """Number of blocks of the matrix, empty ones included."""
        return self.down * self.across

    @property
    def down(self) -> int:
        """Blocks above one another."""
        return -(-self.vertices // self.weights.shape[1])

    @property
    def across(self) -> int:
        """Blocks next to one another."""
        return -(-self.vertices // self.weights.shape[2])

    def program(self, hardware: Hardware, key: Array, at_once: int | None = None) -> dict[str, Any]:
        """The blocks written into tiles: a chip as of `memjax.program`, of the tall matrix.

        Args:
            hardware: the specification.
            key: PRNG key of the chip.
            at_once: number of vertices that a read drives together, which the range of the ADC is for; None: all of a
                tile.

        Raises: ValueError for hardware with other tiles, and for `at_once` below 1; TypeError for a key that is none.
        """
        self._check_hardware(hardware)
        _check.key("key", key)
        if at_once is not None:
            _check.integer("at_once", at_once, 1, hardware.rows)
        tall = jnp.reshape(self.weights, (-1, self.weights.shape[2]))
        return program_all(hardware, {"graph": tall}, key, at_once)["graph"]

    def prepare(self, hardware: Hardware, chip: dict[str, Any]) -> Ready:
        """All that does not depend on the data, each tile being a matrix of its own.

        Raises: ValueError for hardware with other tiles and for a chip of other blocks; TypeError for no chip.
        """
        self._check_hardware(hardware)
        check_entry("chip", chip)
        check_chip(hardware, chip)
        if (found := (*leading(chip), inputs(chip))) != (held := (self.tiles * hardware.rows,)):
            raise ValueError(f"chip must have {held[0]} inputs, as these blocks have word lines, got {found}")
        ready = prepare(replace(hardware, backward=None), chip)
        alone = lambda leaf: leaf[:, None]
        return Ready(
            tiles=jax.tree.map(alone, ready.tiles),
            gains=tuple(jnp.broadcast_to(gain, (self.tiles, *gain.shape)) for gain in ready.gains),
            reference=None if ready.reference is None else ready.reference.reshape(self.weights.shape),
            dac_range=None,
        )

    def reads(self, hardware: Hardware, ready: Ready, drives: Array, key: Array | None) -> Array:
        """What each tile makes of its own inputs, in [-1, 1] of the full scale of the DAC.

        Args:
            drives: [tiles, vectors, rows].

        Returns: [tiles, vectors, columns].

        Raises: ValueError for a missing key.
        """
        check_key(hardware, key)
        hardware = replace(hardware, dac=replace(hardware.dac, range=1.0, rescale=True), backward=None)
        contraction = Dot(drives.shape, self.weights.shape, (2,), (1,), (0,), (0,))
        return read(hardware, contraction, ready, drives, key)[0]

    def products(self, hardware: Hardware, ready: Ready, x: Array, key: Array | None) -> Array:
        """What each tile makes of its part of a vector [n], whose full scale is that of the DAC: [tiles, columns].

        Raises: ValueError for a vector of another length, and for a missing key.
        """
        x = _check.array("x", x)
        if x.shape != (self.vertices,):
            raise ValueError(f"x must have shape {(self.vertices,)}, a number for each vertex, got {x.shape}")
        full_scale = hardware.dac.full_scale(x, (-1,), None)
        return self.reads(hardware, ready, self.split(x / full_scale)[:, None], key)[:, 0] * full_scale

    def split(self, x: Array, filling: Any = 0) -> Array:
        """[n] -> the elements at the word lines of each tile [tiles, rows], with a filling after the last."""
        rows = self.weights.shape[1]
        padded = jnp.pad(x, (0, self.down * rows - self.vertices), constant_values=filling)
        return padded.reshape(self.down, rows)[self.row]

    def added(self, parts: Array) -> Array:
        """[tiles, columns] -> sums over the tiles above one another [n]."""
        return self._joined(jax.ops.segment_sum(parts, self.column, self.across))

    def any(self, parts: Array) -> Array:
        """[tiles, columns] -> whether any of the tiles above one another says so [n]."""
        return self._joined(jax.ops.segment_max(parts.astype(int), self.column, self.across)) > 0

    def smallest(self, parts: Array) -> Array:
        """[tiles, columns] -> the smallest of the tiles above one another, infinite where there is none [n]."""
        return self._joined(jax.ops.segment_min(parts, self.column, self.across))

    def _check_hardware(self, hardware: Hardware) -> None:
        _check.part("hardware", hardware, Hardware)
        if (hardware.rows, hardware.tile[1]) != (size := self.weights.shape[1:]):
            raise ValueError(f"hardware must have tiles of {size[0]} inputs x {size[1]} columns, as these blocks have")

    def _joined(self, columns: Array) -> Array:
        return columns.reshape(-1)[: self.vertices]

    def __str__(self) -> str:
        empty = self.places - self.tiles
        return f"{self.vertices} vertices in {self.tiles} of {self.places} tiles; {empty} blocks are empty"


def blocks(hardware: Hardware, adjacency: Any) -> Blocks:
    """The blocks of an adjacency matrix that take a tile: `tiles` of all `places`.

    Args:
        hardware: the specification, whose tile is the size of a block.
        adjacency: [n, n], dense or of scipy.sparse.

    Raises: as `pagerank`.
    """
    return Blocks.of(hardware, edges(adjacency))
