"""What is done with every tile of many matrices.

Whatever their matrices, all tiles have one shape: those of a whole chip are worked on as one batch, in which a function
of a tile is compiled once.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.core import Tracer

from memjax._random import salt
from memjax.crossbar._hardware import Hardware
from memjax.crossbar._layout import Layout, cut, logical, physical, pieces
from memjax.mapping import Placement

# Most cells that are worked on at once.
CELLS = 1 << 24


@dataclass(frozen=True)
class Tiling:
    """All tiles of some crossbars, in a row: crossbar by crossbar, matrix by matrix, row tile by row tile."""

    names: tuple[str, ...]
    layouts: tuple[Layout, ...]

    @classmethod
    def of(cls, hardware: Hardware, shapes: dict[str, tuple[int, ...]]) -> "Tiling":
        """Of matrices [*leading, K, N] of some `shapes`."""
        return cls(tuple(shapes), tuple(Layout.of(hardware, shape) for shape in shapes.values()))

    @property
    def placement(self) -> tuple[Placement, ...]:
        """The physical tiles at each place."""
        return self.layouts[0].placement

    @property
    def count(self) -> int:
        """Number of tiles of each array."""
        return sum(layout.places for layout in self.layouts)

    @property
    def matrices(self) -> int:
        """Number of matrices."""
        return sum(layout.matrices for layout in self.layouts)

    @cached_property
    def places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of every tile: the matrix, numbered over all crossbars, the row tile and the column tile."""
        first, places = 0, []
        for layout in self.layouts:
            matrix, row, column = np.indices((layout.matrices, layout.down, layout.across)).reshape(3, -1)
            places.append((matrix + first, row, column))
            first += layout.matrices
        matrix, row, column = map(np.concatenate, zip(*places, strict=True))
        return matrix, row, column

    @cached_property
    def strips(self) -> tuple[np.ndarray, np.ndarray]:
        """The strip of every tile, and the matrix of every strip: the row tiles of a column tile are a strip."""
        matrix, _, column = self.places
        strips, strip = np.unique(np.stack([matrix, column]), axis=1, return_inverse=True)
        return strip.reshape(-1), strips[0]

    @cached_property
    def driven(self) -> tuple[np.ndarray, np.ndarray]:
        """Number of word lines and of bit lines of every tile that are no padding."""
        sizes = [(g.inputs, g.outputs, g.rows, g.columns) for g in self.layouts]
        inputs, outputs, rows, columns = np.repeat(sizes, [g.places for g in self.layouts], axis=0).T
        _, row, column = self.places
        return np.minimum(inputs - row * rows, rows), np.minimum(outputs - column * columns, columns)

    def cut(self, matrices: dict[str, Any]) -> Any:
        """[*leading, K, N] by crossbar -> [count, rows, columns], filled up with zeros."""
        return self.apart(
            {n: cut(matrices[n], g.rows, g.columns) for n, g in zip(self.names, self.layouts, strict=True)}
        )

    def apart(self, entries: dict[str, Any]) -> Any:
        """Trees of [*leading, T, rows, width] by crossbar -> one tree of [count, rows, columns]."""
        split = [jax.tree.map(layout.apart, entries[n]) for n, layout in zip(self.names, self.layouts, strict=True)]
        return jax.tree.map(lambda *parts: parts[0].__array_namespace__().concatenate(parts), *split)

    def together(self, tiles: Any) -> dict[str, Any]:
        """The inverse of `apart`."""
        parts = self._split([layout.places for layout in self.layouts], tiles)
        return {n: jax.tree.map(layout.together, parts[n]) for n, layout in zip(self.names, self.layouts, strict=True)}

    def columns(self, numbers: dict[str, Any]) -> Any:
        """[*leading, N] by crossbar -> a number for each bit line of a strip [strips, columns], filled up with ones."""
        return self._joined(
            lambda g, a: cut(a.reshape(-1, 1, g.outputs), 1, g.columns, 1.0).reshape(-1, g.columns), numbers
        )

    def lines(self, numbers: dict[str, Any]) -> Any:
        """[*leading, K] by crossbar -> a number for each word line [matrices, most row tiles, rows], else zeros."""
        most = max(layout.down for layout in self.layouts)

        def of_layout(layout, array):
            filling = ((0, 0), (0, most * layout.rows - layout.inputs))
            padded = array.__array_namespace__().pad(array.reshape(-1, layout.inputs), filling)
            return padded.reshape(-1, most, layout.rows)

        return self._joined(of_layout, numbers)

    def numbers(self, numbers: dict[str, Any]) -> Any:
        """[*leading] by crossbar -> [matrices]."""
        return self._joined(lambda _, array: array.reshape(-1), numbers)

    def _joined(self, f: Callable[[Layout, Any], Any], arrays: dict[str, Any]) -> Any:
        parts = [f(layout, arrays[name]) for name, layout in zip(self.names, self.layouts, strict=True)]
        return parts[0].__array_namespace__().concatenate(parts)

    def by_matrix(self, numbers: Any) -> dict[str, Any]:
        """A number for each matrix [matrices] -> [*leading] by crossbar."""
        parts = self._split([layout.matrices for layout in self.layouts], numbers)
        return {n: parts[n].reshape(layout.leading) for n, layout in zip(self.names, self.layouts, strict=True)}

    def by_column(self, numbers: Any) -> dict[str, Any]:
        """A number for each bit line of a strip [strips, columns] -> [*leading, N] by crossbar."""
        parts = self._split([layout.matrices * layout.across for layout in self.layouts], numbers)
        return {
            name: parts[name].reshape(*layout.leading, -1)[..., : layout.outputs]
            for name, layout in zip(self.names, self.layouts, strict=True)
        }

    def _split(self, sizes: list[int], tree: Any) -> dict[str, Any]:
        """The leading axis of every leaf in pieces of some sizes, by crossbar."""
        ends = np.cumsum(sizes)
        piece = lambda size, end: jax.tree.map(lambda leaf: leaf[end - size : end], tree)
        return {n: piece(size, end) for n, size, end in zip(self.names, sizes, ends, strict=True)}

    def matrix_keys(self, key: Array, named: bool) -> Array:
        """The key of every matrix: folded with the name of its crossbar (if `named`), then with its indices."""
        counts = [layout.matrices for layout in self.layouts]
        fold = jax.vmap(jax.random.fold_in)
        keys = jnp.broadcast_to(key, (self.matrices, *key.shape))
        if named:
            keys = fold(keys, np.repeat(np.array([salt(name) for name in self.names], np.uint32), counts))
        for depth in range(max(len(layout.leading) for layout in self.layouts)):
            index = np.concatenate([_index(layout.leading, depth) for layout in self.layouts])
            keys = _where(index >= 0, fold(keys, index.astype(np.uint32)), keys)
        return keys

    def tile_keys(self, matrix_keys: Array) -> Array:
        """A key for every physical tile [count, tiles at a place]: that of its first array."""
        numbers = {name: number for number, (name, _) in enumerate(self.layouts[0].arrays)}
        return self.keys(matrix_keys, [numbers[placed.arrays[0]] for placed in self.placement])

    def keys(self, matrix_keys: Array, numbers: Sequence[int]) -> Array:
        """A key for every place and number, which depends on these and the matrix alone. [count, numbers]."""
        matrix, row, column = (place[:, None] for place in self.places)
        fold = jax.vmap(jax.vmap(jax.random.fold_in))
        # One number for array, row tile and column tile, so that one fold does (each fold takes time to compile). It
        # has room for four arrays: each further four have a key of their own.
        bank, array = np.divmod(np.array(numbers), 4)
        keys = matrix_keys[np.broadcast_to(matrix, (self.count, len(numbers)))]
        if bank.any():
            banks = np.broadcast_to((2**32 - bank) % 2**32, keys.shape[:2]).astype(np.uint32)
            keys = _where(banks > 0, fold(keys, banks), keys)
        return fold(keys, (array * 2**30 + row * 2**15 + column).astype(np.uint32))


