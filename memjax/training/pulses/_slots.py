"""Pulse trains slot by slot: which lines fire, and the cells where they meet.

Few lines fire in a sample, so that few cells are pulsed: they are written as lists, and all that happens to a cell is
done for those of the list. Nothing has the size of slots times samples times cells.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.training.pulses._noise import normal, uniform
from memjax.training.pulses._trains import Trains

Carry = TypeVar("Carry")

_SAMPLES = 64  # whose lines are drawn at once
_CELLS = 512  # in a list
_NOISE = 4096  # random numbers drawn at once for the pulses of many samples


class Pulses(NamedTuple):
    """Pulsed cells of one sample, none of them twice.

    Attributes:
        cell: index into the flat matrix; beyond its end where the list is not full.
        count: signed number of pulses, upwards positive; zero where the trains meet in no slot.
        z: standard normal numbers for the noise of these pulses, some for each cell, [draws, cells].
    """

    cell: Array
    count: Array
    z: Array


class Lines(NamedTuple):
    """The word lines or the bit lines of some samples.

    Attributes:
        bits: slots in which each line fires, as the bits of a word, [S, L].
        negative: whether its signal is negative, [S, L].
        firing: the lines that fire, in order; further entries have no meaning, [S, L].
        number: how many do, [S].
    """

    bits: Array
    negative: Array
    firing: Array
    number: Array


def fire(key: Array, signed: Array, length: Array) -> Lines:
    """Random pulses with the probability |signed| [S, L] in each of `length` [S] slots."""

    def draw(state):
        slot, bits = state
        drawn = uniform(jax.random.fold_in(key, slot), signed.shape, signed.dtype) < jnp.abs(signed)
        bit = jnp.uint32(1) << slot.astype(jnp.uint32)
        return slot + 1, bits | jnp.where(drawn & (slot < length[:, None]), bit, jnp.uint32(0))

    slots = jnp.ceil(jnp.max(length)).astype(jnp.int32)
    start = (jnp.int32(0), jnp.zeros(signed.shape, jnp.uint32))
    bits = lax.while_loop(lambda state: state[0] < slots, draw, start)[1]
    fires = bits > 0
    samples, lines = signed.shape
    place = jnp.where(fires, jnp.cumsum(fires, axis=1) - 1, lines)
    line = jnp.broadcast_to(jnp.arange(lines, dtype=jnp.int32), signed.shape)
    firing = jnp.zeros_like(line).at[jnp.arange(samples)[:, None], place].set(line, mode="drop")
    return Lines(bits, signed < 0.0, firing, jnp.sum(fires, axis=1, dtype=jnp.int32))


def visit(trains: Trains, key: Array, draws: int, body: Callable[[Carry, Pulses], Carry], carry: Carry) -> Carry:
    """carry = body(carry, pulses) for the pulses of all samples, one sample after another."""
    samples = len(trains.length)
    size = min(samples, _SAMPLES)
    missing = -samples % size
    pad = lambda a: jnp.pad(a, ((0, missing), *[(0, 0)] * (a.ndim - 1))).reshape(-1, size, *a.shape[1:])
    blocks = jax.tree.map(pad, trains)

    def block(carry, part):
        index, some = part
        return _visit_block(some, jax.random.fold_in(key, index), draws, body, carry), None

    return lax.scan(block, carry, (jnp.arange(len(blocks.length)), blocks))[0]


def _visit_block(trains, key, draws, body, carry):
    x_key, d_key, noise_key = jax.random.split(key, 3)
    x, d = fire(x_key, trains.x, trains.length), fire(d_key, trains.d, trains.length)
    samples = len(trains.length)
    dtype = trains.x.dtype

    def one(state):
        used, sample, start, noise, carry = state
        z = lax.dynamic_slice(noise, (0, used), (draws, _CELLS))
        carry = body(carry, _pulses(x, d, sample, start, z))
        left = x.number[sample] * d.number[sample] - start
        more = left > _CELLS
        used = used + jnp.minimum(left, _CELLS)
        return used, jnp.where(more, sample, sample + 1), jnp.where(more, start + _CELLS, 0), noise, carry

    def some(state):
        turn, sample, start, carry = state
        noise = normal(jax.random.fold_in(noise_key, turn), (draws, _NOISE), dtype)
        going = lambda state: (state[0] <= _NOISE - _CELLS) & (state[1] < samples)
        _, sample, start, _, carry = lax.while_loop(going, one, (jnp.int32(0), sample, start, noise, carry))
        return turn + 1, sample, start, carry

    zero = jnp.int32(0)
    return lax.while_loop(lambda state: state[1] < samples, some, (zero, zero, zero, carry))[3]


def _pulses(x: Lines, d: Lines, sample: Array, start: Array, z: Array) -> Pulses:
    """A list of the cells where a firing word line meets a firing bit line, from the place `start` on."""
    inputs, outputs = x.bits.shape[1], d.bits.shape[1]
    place = start + jnp.arange(_CELLS, dtype=jnp.int32)
    columns = jnp.maximum(d.number[sample], 1)
    row = x.firing[sample][jnp.minimum(place // columns, inputs - 1)]
    column = d.firing[sample][place % columns]
    there = place < x.number[sample] * d.number[sample]
    both = jnp.where(there, x.bits[sample][row] & d.bits[sample][column], jnp.uint32(0))
    up = x.negative[sample][row] != d.negative[sample][column]
    count = lax.population_count(both).astype(z.dtype)
    beyond = inputs * outputs + jnp.arange(_CELLS, dtype=jnp.int32)
    return Pulses(jnp.where(there, row * outputs + column, beyond), jnp.where(up, count, -count), z)
