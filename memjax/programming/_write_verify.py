"""Write-verify: pulses of growing amplitude until the read-out meets the target."""

from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax._check import choice, concrete, not_negative, number, ordered, positive
from memjax._check import key as check_key
from memjax.devices import AbstractDevice, Numeric, apply_pulse, check_conductance, describe, parameter

# Longest pulse, in units of the first: a cell that needs a longer one does not move at all.
_LONGEST = 1e9

SCHEMES = ("1t1r", "v/2", "v/3")


class Ramp(eqx.Module):
    """Pulses of one direction: amplitude `start`, `start + step`, ... up to `stop` [V], the first `width` [s] long.

    Amplitudes are magnitudes; the sign follows from the polarity of the device. Arrays of the cells' shape give every
    cell its own ramp.
    """

    start: Numeric = parameter()
    """First amplitude [V]."""
    step: Numeric = parameter()
    """Increase from one pulse to the next in the same direction [V]."""
    stop: Numeric = parameter()
    """Largest amplitude [V]."""
    width: Numeric = parameter()
    """Duration of the first pulse [s]."""
    growth: Numeric = parameter(default=1.0)
    """Factor by which the duration grows from one pulse to the next in the same direction [1]."""

    def __check_init__(self):
        positive("Ramp", start=self.start, stop=self.stop, width=self.width)
        not_negative("Ramp", step=self.step)
        number("Ramp.growth", self.growth, 1.0)

    @classmethod
    def matched(
        cls,
        device: AbstractDevice,
        direction: int,
        start: Numeric = None,
        stop: Numeric = None,
        move: Numeric = 0.005,
        growth: Numeric = 1.5,
    ) -> "Ramp":
        """A ramp whose first pulse moves the conductance by at most a fraction `move` of its range.

        The duration follows from the fastest change of conductance over all states at the first amplitude; where the
        device is slower, growing amplitude and duration make up for it.

        Args:
            device: parameters are scalars or arrays of the cells' shape.
            direction: +1 for SET (the conductance rises), -1 for RESET.
            start: first amplitude [V]; the device's own `write_voltages` if None.
            stop: last amplitude [V]; 1.8 times the first if None, which leaves the half-selected cells of a threshold
                device below its threshold.
            move: fraction of the conductance range [1].
            growth: factor by which the second pulse moves the cell farther than the first, half of it (in logarithm)
                by its amplitude, half by its duration. Much more than this overshoots.

        Raises: ValueError if the device does not move at the first amplitude, or start >= stop.
        """
        choice("direction", direction, (1, -1))
        number("growth", growth, 1.0, open_low=True)
        if start is None:
            start = device.write_voltages[0 if direction == 1 else 1]
        stop = 1.8 * start if stop is None else stop
        ordered("Ramp", start=start, stop=stop)
        # One axis for the states before those of the cells.
        states = jnp.linspace(0, 1, 65).reshape(-1, *[1] * max(jnp.ndim(leaf) for leaf in jax.tree.leaves(device)))
        low, high = device.conductance_bounds
        _, slope = jax.jvp(device.conductance, (states,), (jnp.ones_like(states),))
        speed = lambda volts: jnp.max(
            jnp.abs(slope * device.derivative(states, direction * device.set_polarity * volts)) / (high - low), axis=0
        )
        rate, further = speed(start), speed(1.01 * start)
        known = concrete(rate)
        if known is not None and not (known > 0).all():
            volts = np.broadcast_to(np.asarray(start), known.shape)[~(known > 0)].flat[0]
            raise ValueError(
                f"Ramp.matched: {type(device).__name__} does not move at {volts:g} V; choose a larger start"
            )
        share = 0.5 * jnp.log(growth)
        sensitivity = jnp.log(further / rate) / (0.01 * start)  # d ln(speed)/dV [1/V]
        step = jnp.minimum(share / jnp.maximum(sensitivity, 1e-6), 0.05 * (stop - start))
        return cls(start=start, step=step, stop=stop, width=move / rate, growth=jnp.exp(share))

    def __repr__(self) -> str:
        return describe(self)

    def amplitude(self, index: Numeric) -> Array:
        """Magnitude [V] of pulse number `index` of a run in one direction."""
        return jnp.minimum(self.start + index * self.step, self.stop)

    def duration(self, index: Numeric) -> Array:
        """Duration [s] of pulse number `index` of a run in one direction."""
        return self.width * jnp.minimum(self.growth**index, _LONGEST)


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


