"""Writing a passive (1R) array: one cell at a time, with half-select disturb of all the others."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from memjax.devices import apply_pulse
from memjax.programming import _write_verify as wv
from memjax.programming._controller import Progress, advance, begin


class _Cell(NamedTuple):
    """Carry of the pulses on one selected cell: the whole array's state, and the cell's own progress."""

    state: Array  # [R, C]
    energy: Array  # of the array during this write
    count: Array
    progress: Progress


def write_array(spec, target, key, state) -> wv.Programmed:
    """`target` and `state` `[..., R, C]`; leading axes are independent arrays with their own keys.

    An array written alone gets key 0 of the fold, so that its result does not depend on its company.
    """
    shape = target.shape
    flat = target.reshape(-1, *shape[-2:]), state.reshape(-1, *shape[-2:])
    keys = jax.vmap(lambda index: jax.random.fold_in(key, index))(jnp.arange(flat[0].shape[0]))
    written = jax.vmap(lambda t, k, s: _write_one_array(spec, t, k, s))(flat[0], keys, flat[1])
    return jax.tree.map(lambda leaf: leaf.reshape(shape), written)


def _write_one_array(spec, target, key, state) -> wv.Programmed:
    rows, columns = target.shape

    def write_cell(state, index):
        at = index // columns, index % columns
        final = _write_cell(spec, target[at], jax.random.fold_in(key, index), state, *at)
        return final.state, (final.count, final.energy)

    state, (pulses, energy) = jax.lax.scan(write_cell, state, jnp.arange(rows * columns))
    conductance = spec.device.conductance(state)
    low, high = spec.device.conductance_bounds
    failed = jnp.abs(conductance - target) > spec.tolerance * (high - low)
    return wv.Programmed(conductance, state, pulses.reshape(target.shape), energy.reshape(target.shape), failed)


def _write_cell(spec, target, key, state, row, column) -> _Cell:
    """Write-verify of one cell while the array shares its pulses."""
    share = _share(spec.scheme, state.shape, row, column).astype(state.dtype)
    selected = share == 1

    def read(state, count):
        return jnp.sum(jnp.where(selected, wv._read(spec, state, wv._key(key, count, 0)), 0))

    def pulse(cell: _Cell) -> _Cell:
        voltage, width = wv._pulse_for(spec, cell.progress)
        pulsed = apply_pulse(spec.device, cell.state, share * voltage, width)
        heat = jnp.sum(wv._heat(spec.device, cell.state, pulsed, share * voltage, width))
        noisy = wv._disturbed_by_noise(spec, pulsed, wv._key(key, cell.count, 1))
        state = jnp.where(selected, noisy, pulsed).astype(cell.state.dtype)
        progress = advance(spec, target, cell.progress, read(state, cell.count + 1))
        return _Cell(state, cell.energy + heat.astype(cell.energy.dtype), cell.count + 1, progress)

    zero = jnp.array(0, jnp.int32)
    start = _Cell(state, jnp.zeros((), state.dtype), zero, begin(spec, target, read(state, 0)))
    return jax.lax.while_loop(lambda c: (c.count < spec.max_pulses) & c.progress.active, pulse, start)


def _share(scheme, shape, row, column) -> Array:
    """Fraction `[R, C]` of the write voltage at every cell while one is selected."""
    same_row = jnp.arange(shape[0])[:, None] == row
    same_column = jnp.arange(shape[1])[None, :] == column
    half, rest = (0.5, 0.0) if scheme == "v/2" else (1 / 3, -1 / 3)
    return jnp.where(same_row & same_column, 1.0, jnp.where(same_row | same_column, half, rest))
