"""Voltage waveforms in, traces out: the fixed-step integration of every device model."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from memjax._check import concrete, number
from memjax._check import key as check_key
from memjax.devices._base import AbstractDevice, Numeric
from memjax.devices._step import STEPS, step

# Largest change of the scaled state per step that passes without a warning, and the one the warning recommends.
_LARGEST_MOVE, _GOOD_MOVE = 0.2, 0.01


class Trace(eqx.Module):
    """What a device did: one entry per time sample, trailing axes `...` for populations."""

    time: Array
    """[T], s."""
    voltage: Array
    """[T, ...], V."""
    current: Array
    """[T, ...], A; of the same instant as `voltage` and `state`."""
    state: Array
    """[T, ...], in [0, 1]."""
    conductance: Array
    """[T, ...], S, at the model's read voltage."""
    energy: Array
    """[T, ...], J, dissipated since the first sample (trapezoidal in the samples)."""
    temperature: Array | None
    """[T, ...], K; None where the model has none."""


class StepSizeWarning(UserWarning):
    """The state moves so far within one step that the trace depends on the step."""


def simulate(
    device: AbstractDevice,
    voltage: Numeric | Callable[[Array], Array],
    time: Numeric,
    state: Numeric | None = None,
    method: Any = "rk4",
    substeps: int = 1,
    *,
    tolerance: float = 1e-6,
    key: Array | None = None,
) -> Trace:
    """The response of a device to a voltage waveform.

    voltage: samples `[T, ...]` [V], linear in between, or a function of time [s]. time: `[T]` [s], increasing.
    state: `[...]` in [0, 1] at the first sample; the model's own `initial` if None.
    method: "euler", "heun", "rk4", "exponential" (see `step`), each with `substeps` steps per sample; or "diffrax",
    adaptive steps to the relative and absolute `tolerance` that stop at every sample and threshold, by Tsit5 or by the
    diffrax solver given in place of the name (`diffrax.Kvaerno5()` for stiff models).
    key: draws the noise of models that have `diffusion`; without a key the trace is the deterministic one.

    Raises ValueError for times that do not increase, states outside [0, 1], shapes that do not agree. Warns
    (StepSizeWarning) when a step is too long for the rate, with a number of `substeps` that would do.
    """
    time, width, voltage, state = _prepare(device, voltage, time, state, substeps, key)
    fixed = isinstance(method, str) and method != "diffrax"
    if fixed and method not in STEPS:
        raise ValueError(f"simulate: method must be one of {STEPS}, 'diffrax' or a diffrax solver, got {method!r}")
    if key is not None and not fixed:
        raise ValueError("simulate: noise needs one of the fixed-step methods, got a key with an adaptive one")
    if fixed:
        states = _march(device, voltage, time, width, state, key, method=method, substeps=substeps, keep=True)
    else:
        from memjax.devices._adaptive import integrate  # diffrax takes a second to import: only who asks, waits

        states = integrate(device, voltage, time, width, state, method, tolerance)
        _refuse_gaps(states, time)
    samples = jax.vmap(voltage)(time) if callable(voltage) else voltage
    trace = _trace(device, samples, time, width, states)
    if fixed:
        _warn_of_large_steps(device, trace, width / substeps, substeps)
    return trace


def evolve(
    device: AbstractDevice,
    voltage: Numeric | Callable[[Array], Array],
    time: Numeric,
    state: Numeric | None = None,
    method: str = "rk4",
    substeps: int = 1,
    *,
    key: Array | None = None,
) -> Array:
    """The final state `[...]` of `simulate`, without storing the trace: for large populations."""
    time, width, voltage, state = _prepare(device, voltage, time, state, substeps, key)
    if method not in STEPS:
        raise ValueError(f"evolve: method must be one of {STEPS}, got {method!r}")
    return _march(device, voltage, time, width, state, key, method=method, substeps=substeps, keep=False)


def _prepare(device, voltage, time, state, substeps, key):
    """Checked arguments: time and width `[T]`, `[T - 1]`, a voltage array or function, an initial state."""
    if substeps < 1:
        raise ValueError(f"simulate: substeps must be at least 1, got {substeps}")
    if key is not None:
        check_key("key", key)
    known = concrete(time)
    if np.ndim(time) != 1 or np.shape(time)[0] < 2:
        raise ValueError(f"simulate: time must be one axis of at least 2 samples, got shape {np.shape(time)}")
    if known is not None and not np.all(np.diff(known) > 0):
        index = int(np.flatnonzero(~(np.diff(known) > 0))[0])
        raise ValueError(f"simulate: time must increase, got {known[index]:g} s before {known[index + 1]:g} s")
    # Differences are taken before rounding to float32, in which 1 s + 10 ns = 1 s.
    width = jnp.diff(time) if known is None else jnp.asarray(np.diff(known.astype(np.float64)))
    if not callable(voltage):
        if np.ndim(voltage) == 0 or np.shape(voltage)[0] != np.shape(time)[0]:
            raise ValueError(
                f"simulate: voltage must have one entry per time, {np.shape(voltage)} for {np.shape(time)}"
            )
        volts = concrete(voltage)
        if volts is not None and not np.isfinite(volts).all():
            raise ValueError("simulate: voltage must be finite, got NaN or infinity")
        voltage = jnp.asarray(voltage)
        voltage = voltage if jnp.issubdtype(voltage.dtype, jnp.inexact) else voltage.astype(float)
    if state is None:
        state = device.initial
    else:
        number("state", state, 0.0, 1.0)
    state = jnp.asarray(state)
    leaves = [state, *jax.tree.leaves(device)]
    start = jax.eval_shape(voltage, time[0]) if callable(voltage) else voltage[0]
    shape = np.broadcast_shapes(start.shape, *(jnp.shape(leaf) for leaf in leaves))
    dtype = jnp.result_type(start.dtype, *leaves)
    return jnp.asarray(time), width, voltage, jnp.broadcast_to(state, shape).astype(dtype)


