"""Device-to-device variation of the two resistance states."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax import _random
from memjax._field import choice, number
from memjax.effects._base import Fabrication
from memjax.effects._spread import DISTRIBUTIONS, scattered


class DeviceVariation(Fabrication):
    """Each cell has its own R_on and R_off, drawn when the chip is made.

    "normal": R = mean + std z. "lognormal": ln R is normal, with the mean and standard deviation of R as given. Pairs
    with R_on <= 0 or R_on >= R_off are drawn again (truncation by resampling, never by taking magnitudes; after 64
    rounds the cell keeps the mean values). The means are those of the cell's range before this effect; stuck cells stay
    as they are.

    With a correlation length the z of two cells of a tile, d_r word lines and d_c bit lines apart, have the correlation
    exp(-(d_r + d_c) / length). With `coupling` c the z of R_off is c z_on + sqrt(1 - c^2) z_own.

    Args:
        r_on_std: standard deviation of R_on [ohm].
        r_off_std: standard deviation of R_off [ohm].
        distribution: "normal" or "lognormal".
        length: correlation length [cells]; None: cells are independent. No gradient flows to it.
        coupling: correlation of the z of R_on and R_off in a cell, in [-1, 1]. No gradient flows to it.

    Raises: ValueError for a value out of its range.

    Source: the variability model of Lammie et al. (Array 13, 2022), which draws R_on and R_off for each device;
    correlation by algebra (a first-order autoregressive field along both axes).

    Example:
        ```python
        import memjax as mj

        variation = mj.effects.DeviceVariation(r_on_std=1e3, r_off_std=10e3)  # ohm
        hardware = mj.Hardware(cell=mj.Cell(r_on=10e3, r_off=100e3), effects=(variation,))
        ```
    """

    r_on_std: Any = number(low=0.0, unit="ohm", default=0.0)
    r_off_std: Any = number(low=0.0, unit="ohm", default=0.0)
    distribution: str = choice(*DISTRIBUTIONS, default="normal")
    length: Any = number(low=0.0, unit="cells", optional=True, default=None)
    coupling: Any = number(low=-1.0, high=1.0, default=0.0)

    def fabricate(self, low: Array, high: Array, key: Array) -> tuple[Array, Array]:
        coupling = jnp.asarray(self.coupling, low.dtype)

        def draw(key):
            on, own = _random.normal(key, (2, *low.shape), low.dtype)
            if self.length is not None:
                rows, columns = (_mixing(n, self.length, low.dtype) for n in low.shape)
                on, own = rows @ on @ columns.T, rows @ own @ columns.T
            return jnp.stack([on, coupling * on + jnp.sqrt(1.0 - coupling**2) * own])

        return scattered(low, high, self.r_on_std, self.r_off_std, self.distribution, draw, key)


def _mixing(count: int, length: Any, dtype: Any) -> Array:
    """L with L L^T = exp(-|i - j| / length): independent numbers to correlated ones; the identity at length 0."""
    length = jnp.asarray(length, dtype)
    rho = jnp.where(length > 0, jnp.exp(-1.0 / jnp.where(length > 0, length, 1.0)), 0.0)
    distance = jnp.arange(count)[:, None] - jnp.arange(count)
    powers = jnp.where(distance >= 0, rho ** jnp.maximum(distance, 0).astype(dtype), 0.0)
    return powers * jnp.where(jnp.arange(count) == 0, 1.0, jnp.sqrt(1.0 - rho**2))
