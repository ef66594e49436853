"""Writing pulses to an array of cells: the one door to how they are applied."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from memjax.training.laws import AbstractLaw, Made
from memjax.training.pulses._apply import apply_pulses
from memjax.training.pulses._lists import apply_listed
from memjax.training.pulses._noise import normal
from memjax.training.pulses._rules import Counts


class Sent(NamedTuple):
    """What a write has done.

    Attributes:
        weight: the weights after it.
        z: standard normal numbers of the cells that were pulsed, one array for each key of write noise.
        counts: the pulses that were sent, where they were asked for.
    """

    weight: Array
    z: tuple[Array, ...]
    counts: Counts | None


def send(law: AbstractLaw, counts: Array | Counts):
    """The writer that sends signed numbers of pulses, or pulses in both directions (see `algorithms._cells.Writer`)."""

    def write(weight: Array, made: Made, key: Array, see_keys: tuple[Array, ...], counted: bool) -> Sent:
        if isinstance(counts, Counts):
            after = apply_pulses(law, weight, *counts, made, key)
            return Sent(after, tuple(normal(see, weight.shape, weight.dtype) for see in see_keys), counts)
        after, z = apply_listed(law, weight, counts, made, key, *see_keys)
        return Sent(after, z, both_ways(counts) if counted else None)

    return write


def both_ways(counts: Array) -> Counts:
    """Signed numbers of pulses as numbers upwards and downwards."""
    return Counts(jnp.maximum(counts, 0.0), jnp.maximum(-counts, 0.0))
