"""1/f noise of the cells at each read."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax._field import number
from memjax.effects._base import Ageing, Memory, Noise, Power, Stress


class FlickerNoise(Ageing, Noise):
    """Noise of a 1/f spectrum, which grows with the time since the write.

        sigma(t) = (relative G_w + decade log10(G_w / 1 uS)) sqrt(ln((t + t_read) / (2 t_read)))

    with the written conductance G_w of each cell. A chip that was not aged is as read t_start after its write.

    Args:
        relative: strength as a fraction of the conductance.
        decade: strength for each decade of the conductance above 1 uS [S]; below there is none.
        t_read: duration of a read [s].
        t_start: time from the write to the first read [s].

    Raises: ValueError for a value out of its range.

    Source: integral of a 1/f spectrum from 1/t to the rate of the reads; the logarithm of the conductance is that of
    CMO/HfOx RRAM in aihwkit.
    """

    relative: Any = number(low=0.0, default=0.0)
    decade: Any = number(low=0.0, unit="S", default=0.0)
    t_read: Any = number(above=0.0, unit="s", default=1e-6)
    t_start: Any = number(above=0.0, unit="s", default=1.0)

    @classmethod
    def cmo_hfox(cls) -> "FlickerNoise":
        """CMO/HfOx RRAM: 0.0277316 log10(G) sqrt(ln((t + 1 us) / 2 us)), G and the result in uS. The fit of aihwkit."""
        return cls(decade=0.0277316483e-6)

    def start(self, conductance: Array, low: Array, high: Array, key: Array, before: Memory | None) -> Memory:
        del low, high, key, before
        decades = jnp.log10(jnp.maximum(conductance / 1e-6, 1.0))
        strength = self.relative * conductance + self.decade * decades
        return {"seconds": jnp.zeros((), conductance.dtype), "strength": strength.astype(conductance.dtype)}

    def age(self, conductance: Array, memory: Memory, key: Array, stress: Stress) -> tuple[Array, Memory]:
        del key
        after = memory["seconds"] + jnp.asarray(stress.seconds, conductance.dtype)
        return conductance, memory | {"seconds": after}

    def power(self, conductance: Array, memory: Memory) -> Power:
        del conductance
        time = self.t_start + memory["seconds"]
        growth = jnp.maximum(jnp.log((time + self.t_read) / (2 * self.t_read)), 0.0)
        return Power(squared=jnp.square(memory["strength"]) * growth)
