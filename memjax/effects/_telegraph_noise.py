"""Random telegraph noise: a trap beside the filament captures and emits an electron."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from memjax import _check, _random
from memjax._field import number, numbers
from memjax.effects._base import Ageing, Memory, Reading, Stress


class TelegraphNoise(Ageing, Reading):
    """A cell with a trap is read as G (1 - a s), where s jumps between 0 and 1 as time passes.

    The mean dwell times tau_0 and tau_1 of each cell are drawn log-uniformly, its amplitude a log-normally (at most 1).
    A new chip is in the stationary state, p_1 = tau_1 / (tau_0 + tau_1); `age` moves it on by the exact transition
    P(s = 1) = p_1 + (s - p_1) exp(-t (1/tau_0 + 1/tau_1)), so that reads t apart are a sampled Markov process.

    Args:
        amplitude: median of the relative amplitude a.
        spread: standard deviation of ln a.
        probability: probability that a cell has a trap.
        dwell_0: (shortest, longest) mean dwell time in the state s = 0 [s].
        dwell_1: (shortest, longest) mean dwell time in the state s = 1 [s].

    Raises: ValueError for a value out of its range.

    Source: two-state Markov process (algebra); log-normal amplitudes and the range of times as reported for RRAM.
    """

    amplitude: Any = number(low=0.0, high=1.0)
    spread: Any = number(low=0.0, default=0.0)
    probability: Any = number(low=0.0, high=1.0, default=1.0)
    dwell_0: tuple[Any, Any] = numbers(count=2, above=0.0, unit="s", default=(1e-6, 10.0))
    dwell_1: tuple[Any, Any] = numbers(count=2, above=0.0, unit="s", default=(1e-6, 10.0))

    def check_relations(self) -> None:
        for name in ("dwell_0", "dwell_1"):
            value = getattr(self, name)
            shortest, longest = map(_check.concrete, value)
            if shortest is not None and longest is not None and (shortest > longest).any():
                raise ValueError(f"TelegraphNoise.{name} must rise from shortest to longest, got {value}")

    def start(self, conductance: Array, low: Array, high: Array, key: Array, before: Memory | None) -> Memory:
        del low, high
        shape, dtype = conductance.shape, conductance.dtype
        trap, size, state, *dwell = jax.random.split(key, 5)
        if before is not None:  # traps belong to the cell, not to the write
            return before
        amplitude = jnp.minimum(self.amplitude * jnp.exp(self.spread * _random.normal(size, shape, dtype)), 1.0)
        has_trap = _random.uniform(trap, shape, dtype) < self.probability
        tau_0, tau_1 = (
            _log_uniform(k, range_, shape, dtype) for k, range_ in zip(dwell, (self.dwell_0, self.dwell_1), strict=True)
        )
        occupied = _random.uniform(state, shape, dtype) < tau_1 / (tau_0 + tau_1)
        return {
            "amplitude": jnp.where(has_trap, amplitude, 0.0),
            "tau_0": tau_0,
            "tau_1": tau_1,
            "state": occupied.astype(dtype),
        }

    def age(self, conductance: Array, memory: Memory, key: Array, stress: Stress) -> tuple[Array, Memory]:
        tau_0, tau_1, state = memory["tau_0"], memory["tau_1"], memory["state"]
        stationary = tau_1 / (tau_0 + tau_1)
        kept = jnp.exp(-stress.seconds * (1.0 / tau_0 + 1.0 / tau_1))
        occupied = stationary * (1.0 - kept) + state * kept
        u = _random.uniform(key, conductance.shape, conductance.dtype)
        return conductance, memory | {"state": (u < occupied).astype(conductance.dtype)}

    def read(self, conductance: Array, memory: Memory, cell: Any) -> Array:
        del cell
        return conductance * (1.0 - memory["amplitude"] * memory["state"])


def _log_uniform(key: Array, bounds: tuple[Any, Any], shape: tuple[int, ...], dtype: Any) -> Array:
    low, high = (jnp.log(jnp.asarray(bound, dtype)) for bound in bounds)
    return jnp.exp(low + (high - low) * _random.uniform(key, shape, dtype))
