"""Rectangular pulses: exact where the model has a closed form, sub-stepped otherwise."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from memjax._check import number
from memjax.devices._base import AbstractDevice, Numeric
from memjax.devices._step import step


def apply_pulse(
    device: AbstractDevice, state: Numeric, amplitude: Numeric, width: Numeric, *, substeps: int = 64
) -> Array:
    """The state after a pulse of `amplitude` [V] and `width` [s]; everything broadcasts, a whole array at once.

    Models with a closed form (`device.pulse`) are exact and ignore `substeps`; the others take that many
    exponential steps (see `step`). Raises ValueError for a state outside [0, 1] or a negative width.
    """
    number("state", state, 0.0, 1.0)
    number("width", width, 0.0)
    if substeps < 1:
        raise ValueError(f"apply_pulse: substeps must be at least 1, got {substeps}")
    return _apply(device, state, amplitude, width, substeps=substeps)


@partial(jax.jit, static_argnames="substeps")
def _apply(device, state, amplitude, width, *, substeps):
    exact = device.pulse(state, amplitude, width)
    if exact is not None:
        return exact
    like = jax.eval_shape(lambda: jnp.asarray(state + device.derivative(state, amplitude) * width))
    state = jnp.broadcast_to(state, like.shape).astype(like.dtype)
    h = jnp.asarray(width / substeps).astype(like.dtype)

    def body(state, _):
        return step(device, "exponential", state, amplitude, amplitude, amplitude, h).astype(like.dtype), None

    return jax.lax.scan(body, state, None, length=substeps)[0]
