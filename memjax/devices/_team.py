"""TEAM: the threshold adaptive memristor, driven by current."""

import jax.numpy as jnp

from memjax._check import ordered
from memjax._field import choice, parameter, part
from memjax.devices._base import AbstractDevice, Numeric, Preset, check_conductance
from memjax.devices._math import positive_power
from memjax.devices._resistance import IV_KINDS, position, resistance
from memjax.devices.windows import AbstractWindow, apply_window


class TEAM(AbstractDevice):
    """As VTEAM, but with thresholds in the current.

        dx/dt = k_off (i/i_off - 1)^alpha_off f(x)   for i > i_off > 0
                k_on  (i/i_on  - 1)^alpha_on  f(x)   for i < i_on < 0,   0 in between
        i = v/R,   R = R_on + (R_off - R_on) u   or   R_on (R_off/R_on)^u,   u = (x - x_on)/(x_off - x_on)

    State: u; 0 is LRS, 1 is HRS. Polarity: a positive voltage is RESET.
    Source: Kvatinsky et al., "TEAM", IEEE TCAS-I 60, 211 (2013) (CCIT report 804). With alpha = 1, k = mu R_on i_th/D
    and i_th -> 0 it becomes linear ion drift, x = D - w.
    """

    k_off: Numeric = parameter(above=0.0, unit="m/s")
    """Rate constant towards HRS, positive [m/s]."""
    k_on: Numeric = parameter(below=0.0, unit="m/s")
    """Rate constant towards LRS, negative [m/s]."""
    i_off: Numeric = parameter(above=0.0, unit="A")
    """Threshold towards HRS, positive [A]."""
    i_on: Numeric = parameter(below=0.0, unit="A")
    """Threshold towards LRS, negative [A]."""
    alpha_off: Numeric = parameter(above=0.0)
    """Exponent towards HRS [1]."""
    alpha_on: Numeric = parameter(above=0.0)
    """Exponent towards LRS [1]."""
    r_on: Numeric = parameter(above=0.0, unit="ohm")
    """Resistance at x_on [ohm]."""
    r_off: Numeric = parameter(unit="ohm")
    """Resistance at x_off [ohm]."""
    x_on: Numeric = parameter(unit="m", default=0.0)
    """State variable in the LRS [m]."""
    x_off: Numeric = parameter(unit="m", default=3e-9)
    """State variable in the HRS [m]."""
    initial: Numeric = parameter(low=0.0, high=1.0, default=1.0)
    """State from which `simulate` starts [1]."""
    window: AbstractWindow | None = part(AbstractWindow, optional=True, example="windows.Biolek()", default=None)
    """Window in u, or None for a plain limit at the bounds."""
    iv: str = choice(*IV_KINDS, default="linear")
    """Relation between state and resistance: "linear" or "exponential"."""

    def check_relations(self) -> None:
        ordered("TEAM", r_on=self.r_on, r_off=self.r_off)
        ordered("TEAM", x_on=self.x_on, x_off=self.x_off)

    @classmethod
    def simmons_fit(cls, **changes) -> "TEAM":
        """Fit to the Simmons tunnel barrier (Fig. 10 of the paper).

        The paper prints the rates in nm/s; read as m/s they agree with the barrier model itself (7.1e-11 against
        6.8e-11 m/s at 200 uA and 1.2 nm), read as printed they are 9 decades slower.
        """
        constants: Preset = dict(k_off=1.46e-9, k_on=-4.68e-13, i_off=115e-6, i_on=-8.9e-6, alpha_off=10, alpha_on=10)
        return cls(**constants | Preset(r_on=50.0, r_off=1e3, iv="exponential") | changes)

    @property
    def set_polarity(self) -> int:
        return -1

    def current(self, state, voltage):
        return voltage / resistance(self.iv, state, self.r_on, self.r_off)

    def derivative(self, state, voltage):
        current = self.current(state, voltage)
        towards_off = self.k_off * positive_power(current / self.i_off - 1, self.alpha_off)
        towards_on = self.k_on * positive_power(current / self.i_on - 1, self.alpha_on)
        rate = (towards_off + towards_on) / (self.x_off - self.x_on)
        return apply_window(self.window, state, rate > 0, rate)

    def conductance(self, state):
        return 1 / resistance(self.iv, state, self.r_on, self.r_off)

    def state_at(self, conductance):
        check_conductance(self, conductance)
        return jnp.clip(position(self.iv, 1 / conductance, self.r_on, self.r_off), 0, 1)
