"""The interface of a mapping from signed weights to conductances, and what all mappings share."""

from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from equinox import AbstractVar
from jax import Array

from memjax import _check

SCALINGS = ("matrix", "column")


class AbstractMapping(eqx.Module):
    """How a weight in [-1, 1] is held by cells whose conductance runs from G_off to G_on.

    A mapping names its arrays of cells and says, for each, the conductance as a fraction of the range; `signed` is the
    conductance that a bit line sees after analog subtraction, and weight = gain * signed / (G_on - G_off). A new
    mapping is one final subclass.
    """

    scaling: AbstractVar[str]
    percentile: AbstractVar[Any]

    @property
    @abstractmethod
    def arrays(self) -> dict[str, bool]:
        """Names of the arrays of cells; True: a column for each output, False: one shared by the columns of a tile."""

    @property
    @abstractmethod
    def gain(self) -> float:
        """Weight per unit of signed conductance, in units of 1 / (G_on - G_off)."""

    @property
    def word_lines(self) -> int:
        """Word lines that one input drives."""
        return 1

    @abstractmethod
    def fractions(self, weight: Array) -> dict[str, Array]:
        """Conductance of each array as a fraction of the range, for weights [..., K, N] in [-1, 1]."""

    @abstractmethod
    def signed(self, conductance: dict[str, Array], g_off: Array, g_on: Array) -> Array:
        """Signed conductance [S] that a bit line presents to its converter after analog subtraction."""

    def converted(self) -> list[tuple[str, Any]]:
        """(array, factor) pairs that are converted one by one where the subtraction is digital; none: it cannot be."""
        return []

    def noise_sources(self, variance: dict[str, Array]) -> list[Array]:
        """Variances [S^2] of the independent noises that analog subtraction adds up on each bit line."""
        return [sum(variance.values(), start=jnp.zeros(()))]

    def digital_reference(self, g_off: Array, g_on: Array) -> Array | None:
        """Conductance [S] whose product with the sum of the inputs is subtracted digitally, if there is one."""
        del g_off, g_on
        return None


def check_mapping(self: Any) -> None:
    """The checks common to all mappings."""
    kind = type(self).__name__
    _check.choice(f"{kind}.scaling", self.scaling, SCALINGS)
    if self.percentile is not None:
        _check.number(f"{kind}.percentile", self.percentile, 0.0, 100.0, open_low=True)


def weight_scale(mapping: AbstractMapping, weights: Array) -> Array:
    """Magnitude [N] that maps to the full conductance range: of the whole matrix [K, N], or of each column.

    It is the largest magnitude, or the given percentile of the magnitudes (larger weights are clipped).
    """
    magnitude = jnp.abs(weights)
    axis = 0 if mapping.scaling == "column" else None
    if mapping.percentile is None:
        top = jnp.max(magnitude, axis=axis)
    else:
        top = jnp.percentile(magnitude, mapping.percentile, axis=axis)
    return jnp.broadcast_to(jnp.where(top > 0, top, 1.0), weights.shape[1:])


def copy_columns(column: Array, columns: int, count: int) -> Array:
    """The one column of each tile, repeated for the tile's `columns`: [..., tiles] -> [..., count]."""
    return jnp.repeat(column, columns, axis=-1)[..., :count]
