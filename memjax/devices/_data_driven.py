"""The data-driven RRAM model of Messaris, Serb and Prodromakis."""

import jax.numpy as jnp
from jax import Array

from memjax._check import ordered
from memjax._field import parameter
from memjax.devices._base import AbstractDevice, Numeric, check_conductance


class DataDriven(AbstractDevice):
    """The static resistance R itself is the state; it approaches a voltage-dependent boundary r(v) and stops there.

        dR/dt = A_p (e^(t_p |v|) - 1) (e^(k_p (r_p - R)) - 1)   for v > 0, R < r_p(v) = r_p0 + r_p1 v
                A_n (e^(t_n |v|) - 1) (e^(k_n (R - r_n)) - 1)   for v < 0, R > r_n(v) = r_n0 + r_n1 v,   else 0
        i = (a/R) sinh(b v)

    State: (R - R_min)/(R_max - R_min); 0 is LRS, 1 is HRS. Polarity: a positive voltage is RESET.
    Source: Messaris et al., "A data-driven Verilog-A ReRAM model", IEEE TCAD 37, 3151 (2018).
    Every rectangular pulse has a closed form: with d the distance to the boundary, e^(-k d) relaxes to 1.
    """

    a_p: Numeric = parameter(above=0.0, unit="ohm/s")
    """Speed scale for v > 0, positive [ohm/s]."""
    a_n: Numeric = parameter(below=0.0, unit="ohm/s")
    """Speed scale for v < 0, negative [ohm/s]."""
    t_p: Numeric = parameter(above=0.0, unit="1/V")
    """Voltage sensitivity for v > 0 [1/V]."""
    t_n: Numeric = parameter(above=0.0, unit="1/V")
    """Voltage sensitivity for v < 0 [1/V]."""
    k_p: Numeric = parameter(above=0.0, unit="1/ohm")
    """Slowing near the boundary for v > 0 [1/ohm]."""
    k_n: Numeric = parameter(above=0.0, unit="1/ohm")
    """Slowing near the boundary for v < 0 [1/ohm]."""
    r_p0: Numeric = parameter(unit="ohm")
    """Boundary for v > 0: value at 0 V [ohm]."""
    r_p1: Numeric = parameter(unit="ohm/V")
    """Boundary for v > 0: slope [ohm/V]."""
    r_n0: Numeric = parameter(unit="ohm")
    """Boundary for v < 0: value at 0 V [ohm]."""
    r_n1: Numeric = parameter(unit="ohm/V")
    """Boundary for v < 0: slope [ohm/V]."""
    a: Numeric = parameter(above=0.0, unit="V")
    """Scale of the I-V relation [V]."""
    b: Numeric = parameter(above=0.0, unit="1/V")
    """Curvature of the I-V relation [1/V]."""
    r_min: Numeric = parameter(above=0.0, unit="ohm")
    """Resistance at state 0 [ohm]."""
    r_max: Numeric = parameter(unit="ohm")
    """Resistance at state 1 [ohm]."""
    initial: Numeric = parameter(low=0.0, high=1.0, default=1.0)
    """State from which `simulate` starts [1]."""
    read_voltage: Numeric = parameter(above=0.0, unit="V", default=0.5)
    """Voltage at which `conductance` is taken [V]."""

    def check_relations(self) -> None:
        ordered("DataDriven", r_min=self.r_min, r_max=self.r_max)

    @classmethod
    def tiox(cls, **changes) -> "DataDriven":
        """TiOx device (DUT 2, Table II), 10-17 kohm; I-V relation as MemTorch has it (a = 0.24, b = 3).

        r_n1 is printed as 23.69e4, which would make the boundary negative at -0.7 V; 23.69e3 puts it at 12.7 kohm,
        inside the printed range. The other devices of the table lack an I-V relation or a resistance range.
        """
        speed = dict(a_p=743.47, a_n=-6.80e4, t_p=6.51, t_n=0.31, k_p=5.11e-4, k_n=1.17e-3)
        edges = dict(r_p0=16.71e3, r_p1=0.0, r_n0=29.30e3, r_n1=23.69e3)
        return cls(**speed | edges | dict(a=0.24, b=3.0, r_min=10e3, r_max=17e3) | changes)

    @property
    def set_polarity(self) -> int:
        return -1

    def current(self, state, voltage):
        return self.a / self._resistance(state) * jnp.sinh(jnp.clip(self.b * voltage, -60, 60))

    def derivative(self, state, voltage):
        direction, distance, speed, k = self._approach(state, voltage)
        return direction * speed * jnp.expm1(jnp.minimum(k * distance, 60.0)) / (self.r_max - self.r_min)

    def conductance(self, state):
        return self.current(state, self.read_voltage) / self.read_voltage

    def state_at(self, conductance):
        check_conductance(self, conductance)
        resistance = self.a * jnp.sinh(self.b * self.read_voltage) / (self.read_voltage * conductance)
        return jnp.clip((resistance - self.r_min) / (self.r_max - self.r_min), 0, 1)

    def pulse(self, state, voltage, width):
        direction, distance, speed, k = self._approach(state, voltage)
        # The distance covered, without a difference of nearly equal numbers: short pulses keep their digits.
        covered = jnp.log1p(jnp.expm1(jnp.minimum(k * distance, 60.0)) * -jnp.expm1(-k * speed * width)) / k
        return jnp.clip(state + direction * covered / (self.r_max - self.r_min), 0, 1)

    def _resistance(self, state) -> Array:
        return self.r_min + (self.r_max - self.r_min) * state

    def _approach(self, state, voltage) -> tuple[Array, Array, Array, Array]:
        """Direction of motion (+1 rising), distance to the boundary [ohm], speed [ohm/s] and k [1/ohm]."""
        rising = voltage > 0
        resistance = self._resistance(state)
        ahead = self.r_p0 + self.r_p1 * voltage - resistance
        behind = resistance - self.r_n0 - self.r_n1 * voltage
        distance = jnp.maximum(jnp.where(rising, ahead, behind), 0.0)
        up = self.a_p * jnp.expm1(jnp.clip(self.t_p * voltage, 0, 60))
        down = -self.a_n * jnp.expm1(jnp.clip(-self.t_n * voltage, 0, 60))
        return (
            jnp.where(rising, 1.0, -1.0),
            distance,
            jnp.where(rising, up, down),
            jnp.where(rising, self.k_p, self.k_n),
        )
