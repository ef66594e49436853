"""The controller of write-verify: what it knows of a cell from its reads, and which pulse it gives next."""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

# Farthest that a pulse should move a cell: a share of the way left, and of the conductance.
_STRIDE = 0.5
# How much farther one place of a ramp moves a cell than the place before; what `Ramp.matched` has by default.
_PLACE = 1.5
# Least answer to a pulse, as a share of the conductance, and pulses at the end of a ramp that may go without one.
_ANSWER = 1e-5
_PATIENCE = 7


class Progress(NamedTuple):
    """What the controller knows of its cells; every entry has their shape."""

    side: Array
    """+1: conductance too low, -1: too high, 0: accepted."""
    read: Array
    """Last read [S]."""
    place: Array
    """Number of the next pulse on the ramp of its direction."""
    answer: Array
    """log(move of the read)/log(1.5), less the place of the pulse; infinite before the first in a direction."""
    held: Array
    """Given up: the strongest pulses do not move it."""

    @property
    def active(self) -> Array:
        """Whether the cell gets another pulse."""
        return (self.side != 0) & ~self.held


def begin(spec, target, read) -> Progress:
    """Progress at the first read."""
    side = _side(spec, target, read)
    return Progress(side, read, jnp.zeros_like(side), jnp.full_like(read, jnp.inf), jnp.zeros(side.shape, bool))


def advance(spec, target, last: Progress, read) -> Progress:
    """Progress after one more pulse, and its `read`.

    A ramp starts anew when the cell has crossed its target. Otherwise the next pulse has, of the places up to one above
    the last, the highest that is expected to move the cell by no more than a stride. The expectation is the answer to
    the last pulse, with its rise over the one before continued: most cells speed up as they go (abrupt SET).
    """
    side = _side(spec, target, read)
    same = side == last.side
    answer = _in_places(jnp.maximum(jnp.abs(read - last.read), _ANSWER * jnp.abs(read))) - last.place
    expected = answer + jnp.maximum(answer - last.answer, 0)
    place = jnp.floor(_in_places(_stride(spec, target, last.read, read)) - expected)
    place = jnp.clip(place, 0, last.place + 1).astype(last.place.dtype)
    return Progress(
        side=side,
        read=read,
        place=jnp.where(same, place, 0),
        answer=jnp.where(same, answer, jnp.inf),
        held=_held(spec, last, read),
    )


def _side(spec, target, read) -> Array:
    low, high = spec.device.conductance_bounds
    error = target - read
    return jnp.where(jnp.abs(error) <= spec.tolerance * (high - low), 0, jnp.sign(error)).astype(jnp.int32)


def _stride(spec, target, before, read) -> Array:
    """Largest move [S] wanted of a pulse; near the target as wide as the accepted band, to fall anywhere in it."""
    low, high = spec.device.conductance_bounds
    way = jnp.maximum(_STRIDE * jnp.abs(target - read), 2 * spec.tolerance * (high - low))
    return jnp.minimum(way, _STRIDE * jnp.minimum(jnp.abs(before), jnp.abs(read)))


def _held(spec, last: Progress, read) -> Array:
    """Whether the cell has not answered to the strongest pulse of its ramp, after several of them."""
    end = jnp.where(last.side > 0, spec.set_ramp.last, spec.reset_ramp.last)
    return (last.place >= end + _PATIENCE - 1) & (jnp.abs(read - last.read) <= _ANSWER * jnp.abs(read))


def _in_places(conductance) -> Array:
    """Logarithm of a positive conductance to the base of a ramp."""
    return jnp.log(conductance + jnp.finfo(conductance.dtype).tiny) / math.log(_PLACE)
