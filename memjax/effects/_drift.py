"""Power-law drift of a programmed conductance."""

from typing import Any

from jax import Array

from memjax import _check
from memjax.effects._base import Ageing


class Drift(Ageing):
    """G(t) = G (1 + t / t0)^-nu: every cell loses conductance by the same power law.

    Args:
        nu: drift exponent.
        t0: time after programming at which the conductance counts as programmed [s]; `seconds` count from there.

    Raises: ValueError for a value out of its range.

    Source: the conductance-drift model of MemTorch (G (t / t0)^-nu), continuous here at t = 0.
    """

    nu: Any
    t0: Any = 1.0

    def __check_init__(self):
        _check.number("Drift.nu", self.nu)
        _check.number("Drift.t0", self.t0, 0.0, open_low=True)

    def age(self, conductance: Array, key: Array, seconds: Any, cycles: Any, temperature: Any) -> Array:
        del key, cycles, temperature
        return conductance * (1.0 + seconds / self.t0) ** -self.nu
