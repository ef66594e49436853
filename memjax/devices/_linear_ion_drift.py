"""Linear ion drift: the HP memristor."""

import jax.numpy as jnp
from jax import Array

from memjax._check import ordered
from memjax._field import parameter, part
from memjax.devices._base import AbstractDevice, Numeric, Preset, check_conductance
from memjax.devices.windows import AbstractWindow, Biolek, Joglekar, apply_window


class LinearIonDrift(AbstractDevice):
    """A boundary between doped and undoped oxide that drifts with the charge passed.

        M(x) = R_on x + R_off (1 - x),   v = M(x) i,   dx/dt = (mu R_on / D^2) i f(x),   x = w/D

    State: x; 0 is HRS, 1 is LRS. Polarity: a positive voltage is SET.
    Source: Strukov et al., Nature 453, 80 (2008); Kvatinsky et al., IEEE TCAS-I 60, 211 (2013), eqs 3-4.
    Without a window M^2 falls linearly with the flux, which gives every pulse a closed form.
    """

    r_on: Numeric = parameter(above=0.0, unit="ohm")
    """Resistance fully doped [ohm]."""
    r_off: Numeric = parameter(unit="ohm")
    """Resistance undoped [ohm]."""
    depth: Numeric = parameter(above=0.0, unit="m")
    """Thickness D of the oxide [m]."""
    mobility: Numeric = parameter(above=0.0, unit="m^2/(V s)")
    """Mobility mu of the dopants [m^2/(V s)]."""
    initial: Numeric = parameter(low=0.0, high=1.0, default=0.0)
    """State from which `simulate` starts [1]."""
    window: AbstractWindow | None = part(AbstractWindow, optional=True, example="windows.Biolek()", default=None)
    """Window in x, or None for a plain limit at the bounds."""

    def check_relations(self) -> None:
        ordered("LinearIonDrift", r_on=self.r_on, r_off=self.r_off)

    @classmethod
    def biolek_soft(cls, **changes) -> "LinearIonDrift":
        """Biolek et al., Radioengineering 18, 210 (2009), Fig. 5a: 1.2 V, 1 Hz sine, R from 11 kohm.

        The paper prints p = 10; its picture is reported to match p = 1. Joglekar's window is our reading of the text.
        """
        constants: Preset = dict(
            r_on=100.0, r_off=16e3, depth=10e-9, mobility=1e-14, initial=5 / 15.9, window=Joglekar(10.0)
        )
        return cls(**constants | changes)

    @classmethod
    def biolek_hard(cls, **changes) -> "LinearIonDrift":
        """The same paper, Fig. 5c (hard switching): 2 V, 1 Hz sine, R from 1 kohm, p = 10.

        Biolek's own window, which that paper proposes, so that the state leaves the bounds it reaches.
        """
        constants: Preset = dict(
            r_on=100.0, r_off=5e3, depth=10e-9, mobility=1e-14, initial=4 / 4.9, window=Biolek(10.0)
        )
        return cls(**constants | changes)

    @classmethod
    def technion(cls, **changes) -> "LinearIonDrift":
        """Default of the Technion Verilog-A models (CCIT report 801), window p = 2."""
        constants: Preset = dict(r_on=100.0, r_off=200e3, depth=3e-9, mobility=1e-15, initial=0.5, window=Joglekar(2.0))
        return cls(**constants | changes)

    @property
    def set_polarity(self) -> int:
        return 1

    def current(self, state, voltage):
        return voltage * self.conductance(state)

    def derivative(self, state, voltage):
        rate = self._drift * self.current(state, voltage)
        return apply_window(self.window, state, rate > 0, rate)

    def conductance(self, state):
        return 1 / (self.r_off - (self.r_off - self.r_on) * state)

    def state_at(self, conductance):
        check_conductance(self, conductance)
        return jnp.clip((self.r_off - 1 / conductance) / (self.r_off - self.r_on), 0, 1)

    def pulse(self, state, voltage, width):
        if self.window is not None:
            return None
        span = self.r_off - self.r_on
        before = self.r_off - span * state
        drop = 2 * span * self._drift * voltage * width
        drop = jnp.clip(drop, before**2 - self.r_off**2, before**2 - self.r_on**2)
        after = jnp.sqrt(before**2 - drop)
        # (before - after)/span, by the difference of squares: short pulses keep their digits in float32.
        return jnp.clip(state + drop / ((before + after) * span), 0, 1)

    @property
    def _drift(self) -> Array:
        """mu R_on / D^2: speed of the boundary per current [1/(A s)]."""
        return self.mobility * self.r_on / self.depth**2
