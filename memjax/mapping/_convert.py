"""Weights to conductances and back."""

import jax.numpy as jnp
from jax import Array

from memjax import _check
from memjax.converters import clip
from memjax.mapping._base import AbstractMapping, weight_scale
from memjax.mapping._cell import Cell


def weights_to_conductances(mapping: AbstractMapping, cell: Cell, weights: Array) -> tuple[dict[str, Array], Array]:
    """Target conductances of every array of a mapping, and the weight scale.

    Args:
        mapping: the mapping.
        cell: range and levels of the cells.
        weights: [K, N].

    Returns:
        Conductances [S], each [K, N] (a shared reference column [K, 1]), and the scale [N] that maps to the full range.
    """
    _check.part("cell", cell, Cell)
    scale = weight_scale(mapping, weights)
    if mapping.has_middle:
        raise ValueError(
            f"mapping must hold weights about zero, got {_check.shown(mapping)}: take weight_middle off them first, "
            "and a mapping that is not centred"
        )
    mapping.check_cell(cell)
    weights = jnp.asarray(weights)
    fractions = mapping.fractions(clip(weights / scale, -1.0, 1.0), cell)
    return {name: cell.conductance(fraction) for name, fraction in fractions.items()}, scale


def conductances_to_weights(mapping: AbstractMapping, cell: Cell, conductance: dict[str, Array], scale: Array) -> Array:
    """The weights [K, N] that conductances [S] stand for: the inverse of `weights_to_conductances`."""
    _check.part("mapping", mapping, AbstractMapping, example="DoubleColumn()")
    _check.part("cell", cell, Cell)
    signed = sum(c.factor * c.signed(conductance) for c in mapping.conversions(cell))
    return mapping.gain * signed / (cell.g_on - cell.g_off) * scale
