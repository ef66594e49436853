"""Bounded parameters as variables on the whole line, so that no step of an optimiser leaves their bounds."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax._check import satisfies

Bounds = Mapping[str, tuple[float, float]]


def to_line(name: str, value: Any, low: float, high: float) -> Array:
    """The unbounded variable of a parameter inside its bounds; logarithmic where they are a decade apart."""
    if not low < high:
        raise ValueError(f"fit: bounds of {name} must increase, got ({low:g}, {high:g})")
    satisfies(name, value, lambda v: (v > low) & (v < high), f"strictly between its bounds {low:g} and {high:g}")
    if _logarithmic(low, high):
        ends = np.log(abs(low)), np.log(abs(high))
        share = (jnp.log(jnp.abs(value)) - ends[0]) / (ends[1] - ends[0])
    else:
        share = (value - low) / (high - low)
    return jnp.asarray(jnp.log(share / (1 - share)), dtype=jnp.result_type(float))


def from_line(line: Array, low: float, high: float) -> Array:
    """The parameter of an unbounded variable."""
    share = jax.nn.sigmoid(line)
    if _logarithmic(low, high):
        return np.sign(low) * jnp.exp((1 - share) * np.log(abs(low)) + share * np.log(abs(high)))
    return low + (high - low) * share


def _logarithmic(low: float, high: float) -> bool:
    return low * high > 0 and max(abs(low), abs(high)) >= 10 * min(abs(low), abs(high))
