"""Steps that change linearly with the weight; soft bounds are the case where they vanish at the bound."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax import _check
from memjax._field import flag, number, part
from memjax.training.laws._mirrored import AbstractMirroredLaw, Facing
from memjax.training.laws._population import Made, Population, spread


def _geometric(weight: Array, count: Array, step: Array, slope: Array) -> Array:
    """Weight after `count` changes of step + slope w: a geometric series, count (step + slope w) where slope is 0."""
    steep = jnp.abs(slope) > 1e-6
    safe = jnp.where(steep, slope, -1.0)
    # (1 + slope)^n by its logarithm; a slope of -1 or less ends at the fixed point with the first pulse.
    log = jnp.log1p(jnp.maximum(safe, -1.0 + 1e-6))
    series = jnp.where(steep, jnp.expm1(count * log) / safe, count)
    return weight + (step + slope * weight) * series


class LinearStep(AbstractMirroredLaw):
    """The step falls linearly with the weight in the direction of the pulse.

        w <- w + up   (1 - gamma_up   w / high),   gamma_up   = |gamma_up   + gamma_spread z|
        w <- w - down (1 - gamma_down w / low),    gamma_down = |gamma_down + gamma_spread z|

    Args:
        population: steps, bounds, noise and decay of the cells.
        gamma_up, gamma_down: how much smaller the step is at the bound than at zero, relative.
        gamma_spread: device-to-device standard deviation of both.
        mean_bounds: whether `high` and `low` in the slopes are the nominal bounds (True) or those of each cell.
        additive: whether the noise of a pulse is relative to the step at zero (True) or to the change itself.

    Raises: ValueError for numbers out of their range, and for bounds that do not enclose zero.

    Source: the linear-step device of Rasch et al. (AICAS 2021).
    """

    population: Population = part(Population, example="Population(step=1e-3)", default=Population())
    gamma_up: Any = number(low=0.0, default=0.0)
    gamma_down: Any = number(low=0.0, default=0.0)
    gamma_spread: Any = number(low=0.0, default=0.0)
    mean_bounds: bool = flag(default=True)
    additive: bool = flag(default=False)

    def check_relations(self) -> None:
        _check_encloses_zero("LinearStep", self.population)

    def make(self, key: Array | None, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Made:
        made = self.population.make(key, shape, dtype)
        z = spread(key, shape, dtype)
        low, high = self.range if self.mean_bounds else (made["low"], made["high"])
        fall = lambda name, gamma: jnp.abs(gamma + self.gamma_spread * z(name))
        slopes = {
            "slope_up": -fall("gamma_up", self.gamma_up) * made["up"] / high,
            "slope_down": fall("gamma_down", self.gamma_down) * made["down"] / low,
        }
        return made | {name: jnp.asarray(slope, dtype) for name, slope in slopes.items()}

    def forward(self, weight: Array, cell: Facing, made: Made) -> Array:
        return cell.step + cell.choose(made["slope_up"], made["slope_down"]) * weight

    def forward_many(self, weight: Array, count: Array, cell: Facing, made: Made) -> Array:
        return _geometric(weight, count, cell.step, cell.choose(made["slope_up"], made["slope_down"]))

    def deviation(self, weight: Array, change: Array, up: Array, made: Made) -> Array:
        size = jnp.where(up, made["up"], made["down"]) if self.additive else jnp.abs(change)
        return self.population.noise * size


class SoftBounds(AbstractMirroredLaw):
    """The step vanishes at the bound that the pulse moves to.

        w <- w + up (1 - w / high),  w <- w - down (1 - w / low)

    Args:
        population: steps, bounds, noise and decay of the cells. Bounds enclose zero.
        additive: whether the noise of a pulse is relative to the step at zero (True) or to the change itself.

    Raises: ValueError for bounds that do not enclose zero.

    Source: the soft-bounds device of Rasch et al. (AICAS 2021); Fusi and Abbott (Nat. Neurosci. 10:485, 2007).
    """

    population: Population = part(Population, example="Population(step=1e-3)", default=Population())
    additive: bool = flag(default=False)

    def check_relations(self) -> None:
        _check_encloses_zero("SoftBounds", self.population)

    @classmethod
    def pmax(
        cls, pulses: float = 1000, alpha: float = 0.0005, low: float = -1.0, high: float = 1.0, **population: Any
    ) -> "SoftBounds":
        """Soft bounds from a measured curve w(p) = low + B (1 - exp(-alpha p)) that ends at `high` after `pulses`.

            B = (high - low) / (1 - exp(-alpha pulses))
            up = rate (low + B),  down = -rate low,  rate = 1 - exp(-alpha)

        The upper bound of the law is low + B, where the curve would end after infinitely many pulses.

        Args:
            pulses: pulses from one end to the other.
            alpha: curvature, per pulse.
            low, high: ends of the curve.
            **population: further numbers of the `Population`, but for step, bounds and asymmetry.

        Source: the parametrisation by the end of the curve is that of aihwkit's SoftBoundsPmax, with steps that keep to
            the curve exactly.
        """
        _check.number("SoftBounds.pmax.pulses", pulses, 0.0, open_low=True)
        _check.number("SoftBounds.pmax.alpha", alpha, 0.0, open_low=True)
        _check.ordered("SoftBounds.pmax", low=low, high=high)
        top = low + (high - low) / -np.expm1(-np.float64(alpha) * pulses)
        up, down = (-np.expm1(-np.float64(alpha)) * size for size in (top, -low))
        asymmetry = 1.0 - down / up if down < up else up / down - 1.0
        return cls(
            Population(step=float(max(up, down)), low=low, high=float(top), asymmetry=float(asymmetry), **population)
        )

    def forward(self, weight: Array, cell: Facing, made: Made) -> Array:
        return cell.step * (1.0 - weight / _not_zero(cell.high))

    def forward_many(self, weight: Array, count: Array, cell: Facing, made: Made) -> Array:
        return _geometric(weight, count, cell.step, -cell.step / _not_zero(cell.high))

    def deviation(self, weight: Array, change: Array, up: Array, made: Made) -> Array:
        size = jnp.where(up, made["up"], made["down"]) if self.additive else jnp.abs(change)
        return self.population.noise * size


def _not_zero(bound: Array) -> Array:
    """A bound to divide by: a stuck cell may stand at zero, and has no steps."""
    return jnp.where(bound == 0.0, 1.0, bound)


def _check_encloses_zero(owner: str, population: Population) -> None:
    _check.number(f"{owner}.population.low", population.low, high=-1e-30)
    _check.number(f"{owner}.population.high", population.high, low=1e-30)
