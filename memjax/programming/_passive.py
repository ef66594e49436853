"""Writing a passive (1R) array: one cell at a time, with half-select disturb of all the others."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from memjax.circuit import operating_point
from memjax.devices import apply_pulse
from memjax.programming._cells import Programmed, disturbed_by_noise, heat, key_of, pulse_for, read
from memjax.programming._controller import Progress, advance, begin


class _Cell(NamedTuple):
    """Carry of the pulses on one selected cell: the whole array's state, and the cell's own progress."""

    state: Array  # [R, C]
    energy: Array  # of the array during this write
    count: Array
    progress: Progress


def write_array(spec, target, key, state, wires) -> Programmed:
    """`target` and `state` `[..., R, C]`; leading axes are independent arrays with their own keys.

    An array written alone gets key 0 of the fold, so that its result does not depend on its company.
    """
    shape = target.shape
    flat = target.reshape(-1, *shape[-2:]), state.reshape(-1, *shape[-2:])
    keys = jax.vmap(lambda index: jax.random.fold_in(key, index))(jnp.arange(flat[0].shape[0]))
    written = jax.vmap(lambda t, k, s: _write_one_array(spec, t, k, s, wires))(flat[0], keys, flat[1])
    return jax.tree.map(lambda leaf: leaf.reshape(shape), written)


def _write_one_array(spec, target, key, state, wires) -> Programmed:
    rows, columns = target.shape

    def write_cell(state, index):
        at = index // columns, index % columns
        final = _write_cell(spec, target[at], jax.random.fold_in(key, index), state, wires, *at)
        return final.state, (final.count, final.energy)

    state, (pulses, energy) = jax.lax.scan(write_cell, state, jnp.arange(rows * columns))
    conductance = spec.device.conductance(state)
    low, high = spec.device.conductance_bounds
    failed = jnp.abs(conductance - target) > spec.tolerance * (high - low)
    return Programmed(conductance, state, pulses.reshape(target.shape), energy.reshape(target.shape), failed)


def _write_cell(spec, target, key, state, wires, row, column) -> _Cell:
    """Write-verify of one cell while the array shares its pulses."""
    share = _share(spec.scheme, state.shape, row, column).astype(state.dtype)
    selected = share == 1

    def verify(state, count):
        return jnp.sum(jnp.where(selected, read(spec, state, key_of(key, count, 0)), 0))

    def pulse(cell: _Cell) -> _Cell:
        volts, width = pulse_for(spec, cell.progress)
        voltage, gain = share * volts, 1.0
        if wires is not None:
            voltage, gain = _behind_wires(spec, cell.state, volts, wires, row, column)
        pulsed = apply_pulse(spec.device, cell.state, voltage, width)
        joule = gain * jnp.sum(heat(spec.device, cell.state, pulsed, voltage, voltage, width))
        noisy = disturbed_by_noise(spec, pulsed, key_of(key, cell.count, 1))
        state = jnp.where(selected, noisy, pulsed).astype(cell.state.dtype)
        progress = advance(spec, target, cell.progress, verify(state, cell.count + 1))
        return _Cell(state, cell.energy + joule.astype(cell.energy.dtype), cell.count + 1, progress)

    zero = jnp.array(0, jnp.int32)
    start = _Cell(state, jnp.zeros((), state.dtype), zero, begin(spec, target, verify(state, 0)))
    return jax.lax.while_loop(lambda c: (c.count < spec.max_pulses) & c.progress.active, pulse, start)


def _share(scheme, shape, row, column) -> Array:
    """Fraction `[R, C]` of the write voltage at every cell while one is selected."""
    same_row = jnp.arange(shape[0])[:, None] == row
    same_column = jnp.arange(shape[1])[None, :] == column
    half, rest = (0.5, 0.0) if scheme == "v/2" else (1 / 3, -1 / 3)
    return jnp.where(same_row & same_column, 1.0, jnp.where(same_row | same_column, half, rest))


def _behind_wires(spec, state, volts, wires, row, column) -> tuple[Array, Array]:
    """Voltages of the cells [R, C] at the beginning of a pulse, and the energy supplied over that of the cells."""
    rows, columns = state.shape
    word, bit = (0.5, 0.5) if spec.scheme == "v/2" else (1 / 3, 2 / 3)
    drive = volts * jnp.where(jnp.arange(rows) == row, 1.0, word).astype(state.dtype)
    ground = volts * jnp.where(jnp.arange(columns) == column, 0.0, bit).astype(state.dtype)
    found = operating_point(spec.device, state, drive, wires, sense_voltage=ground)
    supplied = jnp.sum(drive * found.source_current) - jnp.sum(ground * found.current)
    cells = jnp.sum(found.cell_voltage * spec.device.current(state, found.cell_voltage))
    return found.cell_voltage, supplied / jnp.where(cells > 0, cells, 1.0)
