"""How a matrix is cut into tiles.

A matrix [K, N] is held in T = ceil(K / rows) row tiles of ceil(N / columns) column tiles. Arrays of cells are stored
as [T, rows, width], width = column tiles x columns: row tile t holds rows t * rows onwards, column tiles stand side by
side. The padding cells of the last tiles are real cells.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


def row_tiles(inputs: int, rows: int) -> int:
    """Number of row tiles for a matrix of `inputs` rows."""
    return -(-inputs // rows)


def cut(matrix: Array, rows: int, columns: int, padding: float = 0.0) -> Array:
    """[K, N] -> [T, rows, width], filled up with `padding`."""
    inputs, outputs = matrix.shape
    tiles = row_tiles(inputs, rows)
    width = row_tiles(outputs, columns) * columns
    padded = jnp.pad(matrix, ((0, tiles * rows - inputs), (0, width - outputs)), constant_values=padding)
    return padded.reshape(tiles, rows, width)


def join(tiles: Array, inputs: int, outputs: int) -> Array:
    """[..., T, rows, width] -> [..., K, N]: the inverse of `cut`."""
    *lead, count, rows, width = tiles.shape
    return tiles.reshape(*lead, count * rows, width)[..., :inputs, :outputs]


def by_tile(array: Array, across: int) -> Array:
    """[T, rows, width] -> [T, across, rows, columns] for `across` column tiles."""
    tiles, rows, width = array.shape
    return array.reshape(tiles, rows, across, width // across).transpose(0, 2, 1, 3)


def side_by_side(array: Array) -> Array:
    """[T, across, rows, columns] -> [T, rows, width]: the inverse of `by_tile`."""
    tiles, across, rows, columns = array.shape
    return array.transpose(0, 2, 1, 3).reshape(tiles, rows, across * columns)


def over_tiles(f: Callable[[Array, Array], Any], arrays: dict[str, Array], across: int, key: Array) -> dict[str, Any]:
    """f(tile [rows, columns], key) of every tile of every array; a key depends on array and position of the tile alone.

    The tiles of all arrays of one shape go through one `vmap`, which compiles `f` once.
    """
    results = {}
    for shape in dict.fromkeys(array.shape for array in arrays.values()):
        indices, names = zip(*((i, n) for i, (n, a) in enumerate(arrays.items()) if a.shape == shape), strict=True)
        tiles = jnp.stack([by_tile(arrays[name], across) for name in names])
        # One number for array, row tile and column tile, so that one fold does (each fold takes time to compile).
        array, row, column = jnp.ix_(jnp.array(indices), jnp.arange(shape[0]), jnp.arange(across))
        keys = jax.vmap(partial(jax.random.fold_in, key))((array * 2**30 + row * 2**15 + column).ravel())
        flat = jax.vmap(f)(tiles.reshape(-1, *tiles.shape[3:]), keys)
        whole = jax.tree.map(lambda a, shape=tiles.shape: jax.vmap(side_by_side)(a.reshape(shape)), flat)
        results |= {name: jax.tree.map(lambda a, i=i: a[i], whole) for i, name in enumerate(names)}
    return {name: results[name] for name in arrays}
