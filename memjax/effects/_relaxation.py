"""Relaxation of the conductance after programming."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax import _random
from memjax._field import number
from memjax.effects._base import Ageing, Memory, Stress


class Relaxation(Ageing):
    """Filaments relax: G(t) = G + mean(t) + spread(t) z, with a z of each cell that stays.

    mean(t) = -slope l, spread(t) = base + growth l, l = ln(1 + t / t0), from the first moment after the write on; the
    conductance does not become negative.

    Args:
        slope: loss of conductance per unit of l [S].
        base: spread that appears at once [S].
        growth: increase of the spread per unit of l [S].
        t0: time unit of the logarithm [s].

    Raises: ValueError for a value out of its range.

    Source: the relaxation of CMO/HfOx RRAM in aihwkit (`cmo_hfox`), which has ln(t / 1 s) for t >= 1 s.
    """

    slope: Any = number(unit="S", default=0.0)
    base: Any = number(low=0.0, unit="S", default=0.0)
    growth: Any = number(low=0.0, unit="S", default=0.0)
    t0: Any = number(above=0.0, unit="s", default=1.0)

    @classmethod
    def cmo_hfox(cls) -> "Relaxation":
        """CMO/HfOx RRAM: mean -0.0890 ln t, standard deviation 0.4118 + 0.0420 ln t [uS], t in seconds."""
        return cls(slope=0.08900206e-6, base=0.41183342e-6, growth=0.04201137e-6)

    def start(self, conductance: Array, low: Array, high: Array, key: Array, before: Memory | None) -> Memory:
        del low, high, before
        z = _random.normal(key, conductance.shape, conductance.dtype)
        return {"seconds": jnp.zeros((), conductance.dtype), "z": z, "moved": jnp.zeros_like(conductance)}

    def age(self, conductance: Array, memory: Memory, key: Array, stress: Stress) -> tuple[Array, Memory]:
        del key
        after = memory["seconds"] + jnp.asarray(stress.seconds, conductance.dtype)
        moved = self._shift(after, memory["z"])
        aged = jnp.maximum(conductance + (moved - memory["moved"]), 0.0)
        return aged, memory | {"seconds": after, "moved": moved}

    def _shift(self, seconds: Array, z: Array) -> Array:
        """G(t) - G for cells of given z."""
        length = jnp.log1p(seconds / self.t0)
        return -self.slope * length + (jnp.where(seconds > 0, self.base, 0.0) + self.growth * length) * z
