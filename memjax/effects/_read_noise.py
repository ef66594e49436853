"""White noise of the cells at each read."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax._field import number
from memjax.effects._base import Memory, Noise, Power


class ReadNoise(Noise):
    """White noise on every cell at every read, of standard deviation sqrt(absolute^2 + (relative G)^2).

    Args:
        relative: standard deviation as a fraction of the cell's conductance.
        absolute: standard deviation independent of it [S].

    Raises: ValueError for a value out of its range.

    Source: `relative` is the read noise of DNN+NeuroSim, G (1 + N(0, s)).

    Example:
        ```python
        import jax
        import memjax as mj

        hardware = mj.Hardware(effects=(mj.effects.ReadNoise(0.05),))
        chip = mj.program(hardware, jax.random.normal(jax.random.key(0), (20, 10)), jax.random.key(1))
        y = mj.matmul(hardware, chip, jax.numpy.ones(20), jax.random.key(2))  # another key, another noise
        ```
    """

    relative: Any = number(low=0.0, default=0.0)
    absolute: Any = number(low=0.0, unit="S", default=0.0)

    def power(self, conductance: Array, memory: Memory) -> Power:
        del memory
        return Power(
            squared=jnp.square(self.relative * conductance) + jnp.square(jnp.asarray(self.absolute, conductance.dtype))
        )
