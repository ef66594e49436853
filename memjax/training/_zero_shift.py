"""Zero-shifting: the reference of a cell, found by alternating pulses as on a chip."""

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax import _check
from memjax.training.laws import AbstractLaw, Made
from memjax.training.pulses import apply_net


def zero_shift(
    law: AbstractLaw, made: Made, key: Array | None, pulses: int = 2000, weight: Array | None = None
) -> Array:
    """The weights after `pulses` pairs of a pulse up and one down: each cell is drawn to its symmetry point.

    What a controller would store as references, noise of the pulses included; `symmetry_point` is what it tends to
    without noise and for small steps.

    Args:
        law: the update law.
        made: the cells.
        key: PRNG key of the noise; None: no noise.
        pulses: pairs of pulses.
        weight: where the cells start; None: zero.

    Raises: ValueError for a negative number of pulses.

    Source: Kim et al., "Zero-shifting technique for deep neural network training on resistive cross-point arrays"
        (arXiv:1907.10228, 2019).
    """
    _check.integer("pulses", pulses, 0, 2**31 - 1)
    if key is not None:
        _check.key("key", key)
    like = made["low"]
    start = jnp.zeros_like(like) if weight is None else jnp.broadcast_to(weight, like.shape).astype(like.dtype)
    start = jnp.clip(start, made["low"], made["high"])
    one = jnp.ones_like(like)

    def pair(index, ends):
        keys = [None if key is None else jax.random.fold_in(key, 2 * index + salt) for salt in (0, 1)]
        top = apply_net(law, ends[1], one, made, keys[0], one_by_one=True)
        return top, apply_net(law, top, -one, made, keys[1], one_by_one=True)

    top, bottom = lax.fori_loop(0, pulses, pair, (start, start))
    return 0.5 * (top + bottom)
