"""Writing cells that are selected by a transistor of their own: all at once, each as if alone."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from memjax.devices import Series, apply_pulse
from memjax.programming._cells import Job, Programmed, disturbed_by_noise, heat, job, key_of, pulse_for, read
from memjax.programming._controller import Progress, advance, begin


class _Loop(NamedTuple):
    """Carry of the loop over pulses; arrays have the shape of the targets."""

    count: Array
    state: Array
    pulses: Array
    energy: Array
    progress: Progress


def write_cells(spec, target, key, state, cells, wires) -> Programmed:
    """All cells at once; each stops at its own acceptance.

    Behind wires (None: ideal) a cell is alone on its lines and has their resistance in series.
    """
    path = None if wires is None else wires.path(*target.shape[-2:], target.dtype)
    work = job(spec, cells)
    state = jnp.clip(state, *work.free).astype(state.dtype)
    start = _Loop(
        count=jnp.array(0),
        state=state,
        pulses=jnp.zeros(target.shape, jnp.int32),
        energy=jnp.zeros_like(state),
        progress=begin(work, target, read(work, state, key_of(key, 0, 0))),
    )
    end = jax.lax.while_loop(
        lambda loop: (loop.count < spec.max_pulses) & jnp.any(loop.progress.active),
        partial(_one_pulse, work, target, key, path),
        start,
    )
    return Programmed(work.device.conductance(end.state), end.state, end.pulses, end.energy, end.progress.side != 0)


def _one_pulse(work: Job, target, key, path, loop: _Loop) -> _Loop:
    """One pulse and one read of every cell that is not yet accepted."""
    device, active = work.device, loop.progress.active
    drive, width = pulse_for(device, loop.progress)
    voltage = drive if path is None else Series(device, path).inner_voltage(loop.state, drive)
    pulsed = apply_pulse(device, loop.state, voltage, jnp.where(active, width, 0.0))
    joule = heat(device, loop.state, pulsed, drive, voltage, width)
    state = jnp.clip(disturbed_by_noise(work, pulsed, key_of(key, loop.count, 1)), *work.free)
    # A pulse that could not be computed leaves NaN: the cell is given up where it was, its energy unknown.
    state = jnp.where(active & ~jnp.isnan(pulsed), state, loop.state).astype(loop.state.dtype)
    energy = loop.energy + jnp.where(active, joule, 0.0).astype(loop.energy.dtype)
    progress = advance(work, target, loop.progress, read(work, state, key_of(key, loop.count + 1, 0)), energy)
    return _Loop(
        count=loop.count + 1,
        state=state,
        pulses=loop.pulses + active,
        energy=energy,
        progress=jax.tree.map(partial(jnp.where, active), progress, loop.progress),
    )
