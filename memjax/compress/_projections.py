"""Euclidean projections of one weight onto what a crossbar saves: lines, tiles, filters, and levels of its cells.

A weight is an array [..., N] as Flax keeps it, the outputs last. Its matrix [K, N] has the word lines of the crossbar
as rows and the bit lines as columns, K = all other axes in their order (of a convolution kernel position first, input
channel last), as `mj.crossbarify` lays it.
"""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax import _check
from memjax.crossbar import Hardware, Layout
from memjax.mapping import Cell, conductances_to_weights, weights_to_conductances


def project_filters(w: Any, keep: int | float) -> Array:
    """The nearest weight of which only some filters (outputs) are not zero: whole bit lines through all row tiles.

    The projection onto {at most k groups g with w_g != 0} keeps the k groups of largest |w_g|_2 = sqrt(sum w^2) as they
    are and makes the others zero; of equal norms the first is kept. Projecting twice is projecting once.

    Args:
        w: weight [..., N].
        keep: how many: an integer k in [1, N], or a float in (0, 1], the fraction of them that is kept (rounded to the
            nearest number). Thus 1 is one filter and 1.0 is all of them.

    Raises: TypeError and ValueError for something else, and for a fraction that keeps none.

    Source: filter pruning as in X. Ma et al., "Tiny but Accurate", ASP-DAC 2020.
    """
    w = weight(w)
    return _largest(w, tuple(range(w.ndim - 1)), w.shape[-1], keep, "filters")


def project_columns(w: Any, keep: int | float, hardware: Hardware | None = None) -> Array:
    """The nearest weight of which only some columns (bit lines) of the matrix [K, N] are not zero.

    Args:
        w: weight [..., N].
        keep: as in `project_filters`: an integer number or a float fraction of the columns.
        hardware: with it the columns of every tile are counted on their own, down x N of them; without they pass
            through the whole matrix, which are the filters.

    Raises: as `project_filters`.
    """
    return _lines(w, keep, hardware, 0)


def project_rows(w: Any, keep: int | float, hardware: Hardware | None = None) -> Array:
    """The nearest weight of which only some rows (word lines) of the matrix [K, N] are not zero.

    A row is one position of the kernel and one input channel, in all filters: "column pruning" of the literature, whose
    matrices are the transposed ones.

    Args:
        w: weight [..., N].
        keep: as in `project_filters`: an integer number or a float fraction of the rows.
        hardware: with it the rows of every tile are counted on their own, K x across of them; without they pass through
            the whole matrix.

    Raises: as `project_filters`.
    """
    return _lines(w, keep, hardware, 1)


def project_blocks(w: Any, hardware: Hardware, keep: int | float) -> Array:
    """The nearest weight of which only some blocks are not zero, a block being what one tile holds.

    Args:
        w: weight [..., N].
        hardware: its tile, less the word lines that the mapping uses for signs, is the block; those at the edges of the
            matrix are what is left.
        keep: as in `project_filters`: an integer number or a float fraction of the blocks.

    Raises: as `project_filters`; ValueError for a block that covers the whole matrix.

    Source: crossbar blocks of G. Yuan et al., "An Ultra-Efficient Memristor-Based DNN Framework", ISLPED 2019.
    """
    w = weight(w)
    layout = layout_of(w, hardware)
    if layout.places == 1:
        raise ValueError(
            f"hardware.tile must be smaller than the matrix {(layout.inputs, layout.outputs)} of w to have blocks that "
            f"can be left out, got blocks of {(layout.rows, layout.columns)}"
        )
    kept = _largest(blocks(w, layout), (1, 2), layout.places, keep, "blocks")
    return _join(kept, layout, w.shape)


