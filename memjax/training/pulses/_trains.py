"""Stochastic pulse trains: how inputs and errors become pulses on word lines and bit lines.

An update -rate d x^T is made by a train of random pulses on every word line, of the rate |x|, and one on every bit
line, of the rate |d|. Where both fire in the same slot the cell changes by one step, upwards where x d < 0.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

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
