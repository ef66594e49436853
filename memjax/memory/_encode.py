"""Encoders: what is stored for a line of data, so that few cells are written.

An encoder cuts a line into groups and stores one of several patterns for each, with flag bits that say which. What it
stores depends on what is there, so a trace is encoded as a whole, line by line in the order of its writes.
"""

import abc
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from memjax import _check
from memjax._field import Spec, choice, flag, integer, number
from memjax.memory._trace import WORDS, MemoryTrace, check_trace, with_old

_GROUPS = (8, 16, 32, 64, 128, 256, 512)


class AbstractEncoder(Spec):
    """How the data of a group of cells is stored. Write your own by `patterns`."""

    granularity: eqx.AbstractVar[int]

    @abc.abstractmethod
    def patterns(self, words: jax.Array) -> jax.Array:
        """What may be stored for the data of lines, uint32 [..., 16] -> [patterns, ..., 16]; the first is the data."""

    @abc.abstractmethod
    def choose(self, data: jax.Array, flags: jax.Array) -> jax.Array:
        """The pattern of each group, int32 [groups], from the cells [patterns, groups] and the flag bits
        [patterns, groups] that each would change."""


class FlipNWrite(AbstractEncoder):
    """The data or its complement, whichever changes fewer cells: at most (n + 1) / 2 of n cells and a flag.

    Cho and Lee, "Flip-N-Write", MICRO 2009.

    Args:
        granularity: data bits of a group, one flag bit each: 8, 16, 32, 64, 128, 256 or 512.
        compatible: as NVMain does it: the flag bits are neither counted nor weighed, and the complement has the bits of
            each byte in reverse order (a fault, by which about a tenth more cells change).
    """

    granularity: int = choice(*_GROUPS, default=32)
    compatible: bool = flag(default=False)

    def patterns(self, words: jax.Array) -> jax.Array:
        flipped = ~words
        return jnp.stack([words, _reverse_bytes(flipped) if self.compatible else flipped])

    def choose(self, data: jax.Array, flags: jax.Array) -> jax.Array:
        if self.compatible:
            return (data[0] > self.granularity // 2).astype(jnp.int32)
        return jnp.argmin(data + flags, axis=0).astype(jnp.int32)


class Coset(AbstractEncoder):
    """The data XOR one of several masks, whichever changes the fewest cells, flag bits counted.

    Jacobvitz, Calderbank and Sorin, "Coset coding to extend the lifetime of memory", HPCA 2013. The masks here are
    random words, the first zero; two masks, none and all, make `FlipNWrite`.

    Args:
        bits: flag bits of a group; it has 2**bits masks.
        granularity: data bits of a group: 8, 16, 32, 64, 128, 256 or 512.
        seed: of the masks.
    """

    bits: int = integer(1, 8, default=2)
    granularity: int = choice(*_GROUPS, default=32)
    seed: Any = number(low=0, whole=True, default=0)

    def patterns(self, words: jax.Array) -> jax.Array:
        # Pairs of complements: with one mask a group far from what is stored is near to it with the other.
        half = jax.random.bits(jax.random.key(self.seed), (2 ** (self.bits - 1) - 1, WORDS), jnp.uint32)
        half = jnp.concatenate([jnp.zeros((1, WORDS), jnp.uint32), half])
        masks = jnp.stack([half, ~half], axis=1).reshape(-1, WORDS)
        return words ^ masks.reshape(-1, *[1] * (words.ndim - 1), WORDS)

    def choose(self, data: jax.Array, flags: jax.Array) -> jax.Array:
        return jnp.argmin(data + flags, axis=0).astype(jnp.int32)


class Encoded(NamedTuple):
    """A trace as the cells see it.

    Attributes:
        trace: with the stored patterns as data and old data.
        flag_bits: flag bits that each write changes, int32 [n]; 0 for reads.
    """

    trace: MemoryTrace
    flag_bits: jax.Array


def encode(trace: MemoryTrace, encoder: AbstractEncoder) -> Encoded:
    """A trace with the data and the old data that an encoder stores.

    Of each group the encoder chooses the pattern by what is stored; which it chose it remembers for each line. The old
    data of the trace says what a line held (see `with_old`, used where a trace has none). Runs under `jit` and `vmap`.

    Args:
        trace: with data.
        encoder: `FlipNWrite`, `Coset` or your own.

    Raises: TypeError for anything else, ValueError for a trace without data.
    """
    check_trace("trace", trace)
    _check.part("encoder", encoder, AbstractEncoder, example="FlipNWrite()")
    if trace.data is None:
        raise ValueError("trace must have data to be encoded, got None")
    return _encoded(with_old(trace) if trace.old is None else trace, encoder)


@eqx.filter_jit
def _encoded(trace: MemoryTrace, encoder: AbstractEncoder) -> Encoded:
    # What a line holds depends on its own writes alone: line by line, the state is the flags of one line.
    order = jnp.argsort(trace.line, stable=True)
    line, groups = trace.line[order], 32 * WORDS // encoder.granularity
    begins = line != jnp.roll(line, 1).at[0].set(-1)

    def step(flags: jax.Array, request: tuple) -> tuple[jax.Array, tuple]:
        begins, write, data, old = request
        before = jnp.where(begins, 0, flags)
        stored = _select(encoder.patterns(old), before, encoder.granularity)
        candidates = encoder.patterns(data)
        changed = _group_bits(candidates ^ stored, encoder.granularity)
        options = jnp.arange(candidates.shape[0], dtype=jnp.int32)
        flag_bits = jax.lax.population_count(options[:, None] ^ before)
        after = jnp.where(write, encoder.choose(changed, flag_bits), before).astype(jnp.int32)
        new = _select(candidates, after, encoder.granularity)
        cost = jnp.sum(jax.lax.population_count(after ^ before), dtype=jnp.int32)
        return after, (new, stored, cost)

    requests = (begins, (trace.write & trace.real)[order], trace.data[order], trace.old[order])
    _, found = jax.lax.scan(step, jnp.zeros(groups, jnp.int32), requests)
    data, old, flag_bits = (jnp.zeros_like(part).at[order].set(part) for part in found)
    return Encoded(eqx.tree_at(lambda t: (t.data, t.old), trace, (data, old)), flag_bits)


def changed_bits(trace: MemoryTrace) -> jax.Array:
    """Cells that each request changes: the bits in which its data and the old data differ, int32 [n]; 0 for reads.

    Raises: ValueError for a trace without data or old data.
    """
    return jnp.sum(jax.lax.population_count(changes(trace)), axis=-1).astype(jnp.int32)


def changes(trace: MemoryTrace) -> jax.Array:
    """The bits that each request changes, uint32 [n, 16]; none for reads and padding."""
    check_trace("trace", trace)
    if trace.data is None or trace.old is None:
        missing = "data" if trace.data is None else "old data"
        raise ValueError(f"trace must have data and old data, got no {missing}: see with_old")
    return jnp.where((trace.write & trace.real)[:, None], trace.data ^ trace.old, jnp.uint32(0))


def _group_bits(words: jax.Array, granularity: int) -> jax.Array:
    """Ones in each group, [..., 16] -> int32 [..., groups]."""
    return jnp.sum(jax.lax.population_count(_split(words, granularity)), axis=-1).astype(jnp.int32)


def _select(patterns: jax.Array, which: jax.Array, granularity: int) -> jax.Array:
    """Of each group the pattern by number, [patterns, 16] and [groups] -> [16]."""
    parts = _split(patterns, granularity)
    chosen = jnp.take_along_axis(parts, which[None, :, None], axis=0)[0]
    if granularity >= 32:
        return chosen.reshape(WORDS)
    return jnp.sum(chosen.reshape(WORDS, 32 // granularity), axis=1, dtype=jnp.uint32)


def _split(words: jax.Array, granularity: int) -> jax.Array:
    """Words by groups, [..., 16] -> [..., groups, words of a group]; of small groups the word with their bits."""
    lead = words.shape[:-1]
    if granularity >= 32:
        return words.reshape(*lead, 32 * WORDS // granularity, granularity // 32)
    masks = _MASKS[granularity]
    return (words[..., None] & masks).reshape(*lead, WORDS * len(masks), 1)


_MASKS = {
    size: np.array([((1 << size) - 1) << (32 - size * (part + 1)) for part in range(32 // size)], np.uint32)
    for size in (8, 16)
}


def _reverse_bytes(words: jax.Array) -> jax.Array:
    """Words with the order of the bits reversed in each byte."""
    for shift, mask in ((4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        low = jnp.uint32(mask)
        words = ((words & low) << shift) | ((words >> shift) & low)
    return words
