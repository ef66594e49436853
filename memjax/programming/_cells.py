"""What is done with a cell in write-verify: pulse, read, noise, heat."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from memjax.programming._controller import Progress


class Programmed(NamedTuple):
    """What a write left behind; every entry has the shape of the targets."""

    conductance: Array
    """Achieved conductance [S], free of read noise."""
    state: Array
    """State of the device, in [0, 1]."""
    pulses: Array
    """Pulses applied."""
    energy: Array
    """Energy of these pulses [J], the half-selected cells' share included."""
    failed: Array
    """True where the last read missed the target by more than the tolerance."""


def pulse_for(spec, progress: Progress) -> tuple[Array, Array]:
    """Signed amplitude [V] and width [s] of the next pulse."""
    up, down, rises, place = spec.set_ramp, spec.reset_ramp, progress.side > 0, progress.place
    signed = jnp.where(rises, up.amplitude(place), -down.amplitude(place))
    return signed * spec.device.set_polarity, jnp.where(rises, up.duration(place), down.duration(place))


def read(spec, state, key) -> Array:
    """Conductance [S] with read noise."""
    conductance = spec.device.conductance(state)
    if spec.read_noise is None:
        return conductance
    return conductance * (1 + spec.read_noise * jax.random.normal(key, state.shape, state.dtype))


def disturbed_by_noise(spec, state, key) -> Array:
    """The state after cycle-to-cycle noise of one pulse, kept within the bounds."""
    if spec.write_noise is None:
        return state
    low, high = spec.device.conductance_bounds
    noise = spec.write_noise * (high - low) * jax.random.normal(key, state.shape, state.dtype)
    return spec.device.state_at(jnp.clip(spec.device.conductance(state) + noise, low, high))


def heat(device, before, after, drive, voltage, width) -> Array:
    """Energy [J] of a pulse of `drive` [V] at the terminals and `voltage` at the cell, the current being averaged
    between its beginning and its end."""
    return 0.5 * drive * (device.current(before, voltage) + device.current(after, voltage)) * width


def key_of(key, count, purpose) -> Array:
    """Key of a read (purpose 0) or a write (purpose 1)."""
    return jax.random.fold_in(jax.random.fold_in(key, count), purpose)