def project_levels(w: Any, hardware: Hardware) -> Array:
    """The nearest weight that the cells can hold: every element on one of the levels of `hardware.cell`.

        w -> scale gain (sum of +-levels of the mapping's cells),   levels k / (L - 1), k = 0 .. L - 1

    The scale is the mapping's: max |w| of the matrix or of each column (or the percentile); among all weights of that
    scale the result is the nearest. What is programmed with it on cells without spread is held exactly. For pairs of
    cells the levels are -(L - 1) .. L - 1 over L - 1; for a single cell (`mapping.Offset`) zero is a level only where L
    is odd.

    Projecting twice is projecting once, but for a percentile (which changes the scale), a `CurrentMirror` of an even L
    (whose reference is no level half-way) and rounding in `BitSliced` and `Pairs`.

    Args:
        w: weight [..., N].
        hardware: its `cell` and `mapping`.

    Raises: ValueError for continuous cells and for a mapping that is centred.
    """
    w = weight(w)
    _check.part("hardware", hardware, Hardware)
    if hardware.cell.levels is None:
        raise ValueError("hardware.cell.levels must be a number of levels, at least 2, got None (continuous cells)")
    if hardware.mapping.has_middle:
        raise ValueError(f"hardware.mapping must hold weights about zero, got {_check.shown(hardware.mapping)}")
    # Levels are fractions of the range whatever its ends; of the range [0, 1] they are met without rounding.
    cell = Cell(r_on=1.0, r_off=math.inf, levels=hardware.cell.levels)
    conductance, scale = weights_to_conductances(hardware.mapping, cell, w.reshape(-1, w.shape[-1]))
    held = conductances_to_weights(hardware.mapping, cell, conductance, scale)
    return held.reshape(w.shape).astype(scale.dtype)


def weight(w: Any) -> Array:
    """The argument as an array [..., N], checked."""
    w = _check.array("w", w)
    if w.ndim < 2 or w.size == 0:
        raise ValueError(f"w must be a weight [..., N] of two axes or more, not empty, got shape {w.shape}")
    return w


def layout_of(w: Array, hardware: Any) -> Layout:
    """How the matrix of a weight lies on tiles."""
    _check.part("hardware", hardware, Hardware)
    return Layout.of(hardware, (w.size // w.shape[-1], w.shape[-1]))


def blocks(w: Array, layout: Layout) -> Array:
    """The blocks [places, rows, columns] of a weight, filled up with zeros."""
    missing = (
        (0, layout.down * layout.rows - layout.inputs),
        (0, layout.across * layout.columns - layout.outputs),
    )
    padded = jnp.pad(w.reshape(layout.inputs, layout.outputs), missing)
    return layout.apart(padded.reshape(layout.down, layout.rows, -1))


def _join(blocks: Array, layout: Layout, shape: tuple[int, ...]) -> Array:
    """The inverse of `blocks`."""
    padded = layout.together(blocks).reshape(layout.down * layout.rows, -1)
    return padded[: layout.inputs, : layout.outputs].reshape(shape)


def _lines(w: Any, keep: int | float, hardware: Hardware | None, along: int) -> Array:
    """A weight with only some lines along one axis of its matrix, or of its blocks."""
    w = weight(w)
    name = ("columns", "rows")[along]
    if hardware is None:
        matrix = w.reshape(-1, w.shape[-1])
        return _largest(matrix, (along,), matrix.shape[1 - along], keep, name).reshape(w.shape)
    layout = layout_of(w, hardware)
    count = (layout.outputs * layout.down, layout.inputs * layout.across)[along]
    return _join(_largest(blocks(w, layout), (along + 1,), count, keep, f"{name} of tiles"), layout, w.shape)


def _largest(w: Array, inside: tuple[int, ...], groups: int, keep: Any, what: str) -> Array:
    """The array with all but the groups of largest norm made zero; `inside` are the axes within a group."""
    size = jnp.max(jnp.abs(w))
    relative = w / jnp.where(size > 0, size, 1)  # so that no square overflows
    norms = jnp.sum(jnp.square(relative), inside, keepdims=True)
    order = jnp.argsort(-norms.reshape(-1), stable=True)
    kept = jnp.zeros(norms.size, bool).at[order[: _number(keep, groups, what)]].set(True)
    return jnp.where(kept.reshape(norms.shape), w, jnp.zeros((), w.dtype))


def _number(keep: Any, groups: int, what: str) -> int:
    """How many of the groups to keep."""
    if isinstance(keep, int | np.integer) and not isinstance(keep, bool):
        if not 1 <= keep <= groups:
            raise ValueError(f"keep must be in [1, {groups}], the number of {what}, got {_check.shown(keep)}")
        return int(keep)
    if not isinstance(keep, float | np.floating):
        raise TypeError(f"keep must be a number of {what} (int) or the fraction that stays (float), got {keep!r:.100}")
    _check.real("keep", keep, above=0.0, high=1.0)
    number = math.floor(float(keep) * groups + 0.5)
    if number == 0:
        raise ValueError(f"keep must leave at least one of the {groups} {what}, got the fraction {keep:g}")
    return number
