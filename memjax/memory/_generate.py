"""Traces by a few numbers: streams, random and Zipf-distributed addresses."""

from typing import Any

import jax
import jax.numpy as jnp

from memjax import _check
from memjax.memory._trace import LINE, WORDS, MemoryTrace


def stream_trace(
    count: int, *, interval: Any = 1, stride: int = LINE, start: int = 0, write_every: int | None = None
) -> MemoryTrace:
    """Requests at addresses in arithmetic progression, as of a program that runs through an array.

    Args:
        count: requests.
        interval: clocks of the processor between two requests.
        stride: from address to address [B].
        start: first address [B].
        write_every: each such request, counted from 1, is a write; None: all are reads.

    Raises: TypeError and ValueError for wrong arguments.
    """
    _check.integer("count", count, low=1, high=2**31 - 1)
    _check.integer("stride", stride, low=0, high=2**37 - 1)
    _check.integer("start", start, low=0, high=2**37 - 1)
    if start + (count - 1) * stride >= 2**37:
        raise ValueError(f"start + (count - 1) * stride must be below 2**37, got {start + (count - 1) * stride}")
    place = jnp.arange(count)
    if write_every is None:
        write = jnp.zeros(count, bool)
    else:
        _check.integer("write_every", write_every, low=1, high=2**31 - 1)
        write = (place + 1) % write_every == 0
    line = jnp.asarray([(start + at * stride) // LINE for at in range(count)], jnp.int32)
    return _trace(count, interval, write, line, None)


def random_trace(
    key: Any, count: int, lines: int, *, write_share: Any = 0.5, interval: Any = 1, data: bool = False
) -> MemoryTrace:
    """Requests to lines drawn evenly.

    Args:
        key: of the random numbers.
        count: requests.
        lines: of the region; addresses are below 64 * lines.
        write_share: probability that a request is a write.
        interval: clocks of the processor between two requests.
        data: whether the requests have data, all bits random.

    Raises: TypeError and ValueError for wrong arguments.
    """
    _check_drawn(key, count, lines, write_share, data)
    keys = jax.random.split(key, 3)
    line = jax.random.randint(keys[0], (count,), 0, lines, jnp.int32)
    return _drawn(keys, count, interval, write_share, line, data)


def zipf_trace(
    key: Any,
    count: int,
    lines: int,
    *,
    exponent: Any = 1.0,
    write_share: Any = 0.5,
    interval: Any = 1,
    data: bool = False,
) -> MemoryTrace:
    """Requests to lines by Zipf's law: the k-th most used of them with a probability proportional to k**-exponent.

    Which lines are used most is random.

    Args:
        key: of the random numbers.
        count: requests.
        lines: of the region; addresses are below 64 * lines.
        exponent: 0 draws evenly; the larger, the fewer lines get most requests.
        write_share: probability that a request is a write.
        interval: clocks of the processor between two requests.
        data: whether the requests have data, all bits random.

    Raises: TypeError and ValueError for wrong arguments.
    """
    _check_drawn(key, count, lines, write_share, data)
    _check.scalar("exponent", exponent, low=0.0)
    key, ranks, places = jax.random.split(key, 3)
    share = jnp.cumsum(jnp.arange(1, lines + 1, dtype=float) ** -exponent)
    rank = jnp.searchsorted(share, share[-1] * jax.random.uniform(ranks, (count,)))
    line = jax.random.permutation(places, jnp.arange(lines, dtype=jnp.int32))[jnp.minimum(rank, lines - 1)]
    return _drawn(jax.random.split(key, 3), count, interval, write_share, line, data)


def _check_drawn(key: Any, count: Any, lines: Any, write_share: Any, data: Any) -> None:
    _check.key("key", key)
    _check.integer("count", count, low=1, high=2**31 - 1)
    _check.integer("lines", lines, low=1, high=2**31 - 1)
    _check.scalar("write_share", write_share, low=0.0, high=1.0)
    _check.flag("data", data)


def _drawn(keys: jax.Array, count: int, interval: Any, write_share: Any, line: jax.Array, data: bool) -> MemoryTrace:
    write = jax.random.uniform(keys[1], (count,)) < write_share
    words = jax.random.bits(keys[2], (count, WORDS), jnp.uint32) if data else None
    return _trace(count, interval, write, line, words)


def _trace(count: int, interval: Any, write: jax.Array, line: jax.Array, data: jax.Array | None) -> MemoryTrace:
    interval = _check.scalar("interval", interval, low=0, whole=True)
    last = _check.concrete(interval)
    if last is not None and int(last) * (count - 1) >= 2**31:
        raise ValueError(f"interval * (count - 1) must be below 2**31, got {int(last) * (count - 1)}")
    cycle = jnp.arange(count, dtype=jnp.int32) * jnp.asarray(interval, jnp.int32)
    return MemoryTrace(cycle, write, line, data, None, jnp.asarray(count, jnp.int32))
