"""Write-verify: pulses of growing amplitude until the read-out meets the target."""

from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from memjax._check import choice, not_negative, number, positive
from memjax._check import key as check_key
from memjax.devices import AbstractDevice, Numeric, apply_pulse, check_conductance, describe, parameter
from memjax.programming._controller import Progress, advance, begin
from memjax.programming._ramp import Ramp

SCHEMES = ("1t1r", "v/2", "v/3")


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
    2022). They stay or shrink where the last two reads foretell a move of more than half the way left, or of half the
    conductance: a cell that speeds up as it goes is not shot into a bound where its window may hold it. A cell that
    the strongest pulses of its ramp do not move is given up before `max_pulses`.

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
    progress: Progress


def _write(spec: WriteVerify, target, key, state) -> Programmed:
    """All cells at once; each stops at its own acceptance."""
    start = _Loop(
        count=jnp.array(0),
        state=state,
        pulses=jnp.zeros(target.shape, jnp.int32),
        energy=jnp.zeros_like(state),
        progress=begin(spec, target, _read(spec, state, _key(key, 0, 0))),
    )
    end = jax.lax.while_loop(
        lambda loop: (loop.count < spec.max_pulses) & jnp.any(loop.progress.active),
        partial(_one_pulse, spec, target, key),
        start,
    )
    return Programmed(spec.device.conductance(end.state), end.state, end.pulses, end.energy, end.progress.side != 0)


def _one_pulse(spec: WriteVerify, target, key, loop: _Loop) -> _Loop:
    """One pulse and one read of every cell that is not yet accepted."""
    active = loop.progress.active
    voltage, width = _pulse_for(spec, loop.progress)
    pulsed = apply_pulse(spec.device, loop.state, voltage, width)
    heat = _heat(spec.device, loop.state, pulsed, voltage, width)
    state = _disturbed_by_noise(spec, pulsed, _key(key, loop.count, 1))
    state = jnp.where(active, state, loop.state)
    progress = advance(spec, target, loop.progress, _read(spec, state, _key(key, loop.count + 1, 0)))
    return _Loop(
        count=loop.count + 1,
        state=state.astype(loop.state.dtype),
        pulses=loop.pulses + active,
        energy=loop.energy + jnp.where(active, heat, 0.0).astype(loop.energy.dtype),
        progress=jax.tree.map(partial(jnp.where, active), progress, loop.progress),
    )


def _pulse_for(spec: WriteVerify, progress: Progress) -> tuple[Array, Array]:
    """Signed amplitude [V] and width [s] of the next pulse."""
    up, down, rises, place = spec.set_ramp, spec.reset_ramp, progress.side > 0, progress.place
    signed = jnp.where(rises, up.amplitude(place), -down.amplitude(place))
    return signed * spec.device.set_polarity, jnp.where(rises, up.duration(place), down.duration(place))


def _read(spec: WriteVerify, state, key) -> Array:
    """Conductance [S] with read noise."""
    read = spec.device.conductance(state)
    if spec.read_noise is None:
        return read
    return read * (1 + spec.read_noise * jax.random.normal(key, state.shape, state.dtype))


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
