"""What the bits of a written line ask for: cycles of its pulse, energies of its cells."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from memjax.memory._main._config import MemoryConfig
from memjax.memory._trace import WORDS, MemoryTrace

_BITS = 32 * WORDS


def bit_counts(trace: MemoryTrace) -> tuple[Array, Array, Array]:
    """Bits of all writes that are 0, that are 1, and that stay as they were; float32 [].

    Half of the bits of unknown data are 1; nothing is known to stay where the old data are not known.
    """
    writes = trace.write & trace.real
    total = jnp.sum(writes) * float(_BITS)
    if trace.data is None:
        return total / 2, total / 2, jnp.zeros(())
    count = lambda words: jnp.sum(jnp.where(writes, _ones(words), 0).astype(float))
    ones = count(trace.data)
    changed = total if trace.old is None else count(trace.data ^ trace.old)
    return total - ones, ones, total - changed


def _ones(words: Array) -> Array:
    return jnp.sum(jax.lax.population_count(words), -1).astype(jnp.int32)


def write_cycles(trace: MemoryTrace, config: MemoryConfig, key: Any) -> Array:
    """Cycles of the pulse of each request, int32 [n]."""
    n, pulses = len(trace), config.pulses
    if pulses is None:
        return jnp.full(n, jnp.asarray(config.timing.t_wp, jnp.int32))
    reset, set_ = jnp.asarray(pulses.t_reset, jnp.int32), jnp.asarray(pulses.t_set, jnp.int32)
    if trace.data is None:
        return jnp.full(n, reset)
    if pulses.bits == 1:
        ones = _ones(trace.data)
        return jnp.maximum(jnp.where(ones < _BITS, reset, 0), jnp.where(ones > 0, set_, 0))
    high, low = trace.data >> 1, trace.data
    cells = jnp.uint32(0x55555555)
    present = [(_ones(state & cells) > 0) for state in (~high & ~low, ~high & low, high & ~low, high & low)]
    numbers = [jnp.asarray(number, jnp.int32) for number in (pulses.n_00, pulses.n_01, pulses.n_10, pulses.n_11)]
    mean = jnp.max(jnp.stack([jnp.where(here, number, 0) for here, number in zip(present, numbers, strict=True)]), 0)
    normal = jax.vmap(lambda request: jax.random.normal(jax.random.fold_in(key, request)))(jnp.arange(n))
    drawn = mean + pulses.spread * normal
    limit = jnp.asarray(pulses.limit, jnp.int32)
    drawn = jnp.clip(jnp.floor(drawn).astype(jnp.int32), jnp.maximum(mean - limit, 0), mean + limit)
    once, many = (reset, set_) if pulses.order == "srms" else (set_, reset)
    ends = jnp.maximum(jnp.where(present[0], reset, 0), jnp.where(present[3], set_, 0))
    return jnp.where(present[1] | present[2], once + drawn * many, ends)
