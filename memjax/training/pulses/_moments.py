"""How many pulses a mini-batch sends to each cell, drawn from distributions of the right mean and variance."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.training.pulses._few import at
from memjax.training.pulses._noise import octets, words, words_at
from memjax.training.pulses._rules import Counts


class Moments(NamedTuple):
    """Of the pulse counts of cells, which for every sample are binomial: B slots of probability p.

    Attributes:
        up, down: means, sum B p over the samples of each direction.
        excess: mean less variance of both together, sum B p^2 over all samples.
    """

    up: Array
    down: Array
    excess: Array


class Bits(NamedTuple):
    """Random bits of the cells of an array.

    Attributes:
        octet: eight of each.
        key: PRNG key of 64 further ones.
    """

    octet: Array
    key: Array


# Means below this are drawn from binomial distributions, those above from normal ones.
_FEW = 6.0
_TERMS = 32
_MOST = 1e6  # trials of a binomial distribution, which then is that of Poisson


def draw(moments: Moments, key: Array) -> Counts:
    """Integers of the given moments, independent in both directions.

    Small means: binomial counts (B, mean / B) with the same number of trials B in both directions, that of

        (up^2 + down^2) / B = excess

    where B is not whole one of its neighbours, at random so that this holds on average: means and the variance of both
    together are exact, and so is the distribution where a single sample contributes. Large means: a rounded normal.

    A cell is pulsed where u < P(any) <= up + down, u uniform: the eight highest bits of u, drawn for every cell, tell
    which cells need the rest.
    """
    shape = moments.up.shape
    flat = jax.tree.map(jnp.ravel, moments)
    return jax.tree.map(lambda count: count.reshape(shape), drawn(flat, bits_of(key, flat.up.size)))


def bits_of(key: Array, size: int) -> Bits:
    octet_key, word_key = jax.random.split(key)
    return Bits(octets(octet_key, size), word_key)


def may_be_pulsed(moments: Moments, octet: Array) -> Array:
    """Whether the highest bits of u leave it below the sum of the means."""
    return octet.astype(moments.up.dtype) < 256.0 * (moments.up + moments.down)


def drawn(moments: Moments, bits: Bits) -> Counts:
    """The counts of all cells of a flat array."""
    counts = _counts(lax.stop_gradient(moments), bits.octet, words(bits.key, bits.octet.size))
    there = may_be_pulsed(moments, bits.octet)
    return jax.tree.map(lambda count: jnp.where(there, count, 0.0), counts)


def drawn_at(moments: Moments, bits: Bits, cell: Array, size: int) -> Counts:
    """The counts of some cells of flat arrays, one after another, each of `size` cells and with a key of its own."""
    own, octet = jax.tree.map(lambda a: at(a, cell), (moments, bits.octet))
    return _counts(own, octet, words_at(bits.key, cell // size, cell % size, size))


def _counts(moments: Moments, octet: Array, words: Array) -> Counts:
    """Counts of cells from random bits: u of 8 and 24, another uniform number of 24, 16 to choose the trials by."""
    dtype = moments.up.dtype
    first, second = words
    fraction = lambda word, bits: (word.astype(dtype) + 0.5) * 2.0**-bits
    u = fraction((octet.astype(jnp.uint32) << 24) | (first >> 8), 32)
    mean = jnp.stack([moments.up, moments.down])
    trials = jnp.sum(mean * mean, axis=0) / jnp.maximum(moments.excess, 1e-30)
    whole = _whole(trials, jnp.max(mean, axis=0), fraction(((first & 255) << 8) | (second & 255), 16))
    few = mean < _FEW
    p = jnp.where(few, jnp.minimum(mean / whole, 1.0 - 1e-6), 0.5)
    none = jnp.where(few, jnp.exp(whole * jnp.log1p(-p)), 0.0)
    some = jnp.where(few, -jnp.expm1(whole * jnp.log1p(-p)), 1.0)
    # What u says of the upward pulses if there are none leaves it uniform for the downward ones; else take another.
    left = jnp.maximum(u - some[0], 0.0) / jnp.maximum(none[0], 1e-30)
    u = jnp.stack([u, jnp.where((u < some[0]) | ~few[0], fraction(second >> 8, 24), left)])
    binomial = _inverse(jnp.where(few, u, 2.0), whole, p / (1.0 - p), none, some)
    large = lambda: jnp.where(few, binomial, _normal(mean, mean / trials, u))
    return Counts(*lax.cond(jnp.all(few), lambda: binomial, large))


def _whole(trials: Array, mean: Array, u: Array) -> Array:
    """A whole number n of trials, at least the mean, by chance so that 1/n has the mean 1/trials."""
    least = jnp.maximum(jnp.ceil(mean), 1.0)
    trials = jnp.minimum(trials, _MOST)
    below = jnp.maximum(jnp.floor(trials), least)
    return below + (u < (below + 1.0) * (trials - below) / jnp.maximum(trials, 1.0))


def _inverse(u: Array, trials: Array, odds: Array, none: Array, some: Array) -> Array:
    """The number k of a binomial distribution with P(more than k) <= u < P(more than k - 1)."""

    def further(state):
        index, chance, beyond, count = state
        for _ in range(4):
            count = count + (u < beyond)
            chance = chance * odds * (trials - index) / (index + 1.0)
            beyond = beyond - chance
            index = index + 1.0
        return index, chance, beyond, count

    going = lambda state: (state[0] < _TERMS) & jnp.any(u < state[2])
    zero = jnp.zeros((), u.dtype)
    return jnp.minimum(lax.while_loop(going, further, (zero, none, some, jnp.zeros_like(u)))[3], trials)


def _normal(mean: Array, share: Array, u: Array) -> Array:
    """Rounded normal numbers whose rounding adds the twelfth that is taken off their variance."""
    share = jnp.minimum(share, 1.0)
    deviation = jnp.sqrt(jnp.maximum(mean * (1.0 - share) - 1.0 / 12.0, 0.0))
    z = -jax.scipy.special.ndtri(jnp.clip(u, 1e-7, 1.0 - 1e-7))
    return jnp.maximum(jnp.round(mean + deviation * z), 0.0)
