"""Steps that fall exponentially with the weight."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax._field import number, part
from memjax.training.laws._mirrored import AbstractMirroredLaw, Facing
from memjax.training.laws._population import Made, Population


class ExponentialStep(AbstractMirroredLaw):
    """The step falls exponentially towards the bound, and is never reversed.

        w <- w + up   max(1 - a_up   exp( gamma_up   z), 0)
        w <- w - down max(1 - a_down exp(-gamma_down z), 0),    z = 2 a w / (high - low) + b

    The noise of a pulse has the standard deviation noise |change|; where `noise_add` or `noise_slope` is given,
    noise (|change| + noise_add + noise_slope |w|).

    Args:
        population: steps, bounds, noise and decay of the cells.
        a_up, a_down: depth of the exponential.
        gamma_up, gamma_down: its steepness.
        a, b: scale and shift of the weight in it.
        noise_add: constant part of the noise, in units of the weight; None: absent.
        noise_slope: part of the noise that grows with the weight; None: absent.

    Raises: ValueError for numbers that are not finite.

    Source: the exponential-step device of Rasch et al. (AICAS 2021); defaults of its ReRAM fit to Gong et al. (Nat.
        Commun. 9:2102, 2018).
    """

    population: Population = part(Population, example="Population(step=1e-3)", default=Population())
    a_up: Any = number(default=0.00081)
    a_down: Any = number(default=0.36833)
    gamma_up: Any = number(default=12.44625)
    gamma_down: Any = number(default=12.78785)
    a: Any = number(default=0.244)
    b: Any = number(default=0.2425)
    noise_add: Any = number(low=0.0, optional=True, default=None)
    noise_slope: Any = number(low=0.0, optional=True, default=None)

    def forward(self, weight: Array, cell: Facing, made: Made) -> Array:
        width = cell.high - cell.low
        z = 2.0 * self.a * weight / jnp.where(width > 0.0, width, 1.0) + cell.sign * self.b
        exponent = cell.choose(self.gamma_up, self.gamma_down) * z
        return cell.step * jnp.maximum(1.0 - cell.choose(self.a_up, self.a_down) * jnp.exp(exponent), 0.0)

    def deviation(self, weight: Array, change: Array, up: Array, made: Made) -> Array:
        size = jnp.abs(change)
        if self.noise_add is not None:
            size = size + self.noise_add
        if self.noise_slope is not None:
            size = size + self.noise_slope * jnp.abs(weight)
        return self.population.noise * size
