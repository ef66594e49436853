"""The Simmons tunnel barrier: measured TiO2 dynamics."""

import jax.numpy as jnp

from memjax._check import ordered
from memjax._field import parameter
from memjax.devices._base import AbstractDevice, Numeric, check_conductance
from memjax.devices._math import scaled_sinh
from memjax.devices._resistance import position, resistance


class Simmons(AbstractDevice):
    """A tunnel gap x that opens and closes with the current, each bound approached double-exponentially.

        dx/dt = c_off sinh(i/i_off) exp[-exp( (x - a_off)/w_c - |i|/b) - x/w_c]   for i > 0
                c_on  sinh(i/i_on)  exp[-exp(-(x - a_on)/w_c  - |i|/b) - x/w_c]   for i < 0
        i = v / (R_on (R_off/R_on)^u),   u = (x - x_on)/(x_off - x_on)

    State: u; 0 is LRS, 1 is HRS. Polarity: a positive voltage is RESET.
    Source: Pickett et al., J. Appl. Phys. 106, 074508 (2009), dynamics as in Kvatinsky et al., TCAS-I 60, 211 (2013).
    The tunnelling I-V relation of the former is replaced by the exponential one that the latter fits to it.
    """

    c_off: Numeric = parameter(above=0.0, unit="m/s")
    """Rate constant of opening [m/s]."""
    c_on: Numeric = parameter(above=0.0, unit="m/s")
    """Rate constant of closing [m/s]."""
    i_off: Numeric = parameter(above=0.0, unit="A")
    """Current scale of opening [A]."""
    i_on: Numeric = parameter(above=0.0, unit="A")
    """Current scale of closing, positive [A]."""
    a_off: Numeric = parameter(above=0.0, unit="m")
    """Gap at which opening stops [m]."""
    a_on: Numeric = parameter(above=0.0, unit="m")
    """Gap at which closing stops [m]."""
    w_c: Numeric = parameter(above=0.0, unit="m")
    """Width of these limits [m]."""
    b: Numeric = parameter(above=0.0, unit="A")
    """Current that shifts them by w_c [A]."""
    r_on: Numeric = parameter(above=0.0, unit="ohm")
    """Resistance at x_on [ohm]."""
    r_off: Numeric = parameter(unit="ohm")
    """Resistance at x_off [ohm]."""
    x_on: Numeric = parameter(unit="m", default=0.0)
    """Smallest gap [m]."""
    x_off: Numeric = parameter(unit="m", default=3e-9)
    """Largest gap [m]."""
    initial: Numeric = parameter(low=0.0, high=1.0, default=0.5)
    """State from which `simulate` starts [1]."""

    def check_relations(self) -> None:
        ordered("Simmons", r_on=self.r_on, r_off=self.r_off)
        ordered("Simmons", x_on=self.x_on, x_off=self.x_off)

    @classmethod
    def pickett(cls, **changes) -> "Simmons":
        """Dynamics fitted to a TiO2 device by Pickett et al.; resistances and bounds of the TEAM paper and its code."""
        speed = dict(c_off=3.5e-6, c_on=40e-6, i_off=115e-6, i_on=8.9e-6, b=500e-6)
        return cls(**speed | dict(a_off=1.2e-9, a_on=1.8e-9, w_c=107e-12, r_on=50.0, r_off=1e3) | changes)

    @property
    def set_polarity(self) -> int:
        return -1

    def current(self, state, voltage):
        return voltage / resistance("exponential", state, self.r_on, self.r_off)

    def derivative(self, state, voltage):
        current = self.current(state, voltage)
        gap = (self.x_on + (self.x_off - self.x_on) * state) / self.w_c
        shift = jnp.abs(current) / self.b
        # Limited only so that float32 does not overflow: exp(-exp(40)) is zero whatever multiplies it.
        closed = jnp.exp(jnp.minimum(self.a_on / self.w_c - gap - shift, 40.0))
        opened = jnp.exp(jnp.minimum(gap - self.a_off / self.w_c - shift, 40.0))
        opening = self.c_off * scaled_sinh(-opened - gap, jnp.maximum(current, 0) / self.i_off)
        closing = self.c_on * scaled_sinh(-closed - gap, jnp.minimum(current, 0) / self.i_on)
        return (opening + closing) / (self.x_off - self.x_on)

    def conductance(self, state):
        return 1 / resistance("exponential", state, self.r_on, self.r_off)

    def state_at(self, conductance):
        check_conductance(self, conductance)
        return jnp.clip(position("exponential", 1 / conductance, self.r_on, self.r_off), 0, 1)
