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
    """[T, rows, width] -> [T, across, rows, columns] for `across` column tiles; [T, across], a number each, stays."""
    if array.ndim == 2:
        return array
    tiles, rows, width = array.shape
    return array.reshape(tiles, rows, across, width // across).transpose(0, 2, 1, 3)


def side_by_side(array: Array) -> Array:
    """[T, across, rows, columns] -> [T, rows, width]: the inverse of `by_tile`."""
    if array.ndim == 2:
        return array
    tiles, across, rows, columns = array.shape
    return array.transpose(0, 2, 1, 3).reshape(tiles, rows, across * columns)


def _tile_keys(key: Array, arrays: tuple[int, ...], down: int, across: int) -> Array:
    """A key for every tile of some arrays, array by array and row by row."""
    # One number for array, row tile and column tile, so that one fold does (each fold takes time to compile). It has
    # room for four arrays: each further four have a key of their own.
    array, row, column = jnp.ix_(jnp.array(arrays) % 4, jnp.arange(down), jnp.arange(across))
    numbers = array * 2**30 + row * 2**15 + column
    if max(arrays) < 4:
        return jax.vmap(partial(jax.random.fold_in, key))(numbers.ravel())
    banks = jnp.stack([jax.random.fold_in(key, 2**32 - index // 4) if index >= 4 else key for index in arrays])
    fold = jax.vmap(jax.vmap(jax.random.fold_in, (None, 0)))
    return jax.lax.collapse(fold(banks, numbers.reshape(len(arrays), -1)), 0, 2)


def over_tiles(f: Callable[[Any, Any], Any], arrays: dict[str, Any], across: int, key: Array | None = None) -> dict:
    """f(tile, key) of every tile of every array; a key depends on array and position of the tile alone.

    An array is a pytree whose leaves are [T, rows, width] (of a tile: [rows, columns]) or, one number for each tile,
    [T, across]; so is what `f` returns. Without a key `f` gets None. The tiles of all arrays of one shape go through
    one `vmap`, which compiles `f` once.
    """
    results = {}
    shapes = {name: tuple(leaf.shape for leaf in jax.tree.leaves(array)) for name, array in arrays.items()}
    for shape in dict.fromkeys(shapes.values()):
        indices, names = zip(*((i, n) for i, n in enumerate(arrays) if shapes[n] == shape), strict=True)
        split = [jax.tree.map(partial(by_tile, across=across), arrays[name]) for name in names]
        tiles = jax.tree.map(lambda *leaves: jnp.stack(leaves), *split)
        lead = (len(names), shape[0][0], across)
        flat = jax.tree.map(lambda a: a.reshape(-1, *a.shape[3:]), tiles)
        keys = None if key is None else _tile_keys(key, indices, lead[1], across)
        done = jax.vmap(f, (0, None if keys is None else 0))(flat, keys)
        whole = jax.tree.map(lambda a, lead=lead: jax.vmap(side_by_side)(a.reshape(*lead, *a.shape[1:])), done)
        results |= {name: jax.tree.map(lambda a, i=i: a[i], whole) for i, name in enumerate(names)}
    return {name: results[name] for name in arrays}
