"""The gentlest pulse that moves a device: what it is at every conductance, from the model."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from memjax._check import choice, concrete, number, ordered, positive
from memjax.devices import AbstractDevice, Numeric

# Durations of pulses [s], by default.
SHORTEST, LONGEST = 1e-9, 1.0
# States looked at, half of them by the state, half by the conductance, which may rise steeply with it.
_STATES = 48
# Share of the range of the state by which a cell is kept away from a bound that would hold it, at most; and of the
# tolerance, in conductance.
_MARGIN, _NEAR = 1e-3, 0.25
# Of the move over which a cell speeds up e-fold: what the first pulse moves it by, and the most for any pulse.
_GENTLE, _BOLD = 0.25, 0.5
# Least share of the range of conductance over which a cell is taken to speed up.
_LEAST = 1e-6
# Voltages tried, relative to that at which the device begins programming; up to it where there is a threshold, of
# which a half-selected cell must stay below.
_LOWER, _HIGHER = 1e-3, 5.0
# A first pulse longer than this share of the longest is worth a higher voltage, if that takes less energy.
_SLOW = 1e-3
# A voltage that moves whatever can be moved, relative to one that should.
_ANY = 100.0
# Least and largest relative step of the amplitude.
_STEPS = 0.005, 0.05


class First(NamedTuple):
    """First pulses of a ramp by conductance, along the last axis; fields as in `Ramp`."""

    levels: Array
    start: Array
    step: Array
    width: Array
    move: Array
    stride: Array
    transition: Array


def first_pulses(
    device: AbstractDevice,
    direction: int,
    start: Numeric | None,
    move: Numeric,
    growth: Numeric,
    shortest: Numeric,
    longest: Numeric,
) -> First:
    """See `Ramp.matched`."""
    choice("direction", direction, (1, -1))
    number("growth", growth, 1.0, open_low=True)
    positive("Ramp", move=move, shortest=shortest)
    ordered("Ramp", shortest=shortest, longest=longest)
    if start is not None:
        positive("Ramp", start=start)
    check_analog(device)
    first, moves = _first(device, float(direction), start, move, growth, shortest, longest)
    known = concrete(moves)
    if known is not None and not known.all():
        _refuse(device, jnp.max(first.start))
    return first


def check_analog(device: AbstractDevice) -> None:
    """Raise for a device that holds no conductance between its ends."""
    if device.binary:
        raise ValueError(
            f"WriteVerify.device: {type(device).__name__} is binary: a cell has one of two conductances, and pulses "
            "turn it with a probability; none in between can be written"
        )


def margins(device: AbstractDevice, low: Array, high: Array, tolerance: Numeric) -> tuple[Array, Array]:
    """The states next to the bounds 0 and 1 that a cell has instead of a bound that would hold it.

    They are a thousandth of the range away, or as far as conductance changes by a quarter of the tolerance, if less;
    the conductance lies between `low` and `high`.
    """
    near = _NEAR * tolerance * (high - low)
    one, other = device.state_at(jnp.stack(jnp.broadcast_arrays(low + near, high - near)))
    return _beside(one, other)


def _beside(one: Array, other: Array) -> tuple[Array, Array]:
    """Margins, of which one state at least is as near to either bound as its conductance may be."""
    return jnp.clip(jnp.minimum(one, other), 0, _MARGIN), jnp.clip(jnp.maximum(one, other), 1 - _MARGIN, 1)


def _refuse(device, volts) -> None:
    """Raise for a device that does not move at a voltage [V]."""
    kind = type(device).__name__
    if not any(jnp.any(device.derivative(0.5, sign * _ANY * volts)) for sign in (1, -1)):
        raise ValueError(f"Ramp.matched: no voltage moves {kind}: it cannot be written by pulses")
    raise ValueError(f"Ramp.matched: {kind} does not move at {volts:g} V; choose a larger start")


class _Motion(NamedTuple):
    """Cells at their levels and how they move in one direction under a voltage; all arrays end in the levels."""

    device: AbstractDevice
    direction: Array
    states: Array
    levels: Array  # conductance [S]
    slope: Array  # its first derivative by the state [S]
    bend: Array  # its second

    @classmethod
    def of(cls, device, direction, states) -> "_Motion":
        one = jnp.ones_like(states)
        with_slope = lambda x: jax.jvp(device.conductance, (x,), (one,))
        (levels, slope), (_, bend) = jax.jvp(with_slope, (states,), (one,))
        return cls(device, direction, states, levels, slope, bend)

    def rate(self, states, volts) -> Array:
        """dx/dt [1/s], 0 where it is not the direction wanted."""
        rate = self.device.derivative(states, self.direction * self.device.set_polarity * volts)
        return jnp.where(self.direction * self.slope * rate > 0, rate, 0).astype(states.dtype)

    def speed(self, volts) -> Array:
        """|dG/dt| [S/s]."""
        return jnp.abs(self.slope * self.rate(self.states, volts))

    def reach(self, volts, span) -> Array:
        """The move [S] over which the speed grows e-fold, at most the `span` of the conductance [S]."""
        rate, change = jax.jvp(lambda x: self.rate(x, volts), (self.states,), (jnp.ones_like(self.states),))
        growth = (self.bend * rate + self.slope * change) * jnp.sign(self.slope)  # as the state moves
        reach = self.slope**2 * jnp.abs(rate) / jnp.where(growth > 0, growth, 1)
        return jnp.clip(jnp.where(growth > 0, reach, span), _LEAST * span, span)

    def power(self, volts) -> Array:
        """|v i| [W]."""
        return jnp.abs(volts * self.device.current(self.states, self.direction * self.device.set_polarity * volts))

    def amplitude(self, nominal, shortest, longest, first) -> Array:
        """Voltage [V] of a first pulse that is to move the conductance by `first` [S]."""
        top = nominal * (1.0 if self.device.thresholds else _HIGHER)
        wanted = first / jnp.stack([shortest, longest]).reshape(2, *[1] * first.ndim)

        def halve(_, bracket):
            low, high = bracket
            middle = jnp.sqrt(low * high)
            enough = self.speed(middle) >= wanted
            return jnp.where(enough, low, middle), jnp.where(enough, middle, high)

        bracket = tuple(jnp.broadcast_to(volts, wanted.shape) for volts in (_LOWER * nominal, top))
        at_most, at_least = jax.lax.fori_loop(0, 24, halve, bracket)[1]
        usual = jnp.minimum(nominal, at_most)
        raised = jnp.clip(at_least, usual, at_most)
        both = jnp.stack([usual, raised])
        power, speed = self.power(both), self.speed(both)
        return jnp.where(power[1] * speed[0] < power[0] * speed[1], raised, usual)  # energy per move


@jax.jit
def _first(device, direction, start, move, growth, shortest, longest) -> tuple[First, Array]:
    """The first pulses, and whether they move the device at all."""
    cells = jax.tree.map(lambda leaf: leaf[..., None], device)
    low, high = cells.conductance_bounds
    motion = _Motion.of(cells, direction, _states(cells, low, high, move))
    dtype = motion.levels.dtype
    shortest, longest = (jnp.asarray(width, dtype) for width in (shortest, longest))
    first_at = lambda reach: jnp.minimum(move * (high - low), _GENTLE * reach)
    sets, resets = cells.write_voltages
    nominal = jnp.where(direction > 0, sets, resets) if start is None else jnp.asarray(start)[..., None]
    nominal = jnp.broadcast_to(nominal, motion.levels.shape).astype(dtype)

    def again(_, found):
        volts, _ = found
        reach = motion.reach(volts, high - low)
        if start is None:
            volts = motion.amplitude(nominal, shortest, _SLOW * longest, first_at(reach))
        return volts, reach

    # The move over which a cell speeds up depends on the amplitude, if little: twice.
    volts, reach = jax.lax.fori_loop(0, 2, again, (nominal, nominal))
    first = first_at(reach)
    speed, further = motion.speed(jnp.stack([volts, 1.01 * volts]))
    moves = speed > 0
    speed = jnp.where(moves, speed, 1)
    width = jnp.where(moves, jnp.clip(first / speed, shortest, longest), longest)
    sensitivity = jnp.where(moves, jnp.log(further / speed), 0) / (0.01 * volts)  # d ln(speed)/dV [1/V]
    step = jnp.clip(0.5 * jnp.log(growth) / jnp.maximum(sensitivity, 1e-6), _STEPS[0] * volts, _STEPS[1] * volts)
    # The energy of what hardly moves, as next to a bound that is never reached, is not counted.
    costs = jnp.where(moves & (first <= speed * longest), motion.power(volts) / speed, 0)
    columns = jnp.broadcast_arrays(motion.levels, volts, step, width, first, _BOLD * reach, costs)
    order = jnp.argsort(motion.levels, axis=-1)
    levels, *rest, costs = (jnp.take_along_axis(column, order, axis=-1) for column in columns)
    return First._make((levels, *rest, jnp.trapezoid(costs, levels, axis=-1))), jnp.any(moves, axis=-1)


def _states(device, low, high, move) -> Array:
    """States [..., _STATES] between the margins."""
    share = 0.5 - 0.5 * jnp.cos(jnp.linspace(0, jnp.pi, _STATES // 2))  # closer towards the ends
    near = _NEAR * 4 * move  # the default tolerance is that many first moves
    in_conductance = device.state_at(low + (high - low) * jnp.clip(share, near, 1 - near))
    bottom, top = _beside(in_conductance[..., :1], in_conductance[..., -1:])
    in_state = bottom + (top - bottom) * share
    return jnp.concatenate(jnp.broadcast_arrays(in_state, jnp.clip(in_conductance, bottom, top)), axis=-1)
