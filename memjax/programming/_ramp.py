"""Pulse trains of one direction, of growing amplitude and duration."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax._check import concrete, ordered, positive, shown
from memjax._field import Spec, parameter
from memjax.devices import AbstractDevice, Numeric, describe
from memjax.programming._matched import LONGEST, SHORTEST, first_pulses

# Largest move wanted of a pulse of a ramp that is the same everywhere, as a share of the conductance.
_STRIDE = 0.5


class Ramp(Spec):
    """Pulses of one direction: amplitude `start`, `start + step`, ... up to `stop` [V], the first `width` [s] long.

    Amplitudes are magnitudes; the sign follows from the polarity of the device. Arrays of the cells' shape give every
    cell its own ramp. With `levels` the ramp depends on the conductance that was read, as a table: `start`, `step`,
    `stop`, `width`, `move` and `stride` then end in an axis over the levels, between which their logarithms are
    interpolated.
    """

    start: Numeric = parameter(above=0.0, unit="V")
    """First amplitude [V]."""
    step: Numeric = parameter(low=0.0, unit="V")
    """Increase from one pulse to the next in the same direction [V]."""
    stop: Numeric = parameter(above=0.0, unit="V")
    """Largest amplitude [V]."""
    width: Numeric = parameter(above=0.0, unit="s")
    """Duration of the first pulse [s]."""
    growth: Numeric = parameter(low=1.0, default=1.0)
    """Factor by which the duration grows from one pulse to the next in the same direction [1]."""
    longest: Numeric = parameter(above=0.0, unit="s", default=LONGEST)
    """Longest duration [s]."""
    levels: Numeric | None = parameter(low=0.0, unit="S", optional=True, default=None)
    """Conductances [S] of the table, rising along the last axis; None: the ramp is the same at all."""
    move: Numeric = parameter(low=0.0, unit="S", default=1.0)
    """Move of the conductance [S] expected of the first pulse; of no matter where it is the same at all levels."""
    stride: Numeric | None = parameter(low=0.0, unit="S", optional=True, default=None)
    """Largest move [S] to be wanted of a pulse; None: half of the conductance."""
    transition: Numeric = parameter(low=0.0, unit="J", infinite=True, default=jnp.inf)
    """Energy [J] with which first pulses take a cell through its range; infinite where it is not known."""

    def check_relations(self) -> None:
        start, stop = concrete(self.start), concrete(self.stop)
        if start is not None and stop is not None and np.any(start > stop):
            raise ValueError(
                f"Ramp.start must be at most Ramp.stop, got start={shown(self.start)} and stop={shown(self.stop)}"
            )
        if self.levels is not None and self.stride is None:
            raise ValueError("Ramp.levels must come with a stride for each of them, got none")
        if self.levels is not None:
            positive("Ramp", step=self.step, move=self.move, stride=self.stride)

    @classmethod
    def matched(
        cls,
        device: AbstractDevice,
        direction: int,
        start: Numeric | None = None,
        stop: Numeric | None = None,
        move: Numeric = 0.0025,
        growth: Numeric = 1.5,
        shortest: Numeric = SHORTEST,
        longest: Numeric = LONGEST,
    ) -> "Ramp":
        """A ramp whose first pulse moves the conductance by a fraction `move` of its range, wherever it stands.

        It moves it less where the cell would speed up on the way: by no more than a quarter of the move that makes it
        e times as fast, while a later pulse may be wanted to move it by half of that. The amplitude is, at each level,
        the one nearest to the device's `write_voltages` at which this first pulse lasts `shortest` at least and, where
        that takes less energy, a thousandth of `longest` at most (five times the `write_voltages` at most, and no more
        than these where there is a threshold); so cells without thresholds get voltages that move them within physical
        times.

        Args:
            device: parameters are scalars or arrays of the cells' shape.
            direction: +1 for SET (the conductance rises), -1 for RESET.
            start: first amplitude [V] at all levels; None: chosen as said.
            stop: last amplitude [V]; 1.8 times the first if None, which leaves the half-selected cells of a threshold
                device below its threshold.
            move: fraction of the conductance range [1].
            growth: factor by which the second pulse moves the cell farther than the first, half of it (in logarithm)
                by its amplitude, half by its duration. Much more than this overshoots.
            shortest, longest: bounds of the duration [s].

        Raises: ValueError if the device does not move at the amplitudes, is binary, or start >= stop.
        """
        if start is not None and stop is not None:
            ordered("Ramp", start=start, stop=stop)
        first = first_pulses(device, direction, start, move, growth, shortest, longest)
        if stop is None:
            stop = 1.8 * first.start
        return cls(stop=stop + 0 * first.start, growth=jnp.sqrt(growth), longest=longest, **first._asdict())

    def __repr__(self) -> str:
        return describe(self)

    def at(self, conductance: Array) -> "Ramp":
        """The ramp of cells of which a conductance [S] was read: the same at all, with a `stride`."""
        if self.levels is None:
            first = self.start, self.step, self.stop, self.width, self.growth, self.longest
            stride = _STRIDE * jnp.abs(conductance) if self.stride is None else self.stride
            return Ramp(*first, move=self.move, stride=stride)
        assert self.stride is not None
        columns = jnp.broadcast_arrays(self.start, self.step, self.stop, self.width, self.move, self.stride)
        table = jnp.stack(columns, axis=-1)
        found = jnp.moveaxis(jnp.exp(_between(conductance, self.levels, jnp.log(table))), -1, 0)
        start, step, stop, width, move, stride = found
        return Ramp(start, step, stop, width, self.growth, self.longest, move=move, stride=stride)

    def amplitude(self, index: Numeric) -> Array:
        """Magnitude [V] of pulse number `index` of a run in one direction."""
        return jnp.minimum(self.start + index * self.step, self.stop)

    def duration(self, index: Numeric) -> Array:
        """Duration [s] of pulse number `index` of a run in one direction."""
        return jnp.minimum(self.width * self.growth**index, self.longest)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the cells that have ramps of their own."""
        if self.levels is not None:
            return jnp.shape(self.levels)[:-1]
        return jnp.broadcast_shapes(*map(jnp.shape, jax.tree.leaves(self)))

    @property
    def last(self) -> Array:
        """Number of the pulse than which no later one is stronger."""
        grows, lengthens = self.step > 0, self.growth > 1
        steps = jnp.where(grows, (self.stop - self.start) / jnp.where(grows, self.step, 1), 0)
        factors = jnp.log(self.longest / self.width) / jnp.log(jnp.where(lengthens, self.growth, 2))
        return jnp.ceil(jnp.maximum(jnp.maximum(steps, jnp.where(lengthens, factors, 0)), 0))


@partial(jnp.vectorize, signature="(),(l),(l,c)->(c)")
def _between(x: Array, levels: Array, rows: Array) -> Array:
    """Rows of a table interpolated between its levels, the ends continued.

    `jnp.interp` takes levels for equal that are closer than 1.4e-14, which conductances [S] may be.
    """
    above = jnp.clip(jnp.searchsorted(levels, x), 1, len(levels) - 1)
    low, high = levels[above - 1], levels[above]
    share = jnp.clip((x - low) / jnp.where(high > low, high - low, 1), 0, 1)
    return rows[above - 1] + share * (rows[above] - rows[above - 1])
