"""Outer products as coincident pulses: trains of every sample, counts slot by slot, or counts by their moments."""

import math

import jax
import jax.numpy as jnp
from jax import Array

from memjax.contraction import Outer
from memjax.training.pulses._moments import Moments
from memjax.training.pulses._rules import Counts
from memjax.training.pulses._slots import visit
from memjax.training.pulses._trains import Management, PulseTrains, Trains, manage, trains


def trains_of(outer: Outer, rate: Array, step: Array, how: PulseTrains) -> Trains:
    """Pulse trains of every sample."""
    return trains(*outer.samples(), rate, step, how)


def counts_of(outer: Outer, rate: Array, step: Array, how: PulseTrains, key: Array) -> Counts:
    """Pulses of the mini-batch, drawn slot by slot, [K, N]."""

    def add(counts, pulses):
        more = Counts(jnp.maximum(pulses.count, 0.0), jnp.maximum(-pulses.count, 0.0))
        return jax.tree.map(lambda total, new: total.at[pulses.cell].add(new, mode="drop"), counts, more)

    zero = jnp.zeros(math.prod(outer.contraction.shape), outer.x.dtype)
    counts = visit(trains_of(outer, rate, step, how), key, 0, add, Counts(zero, zero))
    return jax.tree.map(lambda total: total.reshape(outer.contraction.shape), counts)


def moments_of(outer: Outer, rate: Array, step: Array, how: PulseTrains) -> Moments:
    """Moments of the pulses of the mini-batch, [K, N], from three products.

    With the mean p of a slot, sum |x d| and sum x d give the means of both directions, sum x^2 d^2 / slots the sum
    B p^2 of both together.
    """
    scale = _management(outer, rate, step, how)
    clip = lambda a, limit: jnp.clip(a, -limit, limit)
    d = clip(outer.d, scale.limit)
    x = outer.x if how.management else clip(outer.x, 1.0 / jnp.max(scale.x_gain))
    total, net = outer.sum(jnp.abs(x), jnp.abs(d)), outer.sum(x, d)
    excess = outer.sum(x * x, d * d / scale.length) * (rate / step) ** 2
    gain = 0.5 * rate / step
    return Moments(jnp.maximum(gain * (total - net), 0.0), jnp.maximum(gain * (total + net), 0.0), excess)


def _management(outer: Outer, rate: Array, step: Array, how: PulseTrains) -> Management:
    x_peak = outer.contraction.peak(jnp.abs(outer.x))
    d_peak = jnp.max(jnp.abs(outer.d), axis=-1, keepdims=True)
    return manage(x_peak, d_peak, rate, step, how)
