"""Digital factors behind arrays, and learning rates that do not feel them."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

from memjax import _check
from memjax._names import parameter_name
from memjax.contraction import Outer


def tile_scales(
    params: Any,
    omega: Any,
    *,
    tile: tuple[int, int] | None = None,
    select: Callable[[str], bool] | None = None,
) -> Any:
    """Factors alpha with which weights fill the range of their devices: W = alpha w, alpha = max|W| / omega.

    Devices hold w, whose largest magnitude in each tile is `omega`; the network sees alpha w, the factor being digital.
    Steps, bounds and write noise of the devices are by alpha smaller in the network.

    Args:
        params: the weights W that the network shall start from.
        omega: largest weight on the devices, in units of their law.
        tile: rows (word lines) and columns (bit lines) of a tile, of an array whose last axis are the bit lines; None:
            one factor for each array.
        select: which parameters are devices, by name; None: arrays of two axes and more.

    Returns: a tree as `params`, of scalars or, with tiles, of arrays of the parameter's shape; 1 where it is no device
        and where a tile is zero.

    Raises: ValueError for sizes below one and for an `omega` that is not positive.

    Source: weight scaling of Gokmen, Onen and Haensch (Front. Neurosci. 11:538, 2017).
    """
    omega = _check.scalar("omega", omega, above=0.0)
    if tile is not None:
        _check.sizes("tile", tile, ("rows", "columns"))

    def scale(path: Any, weight: Array) -> Array:
        chosen = jnp.ndim(weight) > 1 if select is None else select(parameter_name(path))
        if not chosen:
            return jnp.ones((), weight.dtype)
        peak = jnp.max(jnp.abs(weight)) if tile is None else _peaks(jnp.abs(weight), tile)
        return jnp.where(peak > 0, peak / omega, 1.0)

    return jax.tree_util.tree_map_with_path(scale, params)


def per_tile(scales: Any) -> optax.GradientTransformation:
    """Learning rates that are those of the weights which the network sees: first in a chain.

        W = alpha w:   dw = -rate (dL/dw) / alpha^2   makes   dW = -rate dL/dW

    Args:
        scales: alpha, from `tile_scales`.

    Returns: an optax transformation of gradients by w. Outer products take one factor for each array.

    Raises: ValueError, in its update, for outer products with factors by tile.
    """

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        is_outer = lambda node: isinstance(node, Outer)

        def divide(change, scale):
            if not is_outer(change):
                return change / jnp.square(scale).astype(change.dtype)
            if jnp.ndim(scale):
                raise ValueError(
                    f"scales must be one number for an array with outer products, got the shape {jnp.shape(scale)}: "
                    "word lines and bit lines are shared by tiles"
                )
            return dataclasses.replace(change, d=change.d / jnp.square(scale).astype(change.d.dtype))

        return jax.tree.map(divide, updates, scales, is_leaf=is_outer), state

    return optax.GradientTransformation(optax.init_empty_state, update)


def _peaks(size: Array, tile: tuple[int, int]) -> Array:
    """The largest element of the tile that each element is in."""
    matrix = size.reshape(-1, size.shape[-1])
    (rows, columns), (high, wide) = matrix.shape, tile
    padded = jnp.pad(matrix, ((0, -rows % high), (0, -columns % wide)))
    blocks = padded.reshape(padded.shape[0] // high, high, padded.shape[1] // wide, wide)
    peaks = jnp.broadcast_to(jnp.max(blocks, axis=(1, 3), keepdims=True), blocks.shape)
    return peaks.reshape(padded.shape)[:rows, :columns].reshape(size.shape)
