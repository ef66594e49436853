"""Pulse trains of one direction, of growing amplitude and duration."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax._check import choice, concrete, not_negative, number, ordered, positive
from memjax.devices import AbstractDevice, Numeric, describe, parameter

# Longest pulse, in units of the first: a cell that needs a longer one does not move at all.
_LONGEST = 1e9


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
    longest: Numeric | None = parameter(default=None)
    """Longest duration [s]; 1e9 times the first if None."""

    def __check_init__(self):
        positive("Ramp", start=self.start, stop=self.stop, width=self.width)
        not_negative("Ramp", step=self.step)
        number("Ramp.growth", self.growth, 1.0)
        if self.longest is not None:
            positive("Ramp", longest=self.longest)

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
        device is slower, growing amplitude and duration make up for it. The longest pulse carries the state through
        half its range at the first amplitude from anywhere in the middle half: what needs a longer one is held at its
        bound, by a window that vanishes there.

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
        # One axis for the states before those of the cells; even in the conductance too, since it may rise steeply.
        even = jnp.linspace(0, 1, 65).reshape(-1, *[1] * max(jnp.ndim(leaf) for leaf in jax.tree.leaves(device)))
        low, high = device.conductance_bounds
        states = jnp.concatenate(jnp.broadcast_arrays(even, device.state_at(low + (high - low) * even)))
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
        width = move / rate
        middle = device.derivative(even[16:49], direction * device.set_polarity * start) + 0 * even[16:49]
        slowest = jnp.min(jnp.abs(middle), axis=0)
        longest = jnp.clip(0.5 / slowest, width, _LONGEST * width)
        return cls(start=start, step=step, stop=stop, width=width, growth=jnp.exp(share), longest=longest)

    def __repr__(self) -> str:
        return describe(self)

    def amplitude(self, index: Numeric) -> Array:
        """Magnitude [V] of pulse number `index` of a run in one direction."""
        return jnp.minimum(self.start + index * self.step, self.stop)

    def duration(self, index: Numeric) -> Array:
        """Duration [s] of pulse number `index` of a run in one direction."""
        return jnp.minimum(self.width * self.growth**index, self._longest)

    @property
    def last(self) -> Array:
        """Number of the pulse than which no later one is stronger."""
        grows, lengthens = self.step > 0, self.growth > 1
        steps = jnp.where(grows, (self.stop - self.start) / jnp.where(grows, self.step, 1), 0)
        factors = jnp.log(self._longest / self.width) / jnp.log(jnp.where(lengthens, self.growth, 2))
        return jnp.ceil(jnp.maximum(steps, jnp.where(lengthens, factors, 0)))

    @property
    def _longest(self) -> Array:
        return _LONGEST * self.width if self.longest is None else self.longest
