"""The interface of a mapping from signed weights to conductances, and what all mappings share."""

from abc import abstractmethod
from typing import Any

import jax.numpy as jnp
from equinox import AbstractVar
from jax import Array

from memjax import _check
from memjax._field import Spec
from memjax._rounding import stored
from memjax.mapping._cell import Cell
from memjax.mapping._conversion import Conversion
from memjax.mapping._placement import Placement

SCALINGS = ("matrix", "column")


class AbstractMapping(Spec):
    """How a weight in [-1, 1] is held by cells whose conductance runs from G_off to G_on.

    A mapping names its arrays of cells, says for each the conductance as a fraction of the range, and which arrays meet
    before a converter: weight = gain * (sum over conversions of factor * signed) / (G_on - G_off), signed being the
    conductance that the converter sees. Where arrays share the lines of a physical tile it says so by `placement`. A
    new mapping is one final subclass.
    """

    scaling: AbstractVar[str]
    percentile: AbstractVar[Any]

    @property
    @abstractmethod
    def arrays(self) -> dict[str, bool]:
        """Names of the arrays of cells; True: a column for each output, False: one shared by the columns of a tile."""

    @property
    @abstractmethod
    def gain(self) -> Any:
        """Weight per unit of signed conductance times factor, in units of 1 / (G_on - G_off)."""

    @property
    def has_middle(self) -> bool:
        """Whether weights are held about the middle of their range, which is added digitally."""
        return False

    @property
    def placement(self) -> tuple[Placement, ...]:
        """The physical tiles that hold the arrays, each array in one of them; here every array has tiles of its own."""
        return tuple(Placement((array,)) for array in self.arrays)

    @property
    def word_lines(self) -> int:
        """Word lines that one input drives; with several, currents subtract on the bit line, before any converter."""
        return max(placed.word_lines for placed in self.placement)

    @abstractmethod
    def fractions(self, weight: Array, cell: Cell) -> dict[str, Array]:
        """Conductance of each array as a fraction of the range, for weights [..., K, N] in [-1, 1].

        Each element depends on its own weight alone (a shared column on none): tiles are mapped one by one.
        """

    @abstractmethod
    def conversions(self, cell: Cell) -> list[Conversion]:
        """What is subtracted in analog before each conversion, and how the codes are added up."""

    def check_cell(self, cell: Cell) -> None:
        """Raise where the cells cannot hold what the mapping needs."""
        del cell


def weight_middle(mapping: AbstractMapping, weights: Array) -> Array:
    """The middle [N] of the range of weights [K, N]: of the whole matrix, or of each column."""
    axis = 0 if mapping.scaling == "column" else None
    return jnp.broadcast_to(0.5 * (jnp.min(weights, axis=axis) + jnp.max(weights, axis=axis)), weights.shape[1:])


def weight_scale(mapping: AbstractMapping, weights: Array) -> Array:
    """Magnitude [N] that maps to the full conductance range: of the whole matrix [K, N], or of each column.

    It is the largest magnitude, or the given percentile of the magnitudes (larger weights are clipped).
    """
    _check.part("mapping", mapping, AbstractMapping, example="DoubleColumn()")
    weights = _check.array("weights", weights)
    if weights.ndim < 2 or 0 in weights.shape:
        raise ValueError(f"weights must be a non-empty matrix [K, N], got shape {weights.shape}")
    magnitude = jnp.abs(weights)
    axis = 0 if mapping.scaling == "column" else None
    if mapping.percentile is None:
        top = jnp.max(magnitude, axis=axis)
    else:
        top = _percentile(magnitude if axis == 0 else magnitude.reshape(-1), mapping.percentile)
    return jnp.broadcast_to(jnp.where(top > 0, top, 1.0), weights.shape[1:])


def _percentile(values: Array, percent: Any) -> Array:
    """`jnp.percentile` along the first axis, the same to the last digit in every program."""
    ordered = jnp.sort(values, axis=0)
    last = len(ordered) - 1
    position = stored(jnp.asarray(percent, values.dtype) / 100.0 * last)
    below = jnp.floor(position)
    share = position - below
    low, high = (ordered[jnp.clip(below.astype(int) + n, 0, last)] for n in (0, 1))
    return stored(low * (1.0 - share)) + stored(high * share)
