"""One explicit step of the state equation, for waveforms known at both ends and the middle of the step."""

import jax
import jax.numpy as jnp
from jax import Array

STEPS = ("euler", "heun", "rk4", "exponential", "pulses")

# exp(60) = 1e26: a growth that carries every state it can resolve to the bound.
_LARGEST_EXPONENT = 60.0


def step(device, method: str, state: Array, start: Array, middle: Array, end: Array, width: Array) -> Array:
    """The state after `width` [s] of the voltages `start`, `middle`, `end` [V], kept in [0, 1] at every stage.

    "euler", "heun" and "rk4" are the usual schemes of order 1, 2 and 4. "exponential" (order 2) solves the equation
    linearised about the state exactly at the middle voltage: it is exact for rates linear in the state and cannot
    become unstable where the state relaxes much faster than the step.
    """
    f = device.derivative
    if method == "euler":
        return clamp(state + width * f(state, start))
    if method == "heun":
        first = f(state, start)
        second = f(clamp(state + width * first), end)
        return clamp(state + 0.5 * width * (first + second))
    if method == "rk4":
        k1 = f(state, start)
        k2 = f(clamp(state + 0.5 * width * k1), middle)
        k3 = f(clamp(state + 0.5 * width * k2), middle)
        k4 = f(clamp(state + width * k3), end)
        return clamp(state + width / 6 * (k1 + 2 * (k2 + k3) + k4))
    rate, slope = tangent(lambda x: f(x, middle), state)
    return clamp(state + rate * (width * mean_growth(width * slope)))


def tangent(f, state: Array) -> tuple[Array, Array]:
    """Rate and its slope d(rate)/d(state) of every cell: the models are elementwise, so one tangent of ones does."""
    return jax.jvp(f, (state,), (jnp.ones_like(state),))


def clamp(state: Array) -> Array:
    """Limit to [0, 1]; a state at or beyond a bound passes no gradient, since the bound alone decides it."""
    inside = (state > 0) & (state < 1)
    return jnp.where(inside, state, jax.lax.stop_gradient(jnp.clip(state, 0, 1)))


def mean_growth(z: Array) -> Array:
    """(e^z - 1)/z, continued through z = 0; growth ends at e^60 (the clamp stops a runaway anyway)."""
    small = jnp.abs(z) < 1e-5
    safe = jnp.where(small, 1.0, z)
    return jnp.where(small, 1 + 0.5 * z, jnp.expm1(jnp.minimum(safe, _LARGEST_EXPONENT)) / safe)


def curved_growth(z: Array) -> Array:
    """(e^z - 1 - z - z^2/2)/z^3, which weighs what a rate has beyond its linear part."""
    small = jnp.abs(z) < 1
    inner, outer = jnp.where(small, z, 0.0), jnp.where(small, 1.0, z)
    series = jnp.zeros_like(z)
    for divisor in (12, 11, 10, 9, 8, 7, 6, 5, 4):
        series = (1 + series) * inner / divisor
    return jnp.where(small, (1 + series) / 6, ((mean_growth(outer) - 1) / outer - 0.5) / outer)
