"""Elementary functions that stay finite, with finite gradients, in float32."""

import jax
import jax.numpy as jnp
from jax import Array

from memjax.devices._base import Numeric

# exp(60) = 1e26: beyond every rate of a real device, and a product of two such numbers
# with SI constants still fits into float32.
_LARGEST_EXPONENT = 60.0


def bounded_exp(x: Numeric) -> Array:
    """exp(x) with |x| limited to 60, so that neither the value nor the gradient overflows."""
    return jnp.exp(jnp.clip(x, -_LARGEST_EXPONENT, _LARGEST_EXPONENT))


def scaled_sinh(log_scale: Numeric, x: Numeric) -> Array:
    """exp(log_scale) sinh(x) without forming either factor; accurate near x = 0."""
    small = jnp.abs(x) < 1.0
    inner = jnp.where(small, x, 0.0)
    outer = jnp.where(small, 1.0, x)
    near = bounded_exp(log_scale) * jnp.sinh(inner)
    far = 0.5 * (bounded_exp(log_scale + outer) - bounded_exp(log_scale - outer))
    return jnp.where(small, near, far)


def positive_power(x: Numeric, exponent: Numeric) -> Array:
    """max(x, 0)**exponent with zero (not NaN) gradients at and below zero.

    Written as exp(exponent log x): XLA vectorises both on CPU, pow it does not.
    """
    above = x > 0
    safe = jnp.where(above, x, 1.0)
    return jnp.where(above, jnp.exp(exponent * jnp.log(safe)), 0.0)


def increasing_root(residual, low: Numeric, high: Numeric, iterations: int = 48, reach: Numeric | None = None) -> Array:
    """The zero of an increasing elementwise function on [low, high], by bisection and one Newton step.

    Differentiable by the implicit function theorem, with respect to everything `residual` closes over.
    `reach` is for functions that fall again: the zero is then the smallest, if the function exceeds 0 behind it at one
    of 15 points that divide [low, reach] evenly. They are tried upwards before anything else is halved, and count as
    iterations.
    """

    def bisect(f, start):
        def halve(index, bracket):
            low, high = bracket
            middle = 0.5 * (low + high)
            if reach is not None:
                untried = (index < 15) & (high == end)
                middle = jnp.where(untried, begin + ((reach - begin) * (index + 1) / 16).astype(begin.dtype), middle)
            below = f(middle) < 0
            return jnp.where(below, middle, low), jnp.where(below, high, middle)

        begin, end = bracket
        low, high = jax.lax.fori_loop(0, iterations, halve, bracket)
        root = 0.5 * (low + high)
        value, slope = jax.jvp(f, (root,), (jnp.ones_like(root),))
        return jnp.clip(root - value / jnp.where(slope > 0, slope, 1.0), low, high)

    def divide(linear, y):
        slope = linear(jnp.ones_like(y))
        return y / jnp.where(slope > 0, slope, 1.0)

    reach = None if reach is None else jax.lax.stop_gradient(reach)
    bracket = jax.lax.stop_gradient(tuple(jnp.broadcast_arrays(low, high)))
    return jax.lax.custom_root(residual, bracket[0], bisect, divide)
