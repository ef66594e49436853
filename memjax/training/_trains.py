"""Stochastic pulse trains: how inputs and errors become coincidences, and how many there are.

An update -rate d x^T is made by a train of random pulses on every word line, of the rate |x|, and one on every bit
line, of the rate |d|. Where both fire in the same slot the cell changes by one step, upwards where x d < 0.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.training._noise import uniform
from memjax.training._rules import Counts

SLOTS = 32  # most slots of a train: the bits of a word


class Trains(NamedTuple):
    """Pulse trains of many samples.

    Attributes:
        x: probability of a pulse on each word line, signed, [S, K].
        d: the same for each bit line, [S, N].
        length: slots of each sample, [S].
    """

    x: Array
    d: Array
    length: Array


class Management(NamedTuple):
    """How the trains of a sample are scaled. Everything broadcasts against the samples.

    Attributes:
        length: slots in use.
        limit: largest |d| that is not clipped.
        x_gain, d_gain: probability per unit of x and d.
    """

    length: Array
    limit: Array
    x_gain: Array
    d_gain: Array


def manage(x_peak: Array, d_peak: Array, rate: Array, step: Array, length: Array, management: bool) -> Management:
    """Scales of the trains of a sample from the largest |x| and |d| in it.

    Without management both gains are sqrt(rate / (step length)). With it, for k = rate max|x| max|d| / step,

        slots = min(ceil(k), length),  |d| is clipped at max|d| min(1, length / k),
        gains = sqrt(rate / (step slots)) (max|x| / max|d|)^{-1/2, +1/2}

    so that no probability exceeds one, and the mean of all pulses is rate x d / step for what was not clipped.

    Source: Gokmen and Vlasov (Front. Neurosci. 10:333, 2016); update management by Gokmen, Onen and Haensch (Front.
        Neurosci. 11:538, 2017); the order of the clipping is that of aihwkit 1.2.
    """
    if not management:
        gain = jnp.sqrt(rate / (step * length)) + 0.0 * x_peak
        return Management(length + 0.0 * x_peak, 1.0 / gain, gain, gain)
    k = rate * x_peak * d_peak / step
    slots = jnp.clip(jnp.ceil(k), 1.0, length)
    limit = d_peak * jnp.minimum(1.0, length / jnp.maximum(k, 1e-30))
    both = jnp.sqrt(rate / (step * slots))
    silent = (x_peak <= 0.0) | (limit <= 0.0)
    balance = jnp.sqrt(jnp.where(silent, 1.0, limit) / jnp.where(silent, 1.0, x_peak))
    return Management(slots, limit, both * balance, both / balance)


def trains(x: Array, d: Array, rate: Array, step: Array, length: Array, management: bool) -> Trains:
    """Trains of the samples x [S, K], d [S, N]."""
    peak = lambda a: jnp.max(jnp.abs(a), axis=-1, keepdims=True)
    scale = manage(peak(x), peak(d), rate, step, length, management)
    probability = lambda a, gain: jnp.clip(a * gain, -1.0, 1.0)
    d = jnp.clip(d, -scale.limit, scale.limit)
    return Trains(probability(x, scale.x_gain), probability(d, scale.d_gain), scale.length[:, 0])


def fire(key: Array, probability: Array, length: Array) -> Array:
    """Random pulses of a train, one bit for each slot."""
    slots = uniform(key, (SLOTS, *probability.shape), probability.dtype) < jnp.abs(probability)
    used = jnp.arange(SLOTS) < length
    weights = (used.astype(jnp.uint32) << jnp.arange(SLOTS, dtype=jnp.uint32)).reshape(-1, *[1] * probability.ndim)
    return jnp.sum(jnp.where(slots, weights, jnp.uint32(0)), axis=0, dtype=jnp.uint32)


def coincidences(one: Trains, key: Array) -> Array:
    """Signed pulse counts [K, N] of one sample: upwards (positive) where x d < 0."""
    x_key, d_key = jax.random.split(key)
    x_bits, d_bits = fire(x_key, one.x, one.length), fire(d_key, one.d, one.length)
    count = lax.population_count(x_bits[:, None] & d_bits[None, :]).astype(one.x.dtype)
    return -jnp.sign(one.x)[:, None] * jnp.sign(one.d)[None, :] * count


def count_all(all_trains: Trains, key: Array) -> Counts:
    """Pulses of all samples together, drawn slot by slot."""
    inputs, outputs = all_trains.x.shape[1], all_trains.d.shape[1]

    def add(counts, sample):
        index, one = sample
        signed = coincidences(one, jax.random.fold_in(key, index))
        return Counts(counts.up + jnp.maximum(signed, 0.0), counts.down + jnp.maximum(-signed, 0.0)), None

    zero = jnp.zeros((inputs, outputs), all_trains.x.dtype)
    samples = jnp.arange(len(all_trains.length))
    return lax.scan(add, Counts(zero, zero), (samples, all_trains))[0]


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
