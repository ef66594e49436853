"""What a network in training sees in the place of its weights."""

import abc
from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax import _random
from memjax._field import Spec, choice
from memjax._rounding import stored
from memjax.training.recipes._columns import OVER, largest
from memjax.training.recipes._schedule import at, scheduled


class AbstractModifier(Spec):
    """A change of a weight matrix, in the forward and backward pass of one step."""

    @abc.abstractmethod
    def modified(self, weights: Array, key: Array, step: Any) -> Array:
        """The weights as a step of the training sees them; `noisy` gives it derivative 1.

        Args:
            weights: [..., N], N outputs (bit lines).
            key: PRNG key of the array in this step.
            step: number of the step, for schedules.
        """


class AdditiveNoise(AbstractModifier):
    """Weight-noise injection: w + strength max|W| xi, xi standard normal.

    Errors of cells are fractions of the conductance range, for which the largest weight stands: those of
    `effects.ProgrammingNoise(span=s)` in pairs of cells have a strength of sqrt(2) s, but for cells at a bound.

    Args:
        strength: standard deviation relative to the largest weight, a number or a schedule.
        over: what max|W| is taken over: the "array" or each "column" (`mapping.DoubleColumn(scaling="column")`).

    Raises: ValueError for a value out of its range.

    Source: Joshi et al. (Nat. Commun. 11:2473, 2020); by column Rasch et al. (Nat. Commun. 14:5282, 2023).
    """

    strength: Any = scheduled(low=0.0)
    over: str = choice(*OVER, default="array")

    def modified(self, weights: Array, key: Array, step: Any) -> Array:
        z = stored(_random.normal(key, weights.shape, weights.dtype))
        return weights + stored(stored(at(self.strength, step) * largest(weights, self.over)) * z)


class MultiplicativeNoise(AbstractModifier):
    """w (1 + strength xi), xi standard normal: errors that grow with the conductance.

    Args:
        strength: standard deviation relative to the weight, a number or a schedule.

    Raises: ValueError for a value out of its range.

    Source: Murray and Edwards (IEEE Trans. Neural Netw. 5:792, 1994).
    """

    strength: Any = scheduled(low=0.0)

    def modified(self, weights: Array, key: Array, step: Any) -> Array:
        z = stored(_random.normal(key, weights.shape, weights.dtype))
        return weights + stored(stored(at(self.strength, step) * weights) * z)


class DropConnect(AbstractModifier):
    """Each weight is zero with probability `rate`, as that of a cell that is open. Nothing is rescaled.

    Args:
        rate: probability in [0, 1], a number or a schedule.

    Raises: ValueError for a value out of its range.

    Source: Wan et al. (ICML 2013), where weights that are dropped get no gradient.
    """

    rate: Any = scheduled(low=0.0, high=1.0)

    def modified(self, weights: Array, key: Array, step: Any) -> Array:
        u = _random.uniform(key, weights.shape, weights.dtype)
        return jnp.where(u < at(self.rate, step), 0.0, weights)


class Discretised(AbstractModifier):
    """Weights in equal steps: max|W| / n round(w n / max|W|), n = 2^(bits - 1) - 1, zero among them.

    Args:
        bits: resolution in [1, 32] with the codes of `Dac`, a number or a schedule: -1, 0, 1 for 1 and 2 bits.
        over: what max|W| is taken over: the "array" or each "column".

    Raises: ValueError for a value out of its range.

    Source: Krishnamoorthi (arXiv 1806.08342, 2018), the symmetric quantiser, of a layer or of a channel.
    """

    bits: Any = scheduled(low=1.0, high=32.0)
    over: str = choice(*OVER, default="array")

    def modified(self, weights: Array, key: Array, step: Any) -> Array:
        n = jnp.maximum(_power_of_two(at(self.bits, step) - 1.0) - 1.0, 1.0)
        top = largest(weights, self.over)
        return jnp.round(weights / top * n) / n * top


class DoReFa(AbstractModifier):
    """Weights in 2^bits steps without a zero, finer for small weights.

        max|W| (2 q(tanh(w) / (2 max|tanh(W)|) + 1/2) - 1),  q(r) = round(r (2^bits - 1)) / (2^bits - 1)

    Args:
        bits: resolution in [1, 16], a number or a schedule.

    Raises: ValueError for a value out of its range.

    Source: Zhou et al. (arXiv 1606.06160, 2016), where max|W| is 1 and the derivative that of tanh.
    """

    bits: Any = scheduled(low=1.0, high=16.0)

    def modified(self, weights: Array, key: Array, step: Any) -> Array:
        n = _power_of_two(at(self.bits, step)) - 1.0
        bent = jnp.tanh(weights)
        share = bent / largest(bent, "array") / 2 + 0.5
        return largest(weights, "array") * (2 * (jnp.round(share * n) / n) - 1)


def _power_of_two(bits: Any) -> Array:
    """2^bits, whole also where a schedule is between two resolutions (and `exp2` beside a power of two)."""
    return jnp.round(jnp.exp2(jnp.asarray(bits, float)))
