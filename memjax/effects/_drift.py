"""Power-law drift of a programmed conductance."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax import _random
from memjax._constants import BOLTZMANN
from memjax._field import number
from memjax.effects._base import Ageing, Memory, Stress


class Drift(Ageing):
    """G(t) = G (1 + t / t0)^-nu: cells lose conductance by a power law.

    With an activation energy the clock runs at the temperature's rate, dt -> dt exp(E_a / k (1 / T_ref - 1 / T)).

    Args:
        nu: drift exponent.
        t0: time after programming at which the conductance counts as programmed [s]; `seconds` count from there.
        nu_std: standard deviation of the exponent from cell to cell; None: all cells have the same.
        activation_energy: E_a [eV]; 0: temperature does not matter.
        t_ref: temperature at which the exponent was measured [K].

    Raises: ValueError for a value out of its range.

    Source: the conductance-drift model of MemTorch (G (t / t0)^-nu), continuous here at t = 0; time-temperature
    equivalence by S. Arrhenius.

    Example:
        ```python
        import jax
        import memjax as mj

        hardware = mj.Hardware(effects=(mj.effects.Drift(0.05, nu_std=0.01),))
        fresh = mj.program(hardware, jax.random.normal(jax.random.key(0), (20, 10)), jax.random.key(1))
        aged = mj.age(hardware, fresh, jax.random.key(2), seconds=86400.0)
        mended = mj.compensate(hardware, aged, fresh, jax.random.key(3))  # the common factor is undone digitally
        ```
    """

    nu: Any = number()
    t0: Any = number(above=0.0, unit="s", default=1.0)
    nu_std: Any = number(low=0.0, optional=True, default=None)
    activation_energy: Any = number(low=0.0, unit="eV", default=0.0)
    t_ref: Any = number(above=0.0, unit="K", default=300.0)

    def start(self, conductance: Array, low: Array, high: Array, key: Array, before: Memory | None) -> Memory:
        del low, high, before
        clock = {"seconds": jnp.zeros((), conductance.dtype)}
        if self.nu_std is None:
            return clock
        return clock | {"nu": self.nu + self.nu_std * _random.normal(key, conductance.shape, conductance.dtype)}

    def age(self, conductance: Array, memory: Memory, key: Array, stress: Stress) -> tuple[Array, Memory]:
        del key
        rate = jnp.exp(self.activation_energy / BOLTZMANN * (1.0 / self.t_ref - 1.0 / stress.temperature))
        seconds = jnp.asarray(stress.seconds * rate, conductance.dtype)
        # ln of the ratio of both factors.
        passed = jnp.log1p(seconds / (self.t0 + memory["seconds"]))
        exponent = jnp.asarray(memory.get("nu", self.nu))
        return conductance * jnp.exp(-exponent * passed), memory | {"seconds": memory["seconds"] + seconds}
