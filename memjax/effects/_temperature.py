"""Resistances of the two states at the temperature of the read."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax import _check
from memjax._constants import BOLTZMANN
from memjax._field import number
from memjax.effects._base import Memory, Reading


class Temperature(Reading):
    """Reads at another temperature: a metallic LRS and a semiconducting HRS.

        R_on(T) = R_on (1 + alpha (T - T_ref)),   R_off(T) = R_off exp(E_a / k (1/T - 1/T_ref))

    Between the two nominal states of the `Cell` a conductance keeps its fraction of the range.

    Args:
        kelvin: temperature T of the reads [K].
        alpha: temperature coefficient of R_on [1/K].
        activation_energy: E_a of the conduction in the HRS [eV].
        t_ref: temperature at which the cell's resistances hold [K].

    Raises: ValueError for a value out of its range, and for a temperature at which R_on would not be positive.

    Source: metallic and Arrhenius conduction; typical alpha 1e-3 / K and E_a 0.05 to 0.2 eV for filamentary RRAM.
    """

    kelvin: Any = number(above=0.0, unit="K")
    alpha: Any = number(unit="1/K", default=1e-3)
    activation_energy: Any = number(unit="eV", default=0.1)
    t_ref: Any = number(above=0.0, unit="K", default=300.0)

    def check_relations(self) -> None:
        alpha, kelvin, t_ref = (_check.concrete(value) for value in (self.alpha, self.kelvin, self.t_ref))
        if alpha is not None and kelvin is not None and t_ref is not None:
            factor = 1.0 + alpha * (kelvin - t_ref)
            if not (factor > 0).all():
                raise ValueError(
                    f"Temperature.alpha must leave R_on positive at {self.kelvin} K with t_ref={self.t_ref}, "
                    f"got {self.alpha}"
                )

    def read(self, conductance: Array, memory: Memory, cell: Any) -> Array:
        del memory
        on = cell.g_on / (1.0 + self.alpha * (self.kelvin - self.t_ref))
        off = cell.g_off * jnp.exp(-self.activation_energy / BOLTZMANN * (1.0 / self.kelvin - 1.0 / self.t_ref))
        fraction = (conductance - cell.g_off) / (cell.g_on - cell.g_off)
        # As a change, which is exactly nothing at the reference temperature.
        change = (1.0 - fraction) * (off - cell.g_off) + fraction * (on - cell.g_on)
        return jnp.maximum(conductance + change, 0.0).astype(conductance.dtype)
