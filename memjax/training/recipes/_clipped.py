"""Keeping weights within the range that a chip resolves."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from memjax import _check
from memjax.training.recipes._columns import OVER, axes, is_matrix
from memjax.training.recipes._schedule import at, check_schedule

UNITS = ("deviation", "weight")


class ClippedState(NamedTuple):
    """How many updates `clipped` has seen: where its schedule stands."""

    count: Array


def clipped(limit: Any = 2.5, *, unit: str = "deviation", over: str = "array") -> optax.GradientTransformation:
    """Limit the weights after each update, by default to 2.5 standard deviations of their array: last in a chain.

        w <- clip(w, -limit sigma, limit sigma)        unit "deviation"
        w <- clip(w, -limit, limit)                    unit "weight"

    The largest weight of a matrix is what the full conductance range stands for; without outliers the others use more
    of the range, and errors of the cells weigh less. Arrays with fewer than two axes (biases, gains) stay as they are.

    Args:
        limit: a number or an optax schedule of it.
        unit: of the limit: standard deviations after the update, or weights.
        over: what has a standard deviation of its own: each "array", or each "column" (index of the last axis).

    Returns: an optax transformation. Its `update` needs the parameters.

    Raises: ValueError for a limit that is not positive and for missing parameters.

    Source: Joshi et al. (Nat. Commun. 11:2473, 2020), with a limit of 2 to 2.5 deviations for PCM.
    """
    limit = check_schedule("limit", limit, above=0.0)
    _check.choice("unit", unit, UNITS)
    _check.choice("over", over, OVER)

    def bound(weights: Array, count: Array) -> Array:
        value = at(limit, count)
        return value * jnp.std(weights, axis=axes(weights, over), keepdims=True) if unit == "deviation" else value

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, ClippedState]:
        if params is None:
            raise ValueError("params must be given to the update of clipped, got None")

        def limited(change, value):
            if not is_matrix(value):
                return change
            after = value + change
            most = bound(after, state.count)
            return (jnp.clip(after, -most, most) - value).astype(after.dtype)

        return jax.tree.map(limited, updates, params), ClippedState(jnp.asarray(optax.safe_increment(state.count)))

    return optax.GradientTransformation(lambda params: ClippedState(jnp.zeros((), jnp.int32)), update)