class WriteVerify(eqx.Module):
    """Closed-loop programming of cells of one device model.

    Read; stop if |G - G_target| <= tolerance (G_max - G_min); else apply one SET or RESET pulse, of an amplitude and
    duration that grow while the cell stays on the same side of the target and fall back to the start when it has
    crossed it (incremental step pulse programming with verify; reset of the ramp as in Wan et al., Nature 608, 504,
    2022).

    `scheme`: "1t1r" pulses the selected cells alone, all at once. "v/2" and "v/3" write the last two axes [word line,
    bit line] of the target cell by cell in row-major order, and disturb the rest of the array at each pulse: cells
    sharing a line with the selected one see V/2 (others nothing), or V/3 (others -V/3). What earlier cells suffer
    from later writes is in the result, and counts as failure when it exceeds the tolerance.
    """

    device: AbstractDevice
    """The cell; parameters are scalars, or arrays of the shape of the targets."""
    set_ramp: Ramp
    """Pulses that raise the conductance; `Ramp.matched(device, +1, move=tolerance / 2)` if None is given."""
    reset_ramp: Ramp
    """Pulses that lower it; likewise."""
    tolerance: Numeric = parameter()
    """Accepted error, as a fraction of the conductance range [1]."""
    write_noise: Numeric | None = parameter()
    """Cycle-to-cycle noise: standard deviation of G per pulse as a fraction of the range [1]; None for none."""
    read_noise: Numeric | None = parameter()
    """Standard deviation of a read, as a fraction of the conductance read [1]; None for none."""
    max_pulses: int = eqx.field(static=True, default=300)
    """Pulses after which a cell is given up and reported."""
    scheme: str = eqx.field(static=True, default="1t1r")
    """Array: "1t1r", "v/2" or "v/3"."""

    def __init__(
        self,
        device: AbstractDevice,
        set_ramp: Ramp | None = None,
        reset_ramp: Ramp | None = None,
        tolerance: Numeric = 0.01,
        write_noise: Numeric | None = None,
        read_noise: Numeric | None = None,
        max_pulses: int = 300,
        scheme: str = "1t1r",
    ):
        if not isinstance(device, AbstractDevice):
            raise TypeError(f"WriteVerify.device must be a device of memjax.devices, got {device!r}")
        positive("WriteVerify", tolerance=tolerance)
        self.device = device
        self.set_ramp = Ramp.matched(device, 1, move=0.5 * tolerance) if set_ramp is None else set_ramp
        self.reset_ramp = Ramp.matched(device, -1, move=0.5 * tolerance) if reset_ramp is None else reset_ramp
        self.tolerance, self.write_noise, self.read_noise = tolerance, write_noise, read_noise
        self.max_pulses, self.scheme = max_pulses, scheme

    def __check_init__(self):
        for name in ("write_noise", "read_noise"):
            if getattr(self, name) is not None:
                not_negative("WriteVerify", **{name: getattr(self, name)})
        if self.max_pulses < 1:
            raise ValueError(f"WriteVerify.max_pulses must be at least 1, got {self.max_pulses}")
        choice("WriteVerify.scheme", self.scheme, SCHEMES)

    def __repr__(self) -> str:
        return describe(self)

    def program(self, target: Numeric, key: Array, state: Numeric | None = None) -> Programmed:
        """Write `target` conductances [S] of any shape, from `state` (the HRS if None).

        Gradients pass straight through: the achieved conductance follows its target one to one, since the number of
        pulses is discrete. Raises ValueError for a concrete target outside the device's range.
        """
        check_conductance(self.device, target, "target")
        check_key("key", key)
        target = jnp.asarray(target)
        if state is None:
            state = self.device.state_at(self.device.conductance_bounds[0])
        else:
            number("state", state, 0.0, 1.0)
        if self.scheme != "1t1r" and target.ndim < 2:
            raise ValueError(
                f"WriteVerify: scheme {self.scheme!r} needs targets [..., row, column], got {target.shape}"
            )
        state = jnp.broadcast_to(state, target.shape).astype(target.dtype)
        achieved = _program(
            jax.lax.stop_gradient(self), jax.lax.stop_gradient(target), key, jax.lax.stop_gradient(state)
        )
        return achieved._replace(conductance=_straight_through(target, achieved.conductance))


def write_verify(
    device: AbstractDevice, target: Numeric, key: Array, state: Numeric | None = None, **options: Any
) -> Programmed:
    """Write conductances [S] of any shape into cells of `device`: `WriteVerify(device, **options).program(...)`.

    Args:
        device: the cell.
        target: conductances [S].
        key: of the read and write noise.
        state: where the cells begin, in [0, 1]; the HRS if None.
        options: the other fields of `WriteVerify`, such as `tolerance`, `max_pulses`, `scheme`, `set_ramp`.

    Raises: ValueError for a concrete target outside the device's range; see `WriteVerify` and `Ramp.matched`.
    """
    return WriteVerify(device, **options).program(target, key, state)


