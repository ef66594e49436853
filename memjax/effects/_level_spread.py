"""Measured spread of the written conductance about each level."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.ndimage import map_coordinates

from memjax import _check, _random
from memjax._field import ruled, series
from memjax.effects._base import Programming


def _check_quantiles(name: str, value: Any) -> None:
    if not _check.is_number(value) or np.ndim(value) != 2 or min(np.shape(value)) < 2:
        raise TypeError(
            f"{name} must be at least 2 quantiles for each of at least 2 levels [L, Q], got {_check.shown(value)}"
        )
    _check.real(name, value, unit="S")


class LevelSpread(Programming):
    """A write misses its level by an error drawn from those that were measured at that level.

        G = max(g + q(g, u), 0),  u uniform in [0, 1)

    with q(level, ·) the quantile function of the errors of a level, linear between its Q evenly spaced quantiles; for a
    target g between two levels, and within either's errors, it is interpolated linearly. Nothing is assumed about the
    distribution. `memjax.measured.fit_writes` makes it from measured writes.

    Args:
        levels: conductances [S] of the levels, rising, at least two [L].
        errors: quantiles 0, 1 / (Q - 1), ..., 1 of the error of each level [S], rising along the row [L, Q].

    Raises: ValueError for a value out of its range, rows that fall, and shapes that do not go together.

    Source: algebra (inverse of the empirical distribution); measured distributions in place of fitted ones as in
        Mehonic, Joksas et al. (Frontiers in Neuroscience 13:593, 2019).
    """

    levels: tuple[Any, ...] | Array = series(least=2, low=0.0, unit="S")
    errors: Array | np.ndarray = ruled(_check_quantiles, converter=_check.as_leaf)

    def check_relations(self) -> None:
        if len(self.levels) != np.shape(self.errors)[0]:
            raise ValueError(
                f"LevelSpread.errors must have a row for each of the {len(self.levels)} levels, got shape "
                f"{np.shape(self.errors)}"
            )
        levels, errors = _check.concrete(self.levels), _check.concrete(self.errors)
        if levels is not None and not (np.diff(levels) > 0).all():
            raise ValueError(f"LevelSpread.levels must rise, got {_check.shown(self.levels)}")
        if errors is not None and not (np.diff(errors) >= 0).all():
            raise ValueError(f"LevelSpread.errors must rise along each row, got {_check.shown(self.errors)}")

    def write(self, conductance: Array, low: Array, high: Array, key: Array) -> Array:
        del low, high
        levels, errors = (jnp.asarray(value, conductance.dtype) for value in (self.levels, self.errors))
        count, quantiles = errors.shape
        level = jnp.interp(conductance, levels, jnp.arange(count, dtype=conductance.dtype))
        u = _random.uniform(key, conductance.shape, conductance.dtype)
        error = map_coordinates(errors, [level, (quantiles - 1) * u], order=1, mode="nearest")
        return jnp.maximum(conductance + error, 0.0)
