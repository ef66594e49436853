"""Cells that were never formed."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax import _random
from memjax._field import number
from memjax.effects._base import Fabrication


class FormingFailure(Fabrication):
    """Each cell stays, independently, in its pristine state with probability `rate`: electroforming failed.

    Args:
        rate: probability of a failure, in [0, 1].
        r_pristine: resistance of an unformed cell [ohm]; None: that of the cell's own HRS.

    Raises: ValueError for a value out of its range.

    Source: the electroforming failures of MemTorch, which leaves such cells in their HRS.
    """

    rank = 1
    rate: Any = number(low=0.0, high=1.0)
    r_pristine: Any = number(above=0.0, unit="ohm", optional=True, default=None)

    def fabricate(self, low: Array, high: Array, key: Array) -> tuple[Array, Array]:
        # A cell that is stuck already was formed; one that failed cannot break down to its LRS.
        failed = (_random.uniform(key, low.shape, low.dtype) < self.rate) & (low < high)
        pristine = low if self.r_pristine is None else jnp.asarray(1.0 / self.r_pristine, low.dtype)
        return jnp.where(failed, pristine, low), jnp.where(failed, pristine, high)
