"""Cells that cannot be programmed."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax import _check, _random
from memjax.effects._base import Fabrication


class StuckAt(Fabrication):
    """Each cell is, independently, stuck in its LRS with probability `lrs` or in its HRS with probability `hrs`.

    A stuck cell's range shrinks to one conductance, so that it keeps it whatever is written.

    Args:
        lrs: probability of a cell stuck in its low-resistance state, in [0, 1].
        hrs: probability of a cell stuck in its high-resistance state, in [0, 1]; lrs + hrs <= 1.

    Raises: ValueError for a value out of its range.
    """

    lrs: Any = 0.0
    hrs: Any = 0.0

    def __check_init__(self):
        _check.number("StuckAt.lrs", self.lrs, 0.0, 1.0)
        _check.number("StuckAt.hrs", self.hrs, 0.0, 1.0)
        lrs, hrs = _check.concrete(self.lrs), _check.concrete(self.hrs)
        if lrs is not None and hrs is not None and (lrs + hrs > 1.0).any():
            raise ValueError(f"StuckAt.lrs + StuckAt.hrs must be at most 1, got {self.lrs} + {self.hrs}")

    def fabricate(self, low: Array, high: Array, key: Array) -> tuple[Array, Array]:
        u = _random.uniform(key, low.shape, low.dtype)
        in_lrs = u < self.lrs
        in_hrs = u >= 1.0 - jnp.asarray(self.hrs, u.dtype)
        return jnp.where(in_lrs, high, low), jnp.where(in_hrs, low, high)