def _march(device, voltage, time, width, state, key, *, method, substeps, keep):
    if callable(voltage):
        return _march_function(
            device, time, width, state, key, method=method, substeps=substeps, keep=keep, wave=voltage
        )
    return _march_samples(device, voltage, width, state, key, method=method, substeps=substeps, keep=keep)


@partial(jax.jit, static_argnames=("method", "substeps", "keep"))
def _march_samples(device, voltage, width, state, key, *, method, substeps, keep):
    """Fixed steps through linearly interpolated samples."""

    def wave(interval, fraction):
        start, end = interval
        return start + fraction * (end - start)

    return _scan(device, wave, (voltage[:-1], voltage[1:]), width, state, key, method, substeps, keep)


@partial(jax.jit, static_argnames=("method", "substeps", "keep", "wave"))
def _march_function(device, time, width, state, key, *, method, substeps, keep, wave):
    """Fixed steps through a function of time."""

    def at(interval, fraction):
        start, width = interval
        return wave(start + fraction * width)

    return _scan(device, at, (time[:-1], width), width, state, key, method, substeps, keep)


def _scan(device, wave, intervals, width, state, key, method, substeps, keep):
    """lax.scan over intervals of `substeps` steps; all states `[T, ...]` if `keep`, else the last."""
    dtype = state.dtype

    def advance(state, index, interval, width, sub):
        a, b = sub / substeps, (sub + 1) / substeps
        start, middle, end = wave(interval, a), wave(interval, 0.5 * (a + b)), wave(interval, b)
        h = (width / substeps).astype(dtype)
        new = step(device, method, state, start, middle, end, h)
        noise = device.diffusion(state, middle)
        if key is not None and noise is not None:
            draw = jax.random.normal(jax.random.fold_in(key, index * substeps + sub), state.shape, dtype)
            new = jnp.clip(new + noise * jnp.sqrt(h) * draw, 0, 1)
        return new.astype(dtype)

    def over_interval(state, inputs):
        index, interval, width = inputs
        if substeps == 1:
            new = advance(state, index, interval, width, 0)
        else:
            body = lambda s, sub: (advance(s, index, interval, width, sub), None)
            new, _ = jax.lax.scan(body, state, jnp.arange(substeps))
        return new, new if keep else None

    inputs = (jnp.arange(width.shape[0]), intervals, width)
    last, states = jax.lax.scan(over_interval, state, inputs)
    return last if states is None else jnp.concatenate([state[None], states])


@jax.jit
def _trace(device, voltage, time, width, states) -> Trace:
    volts = voltage.reshape(voltage.shape + (1,) * (states.ndim - voltage.ndim))
    current = device.current(states, volts)
    power = volts * current
    steps = width.astype(power.dtype).reshape((-1,) + (1,) * (power.ndim - 1))
    # Summed in order of time: the tree of jnp.cumsum lets float32 rounding lower the energy now and then.
    heat = jnp.concatenate([jnp.zeros_like(power[:1]), 0.5 * (power[1:] + power[:-1]) * steps])
    _, energy = jax.lax.scan(lambda total, more: (total + more, total + more), jnp.zeros_like(heat[0]), heat)
    conductance = device.conductance(states)
    return Trace(time, voltage, current, states, conductance, energy, device.temperature(states, volts))


def _refuse_gaps(states, time) -> None:
    """Raise where the adaptive solver gave up; inside jit the states stay NaN."""
    known = concrete(states)
    if known is not None and not np.isfinite(known).all():
        lost = np.flatnonzero(~np.isfinite(known.reshape(len(known), -1)).all(axis=1))[0]
        raise RuntimeError(
            f"simulate: the adaptive solver gave up after t = {time[lost - 1]:g} s, with too many steps between two "
            "samples; use shorter samples, a larger tolerance or a stiff solver, method=diffrax.Kvaerno5()"
        )


def _warn_of_large_steps(device, trace, width, substeps) -> None:
    """Compare the rate at both ends of every interval with the step; silent while tracing."""
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((device, trace))):
        return
    move = float(_largest_move(device, trace, width))
    if move > _LARGEST_MOVE:
        needed = substeps * move / _GOOD_MOVE
        warnings.warn(
            f"simulate: {type(device).__name__} moves by {move:.3g} of its range per step; use substeps={needed:.0f}, "
            "shorter samples, method='diffrax' or, for rectangular pulses, apply_pulse",
            StepSizeWarning,
            stacklevel=3,
        )


@jax.jit
def _largest_move(device, trace, width):
    """max |rate| x step over the samples, ignoring rates that push against the bound the state is at."""
    volts = trace.voltage.reshape(trace.voltage.shape + (1,) * (trace.state.ndim - trace.voltage.ndim))
    h = width.reshape((-1,) + (1,) * (trace.state.ndim - 1))

    def inward(state, voltage):
        rate = device.derivative(state, voltage)
        held = ((state <= 0) & (rate < 0)) | ((state >= 1) & (rate > 0))
        return jnp.max(jnp.where(held, 0.0, jnp.abs(rate) * h))

    start = trace.state[:-1]
    return jnp.maximum(inward(start, volts[:-1]), inward(start, volts[1:]))
