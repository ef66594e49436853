"""Waveforms on an array: the state equation of every cell at its own voltage, behind the wires."""

import warnings
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from memjax import _check
from memjax.circuit._control import Control, checked_control
from memjax.circuit._network import Sources
from memjax.circuit._newton import device_current, newton
from memjax.circuit._wires import Wires
from memjax.devices import AbstractDevice

# Stages of the explicit methods: where in the step each stands (one step of the stage before away), and its weight.
METHODS = {
    "euler": ((0.0, 1.0),),
    "heun": ((0.0, 1 / 2), (1.0, 1 / 2)),
    "rk4": ((0.0, 1 / 6), (0.5, 1 / 3), (0.5, 1 / 3), (1.0, 1 / 6)),
}


class Transient(NamedTuple):
    """What an array of m word and n bit lines did: one entry for each sample of time.

    time [T] [s]; state [T, m, n] in [0, 1]; current [T, n], into the sense terminals, and source_current [T, m], out
    of the drivers [A]; cell_voltage [T, m, n] [V]; converged [T]: whether every network from this sample on to the next
    was solved to the tolerance.
    """

    time: Array
    state: Array
    current: Array
    source_current: Array
    cell_voltage: Array
    converged: Array


def transient(
    device: AbstractDevice,
    state: Any,
    voltage: Any,
    time: Any,
    wires: Wires,
    *,
    sense_voltage: Any = 0.0,
    method: str = "rk4",
    substeps: int = 1,
    tolerance: float | None = None,
    max_iterations: int = 50,
) -> Transient:
    """The response of an array of devices to voltages at its lines, with the drops along its wires.

        dx/dt = derivative(x, v),   v: voltages of the cells in the network of wires and cells i = current(x, v)

    The network is solved anew in every stage of every step. Without wires each cell does what `memjax.simulate` says
    of it. Differentiable in everything; jit and vmap over everything.

    Args:
        device: model of the cells; its numbers may be arrays [m, n]. Its current must increase with the voltage.
        state: [m, n] in [0, 1], at the first time.
        voltage: [T, m], drivers [V], linear in between.
        time: [T], increasing [s].
        wires: resistances [ohm].
        sense_voltage: sense terminals: a number, [n] or [T, n] [V].
        method: "euler", "heun" or "rk4", of order 1, 2 and 4, with the state kept in [0, 1] at every stage.
        substeps: steps for each sample of time.
        tolerance, max_iterations: of Newton's method in each solution, as in `solve`.

    Returns: `Transient`.

    Raises: ValueError for shapes that do not match, states outside [0, 1], times that do not increase.
    Warns: UserWarning where a network was not solved to the tolerance, outside jit; inside, look at `converged`.

    Source: what SPICE does, with explicit steps (Biolek et al., IEEE Access 9, 2021, on SPICE models of memristors).
    """
    width, arrays = _checked(device, state, voltage, time, wires, sense_voltage)
    _check.choice("method", method, tuple(METHODS))
    _check.integer("substeps", substeps, 1, 10**6)
    control = checked_control(tolerance, max_iterations, None, arrays[0].dtype)
    found = _march(device, *arrays, width, wires, method=method, substeps=substeps, control=control)
    converged = _check.concrete(found[-1])
    if converged is not None and not converged.all():
        warnings.warn(
            f"circuit.transient: the network did not converge in {np.count_nonzero(~converged)} of {len(converged)} "
            "intervals; allow more iterations, or look whether the current of the cells increases with their voltage.",
            stacklevel=2,
        )
    return Transient(jnp.asarray(time), *found)