def _index(leading: tuple[int, ...], depth: int) -> np.ndarray:
    """Index along one leading axis of every matrix of a stack, -1 where the stack has no such axis."""
    if depth < len(leading):
        return np.indices(leading)[depth].ravel()
    return np.full(math.prod(leading), -1)


def _where(chosen: np.ndarray, keys: Array, others: Array) -> Array:
    return jnp.where(chosen.reshape(*chosen.shape, *[1] * (keys.ndim - chosen.ndim)), keys, others)


def over_tiles(
    placement: tuple[Placement, ...], f: Callable[[Any, Any], Any], arrays: dict[str, Any], keys: Array | None = None
) -> dict[str, Any]:
    """f(tile, key) of every physical tile; without keys [count, tiles at a place] `f` gets None.

    An array is a pytree whose leaves are [count, rows, columns] or, one number for each tile, [count]; so is what `f`
    returns, with the lines of the tile.
    """
    wide = {name: next(leaf for leaf in jax.tree.leaves(array) if leaf.ndim > 1) for name, array in arrays.items()}
    return logical(placement, over_arrays(f, physical(placement, arrays), keys), wide)


def over_arrays(f: Callable[[Any, Any], Any], arrays: dict[Any, Any], keys: Array | None = None) -> dict[Any, Any]:
    """f(tile, key) of every tile of every array, as in `over_tiles`, each array being apart; keys are [count, arrays].

    The tiles of all arrays of one shape go through one `vmap`, which compiles `f` once.
    """
    results = {}
    shapes = {name: tuple(leaf.shape for leaf in jax.tree.leaves(array)) for name, array in arrays.items()}
    for shape in dict.fromkeys(shapes.values()):
        indices, names = zip(*((i, n) for i, n in enumerate(arrays) if shapes[n] == shape), strict=True)
        lead = (len(names), shape[0][0])
        flat = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *(arrays[name] for name in names))
        own = None if keys is None else lax.collapse(jnp.swapaxes(keys, 0, 1)[np.array(indices)], 0, 2)
        done = jax.vmap(f, (0, None if own is None else 0))(flat, own)
        whole = jax.tree.map(lambda a, lead=lead: a.reshape(*lead, *a.shape[1:]), done)
        results |= {name: jax.tree.map(lambda a, i=i: a[i], whole) for i, name in enumerate(names)}
    return {name: results[name] for name in arrays}


