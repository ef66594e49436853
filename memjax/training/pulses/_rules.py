"""Pulse rules: from the change that is asked for to numbers of pulses."""

from abc import abstractmethod
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from memjax._field import Spec, flag, number
from memjax.training.pulses._noise import uniform


class Counts(NamedTuple):
    """Numbers of pulses of an array's cells, upwards and downwards, each of the array's shape."""

    up: Array
    down: Array


class AbstractRule(Spec):
    """Turns requested changes into signed numbers of equal pulses; what is not sent may be kept as a residue."""

    @property
    @abstractmethod
    def keeps(self) -> bool:
        """Whether there is a residue."""

    @abstractmethod
    def counts(self, want: Array, step: Array, key: Array) -> tuple[Array, Array]:
        """(signed pulse counts, what is left of `want`) for a change `want` in units of the weight."""


class Deterministic(AbstractRule):
    """The nearest number of pulses, what is left being kept for the next update.

        n = clip(round((want + residue) / step), -most, most),  residue <- want + residue - n step

    so that the sum of all that was sent and the residue is the sum of all that was asked for.

    Args:
        most: largest number of pulses in one update.
        truncate: whether n is rounded towards zero, so that no pulse is sent before its whole step is asked for.

    Raises: ValueError for `most` below one.
    """

    most: Any = number(low=1.0, whole=True, default=31)
    truncate: bool = flag(default=False)

    @property
    def keeps(self) -> bool:
        return True

    def counts(self, want: Array, step: Array, key: Array) -> tuple[Array, Array]:
        whole = jnp.trunc(want / step) if self.truncate else jnp.round(want / step)
        sent = jnp.clip(whole, -self.most, self.most)
        return sent, want - sent * step


class Stochastic(AbstractRule):
    """A random number of pulses, right on average: no residue is kept.

        n = sign(want) min(floor(|want| / step + u), most),  u uniform in [0, 1)

    Args:
        most: largest number of pulses in one update.

    Raises: ValueError for `most` below one.

    Source: stochastic rounding; the mean of the coincidences of Gokmen and Vlasov (Front. Neurosci. 10:333, 2016)
        without their spread over samples.
    """

    most: Any = number(low=1.0, whole=True, default=31)

    @property
    def keeps(self) -> bool:
        return False

    def counts(self, want: Array, step: Array, key: Array) -> tuple[Array, Array]:
        size = jnp.floor(jnp.abs(want) / step + uniform(key, want.shape, want.dtype))
        return jnp.sign(want) * jnp.minimum(size, self.most), jnp.zeros_like(want)


class Sign(AbstractRule):
    """One pulse in the direction asked for, whatever its size: the Manhattan rule.

    Args:
        threshold: requested changes of at most this magnitude send none, in units of the weight.

    Raises: ValueError for a negative threshold.

    Source: Zamanidoost et al., "Manhattan rule training for memristive crossbar circuit pattern classifiers" (WISP
        2015).
    """

    threshold: Any = number(low=0.0, default=0.0)

    @property
    def keeps(self) -> bool:
        return False

    def counts(self, want: Array, step: Array, key: Array) -> tuple[Array, Array]:
        return jnp.where(jnp.abs(want) > self.threshold, jnp.sign(want), 0.0), jnp.zeros_like(want)