def _checked(device, state, voltage, time, wires, sense_voltage):
    """Widths of the steps [T], the last one 0, and state, voltages, sense voltages [T, n] as arrays of one dtype."""
    _check.part("device", device, AbstractDevice, example="memjax.devices.VTEAM.pt_hf_ti()")
    _check.part("wires", wires, Wires, example="memjax.Wires(row=1.0)")
    state = _check.array("state", state, low=0.0, high=1.0)
    voltage, sense_voltage = _check.array("voltage", voltage), _check.array("sense_voltage", sense_voltage)
    time = np.asarray(time) if isinstance(time, list | tuple) else time
    _check.real("time", time, unit="s")
    if np.ndim(state) != 2:
        raise ValueError(f"state must have shape [m, n], got {np.shape(state)}")
    (m, n), samples = np.shape(state), np.shape(time)
    if len(samples) != 1 or samples[0] < 2:
        raise ValueError(f"time must be one axis of at least 2 samples, got shape {samples}")
    if np.shape(voltage) != (*samples, m):
        raise ValueError(f"voltage must have shape {(*samples, m)}, got {np.shape(voltage)}")
    if np.shape(sense_voltage) not in ((), (n,), (*samples, n)):
        raise ValueError(f"sense_voltage must be a number, {(n,)} or {(*samples, n)}, got {np.shape(sense_voltage)}")
    wires.check(m, n)
    known = _check.concrete(time)
    if known is not None and not np.all(np.diff(known) > 0):
        raise ValueError("time must increase")
    dtype = jnp.result_type(voltage, state, sense_voltage, *jax.tree.leaves(device), jnp.float32)
    # Differences are taken before rounding to float32, in which 1 s + 10 ns = 1 s.
    width = jnp.diff(time) if known is None else np.diff(known.astype(np.float64))
    state, voltage, sense, width = (jnp.asarray(x, dtype) for x in (state, voltage, sense_voltage, width))
    return jnp.append(width, 0.0), (state, voltage, jnp.broadcast_to(sense, (*samples, n)))


@partial(jax.jit, static_argnames=("method", "substeps", "control"))
def _march(device, state, voltage, sense, width, wires, *, method: str, substeps: int, control: Control):
    """All of a `Transient` but the time. The last step, of width 0, is for the network at the last sample."""
    m, n = state.shape
    links = wires.links(m, n, state.dtype)
    places, weights = jnp.asarray(METHODS[method], state.dtype).T

    def over_step(carry, inputs):
        """One step of all stages; its first network is that of the moment it starts from."""
        state, cells = carry
        start, end, index, width = inputs

        def stage(carry, inputs):
            slope, cells, move = carry
            place, weight = inputs
            now = _clamped(state + place * width * slope)
            drive, sense = (a + (index + place) / substeps * (b - a) for a, b in zip(start, end, strict=True))
            nodes = newton(device_current, (device, now), links, Sources(drive, sense), control, cells)
            cells = nodes.word - nodes.bit
            slope = device.derivative(now, cells).astype(state.dtype)
            return (slope, cells, move + weight * slope), (nodes.current, cells, nodes.residual <= control.tolerance)

        zero = jnp.zeros_like(state)
        (_, cells, move), stages = lax.scan(stage, (zero, cells, zero), (places, weights))
        current, at_cells, solved = stages
        return (_clamped(state + width * move), cells), (current[0], at_cells[0], solved.all())

    def over_interval(carry, inputs):
        *ends, width = inputs
        body = lambda carry, index: over_step(carry, (*ends, index, width / substeps))
        after, (current, cells, solved) = lax.scan(body, carry, jnp.arange(substeps))
        return after, (carry[0], current[0], cells[0], solved.all())

    ahead = lambda x: jnp.concatenate([x[1:], x[-1:]])
    start = voltage, sense
    inputs = start, jax.tree.map(ahead, start), width
    _, (states, current, cells, converged) = lax.scan(over_interval, (state, jnp.zeros_like(state)), inputs)
    source_current = jnp.sum(device.current(states, cells), axis=2)
    return states, current, source_current, cells, converged


def _clamped(state: Array) -> Array:
    """Limited to [0, 1]; a state at or beyond a bound passes no gradient, since the bound alone decides it."""
    inside = (state > 0) & (state < 1)
    return jnp.where(inside, state, lax.stop_gradient(jnp.clip(state, 0, 1)))
