"""Writing pulses to an array of cells: the one door to how they are applied."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from memjax.training.laws import AbstractLaw, Made
from memjax.training.pulses._lists import apply_drawn, apply_listed
from memjax.training.pulses._moments import Moments, draw
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
        after, z = apply_listed(law, weight, counts, made, key, *see_keys)
        if not counted:
            return Sent(after, z, None)
        return Sent(after, z, counts if isinstance(counts, Counts) else both_ways(counts))

    return write


def send_drawn(law: AbstractLaw, moments: Moments, draw_key: Array):
    """The writer that sends numbers of pulses drawn with these moments; cells without any are not drawn on a CPU."""

    def write(weight: Array, made: Made, key: Array, see_keys: tuple[Array, ...], counted: bool) -> Sent:
        after, z = apply_drawn(law, weight, moments, made, draw_key, key, *see_keys)
        return Sent(after, z, draw(moments, draw_key) if counted else None)

    return write


def both_ways(counts: Array) -> Counts:
    """Signed numbers of pulses as numbers upwards and downwards."""
    return Counts(jnp.maximum(counts, 0.0), jnp.maximum(-counts, 0.0))
