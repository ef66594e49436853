"""Stanford-PKU: the filament gap of a metal-oxide RRAM."""

import jax
import jax.numpy as jnp
from jax import Array

from memjax._check import ordered
from memjax._constants import BOLTZMANN
from memjax._field import choice, parameter
from memjax.devices._base import AbstractDevice, Numeric, check_conductance
from memjax.devices._math import positive_power, scaled_sinh

_NOISE_STEP = 1e-9  # s: the time step to which the amplitude of the source's per-step noise refers

GATES = ("off", "hard", "smooth")


class StanfordPKU(AbstractDevice):
    """A tunnelling gap g between filament and electrode, moved by field and temperature.

        i = I_0 exp(-g/g_0) sinh(v/V_0),   T = T_0 + |v i| R_th
        dg/dt = -v_0 exp(-E_a/kT) sinh(gamma (a_0/t_ox) v/kT),   gamma = gamma_0 - beta (g/1 nm)^alpha
        noise: dg = delta_g sqrt(1 ns)/(1 + exp((T_crit - T)/T_smooth)) dW

    State: (g - g_min)/(g_max - g_min); 0 is LRS, 1 is HRS. Polarity: a positive voltage is SET.
    Source: Jiang et al., IEEE TED 63, 1884 (2016); Verilog-A release 1.0.0 (NEEDS), which sets gamma to 0 where the
    local field gamma |v|/t_ox is below F_min. `gate` chooses that cut-off ("hard"), a sigmoid of relative width
    `gate_width` in its place ("smooth"), or none ("off"). The source adds its noise per time step; here it is a Wiener
    process of the same strength at the source's own step of 1 ns, so that statistics do not depend on the step.
    The model limits no current: put it into a `Series` with a resistor.
    """

    i_0: Numeric = parameter(above=0.0, unit="A", default=1e-3)
    """Current scale [A]."""
    g_0: Numeric = parameter(above=0.0, unit="m", default=0.25e-9)
    """Tunnelling length [m]."""
    v_0: Numeric = parameter(above=0.0, unit="V", default=0.25)
    """Voltage scale of the current [V]."""
    velocity: Numeric = parameter(above=0.0, unit="m/s", default=10.0)
    """v_0 of the gap equation [m/s]."""
    activation: Numeric = parameter(above=0.0, unit="eV", default=0.6)
    """E_a [eV]."""
    a_0: Numeric = parameter(above=0.0, unit="m", default=0.25e-9)
    """Hopping distance [m]."""
    t_ox: Numeric = parameter(above=0.0, unit="m", default=12e-9)
    """Oxide thickness [m]."""
    gamma_set: Numeric = parameter(default=16.0)
    """gamma_0 for v >= 0 [1]."""
    gamma_reset: Numeric = parameter(default=16.0)
    """gamma_0 for v < 0 [1]; the source fixes it at 16."""
    beta: Numeric = parameter(low=0.0, default=0.8)
    """Loss of field enhancement with the gap [1]."""
    alpha: Numeric = parameter(default=3.0)
    """Exponent of it [1]."""
    ambient: Numeric = parameter(above=0.0, unit="K", default=298.0)
    """T_0 [K]."""
    r_th: Numeric = parameter(low=0.0, unit="K/W", default=2.1e3)
    """Thermal resistance [K/W]."""
    f_min: Numeric = parameter(low=0.0, unit="V/m", default=1.4e9)
    """Field below which the gap does not move [V/m]."""
    gate_width: Numeric = parameter(above=0.0, default=0.02)
    """Width of the smooth gate, as a fraction of f_min [1]."""
    gap_min: Numeric = parameter(above=0.0, unit="m", default=0.2e-9)
    """Smallest gap [m]."""
    gap_max: Numeric = parameter(unit="m", default=1.7e-9)
    """Largest gap [m]."""
    delta_g: Numeric = parameter(low=0.0, unit="m/s", default=0.02)
    """Noise amplitude of the source, per 1 ns step [m/s]."""
    t_crit: Numeric = parameter(unit="K", default=450.0)
    """Temperature about which the noise sets in [K]."""
    t_smooth: Numeric = parameter(above=0.0, unit="K", default=500.0)
    """Range over which it does [K]."""
    initial: Numeric = parameter(low=0.0, high=1.0, default=1.0)
    """State from which `simulate` starts [1]."""
    read_voltage: Numeric = parameter(above=0.0, unit="V", default=0.1)
    """Voltage at which `conductance` is taken [V]."""
    gate: str = choice(*GATES, default="hard")
    """Field cut-off: "off", "hard" or "smooth"."""

    def check_relations(self) -> None:
        ordered("StanfordPKU", gap_min=self.gap_min, gap_max=self.gap_max)

    @classmethod
    def needs(cls, **changes) -> "StanfordPKU":
        """The defaults of the Verilog-A release 1.0.0, which are also the defaults here."""
        return cls(**changes)

    @property
    def set_polarity(self) -> int:
        return 1

    @property
    def write_voltages(self):
        return 1.6, 1.6  # above the cut-off of every gap

    def current(self, state, voltage):
        return self.i_0 * scaled_sinh(-self._gap(state) / self.g_0, voltage / self.v_0)

    def derivative(self, state, voltage):
        gap = self._gap(state)
        thermal = BOLTZMANN * self.temperature(state, voltage)
        enhancement = jnp.where(voltage < 0, self.gamma_reset, self.gamma_set)
        enhancement = enhancement - self.beta * positive_power(gap / 1e-9, self.alpha)
        field = enhancement * self.a_0 / self.t_ox * voltage / thermal
        speed = self.velocity * scaled_sinh(-self.activation / thermal, field)
        return -self._gate(enhancement * jnp.abs(voltage) / self.t_ox) * speed / (self.gap_max - self.gap_min)

    def diffusion(self, state, voltage):
        heat = (self.t_crit - self.temperature(state, voltage)) / self.t_smooth
        return self.delta_g * _NOISE_STEP**0.5 * jax.nn.sigmoid(-heat) / (self.gap_max - self.gap_min)

    def temperature(self, state, voltage):
        return self.ambient + jnp.abs(voltage * self.current(state, voltage)) * self.r_th

    def conductance(self, state):
        return self.current(state, self.read_voltage) / self.read_voltage

    def state_at(self, conductance):
        check_conductance(self, conductance)
        gap = -self.g_0 * jnp.log(conductance * self.read_voltage / (self.i_0 * jnp.sinh(self.read_voltage / self.v_0)))
        return jnp.clip((gap - self.gap_min) / (self.gap_max - self.gap_min), 0, 1)

    def _gap(self, state) -> Array:
        return self.gap_min + (self.gap_max - self.gap_min) * state

    def _gate(self, field) -> Array:
        if self.gate == "off":
            return jnp.ones_like(field)
        if self.gate == "hard":
            return jnp.where(field < self.f_min, 0.0, 1.0)
        return jax.nn.sigmoid((field / self.f_min - 1) / self.gate_width)
