"""Resistances of a cell's two states scattered about their means."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

ROUNDS = 64
DISTRIBUTIONS = ("normal", "lognormal")


def _factor(distribution: str, relative: Array, z: Array) -> Array:
    """R / mean for a standard normal z; exactly 1 without spread."""
    if distribution == "normal":
        return 1.0 + relative * z
    spread = jnp.log1p(relative**2)
    positive = spread > 0
    sigma = jnp.where(positive, jnp.sqrt(jnp.where(positive, spread, 1.0)), 0.0)
    return jnp.exp(sigma * z - spread / 2.0)


def scattered(
    low: Array,
    high: Array,
    r_on_std: Any,
    r_off_std: Any,
    distribution: str,
    draw: Callable[[Array], Array],
    key: Array,
) -> tuple[Array, Array]:
    """Conductances [S] of the two states of each cell, scattered about `low` and `high`.

    Pairs with R_on <= 0 or R_on >= R_off are drawn again (truncation by resampling, never by taking magnitudes; after
    64 rounds a cell keeps its means). Cells with low = high are stuck and stay; an infinite R_off stays infinite.

    Args:
        low, high: means, as conductances [S] of the high- and the low-resistance state.
        r_on_std, r_off_std: standard deviations of the resistances [ohm].
        distribution: "normal"; or "lognormal", with these means and standard deviations.
        draw: key -> standard normal numbers [2, *low.shape].
        key: PRNG key.
    """
    stuck = low >= high

    def ranges(z):
        on = high / _factor(distribution, r_on_std * high, z[0])
        off = low / _factor(distribution, r_off_std * low, z[1])
        return off, on

    def invalid(z):
        off, on = ranges(z)
        return ~(((off > 0) | (low == 0)) & (off < on) | stuck)

    def redraw(state):
        count, z = state
        return count + 1, jnp.where(invalid(z), draw(jax.random.fold_in(key, count)), z)

    # Only the accepted standard normals come out of the loop: the resistances stay differentiable in mean and std.
    nothing = jnp.full((2, *low.shape), jnp.nan, low.dtype)
    _, z = lax.while_loop(lambda s: (s[0] == 0) | jnp.any(invalid(s[1])) & (s[0] < ROUNDS), redraw, (0, nothing))
    z = lax.stop_gradient(jnp.nan_to_num(z))
    off, on = ranges(jnp.where(invalid(z), 0.0, z))
    return jnp.where(stuck, low, off), jnp.where(stuck, high, on)
