"""What is done with a cell in write-verify: pulse, read, noise, heat."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from memjax._names import replace
from memjax.devices import AbstractDevice
from memjax.programming._controller import Progress
from memjax.programming._matched import margins


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


class Job(NamedTuple):
    """What does not change during a write."""

    spec: Any
    """The `WriteVerify`."""
    device: AbstractDevice
    """The cells, as they are."""
    range: Array
    """Range of the conductance of nominal cells [S]."""
    free: tuple[Array, Array]
    """The states between which cells are kept: 0 and 1, less a bound that no pulse leaves."""

    @property
    def band(self) -> Array:
        """Accepted error of the conductance [S]."""
        return self.spec.tolerance * self.range


def job(spec, cells) -> Job:
    """The job of writing `cells` as `spec` says."""
    low, high = spec.device.conductance_bounds
    device = replace(spec.device, cells)
    own = device.conductance_bounds if cells else (low, high)
    return Job(spec, device, high - low, _free_states(spec, device, *own))


def pulse_for(device, progress: Progress) -> tuple[Array, Array]:
    """Signed amplitude [V] and width [s] of the next pulse."""
    amplitude = progress.ramp.amplitude(progress.place)
    sign = jnp.where(progress.side > 0, 1, -1) * device.set_polarity
    return sign * amplitude, progress.ramp.duration(progress.place)


def read(job: Job, state, key) -> Array:
    """Conductance [S] with read noise."""
    conductance = job.device.conductance(state)
    if job.spec.read_noise is None:
        return conductance
    return conductance * (1 + job.spec.read_noise * jax.random.normal(key, state.shape, state.dtype))


def disturbed_by_noise(job: Job, state, key) -> Array:
    """The state after cycle-to-cycle noise of one pulse, kept within the bounds."""
    if job.spec.write_noise is None:
        return state
    low, high = job.device.conductance_bounds
    noise = job.spec.write_noise * job.range * jax.random.normal(key, state.shape, state.dtype)
    return job.device.state_at(jnp.clip(job.device.conductance(state) + noise, low, high))


def heat(device, before, after, drive, voltage, width) -> Array:
    """Energy [J] of a pulse of `drive` [V] at the terminals and `voltage` at the cell, the current being averaged
    between its beginning and its end."""
    return drive * jnp.mean(device.current(jnp.stack([before, after]), voltage), axis=0) * width


def key_of(key, count, purpose) -> Array:
    """Key of a read (purpose 0) or a write (purpose 1)."""
    return jax.random.fold_in(jax.random.fold_in(key, count), purpose)


def _free_states(spec, device, low, high) -> tuple[Array, Array]:
    """A bound that no pulse leaves, as where a window vanishes there, gives way to the margin next to it."""
    bottom, top = margins(device, low, high, spec.tolerance)
    one = jnp.ones([1] * max(jnp.ndim(leaf) for leaf in jax.tree.leaves((device, bottom))))
    volts = jnp.stack([sign * jnp.max(ramp.stop) for ramp in (spec.set_ramp, spec.reset_ramp) for sign in (1, -1)])
    volts = volts.reshape(-1, 1, *one.shape)
    states = jnp.stack(jnp.broadcast_arrays(0 * one, bottom, top, one)) + 0 * volts
    rates = device.derivative(states, volts) + 0 * states
    rises, falls = jnp.any(rates > 0, axis=0), jnp.any(rates < 0, axis=0)
    return jnp.where(rises[1] & ~rises[0], bottom, 0.0), jnp.where(falls[2] & ~falls[3], top, 1.0)
