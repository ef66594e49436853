"""Phase-change memory: programming error, drift of every cell by an exponent of its own, 1/f noise."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax import _check
from memjax._field import part
from memjax.devices import PCM
from memjax.effects._base import Ageing, Memory, Noise, Power, Programming, Stress


class PhaseChange(Programming, Ageing, Noise):
    """Cells of phase-change memory, by the statistics of `memjax.devices.PCM`.

    A write misses its target by a polynomial error; each written cell draws its own drift exponent; reads have the 1/f
    noise of the time since the write. A chip that was not aged is as read t_0 (20 s) after programming.

    Args:
        device: the constants.

    Raises: TypeError for another device; ValueError in `Hardware` for a cell beyond `device.g_max`.

    Source: Joshi et al., Nature Communications 11, 2473 (2020), with the constants of aihwkit's PCM noise model.

    Example:
        ```python
        import jax
        import memjax as mj

        hardware = mj.Hardware(cell=mj.Cell(r_on=40e3, r_off=4e6), effects=(mj.effects.PhaseChange(),))
        fresh = mj.program(hardware, jax.random.normal(jax.random.key(0), (20, 10)), jax.random.key(1))
        aged = mj.age(hardware, fresh, jax.random.key(2), seconds=3600.0)
        ```
    """

    device: PCM = part(PCM, example="memjax.devices.PCM()", default_factory=PCM)

    def check(self, hardware: Any) -> None:
        g_on, g_max = _check.concrete(hardware.cell.g_on), _check.concrete(self.device.g_max)
        if g_on is not None and g_max is not None and (g_on > 1.001 * g_max).any():
            raise ValueError(
                f"PhaseChange.device has g_max={self.device.g_max:g} S, got a Hardware.cell with g_on={g_on:g} S: "
                f"choose r_on of at least {1 / g_max:g} ohm, or PCM(g_max=...)"
            )

    def write(self, conductance: Array, low: Array, high: Array, key: Array) -> Array:
        del low, high
        return self.device.program(conductance, key).astype(conductance.dtype)

    def start(self, conductance: Array, low: Array, high: Array, key: Array, before: Memory | None) -> Memory:
        del low, high, before
        return {
            "seconds": jnp.zeros((), conductance.dtype),
            "nu": self.device.drift_exponent(conductance, key).astype(conductance.dtype),
            "quality": self.device.noise_quality(conductance).astype(conductance.dtype),
        }

    def age(self, conductance: Array, memory: Memory, key: Array, stress: Stress) -> tuple[Array, Memory]:
        del key
        passed = jnp.log1p(stress.seconds / (self.device.t_0 + memory["seconds"]))
        after = memory["seconds"] + jnp.asarray(stress.seconds, conductance.dtype)
        return conductance * jnp.exp(-memory["nu"] * passed), memory | {"seconds": after}

    def power(self, conductance: Array, memory: Memory) -> Power:
        relative = memory["quality"] * self.device.noise_growth(self.device.t_0 + memory["seconds"])
        return Power(squared=jnp.square(relative * conductance))
