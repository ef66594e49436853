"""Wear levelling: where the lines of a region lie, and how they move from write to write."""

import abc
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from memjax import _check
from memjax._field import Spec, flag, integer
from memjax.memory._trace import WORDS, MemoryTrace, check_trace


class Moves(NamedTuple):
    """Lines whose content is copied within the memory.

    Attributes:
        source, target: physical lines, int32 [copies]; all are read before any is written.
    """

    source: jax.Array
    target: jax.Array


class AbstractLevelling(Spec):
    """Where the lines of a region lie, which changes after every `interval` writes. Write your own by these methods."""

    interval: eqx.AbstractVar[int]
    spare: ClassVar[int]
    """Physical lines beyond those of the region."""
    copies: ClassVar[int]
    """Lines that are copied in one step."""

    @abc.abstractmethod
    def start(self, lines: int, key: jax.Array) -> Any:
        """The arrangement of a new memory of `lines` lines."""

    @abc.abstractmethod
    def place(self, state: Any, line: jax.Array) -> jax.Array:
        """Where lines lie, int32 of any shape."""

    @abc.abstractmethod
    def step(self, state: Any, key: jax.Array) -> tuple[Any, Moves]:
        """The next arrangement, and what is copied to get there."""


class Still(AbstractLevelling):
    """Every line stays where it is."""

    interval: int = 1000
    spare: ClassVar[int] = 0
    copies: ClassVar[int] = 0

    def start(self, lines: int, key: jax.Array) -> Any:
        return ()

    def place(self, state: Any, line: jax.Array) -> jax.Array:
        return line

    def step(self, state: Any, key: jax.Array) -> tuple[Any, Moves]:
        nothing = jnp.zeros(0, jnp.int32)
        return state, Moves(nothing, nothing)


class StartGap(AbstractLevelling):
    """One spare line, the gap, walks through the memory and takes every line one place on at each of its rounds.

    With N lines, a line `l` lies at p = (l + start) mod N, or at p + 1 from the gap on. Every `interval` writes the
    line before the gap moves into it. Qureshi et al., "Enhancing lifetime and security of PCM-based main memory with
    start-gap wear leveling", MICRO 2009.

    Args:
        interval: writes between two moves (psi).
        randomised: whether a fixed random arrangement precedes, so that lines that are written together are spread.
    """

    interval: int = integer(1, 2**20, default=100)
    randomised: bool = flag(default=True)
    spare: ClassVar[int] = 1
    copies: ClassVar[int] = 1

    def start(self, lines: int, key: jax.Array) -> Any:
        order = jnp.arange(lines, dtype=jnp.int32)
        order = jax.random.permutation(key, order) if self.randomised else order
        return order, jnp.asarray(0, jnp.int32), jnp.asarray(lines, jnp.int32)

    def place(self, state: Any, line: jax.Array) -> jax.Array:
        order, start, gap = state
        place = order[line] + start
        place = jnp.where(place >= order.shape[0], place - order.shape[0], place)
        return jnp.where(place >= gap, place + 1, place)

    def step(self, state: Any, key: jax.Array) -> tuple[Any, Moves]:
        order, start, gap = state
        lines = order.shape[0]
        around = gap == 0
        source = jnp.where(around, lines, gap - 1)
        start = jnp.where(around, (start + 1) % lines, start)
        return (order, start, source), Moves(source[None], gap[None])


class RandomSwap(AbstractLevelling):
    """Every `interval` writes two random places exchange their lines.

    Both are written, by way of a buffer beside the memory.

    Args:
        interval: writes between two exchanges.
    """

    interval: int = integer(1, 2**20, default=100)
    spare: ClassVar[int] = 0
    copies: ClassVar[int] = 2

    def start(self, lines: int, key: jax.Array) -> Any:
        order = jnp.arange(lines, dtype=jnp.int32)
        return order, order

    def place(self, state: Any, line: jax.Array) -> jax.Array:
        return state[0][line]

    def step(self, state: Any, key: jax.Array) -> tuple[Any, Moves]:
        place, line = state
        first, second = jax.random.split(key)
        one = jax.random.randint(first, (), 0, place.shape[0], jnp.int32)
        other = (one + jax.random.randint(second, (), 1, place.shape[0], jnp.int32)) % place.shape[0]
        pair = jnp.stack([one, other])
        lines = line[pair]
        state = place.at[lines].set(pair[::-1]), line.at[pair].set(lines[::-1])
        return state, Moves(pair, pair[::-1])


def check_region(trace: MemoryTrace, lines: Any, levelling: Any = Still()) -> None:  # noqa: B008 a frozen specification
    """Raise unless the requests are to a region of `lines` lines."""
    check_trace("trace", trace)
    _check.part("levelling", levelling, AbstractLevelling, example="StartGap()")
    _check.integer("lines", lines, low=1 if levelling.copies == 0 else 2, high=2**31 - 2)
    line = _check.concrete(trace.line)
    if line is not None and line.size and line.max() >= lines:
        raise ValueError(f"trace must be to lines below lines={lines}, got line {line.max()}")


