"""Steps that are a power of the distance to the bound."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax._field import number, part
from memjax.training.laws._mirrored import AbstractMirroredLaw, Facing
from memjax.training.laws._population import Made, Population, spread


class PowerStep(AbstractMirroredLaw):
    """The step is a power of the distance to the bound that the pulse moves to, relative to the range.

        w <- w + up ((high - w) / (high - low))^gamma_up,  w <- w - down ((w - low) / (high - low))^gamma_down

    The exponents of a cell are |gamma (1 + gamma_spread z)|.

    Args:
        population: steps, bounds, noise and decay of the cells.
        gamma_up, gamma_down: exponents.
        gamma_spread: device-to-device spread of each, relative.

    Raises: ValueError for negative numbers.

    Source: the power-step device of Rasch et al. (AICAS 2021), after Frascaroli et al. (Sci. Rep. 8:7178, 2018).
    """

    population: Population = part(Population, example="Population(step=1e-3)", default=Population())
    gamma_up: Any = number(low=0.0, default=1.0)
    gamma_down: Any = number(low=0.0, default=1.0)
    gamma_spread: Any = number(low=0.0, default=0.0)

    def make(self, key: Array | None, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Made:
        z = spread(key, shape, dtype)
        exponent = lambda name, gamma: jnp.abs(gamma * (1.0 + self.gamma_spread * z(name))).astype(dtype)
        return self.population.make(key, shape, dtype) | {
            "gamma_up": exponent("gamma_up", self.gamma_up),
            "gamma_down": exponent("gamma_down", self.gamma_down),
        }

    def forward(self, weight: Array, cell: Facing, made: Made) -> Array:
        width = cell.high - cell.low
        distance = (cell.high - weight) / jnp.where(width > 0.0, width, 1.0)
        inside = distance > 0.0
        power = jnp.where(inside, distance, 1.0) ** cell.choose(made["gamma_up"], made["gamma_down"])
        # At the bound itself 0^gamma, which is 1 for gamma = 0: a constant step, stopped by the bound.
        return cell.step * jnp.where(inside, power, 0.0)
