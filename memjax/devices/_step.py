"""One explicit step of the state equation, for waveforms known at both ends and the middle of the step."""

import jax
import jax.numpy as jnp
from jax import Array

STEPS = ("euler", "heun", "rk4", "exponential")


def step(device, method: str, state: Array, start: Array, middle: Array, end: Array, width: Array) -> Array:
    """The state after `width` [s] of the voltages `start`, `middle`, `end` [V], kept in [0, 1] at every stage.

    "euler", "heun" and "rk4" are the usual schemes of order 1, 2 and 4. "exponential" (order 2) solves the equation
    linearised about the state exactly at the middle voltage: it is exact for rates linear in the state and cannot
    become unstable where the state relaxes much faster than the step.
    """
    f = device.derivative
    if method == "euler":
        return _clamp(state + width * f(state, start))
    if method == "heun":
        first = f(state, start)
        second = f(_clamp(state + width * first), end)
        return _clamp(state + 0.5 * width * (first + second))
    if method == "rk4":
        k1 = f(state, start)
        k2 = f(_clamp(state + 0.5 * width * k1), middle)
        k3 = f(_clamp(state + 0.5 * width * k2), middle)
        k4 = f(_clamp(state + width * k3), end)
        return _clamp(state + width / 6 * (k1 + 2 * (k2 + k3) + k4))
    # The models are elementwise, so one tangent of ones gives every cell its own d(rate)/d(state).
    rate, slope = jax.jvp(lambda x: f(x, middle), (state,), (jnp.ones_like(state),))
    return _clamp(state + width * rate * _mean_growth(width * slope))


def _clamp(state: Array) -> Array:
    """Limit to [0, 1]; a state at or beyond a bound passes no gradient, since the bound alone decides it."""
    inside = (state > 0) & (state < 1)
    return jnp.where(inside, state, jax.lax.stop_gradient(jnp.clip(state, 0, 1)))


def _mean_growth(z: Array) -> Array:
    """(e^z - 1)/z, continued through z = 0 and limited above (a runaway is stopped by the clamp anyway)."""
    small = jnp.abs(z) < 1e-3
    safe = jnp.clip(jnp.where(small, 1.0, z), -60.0, 20.0)
    return jnp.where(small, 1 + 0.5 * z, jnp.expm1(safe) / safe)
