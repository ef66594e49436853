"""Voltage waveforms in, traces out: the fixed-step integration of every device model."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from memjax._check import choice, concrete, integer, number, satisfies
from memjax._check import key as check_key
from memjax.devices._base import AbstractDevice, Numeric, check_device
from memjax.devices._pulse import pulsed
from memjax.devices._step import STEPS, step

HOLDS = ("linear", "zero")

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
    """[T, ...], J, dissipated since the first sample (trapezoidal between samples)."""
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
    hold: str = "linear",
    key: Array | None = None,
) -> Trace:
    """The response of a device to a voltage waveform.

    voltage: samples `[T, ...]` [V], or a function of time [s]. time: `[T]` [s], increasing.
    state: `[...]` in [0, 1] at the first sample; the model's own `initial` if None.
    method: "euler", "heun", "rk4", "exponential" (see `step`), each with `substeps` steps per sample; "pulses", where
    each of these is an `apply_pulse` at its middle voltage, for rates that no fixed step resolves; or "diffrax",
    adaptive steps to the relative and absolute `tolerance` that stop at every sample and threshold, by Tsit5 or by the
    diffrax solver given in place of the name (`diffrax.Kvaerno5()` for stiff models).
    hold: samples are joined by lines ("linear"), or each lasts until the next ("zero", as a converter holds it).
    key: draws the noise of models that have `diffusion`; without a key the trace is the deterministic one.

    Raises TypeError for what is no device, number or key; ValueError for times that do not increase, states outside
    [0, 1], shapes that do not agree. Warns (StepSizeWarning) when a step is too long for the rate, with a number of
    `substeps` that would do.

    Example:
        ```python
        import jax.numpy as jnp
        import memjax as mj

        device = mj.devices.LinearIonDrift.biolek_soft()
        time = jnp.linspace(0.0, 2.0, 500)
        trace = mj.simulate(device, 1.2 * jnp.sin(jnp.pi * time), time, method="rk4")
        print(trace.current.shape, trace.conductance[-1])
        ```
    """
    time, width, voltage, state = prepare("simulate", device, voltage, time, state, substeps, hold, key)
    number("tolerance", tolerance, 0.0, 1.0, open_low=True)
    fixed = isinstance(method, str) and method != "diffrax"
    if fixed and method not in STEPS:
        raise ValueError(f"simulate: method must be one of {STEPS}, 'diffrax' or a diffrax solver, got {method!r}")
    if key is not None and not fixed:
        raise ValueError("simulate: noise needs one of the fixed-step methods, got a key with an adaptive one")
    if fixed:
        intervals = _intervals(voltage, time, width, substeps, hold)
        states = _march(device, intervals, width, state, key, method=method, substeps=substeps, keep=True)
        if method == "pulses":
            _refuse_gaps(states, time)
    else:
        from memjax.devices._adaptive import integrate  # diffrax takes a second to import: only who asks, waits

        states = integrate(device, voltage, time, width, state, method, tolerance, hold)
        _refuse_gaps(states, time)
    trace = _trace(device, _samples(voltage, time), time, width, states, hold=hold)
    if fixed and method != "pulses":
        warn_of_large_steps(device, trace, width / substeps, substeps, hold)
    return trace


def evolve(
    device: AbstractDevice,
    voltage: Numeric | Callable[[Array], Array],
    time: Numeric,
    state: Numeric | None = None,
    method: str = "rk4",
    substeps: int = 1,
    *,
    hold: str = "linear",
    key: Array | None = None,
) -> Array:
    """The final state `[...]` of `simulate`, without storing the trace: for large populations."""
    time, width, voltage, state = prepare("evolve", device, voltage, time, state, substeps, hold, key)
    if method not in STEPS:
        raise ValueError(f"evolve: method must be one of {STEPS}, got {method!r}")
    intervals = _intervals(voltage, time, width, substeps, hold)
    return _march(device, intervals, width, state, key, method=method, substeps=substeps, keep=False)


def response(device, voltage: Array, time: Array, width: Array, state: Array, method: str, substeps: int) -> Trace:
    """`simulate` of prepared arguments, without checks and warnings: for traced code."""
    intervals = _intervals(voltage, time, width, substeps, "linear")
    states = _march(device, intervals, width, state, None, method=method, substeps=substeps, keep=True)
    return _trace(device, voltage, time, width, states, hold="linear")


def prepare(owner: str, device, voltage, time, state, substeps: int, hold: str = "linear", key=None):
    """Checked arguments: time and width `[T]`, `[T - 1]`, a voltage array or function, an initial state."""
    check_device(owner, device)
    integer("substeps", substeps, 1, 1_000_000_000)
    choice("hold", hold, HOLDS)
    if key is not None:
        check_key("key", key)
    time = _floating("time", time)
    if time.ndim != 1 or time.shape[0] < 2:
        raise ValueError(f"{owner}: time must be one axis of at least 2 samples, got shape {time.shape}")
    known = concrete(time)
    if known is not None and not np.all(np.diff(known) > 0):
        index = int(np.flatnonzero(~(np.diff(known) > 0))[0])
        raise ValueError(f"{owner}: time must increase, got {known[index]:g} s before {known[index + 1]:g} s")
    satisfies("time", time, np.isfinite, "finite")
    # Differences are taken before rounding to float32, in which 1 s + 10 ns = 1 s.
    width = jnp.diff(time) if known is None else jnp.asarray(np.diff(known.astype(np.float64)))
    time = jnp.asarray(time)
    if not callable(voltage):
        if np.ndim(voltage) == 0 or np.shape(voltage)[0] != time.shape[0]:
            raise ValueError(f"{owner}: voltage must have one entry per time, {np.shape(voltage)} for {time.shape}")
        voltage = _floating("voltage", voltage)
        satisfies("voltage", voltage, np.isfinite, "finite")
        voltage = jnp.asarray(voltage)
    elif hold != "linear":
        raise ValueError(f"{owner}: hold={hold!r} needs a voltage given by samples, got a function")
    if state is None:
        state = device.initial
    else:
        number("state", state, 0.0, 1.0)
    state = jnp.asarray(state)
    leaves = [state, *jax.tree.leaves(device)]
    start = jax.eval_shape(voltage, time[0]) if callable(voltage) else voltage[0]
    shape = np.broadcast_shapes(start.shape, *(jnp.shape(leaf) for leaf in leaves))
    dtype = jnp.result_type(start.dtype, *leaves)
    return time, width, voltage, jnp.broadcast_to(state, shape).astype(dtype)


def _floating(name: str, values) -> Any:
    """The array of real numbers, still in double precision where it came as NumPy's or Python's."""
    if any(isinstance(value, jax.Array) for value in jax.tree.leaves(values)):
        array = jnp.asarray(values)
    else:
        try:
            array = np.asarray(values)
        except ValueError as error:
            raise TypeError(f"{name} must be an array of numbers, got {values!r:.100}") from error
    if not any(jnp.issubdtype(array.dtype, kind) for kind in (jnp.bool_, jnp.integer, jnp.floating)):
        raise TypeError(f"{name} must be an array of real numbers, got {values!r:.100}")
    return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(float)


def _samples(voltage: Any, time: Array) -> Array:
    """[T, ...], V."""
    return cast(Array, jax.vmap(voltage)(time)) if callable(voltage) else voltage


def _intervals(voltage: Any, time: Array, width: Array, substeps: int, hold: str) -> tuple[Array, ...]:
    """Voltages of every interval: of its ends, or of a function at the ends and the middle of every sub-step.

    A function is called here, outside compiled code, so that a new one does not compile (and keep) a new program.
    """
    if callable(voltage):
        shares = jnp.linspace(0, 1, 2 * substeps + 1)
        at = cast(Array, jax.vmap(jax.vmap(voltage))(time[:-1, None] + shares * width[:, None].astype(time.dtype)))
        return (at,)
    return voltage[:-1], voltage[:-1] if hold == "zero" else voltage[1:]


@partial(jax.jit, static_argnames=("method", "substeps", "keep"))
def _march(device, intervals, width, state, key, *, method, substeps, keep):
    """lax.scan over intervals of `substeps` fixed steps; all states `[T, ...]` if `keep`, else the last."""
    dtype = state.dtype

    def at(interval, half):
        """Voltage after a number of half sub-steps."""
        if len(interval) == 1:
            return interval[0][half]
        start, end = interval
        return start + 0.5 * half / substeps * (end - start)

    def advance(state, index, interval, width, sub):
        start, middle, end = (at(interval, 2 * sub + half) for half in (0, 1, 2))
        h = (width / substeps).astype(dtype)
        if method == "pulses":
            new = pulsed(device, state, middle, h)[0]
        else:
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


@partial(jax.jit, static_argnames="hold")
def _trace(device, voltage, time, width, states, *, hold) -> Trace:
    volts = voltage.reshape(voltage.shape + (1,) * (states.ndim - voltage.ndim))
    current = device.current(states, volts)
    power = volts * current
    late = power[1:] if hold == "linear" else volts[:-1] * device.current(states[1:], volts[:-1])
    steps = width.astype(power.dtype).reshape((-1,) + (1,) * (power.ndim - 1))
    # Summed in order of time: the tree of jnp.cumsum lets float32 rounding lower the energy now and then.
    heat = jnp.concatenate([jnp.zeros_like(power[:1]), 0.5 * (late + power[:-1]) * steps])
    _, energy = jax.lax.scan(lambda total, more: (total + more, total + more), jnp.zeros_like(heat[0]), heat)
    conductance = device.conductance(states)
    return Trace(time, voltage, current, states, conductance, energy, device.temperature(states, volts))


def _refuse_gaps(states, time) -> None:
    """Raise where the adaptive solver gave up; inside jit the states stay NaN."""
    known = concrete(states)
    if known is not None and not np.isfinite(known).all():
        lost = np.flatnonzero(~np.isfinite(known.reshape(len(known), -1)).all(axis=1))[0]
        raise RuntimeError(
            f"simulate: the adaptive steps gave up after t = {time[lost - 1]:g} s, with too many steps between two "
            "samples; use shorter samples, method='pulses', a larger tolerance or a stiff solver, diffrax.Kvaerno5()"
        )


def warn_of_large_steps(device, trace, width, substeps, hold) -> None:
    """Compare the rate at both ends of every interval with the step; silent while tracing."""
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((device, trace))):
        return
    move = float(_largest_move(device, trace, width, hold=hold))
    if move > _LARGEST_MOVE:
        needed = substeps * move / _GOOD_MOVE
        warnings.warn(
            f"simulate: {type(device).__name__} moves by {move:.3g} of its range per step; use substeps={needed:.0f}, "
            "shorter samples, method='pulses' or method='diffrax' or, for rectangular pulses, apply_pulse",
            StepSizeWarning,
            stacklevel=3,
        )


@partial(jax.jit, static_argnames="hold")
def _largest_move(device, trace, width, *, hold):
    """max |rate| x step over the samples, ignoring rates that push against the bound the state is at."""
    volts = trace.voltage.reshape(trace.voltage.shape + (1,) * (trace.state.ndim - trace.voltage.ndim))
    h = width.reshape((-1,) + (1,) * (trace.state.ndim - 1))

    def inward(state, voltage):
        rate = device.derivative(state, voltage)
        held = ((state <= 0) & (rate < 0)) | ((state >= 1) & (rate > 0))
        return jnp.max(jnp.where(held, 0.0, jnp.abs(rate) * h))

    start = trace.state[:-1]
    at_start = inward(start, volts[:-1])
    return at_start if hold == "zero" else jnp.maximum(at_start, inward(start, volts[1:]))