@jax.custom_jvp
def _straight_through(target, achieved):
    return achieved


@_straight_through.defjvp
def _straight_through_jvp(primals, tangents):
    return primals[1], tangents[0]


@jax.jit
def _program(spec: WriteVerify, target, key, state) -> Programmed:
    if spec.scheme == "1t1r":
        return _write(spec, target, key, state)
    from memjax.programming._passive import write_array

    return write_array(spec, target, key, state)


class _Loop(NamedTuple):
    """Carry of the loop over pulses; arrays have the shape of the targets."""

    count: Array
    state: Array
    pulses: Array
    energy: Array
    run: Array  # pulses in the present direction
    side: Array  # +1: conductance too low, -1: too high, 0: accepted


def _write(spec: WriteVerify, target, key, state) -> Programmed:
    """All cells at once; each stops at its own acceptance."""
    start = _Loop(
        count=jnp.array(0),
        state=state,
        pulses=jnp.zeros(target.shape, jnp.int32),
        energy=jnp.zeros_like(state),
        run=jnp.zeros(target.shape, jnp.int32),
        side=_verify(spec, state, target, _key(key, 0, 0)),
    )
    end = jax.lax.while_loop(
        lambda loop: (loop.count < spec.max_pulses) & jnp.any(loop.side != 0),
        partial(_one_pulse, spec, target, key),
        start,
    )
    return Programmed(spec.device.conductance(end.state), end.state, end.pulses, end.energy, end.side != 0)


def _one_pulse(spec: WriteVerify, target, key, loop: _Loop) -> _Loop:
    """One pulse and one read of every cell that is not yet accepted."""
    active = loop.side != 0
    voltage, width = _pulse_for(spec, loop.side, loop.run)
    pulsed = apply_pulse(spec.device, loop.state, voltage, width)
    heat = _heat(spec.device, loop.state, pulsed, voltage, width)
    state = _disturbed_by_noise(spec, pulsed, _key(key, loop.count, 1))
    state = jnp.where(active, state, loop.state)
    side = jnp.where(active, _verify(spec, state, target, _key(key, loop.count + 1, 0)), 0)
    return _Loop(
        count=loop.count + 1,
        state=state.astype(loop.state.dtype),
        pulses=loop.pulses + active,
        energy=loop.energy + jnp.where(active, heat, 0.0).astype(loop.energy.dtype),
        run=jnp.where(side == loop.side, loop.run + 1, 0),
        side=side,
    )


def _pulse_for(spec: WriteVerify, side, run) -> tuple[Array, Array]:
    """Signed amplitude [V] and width [s] of the next pulse; side as in `_Loop`."""
    up, down = spec.set_ramp, spec.reset_ramp
    signed = jnp.where(side > 0, up.amplitude(run), -down.amplitude(run))
    return signed * spec.device.set_polarity, jnp.where(side > 0, up.duration(run), down.duration(run))


def _verify(spec: WriteVerify, state, target, key) -> Array:
    """Which way a cell must move by its (noisy) read: +1 up, -1 down, 0 accepted."""
    low, high = spec.device.conductance_bounds
    read = spec.device.conductance(state)
    if spec.read_noise is not None:
        read = read * (1 + spec.read_noise * jax.random.normal(key, state.shape, state.dtype))
    error = target - read
    return jnp.where(jnp.abs(error) <= spec.tolerance * (high - low), 0, jnp.sign(error)).astype(jnp.int32)


def _disturbed_by_noise(spec: WriteVerify, state, key) -> Array:
    """The state after cycle-to-cycle noise of one pulse, kept within the bounds."""
    if spec.write_noise is None:
        return state
    low, high = spec.device.conductance_bounds
    noise = spec.write_noise * (high - low) * jax.random.normal(key, state.shape, state.dtype)
    return spec.device.state_at(jnp.clip(spec.device.conductance(state) + noise, low, high))


def _heat(device, before, after, voltage, width) -> Array:
    """Energy of a pulse [J], with the current averaged between its beginning and its end."""
    return 0.5 * voltage * (device.current(before, voltage) + device.current(after, voltage)) * width


def _key(key, count, purpose) -> Array:
    """Key of a read (purpose 0) or a write (purpose 1)."""
    return jax.random.fold_in(jax.random.fold_in(key, count), purpose)
