"""The exponential update curve of NeuroSim, as pulses on a device."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax._field import number, part
from memjax.training.laws._mirrored import AbstractMirroredLaw, Facing
from memjax.training.laws._population import Made, Population, spread

# Deviation of the curve from the straight line at label NL = 1, relative to the range: NL / 10.101526.
_LABEL = 10.101526


def curvature(label: Any) -> Array:
    """A_n(NL): number of pulses, relative to all of them, over which the update curve of a nonlinearity label bends.

    The curve is y(x) = (1 - exp(-x / A)) / (1 - exp(-1 / A)); its largest deviation from the straight line,
    max_x [y(x) - x], is |NL| / 10.101526. Solved by bisection on ln A; A(-NL) = -A(NL). Labels below 0.01 in magnitude
    count as 0.01 and those above 9 as 9.

    Source: definition recovered from the table of DNN+NeuroSim V2.1 (Peng et al., TCAD 2021), all of whose 900 rows it
        reproduces to 2e-5. The numbers of the table are not used.
    """
    label = jnp.asarray(label, jnp.result_type(float))
    target = jnp.clip(jnp.abs(label), 0.01, 9.0) / _LABEL

    def deviation(a):
        # y'(0) = 1 + w, and max (y - x) = a (w - ln(1 + w)): written without differences of nearly equal numbers.
        u = 1.0 / a
        small = u < 0.5
        near, far = jnp.where(small, u, 0.1), jnp.where(small, 1.0, u)
        straight = near * (1 / 2 - near * (1 / 6 - near * (1 / 24 - near * (1 / 120 - near * (1 / 720 - near / 5040)))))
        w = jnp.where(small, straight / (1.0 - straight), -far / jnp.expm1(-far) - 1.0)
        return _beyond_log(w) / u

    def halve(_, ends):
        low, high = ends
        middle = 0.5 * (low + high)
        bent = deviation(jnp.exp(middle)) > target  # the curve straightens as A grows
        return jnp.where(bent, middle, low), jnp.where(bent, high, middle)

    start = jnp.full_like(target, -6.0), jnp.full_like(target, 6.0)
    low, high = lax.fori_loop(0, 60, halve, start)
    a = lax.stop_gradient(jnp.exp(0.5 * (low + high)))
    # Bisection has no derivative: that of the root is 1 / deviation'(a).
    slope = jax.jvp(deviation, (a,), (jnp.ones_like(a),))[1]
    a = a + (target - lax.stop_gradient(target)) / slope
    return jnp.where(label < 0.0, -1.0, 1.0) * a


def _beyond_log(w: Array) -> Array:
    """w - ln(1 + w) for w >= 0, with 2 artanh(s), s = w/(2 + w), for the logarithm: it has no cancellation."""
    s = w / (2.0 + w)
    small = s < 0.3
    t = jnp.where(small, s * s, 0.0)
    tail = jnp.zeros_like(t)
    for odd in (17, 15, 13, 11, 9, 7, 5, 3):
        tail = t * (1.0 / odd + tail)
    return jnp.where(small, w * s - 2.0 * s * tail, w - jnp.log1p(w))


class NeuroSimStep(AbstractMirroredLaw):
    """Pulses along the exponential curve of NeuroSim, in its physical form: every pulse is applied to the device.

        G(p) = G_min + (G_max - G_min) (1 - exp(-p / A)) / (1 - exp(-P / A)),   A = P A_n(NL),   G' = G(p(G) + n)

    for n pulses up, and for n pulses down with p falling along a curve of its own. With NL > 0 steps shrink upwards:
    a device whose steps shrink in the direction of the pulse both ways has `ltp` > 0 and `ltd` < 0. The step of the
    population is ignored; a pulse moves a cell by one of its P states. The noise of n pulses has the standard deviation
    noise (high - low) sqrt(n).

    Args:
        population: bounds, noise and decay of the cells; `noise` is relative to the range, for one pulse.
        levels_up, levels_down: P, number of pulses from one end to the other.
        ltp, ltd: nonlinearity labels of the two directions, magnitudes in [0.01, 9].
        label_spread: device-to-device standard deviation of the labels; one draw for both directions of a cell.

    Raises: ValueError for numbers out of their range.

    Source: MLP+NeuroSim V3.0 (Chen, Peng and Yu, TCAD 37:3067, 2018).
    """

    population: Population = part(Population, example="Population(step=1e-3)", default=Population())
    levels_up: Any = number(low=1.0, default=97)
    levels_down: Any = number(low=1.0, default=100)
    ltp: Any = number(low=-9.0, high=9.0, default=2.4)
    ltd: Any = number(low=-9.0, high=9.0, default=-4.88)
    label_spread: Any = number(low=0.0, default=0.0)

    def make(self, key: Array | None, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Made:
        made = self.population.make(key, shape, dtype)
        # In pulses. The downward curve is seen in the mirror, where its label is reversed.
        off = self.label_spread * spread(key, shape, dtype)("label")
        bends = {
            "bend_up": curvature(self.ltp + off) * self.levels_up,
            "bend_down": -curvature(self.ltd + off) * self.levels_down,
        }
        return made | {name: jnp.broadcast_to(bend, shape).astype(dtype) for name, bend in bends.items()}

    def forward(self, weight: Array, cell: Facing, made: Made) -> Array:
        return self.forward_many(weight, jnp.ones((), weight.dtype), cell, made) - weight

    def forward_many(self, weight: Array, count: Array, cell: Facing, made: Made) -> Array:
        width = cell.high - cell.low
        place = (weight - cell.low) / jnp.where(width > 0.0, width, 1.0)
        bend = cell.choose(made["bend_up"], made["bend_down"])
        levels = cell.choose(self.levels_up, self.levels_down)
        whole = -jnp.expm1(-levels / bend)
        left = 1.0 - place * whole  # exp(-p / A)
        return weight + width * left * -jnp.expm1(-count / bend) / whole

    def deviation(self, weight: Array, change: Array, up: Array, made: Made) -> Array:
        return self.population.noise * (made["high"] - made["low"])
