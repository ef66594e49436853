"""Requests to a main memory, in the order in which a processor makes them."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from memjax import _check

LINE = 64
"""Bytes that one request moves: a line of a processor's cache [B]."""
WORDS = 16
"""32-bit words of a line."""


class MemoryTrace(eqx.Module):
    """Requests to a main memory, one line of 64 bytes each. Make one by `make_trace` or `read_trace`.

    Every field is an array, with the same leading axes under `jax.vmap`: `stack_traces` makes such a batch.

    Attributes:
        cycle: when a request is made [clocks of the processor], int32 [n], not decreasing.
        write: whether it writes, bool [n].
        line: its address // 64, int32 [n].
        data: what it writes or reads, uint32 [n, 16]; the first byte of the line is the highest of the first word.
            None: not known.
        old: what the line held before, uint32 [n, 16], or None.
        count: requests, int32 []; entries from there on are padding.
    """

    cycle: Any
    write: Any
    line: Any
    data: Any
    old: Any
    count: Any

    @property
    def address(self) -> np.ndarray:
        """Addresses of the lines [B], uint64 [n]."""
        return np.asarray(self.line).astype(np.uint64) * np.uint64(LINE)

    @property
    def real(self) -> jax.Array:
        """Which entries are requests and not padding, bool [n]."""
        return jnp.arange(self.cycle.shape[-1]) < self.count[..., None]

    def __len__(self) -> int:
        """Entries, padding included."""
        return self.cycle.shape[-1]


def make_trace(cycle: Any, write: Any, address: Any, data: Any = None, old: Any = None) -> MemoryTrace:
    """A trace from NumPy arrays.

    Args:
        cycle: when each request is made [clocks of the processor], [n], not decreasing.
        write: whether it writes, [n].
        address: of any byte of its line [B], [n], below 2**37.
        data: what it writes or reads, uint32 [n, 16] or None.
        old: what the line held before, uint32 [n, 16] or None.

    Raises: ValueError for cycles that decrease, numbers out of range and shapes that do not fit together.
    """
    cycle, address = _whole("cycle", cycle, 2**31), _whole("address", address, 2**37)
    write = _check.host("write", write)
    if write.dtype != bool:
        raise TypeError(f"write must be an array of truth values, got {_check.shown(write)}")
    if not cycle.shape == write.shape == address.shape:
        raise ValueError(
            f"cycle, write and address must have one shape [n], got {cycle.shape}, {write.shape} and {address.shape}"
        )
    falls = np.flatnonzero(np.diff(cycle) < 0)
    if falls.size:
        at = int(falls[0]) + 1
        raise ValueError(
            f"cycle must not decrease, got {cycle[at]} after {cycle[at - 1]} at request {at}: sort the requests"
        )
    return MemoryTrace(
        jnp.asarray(cycle, jnp.int32),
        jnp.asarray(write),
        jnp.asarray(address // LINE, jnp.int32),
        _words("data", data, cycle.size),
        _words("old", old, cycle.size),
        jnp.asarray(cycle.size, jnp.int32),
    )


def _whole(name: str, values: Any, end: int) -> np.ndarray:
    values = _check.host(name, values)
    if values.dtype.kind not in "iu":
        raise TypeError(f"{name} must be an array of integers [n], got {_check.shown(values)}")
    if values.ndim != 1:
        raise ValueError(f"{name} must be an array [n], got shape {values.shape}")
    if values.size and (int(values.min()) < 0 or int(values.max()) >= end):
        wrong = values[(values < 0) | (values >= end)][0]
        raise ValueError(f"{name} must be at least 0 and below {end}, got {wrong}")
    return values.astype(np.int64)


def _words(name: str, values: Any, count: int) -> jax.Array | None:
    if values is None:
        return None
    values = _check.host(name, values)
    if values.dtype != np.uint32 or values.shape != (count, WORDS):
        raise ValueError(f"{name} must be a uint32 array of shape {(count, WORDS)}, got {_check.shown(values)}")
    return jnp.asarray(values)


def check_trace(name: str, trace: Any) -> None:
    """Raise unless `trace` is one trace."""
    if not isinstance(trace, MemoryTrace):
        raise TypeError(
            f"{name} must be a memjax.memory.MemoryTrace, got {_check.shown(trace)}: use read_trace or make_trace"
        )
    if np.ndim(trace.cycle) != 1:
        raise ValueError(
            f"{name} must be one trace, got fields of shape {np.shape(trace.cycle)}: use jax.vmap to run over many"
        )


def stack_traces(traces: Sequence[MemoryTrace]) -> MemoryTrace:
    """One batch of several traces, padded to the longest, for `jax.vmap`.

    Args:
        traces: of which either all or none have data, and either all or none have old data.

    Raises: ValueError for no trace, and where some have data and others do not.
    """
    if not isinstance(traces, list | tuple):
        raise TypeError(f"traces must be a list of traces, got {_check.shown(traces)}")
    if not traces:
        raise ValueError("traces must be at least one trace, got none")
    for index, trace in enumerate(traces):
        check_trace(f"traces[{index}]", trace)
    for field in ("data", "old"):
        known = {getattr(trace, field) is not None for trace in traces}
        if len(known) > 1:
            raise ValueError(f"traces must all have {field} or all have none, got both")
    longest = max(map(len, traces))
    return jax.tree.map(lambda *fields: jnp.stack(fields), *(_padded(trace, longest) for trace in traces))


def _padded(trace: MemoryTrace, size: int) -> MemoryTrace:
    """The trace with `size` entries; padding repeats the last cycle, so that cycles do not decrease."""
    missing = size - len(trace)

    def pad(field: jax.Array) -> jax.Array:
        return jnp.pad(field, [(0, missing)] + [(0, 0)] * (field.ndim - 1))

    last = trace.cycle[-1] if len(trace) else 0
    padded = jax.tree.map(lambda field: pad(field) if field.ndim else field, trace)
    return eqx.tree_at(lambda t: t.cycle, padded, padded.cycle.at[len(trace) :].set(last))


def with_old(trace: MemoryTrace) -> MemoryTrace:
    """The trace with what each line held before a request: the data of the last write to it, or zeros.

    Raises: ValueError for a trace without data.
    """
    check_trace("trace", trace)
    if trace.data is None:
        raise ValueError("trace must have data, got None")
    n = len(trace)
    # In the order of lines, and of time within a line, the last write before an entry is a running maximum.
    order = jnp.argsort(trace.line, stable=True)
    line, place = trace.line[order], jnp.arange(n)
    writes = jnp.where((trace.write & trace.real)[order], place, -1)
    last = jnp.concatenate([jnp.full(1, -1, writes.dtype), jax.lax.cummax(writes)[:-1]])[:n]
    first = jnp.searchsorted(line, line)
    known = last >= first
    old = jnp.where(known[:, None], trace.data[order][last], jnp.uint32(0))
    return eqx.tree_at(
        lambda t: t.old, trace, jnp.zeros_like(trace.data).at[order].set(old), is_leaf=lambda x: x is None
    )