def in_chunks(f: Callable[[Any], Any], tiles: Any, cells: int) -> Any:
    """f(tiles), a tree of [count, ...] of such a tree, for few enough tiles at once; each has `cells` cells."""
    count = len(jax.tree.leaves(tiles)[0])
    parts = pieces(count * cells, CELLS)
    if parts == 1:
        return f(tiles)
    size = pieces(count, parts)
    taken = np.minimum(np.arange(parts * size), count - 1).reshape(parts, size)
    done = lax.map(f, jax.tree.map(lambda leaf: leaf[taken], tiles))
    return jax.tree.map(lambda leaf: lax.collapse(leaf, 0, 2)[:count], done)


def moved(move: Callable[[Tiling, Any], Any], tiling: Tiling, tree: Any) -> Any:
    """move(tiling, tree), a method of `Tiling` that only moves numbers.

    Each array that XLA moves is a kernel to compile. So numbers that are at hand are moved by NumPy.
    """
    leaves = jax.tree.leaves(tree)
    if not all(map(_at_hand, leaves)):
        return _moved(move, tiling, tree)
    done = move(tiling, jax.tree.map(np.asarray, tree))
    place = next((leaf.sharding for leaf in leaves if isinstance(leaf, Array) and leaf.committed), None)
    return jax.device_put(done, place)


_moved = jax.jit(lambda move, tiling, tree: move(tiling, tree), static_argnums=(0, 1))


def _at_hand(leaf: Any) -> bool:
    """Whether an array is not traced and whole on one device."""
    return not isinstance(leaf, Tracer) and (isinstance(leaf, np.ndarray) or len(leaf.sharding.device_set) == 1)
