"""How many pulses a mini-batch sends to each cell, drawn from distributions of the right mean and variance."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from memjax.training.pulses._noise import uniform


class Moments(NamedTuple):
    """Of the pulse counts of one direction: mean, and mean less variance.

    For the sum of binomial counts over the samples, sum B p and sum B p^2.
    """

    mean: Array
    excess: Array


# Means below this are drawn from a binomial distribution, those above from a normal one.
_FEW = 6.0
_TERMS = 24


def draw(moments: Moments, key: Array) -> Array:
    """Integers of the given mean and variance.

    Small means: a binomial distribution of the same mean and variance, by inversion; it is the exact one where a single
    sample contributes. Large means: a rounded normal.
    """
    mean = jnp.maximum(moments.mean, 0.0)
    share = jnp.clip(moments.excess / jnp.maximum(mean, 1e-30), 0.0, 1.0 - 1e-6)
    u = uniform(key, mean.shape, mean.dtype)
    return jnp.where(mean < _FEW, _binomial(mean, share, u), _normal(mean, share, u))


def _binomial(mean: Array, share: Array, u: Array) -> Array:
    """Inverse of the binomial distribution function of mean/share trials of probability `share`; Poisson at 0."""
    mean = jnp.minimum(mean, _FEW)
    regular = share > 1e-4
    safe = jnp.where(regular, share, 0.5)
    trials = mean / safe
    odds = safe / (1.0 - safe)
    probability = jnp.exp(jnp.where(regular, trials * jnp.log1p(-safe), -mean))
    below, count = probability, jnp.zeros_like(mean)
    for index in range(_TERMS):
        count = count + (u > below)
        ratio = jnp.where(regular, jnp.maximum(trials - index, 0.0) * odds, mean)
        probability = probability * ratio / (index + 1.0)
        below = below + probability
    # Probabilities of a number of trials that is no integer add up to a little less than one: no count beyond them.
    return jnp.where(regular, jnp.minimum(count, jnp.ceil(trials - 1e-3)), count)


def _normal(mean: Array, share: Array, u: Array) -> Array:
    """Rounded normal numbers whose rounding adds the twelfth that is taken off their variance."""
    deviation = jnp.sqrt(jnp.maximum(mean * (1.0 - share) - 1.0 / 12.0, 0.0))
    z = jax.scipy.special.ndtri(jnp.clip(u, 1e-7, 1.0 - 1e-7))
    return jnp.maximum(jnp.round(mean + deviation * z), 0.0)
