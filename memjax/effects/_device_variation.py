"""Device-to-device variation of the two resistance states."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax import _check, _random
from memjax.effects._base import Fabrication

ROUNDS = 64


class DeviceVariation(Fabrication):
    """Each cell has its own R_on and R_off, drawn when the chip is made.

    "normal": R = mean + std z. "lognormal": ln R is normal, with the mean and standard deviation of R as given. Pairs
    with R_on <= 0 or R_on >= R_off are drawn again (truncation by resampling, never by taking magnitudes; after 64
    rounds the cell keeps the mean values). The means are those of the cell's range before this effect; stuck cells stay
    as they are.

    Args:
        r_on_std: standard deviation of R_on [ohm].
        r_off_std: standard deviation of R_off [ohm].
        distribution: "normal" or "lognormal".

    Raises: ValueError for a value out of its range.

    Source: the variability model of Lammie et al. (Array 13, 2022), which draws R_on and R_off for each device.
    """

    r_on_std: Any = 0.0
    r_off_std: Any = 0.0
    distribution: str = eqx.field(static=True, default="normal")

    def __check_init__(self):
        _check.number("DeviceVariation.r_on_std", self.r_on_std, 0.0)
        _check.number("DeviceVariation.r_off_std", self.r_off_std, 0.0)
        _check.choice("DeviceVariation.distribution", self.distribution, ("normal", "lognormal"))

    def _resistance(self, mean: Array, std: Any, z: Array) -> Array:
        if self.distribution == "normal":
            return mean + std * z
        spread = jnp.log1p((std / mean) ** 2)
        positive = spread > 0
        sigma = jnp.where(positive, jnp.sqrt(jnp.where(positive, spread, 1.0)), 0.0)
        return mean * jnp.exp(sigma * z - spread / 2.0)

    def fabricate(self, low: Array, high: Array, key: Array) -> tuple[Array, Array]:
        r_on, r_off = 1.0 / high, 1.0 / low
        stuck = low >= high

        def resistances(z):
            return self._resistance(r_on, self.r_on_std, z[0]), self._resistance(r_off, self.r_off_std, z[1])

        def invalid(z):
            on, off = resistances(z)
            return ~((on > 0) & (on < off) | stuck)

        def draw(state):
            count, z = state
            fresh = _random.normal(jax.random.fold_in(key, count), z.shape, z.dtype)
            return count + 1, jnp.where(invalid(z), fresh, z)

        # Only the accepted standard normals come out of the loop: the resistances stay differentiable in mean and std.
        nothing = jnp.full((2, *low.shape), jnp.nan, low.dtype)
        _, z = lax.while_loop(lambda s: (s[0] == 0) | jnp.any(invalid(s[1])) & (s[0] < ROUNDS), draw, (0, nothing))
        z = jnp.nan_to_num(z)
        z = lax.stop_gradient(z)
        on, off = resistances(jnp.where(invalid(z), 0.0, z))
        return jnp.where(stuck, low, 1.0 / off), jnp.where(stuck, high, 1.0 / on)
