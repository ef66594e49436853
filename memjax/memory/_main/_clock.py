"""Clocks of the processor, in which a trace counts, and cycles of the memory, without overflow of 32 bits."""

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jax import Array, lax

if TYPE_CHECKING:
    from memjax.memory._main._config import MemoryConfig


def clock_cycle(config: "MemoryConfig", clock: Array) -> Array:
    """Cycle of the memory at a clock of the processor: floor(clock f / f_cpu)."""
    memory, processor = _mhz(config.clock), _mhz(config.cpu_clock)
    return clock // processor * memory + clock % processor * memory // processor


def clocks_of(config: "MemoryConfig", cycle: Array) -> tuple[Array, Array]:
    """Clocks of the processor at which a cycle of the memory and the next one begin: floor(cycle f_cpu / f)."""
    memory, processor = _mhz(config.clock), _mhz(config.cpu_clock)
    whole = lax.div(cycle, memory)
    rest = cycle - whole * memory
    at = lambda rest: whole * processor + lax.div(rest * processor, memory)
    return at(rest), at(rest + 1)


def _mhz(hertz: Any) -> Array:
    return jnp.round(jnp.asarray(hertz, float) / 1e6).astype(jnp.int32)
