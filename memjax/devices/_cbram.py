"""Conducting-bridge memory: a metal filament that grows through its electrolyte."""

import jax.numpy as jnp
from jax import Array

from memjax._check import ordered
from memjax._constants import BOLTZMANN
from memjax._field import parameter
from memjax.devices._base import AbstractDevice, Numeric, Preset, check_conductance
from memjax.devices._math import scaled_sinh


class CBRAM(AbstractDevice):
    """A filament of height h grows and dissolves by ion hopping over a barrier that the voltage tilts.

        dh/dt = v_h exp(-E_a/kT) sinh(alpha v/(2 kT)),   0 <= h <= L
        i = v/R,   R = (rho_on h + rho_off (L - h))/A

    State: h/L; 0 is HRS, 1 is LRS. Polarity: a positive voltage is SET.
    Source: Yu and Wong, IEEE TED 58, 1352 (2011), eqs 10 and 5; the paper was not at hand, and equations and values
    are second-hand, from the documentation of a public simulator that implements them. The paper's second phase, in
    which a complete filament thickens and heats itself, is left out: the state ends where the filament touches. The
    speed does not depend on h, so a rectangular pulse has a closed form.
    """

    velocity: Numeric = parameter(above=0.0, unit="m/s")
    """v_h [m/s]."""
    activation: Numeric = parameter(above=0.0, unit="eV")
    """E_a [eV]."""
    alpha: Numeric = parameter(above=0.0)
    """Field enhancement [1]."""
    length: Numeric = parameter(above=0.0, unit="m")
    """Thickness L of the electrolyte [m]."""
    area: Numeric = parameter(above=0.0, unit="m^2")
    """Cross-section A of the current [m^2]."""
    rho_on: Numeric = parameter(above=0.0, unit="ohm m")
    """Resistivity of the filament [ohm m]."""
    rho_off: Numeric = parameter(unit="ohm m")
    """Resistivity of the electrolyte [ohm m]."""
    ambient: Numeric = parameter(above=0.0, unit="K", default=290.0)
    """T [K]."""
    initial: Numeric = parameter(low=0.0, high=1.0, default=0.0)
    """State from which `simulate` starts [1]."""

    def check_relations(self) -> None:
        ordered("CBRAM", rho_on=self.rho_on, rho_off=self.rho_off)

    @classmethod
    def yu_wong(cls, **changes) -> "CBRAM":
        """The set of the paper, second-hand like the equations: 1.5 Mohm to 5 Gohm, microseconds at 0.5 V."""
        motion: Preset = dict(velocity=3.5e-3, activation=0.5, alpha=2.4, length=50e-9)
        return cls(**motion | Preset(area=1330e-18, rho_on=0.04, rho_off=133.0) | changes)

    @property
    def set_polarity(self) -> int:
        return 1

    def current(self, state, voltage):
        return voltage * self.conductance(state)

    def derivative(self, state, voltage):
        return self._rate(voltage) + jnp.zeros_like(state)

    def conductance(self, state):
        return self.area / (self.length * (self.rho_on * state + self.rho_off * (1 - state)))

    def state_at(self, conductance):
        check_conductance(self, conductance)
        resistivity = self.area / (self.length * conductance)
        return jnp.clip((self.rho_off - resistivity) / (self.rho_off - self.rho_on), 0, 1)

    def pulse(self, state, voltage, width):
        return jnp.clip(state + self._rate(voltage) * width, 0, 1)

    def _rate(self, voltage) -> Array:
        """d(h/L)/dt [1/s]."""
        thermal = BOLTZMANN * self.ambient
        crossing = jnp.log(self.velocity / self.length) - self.activation / thermal
        return scaled_sinh(crossing, self.alpha * voltage / (2 * thermal))