def level(trace: MemoryTrace, levelling: AbstractLevelling, lines: int, *, key: Any) -> MemoryTrace:
    """A trace as the memory sees it: physical lines, and reads and writes of the lines that levelling moves.

    Where the trace has data, so have the moves, and the old data is what the physical line held. Runs under `jit` and
    `vmap`.

    Args:
        trace: of lines within the region.
        levelling: `StartGap`, `RandomSwap` or your own.
        lines: of the region, levelling's spare lines not counted.
        key: of its random numbers.

    Returns: the trace with 2 * copies more requests after every `interval` writes, in the cycle of the last of them;
        padded, since how many there are is known when it runs.

    Raises: TypeError and ValueError for wrong arguments, as lines outside the region.
    """
    check_region(trace, lines, levelling)
    _check.key("key", key)
    return _levelled(trace, levelling, lines, key)


@eqx.filter_jit
def _levelled(trace: MemoryTrace, levelling: AbstractLevelling, lines: int, key: Any) -> MemoryTrace:
    n, writes = len(trace), trace.write & trace.real
    due = writes & (jnp.cumsum(writes) % levelling.interval == 0)
    begin, steps = jax.random.split(key)
    state = levelling.start(lines, begin)
    # Of each physical line the number of the write whose data it holds: data follow from it afterwards.
    held = n + jnp.arange(lines + levelling.spare, dtype=jnp.int32)
    nothing = jnp.zeros(levelling.copies, jnp.int32)

    def one(carry: tuple, request: tuple) -> tuple[tuple, _Seen]:
        (state, held), (number, line, write, due, index) = carry, request
        place = levelling.place(state, line)
        old = held[place]
        held = held.at[place].set(jnp.where(write, number, old))
        # Not drawn from a carried key: the arrangement after k steps is the same for every trace.
        step = lambda: levelling.step(state, jax.random.fold_in(steps, index))
        state, moves = jax.lax.cond(due, step, lambda: (state, Moves(nothing, nothing)))
        copied, covered = held[moves.source], held[moves.target]
        held = held.at[moves.target].set(jnp.where(due, copied, covered))
        return (state, held), _Seen(place, old, moves, copied, covered)

    index = jnp.cumsum(due, dtype=jnp.int32) - due
    requests = (jnp.arange(n, dtype=jnp.int32), trace.line, writes, due, index)
    _, seen = jax.lax.scan(one, (state, held), requests)
    content = None
    if trace.data is not None:
        content = jnp.concatenate([trace.data, _first_content(trace, state, levelling, lines)])
    return _interleaved(trace, content, due, index, n // levelling.interval, seen)


class _Seen(NamedTuple):
    """What happens at each request: its physical line and the number of the content there, and of the moves the lines
    and the numbers of what is copied and what it covers."""

    place: jax.Array
    old: jax.Array
    moves: Moves
    copied: jax.Array
    covered: jax.Array


def _first_content(trace: MemoryTrace, state: Any, levelling: AbstractLevelling, lines: int) -> jax.Array:
    """What the physical lines hold at first: the old data of the first request to each, where it is known, or zeros."""
    place, size = levelling.place(state, trace.line), lines + levelling.spare
    content = jnp.zeros((size, WORDS), jnp.uint32)
    if trace.old is None:
        return content
    order = jnp.argsort(place, stable=True)
    first = place[order] != jnp.roll(place[order], 1).at[0].set(-1)
    first = first & trace.real[order]
    return content.at[jnp.where(first, place[order], size)].set(trace.old[order], mode="drop")


def _interleaved(trace: MemoryTrace, content: Any, due: Any, index: Any, steps: int, seen: _Seen) -> MemoryTrace:
    """The requests at their places, and after each that is due the reads and writes of its moves."""
    n, copies = seen.moves.source.shape
    size = n + 2 * copies * steps
    at = jnp.arange(n) + 2 * copies * index
    after = jnp.where(due[:, None], at[:, None] + 1 + jnp.arange(copies), size)

    def lay(request: jax.Array, read: jax.Array, write: jax.Array) -> jax.Array:
        laid = jnp.zeros((size, *request.shape[1:]), request.dtype)
        laid = laid.at[at].set(request).at[after].set(read, mode="drop")
        return laid.at[after + copies].set(write, mode="drop")

    each = jnp.broadcast_to(trace.cycle[:, None], (n, copies))
    data, old = None, None
    if content is not None:
        copied = content[seen.copied]
        data, old = lay(trace.data, copied, copied), lay(content[seen.old], copied, content[seen.covered])
    return MemoryTrace(
        jax.lax.cummax(lay(trace.cycle, each, each)),  # padding repeats the last cycle
        lay(trace.write, jnp.zeros((n, copies), bool), jnp.ones((n, copies), bool)),
        lay(seen.place, seen.moves.source, seen.moves.target),
        data,
        old,
        trace.count + 2 * copies * jnp.sum(due, dtype=jnp.int32),
    )
