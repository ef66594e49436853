"""Pulse trains without chance: how many pulses a cell gets from a sample."""

import jax.numpy as jnp
from jax import Array, lax

from memjax.training.pulses._rules import Counts
from memjax.training.pulses._trains import Trains


def counts_of_sample(sample: Trains, form: str) -> Array:
    """Signed pulses [K, N] of one sample (x [K], d [N]); "mean_count" or "implicit" as in `PulseTrains`."""
    x, d, slots = jnp.abs(sample.x), jnp.abs(sample.d), sample.length
    if form == "mean_count":
        size = jnp.round(jnp.round(slots * x)[:, None] * jnp.round(slots * d) / slots)
    else:
        size = jnp.round(slots * x[:, None] * d)
    return -jnp.sign(sample.x)[:, None] * jnp.sign(sample.d) * size


def counts_of_samples(trains: Trains, form: str) -> Counts:
    """Pulses of a mini-batch [K, N], those of its samples added up in each direction."""

    def add(total, sample):
        count = counts_of_sample(sample, form)
        return Counts(total.up + jnp.maximum(count, 0.0), total.down + jnp.maximum(-count, 0.0)), None

    none = jnp.zeros((trains.x.shape[1], trains.d.shape[1]), trains.x.dtype)
    return lax.scan(add, Counts(none, none), trains)[0]
