"""Writing a passive (1R) array: one cell at a time, with half-select disturb of all the others."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from memjax.circuit import operating_point
from memjax.devices import apply_pulse
from memjax.programming._cells import Job, Programmed, disturbed_by_noise, heat, job, key_of, pulse_for, read
from memjax.programming._controller import Progress, advance, begin


class _Cell(NamedTuple):
    """Carry of the pulses on one selected cell: the whole array's state, and the cell's own progress."""

    state: Array  # [R, C]
    energy: Array  # of the array during this write
    own: Array  # of the cell itself
    count: Array
    progress: Progress


def write_array(spec, target, key, state, cells, wires) -> Programmed:
    """`target` and `state` `[..., R, C]`; leading axes are independent arrays with their own keys.

    An array written alone gets key 0 of the fold, so that its result does not depend on its company.
    """
    shape = target.shape
    target, state, cells = jax.tree.map(lambda leaf: leaf.reshape(-1, *shape[-2:]), (target, state, cells))
    keys = jax.vmap(lambda index: jax.random.fold_in(key, index))(jnp.arange(target.shape[0]))
    written = jax.vmap(partial(_write_one_array, spec, wires))(target, keys, state, cells)
    return jax.tree.map(lambda leaf: leaf.reshape(shape), written)


def _write_one_array(spec, wires, target, key, state, cells) -> Programmed:
    rows, columns = target.shape
    work = job(spec, cells)
    state = jnp.clip(state, *work.free).astype(state.dtype)

    def write_cell(state, index):
        at = index // columns, index % columns
        final = _write_cell(work, target[at], jax.random.fold_in(key, index), state, wires, *at)
        return final.state, (final.count, final.energy)

    state, (pulses, energy) = jax.lax.scan(write_cell, state, jnp.arange(rows * columns))
    conductance = work.device.conductance(state)
    failed = jnp.abs(conductance - target) > work.band
    return Programmed(conductance, state, pulses.reshape(target.shape), energy.reshape(target.shape), failed)


def _write_cell(work: Job, target, key, state, wires, row, column) -> _Cell:
    """Write-verify of one cell while the array shares its pulses."""
    spec, device = work.spec, work.device
    share = _share(spec.scheme, state.shape, row, column).astype(state.dtype)
    selected = share == 1
    of_cell = lambda array: jnp.sum(jnp.where(selected, array, 0))

    def verify(state, count):
        return of_cell(read(work, state, key_of(key, count, 0)))

    def pulse(cell: _Cell) -> _Cell:
        volts, width = pulse_for(device, cell.progress)
        voltage, gain = share * volts, 1.0
        if wires is not None:
            voltage, gain = _behind_wires(work, cell.state, volts, wires, row, column)
        pulsed = apply_pulse(device, cell.state, voltage, width)
        # A pulse that could not be computed leaves NaN: the cell is given up where it was, its energy unknown.
        pulsed = jnp.where(jnp.isnan(of_cell(pulsed)), cell.state, pulsed)
        joule = heat(device, cell.state, pulsed, voltage, voltage, width).astype(cell.energy.dtype)
        noisy = disturbed_by_noise(work, pulsed, key_of(key, cell.count, 1))
        state = jnp.clip(jnp.where(selected, noisy, pulsed), *work.free).astype(cell.state.dtype)
        own = cell.own + of_cell(joule)
        progress = advance(work, target, cell.progress, verify(state, cell.count + 1), own)
        return _Cell(state, cell.energy + gain * jnp.sum(joule), own, cell.count + 1, progress)

    zero, none = jnp.array(0, jnp.int32), jnp.zeros((), state.dtype)
    start = _Cell(state, none, none, zero, begin(work, target, verify(state, 0)))
    return jax.lax.while_loop(lambda c: (c.count < spec.max_pulses) & c.progress.active, pulse, start)


def _share(scheme, shape, row, column) -> Array:
    """Fraction `[R, C]` of the write voltage at every cell while one is selected."""
    same_row = jnp.arange(shape[0])[:, None] == row
    same_column = jnp.arange(shape[1])[None, :] == column
    half, rest = (0.5, 0.0) if scheme == "v/2" else (1 / 3, -1 / 3)
    return jnp.where(same_row & same_column, 1.0, jnp.where(same_row | same_column, half, rest))


def _behind_wires(work, state, volts, wires, row, column) -> tuple[Array, Array]:
    """Voltages of the cells [R, C] at the beginning of a pulse, and the energy supplied over that of the cells."""
    rows, columns = state.shape
    word, bit = (0.5, 0.5) if work.spec.scheme == "v/2" else (1 / 3, 2 / 3)
    drive = volts * jnp.where(jnp.arange(rows) == row, 1.0, word).astype(state.dtype)
    ground = volts * jnp.where(jnp.arange(columns) == column, 0.0, bit).astype(state.dtype)
    found = operating_point(work.device, state, drive, wires, sense_voltage=ground)
    supplied = jnp.sum(drive * found.source_current) - jnp.sum(ground * found.current)
    cells = jnp.sum(found.cell_voltage * work.device.current(state, found.cell_voltage))
    return found.cell_voltage, supplied / jnp.where(cells > 0, cells, 1.0)
