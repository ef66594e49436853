"""In which order the row tiles of a matrix are computed: "scan" holds one partial sum at a time, "batched" all.

Codes are integers, whose sum is exact: both orders give the same numbers.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.contraction import Observation, merge, merged
from memjax.converters import replace_value

# (row tile, its numbers, the drives of its word lines [B, rows]) -> (codes [B, n], what was seen of them or None)
OfTile = Callable[[Array, Any, Array], tuple[Array, Observation | None]]


def summed(
    batched: bool, of_tile: OfTile, tiles: Any, shape: tuple[int, int, int], x: Array
) -> tuple[Array, Observation | None]:
    """Sum over the row tiles of the codes that `of_tile` makes.

    Nothing is kept for the backward pass but the inputs; the partial sums are computed again there, tile by tile.

    Args:
        batched: whether all tiles are computed at once.
        of_tile: see `OfTile`.
        tiles: numbers of all row tiles, in front.
        shape: (row tiles, rows, n).
        x: drives of the word lines [B, K].
    """
    count, rows, width = shape
    x = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), (0, count * rows - x.shape[-1], 0)))

    @partial(jax.checkpoint, prevent_cse=batched)  # nothing merges over the steps of a loop
    def one(index, numbers, drives):
        if not batched:  # read where they lie; the copy cut by tiles is for derivatives and never made
            drives = replace_value(drives, lax.dynamic_slice_in_dim(lax.stop_gradient(x), index * rows, rows, 1))
        return of_tile(index, numbers, drives)

    every = jnp.arange(count), tiles, jnp.moveaxis(x.reshape(-1, count, rows), 1, 0)
    if batched:
        codes, seen = jax.vmap(one)(*every)
        return jnp.sum(codes, axis=0), None if seen is None else merged(seen)

    def step(total, tile):
        codes, seen = one(*tile)
        return (total[0] + codes, None if seen is None else merge(total[1], seen)), None

    _, like = jax.eval_shape(one, *jax.tree.map(lambda a: a[0], every))
    nothing = None if like is None else jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), like)
    # Few tiles without a loop, many two in each turn: its overhead counts for small batches.
    unroll = count if count <= 4 else 2
    return lax.scan(step, (jnp.zeros((len(x), width), x.dtype), nothing), every, unroll=unroll)[0]
