"""Keeping weights within the range that a chip resolves."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from memjax import _check


def clipped(sigmas: Any = 2.5) -> optax.GradientTransformation:
    """Limit the weights after each update to `sigmas` standard deviations of their array: last in a chain.

    The largest weight of a matrix is what the full conductance range stands for; without outliers the others use more
    of the range, and errors of the cells weigh less.

    Args:
        sigmas: the limit, in standard deviations of the array after the update.

    Returns: an optax transformation. Its `update` needs the parameters.

    Raises: ValueError for a limit that is not positive and for missing parameters.

    Source: Joshi et al. (Nat. Commun. 11:2473, 2020), with a limit of 2 to 2.5 for PCM.
    """
    _check.number("sigmas", sigmas, 0.0, open_low=True)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        if params is None:
            raise ValueError("params must be given to the update of clipped, got None")

        def limit(change, value):
            after = value + change
            bound = sigmas * jnp.std(after)
            return jnp.clip(after, -bound, bound) - value

        return jax.tree.map(limit, updates, params), state

    return optax.GradientTransformation(optax.init_empty_state, update)
