"""The dynamic memdiode: a diode pair whose amplitude is the memory."""

import jax.numpy as jnp
from jax import Array

from memjax._check import ordered
from memjax._field import parameter
from memjax.devices._base import AbstractDevice, Numeric, check_conductance
from memjax.devices._math import bounded_exp, increasing_root, positive_power, scaled_sinh


class Memdiode(AbstractDevice):
    """Two antiparallel diodes behind a resistor; the memory H follows voltage-dependent time constants.

        i = I_0(H) [e^(b A(H) v_d) - e^(-(1 - b) A(H) v_d)],   v_d = v - i R_s,   I_0 and A linear in H
        dH/dt = (1 - H)/tau_S for v >= 0,   tau_S = e^(-eta_s (v_d - V_set)), with V_t for V_set once i > I_sb
               -H/tau_R       for v < 0,    tau_R = e^(eta_r H^gamma (v_d - V_res))

    State: H; 0 is HRS, 1 is LRS. Polarity: a positive voltage is SET. Time constants are in seconds.
    Source: Aguirre, Sune and Miranda, Micromachines 13, 330 (2022), and the SPICE code of `memristive_ANN_sim`.
    At a fixed inner voltage and gamma = 0 the relaxation of H is exponential, and the "exponential" steps of
    `apply_pulse` are exact.
    """

    i_min: Numeric = parameter(above=0.0, unit="A")
    """I_0 in the HRS [A]."""
    i_max: Numeric = parameter(unit="A")
    """I_0 in the LRS [A]."""
    a_min: Numeric = parameter(above=0.0, unit="1/V")
    """A in the HRS [1/V]."""
    a_max: Numeric = parameter(above=0.0, unit="1/V")
    """A in the LRS [1/V]."""
    r_s: Numeric = parameter(low=0.0, unit="ohm")
    """Series resistance [ohm]."""
    eta_s: Numeric = parameter(above=0.0, unit="1/V")
    """Voltage sensitivity of SET [1/V]."""
    v_set: Numeric = parameter(above=0.0, unit="V")
    """SET voltage: tau_S = 1 s there [V]."""
    eta_r: Numeric = parameter(above=0.0, unit="1/V")
    """Voltage sensitivity of RESET [1/V]."""
    v_res: Numeric = parameter(below=0.0, unit="V")
    """RESET voltage, negative: tau_R = 1 s there [V]."""
    v_t: Numeric = parameter(unit="V")
    """SET voltage after snapback [V]."""
    i_sb: Numeric = parameter(above=0.0, infinite=True, unit="A", default=jnp.inf)
    """Current that triggers the snapback [A]."""
    gamma: Numeric = parameter(low=0.0, default=0.0)
    """Snapforward exponent; 0 is none [1]."""
    b: Numeric = parameter(above=0.0, below=1.0, default=0.5)
    """Asymmetry of the diodes [1]; 1/2 makes i = 2 I_0 sinh(A v_d/2)."""
    initial: Numeric = parameter(low=0.0, high=1.0, default=0.0)
    """State from which `simulate` starts [1]."""
    read_voltage: Numeric = parameter(above=0.0, unit="V", default=0.1)
    """Voltage at which `conductance` is taken [V]."""

    def check_relations(self) -> None:
        ordered("Memdiode", i_min=self.i_min, i_max=self.i_max)

    @classmethod
    def aguirre(cls, **changes) -> "Memdiode":
        """The set with snapback and snapforward of the public SPICE code (its I_sb of 1 A is never reached)."""
        curve = dict(i_min=2e-6, i_max=2e-4, a_min=6.19, a_max=5.22, r_s=1.0)
        motion = dict(eta_s=15.0, v_set=0.8, eta_r=4.0, v_res=-1.3, v_t=0.1, i_sb=1.0, gamma=0.9)
        return cls(**curve | motion | changes)

    @property
    def set_polarity(self) -> int:
        return 1

    @property
    def write_voltages(self):
        return self.v_set, -self.v_res

    def inner_voltage(self, state, voltage) -> Array:
        """Voltage v_d [V] across the diodes."""
        shape = jnp.broadcast_shapes(jnp.shape(state), jnp.shape(voltage), jnp.shape(self.r_s))
        voltage = jnp.broadcast_to(voltage, shape)
        low, high = jnp.minimum(voltage, 0), jnp.maximum(voltage, 0)
        return increasing_root(lambda v: v + self.r_s * self._diodes(state, v) - voltage, low, high, iterations=30)

    def current(self, state, voltage):
        return self._diodes(state, self.inner_voltage(state, voltage))

    def derivative(self, state, voltage):
        inner = self.inner_voltage(state, voltage)
        v_set = jnp.where(self._diodes(state, inner) > self.i_sb, self.v_t, self.v_set)
        snapforward = jnp.where(self.gamma == 0, 1.0, positive_power(state, self.gamma))
        setting = (1 - state) * bounded_exp(self.eta_s * (inner - v_set))
        resetting = state * bounded_exp(-self.eta_r * snapforward * (inner - self.v_res))
        return jnp.where(voltage >= 0, setting, -resetting)

    def conductance(self, state):
        return self.current(state, self.read_voltage) / self.read_voltage

    def state_at(self, conductance):
        check_conductance(self, conductance)
        shape = jnp.broadcast_shapes(jnp.shape(conductance), jnp.shape(self.i_max))
        scale = self.conductance(1.0)
        # The conductance increases with H: A falls by a sixth while I_0 grows a hundredfold.
        state = increasing_root(
            lambda x: (self.conductance(x) - conductance) / scale, jnp.zeros(shape), jnp.ones(shape)
        )
        return jnp.clip(state, 0, 1)

    def _diodes(self, state, inner) -> Array:
        """Current of the diodes at an inner voltage, e^(cv) - e^(-(1-b)Av) written as a scaled sinh."""
        scale = self.i_min + (self.i_max - self.i_min) * state
        slope = self.a_min + (self.a_max - self.a_min) * state
        return 2 * scale * scaled_sinh((self.b - 0.5) * slope * inner, 0.5 * slope * inner)
