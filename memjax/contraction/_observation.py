"""What is seen of many numbers, in parts that are put together."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array


class Observation(NamedTuple):
    """What was seen of many numbers: `total` adds up, `peak` is the largest."""

    total: Array
    peak: Array


def merge(a: Observation, b: Observation) -> Observation:
    """What was seen of two sets of numbers together."""
    return Observation(a.total + b.total, jnp.maximum(a.peak, b.peak))


def merged(seen: Observation) -> Observation:
    """What was seen of the sets along the leading axis together."""
    return Observation(seen.total.sum(0), seen.peak.max(0))
