"""The controller of write-verify: what it knows of a cell from its reads, and which pulse it gives next."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from memjax.programming._ramp import Ramp

# Farthest that a pulse should move a cell, as a share of the way left.
_STRIDE = 0.5
# How much farther one place of a ramp moves a cell than the place before; what `Ramp.matched` has by default.
_PLACE = 1.5
# Places by which a pulse may be above the last.
_RISE = 2
# Least answer to a pulse, as a share of the conductance, and pulses at the end of a ramp that may go without one.
_ANSWER = 1e-5
_PATIENCE = 7


class Progress(NamedTuple):
    """What the controller knows of its cells; every entry has their shape."""

    side: Array
    """+1: conductance too low, -1: too high, 0: accepted."""
    read: Array
    """Last read [S]."""
    ramp: Ramp
    """Pulses of its direction at this conductance."""
    place: Array
    """Number of the next pulse on the ramp."""
    highest: Array
    """Highest answer in this direction so far: the move of the read in places of the ramp, less the place of the pulse;
    infinite before the first."""
    crossings: Array
    """How often the cell has crossed its target."""
    unanswered: Array
    """How many of the strongest pulses in a row have not moved it."""
    ended: Array
    """Whether its pulses have used up their energy, or one could not be computed."""

    @property
    def active(self) -> Array:
        """Whether the cell gets another pulse: it is given up where the strongest do not move it."""
        return (self.side != 0) & (self.unanswered < _PATIENCE) & ~self.ended


def begin(work, target, read) -> Progress:
    """Progress at the first read."""
    side = _side(work, target, read)
    zero, no = jnp.zeros_like(side), jnp.zeros(side.shape, bool)
    return Progress(side, read, _ramp(work, side, read), zero, jnp.full_like(read, jnp.inf), zero, zero, no)


def advance(work, target, last: Progress, read, energy) -> Progress:
    """Progress after one more pulse, its `read` and the `energy` [J] that all pulses took.

    A ramp starts anew when the cell has crossed its target. Otherwise the next pulse has, of the places up to two above
    the last, the highest that is expected to move the cell by no more than a stride. The expectation is the answer to
    the last pulse, with its rise over all before continued: most cells speed up as they go (abrupt SET). A rise over
    the one before alone may be due to the pulses: just above a threshold a cell answers weaker ones less or not at all,
    and would get these two in turns.
    """
    side = _side(work, target, read)
    ramp = _ramp(work, side, read)
    same = side == last.side
    moved, least = jnp.abs(read - last.read), _ANSWER * jnp.abs(read)
    answer = _in_places(jnp.maximum(moved, least) / last.ramp.move) - last.place
    first = jnp.isinf(last.highest)
    expected = answer + jnp.maximum(answer - last.highest, 0)
    crossings = jnp.where(same, last.crossings, last.crossings + 1)
    place = jnp.floor(_in_places(_stride(work, target, ramp, read, crossings) / ramp.move) - expected)
    place = jnp.clip(place, 0, last.place + _RISE).astype(last.place.dtype)
    unmoved = (last.place >= last.ramp.last) & (moved <= least)
    return Progress(
        side=side,
        read=read,
        ramp=ramp,
        place=jnp.where(same, place, 0),
        highest=jnp.where(same, jnp.where(first, answer, jnp.maximum(answer, last.highest)), jnp.inf),
        crossings=crossings,
        unanswered=jnp.where(unmoved, last.unanswered + 1, 0),
        ended=~(energy <= work.spec.max_energy),
    )


def _side(work, target, read) -> Array:
    error = target - read
    return jnp.where(jnp.abs(error) <= work.band, 0, jnp.where(error > 0, 1, -1)).astype(jnp.int32)


def _ramp(work, side, read) -> Ramp:
    """The pulses of cells on a side of their targets."""
    up, down = work.spec.set_ramp.at(read), work.spec.reset_ramp.at(read)
    return jax.tree.map(lambda sets, resets: jnp.where(side > 0, sets, resets).astype(read.dtype), up, down)


def _stride(work, target, ramp, read, crossings) -> Array:
    """Largest move [S] wanted of a pulse; near the target as wide as the accepted band, to fall anywhere in it.

    Each crossing narrows this: what comes back from an overshoot would else take the same way for ever.
    """
    widest = 2 * work.band / (1 + crossings)
    return jnp.minimum(jnp.maximum(_STRIDE * jnp.abs(target - read), widest), ramp.stride)


def _in_places(conductance) -> Array:
    """Logarithm of a positive conductance to the base of a ramp."""
    return jnp.log(conductance + jnp.finfo(conductance.dtype).tiny) / math.log(_PLACE)
