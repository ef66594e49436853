"""The generalised model of Yakopcic, fitted to many published devices."""

import jax.numpy as jnp
from jax import Array

from memjax._check import satisfies
from memjax._field import parameter
from memjax.devices._base import AbstractDevice, Numeric, check_conductance
from memjax.devices._math import bounded_exp


class Yakopcic(AbstractDevice):
    """Threshold device with exponential speed and a sinh I-V relation.

        i = a_1 x sinh(b v) for v >= 0,   a_2 x sinh(b v) for v < 0
        dx/dt = eta g(v) f(x),   g = A_p (e^v - e^V_p) for v > V_p,   -A_n (e^-v - e^V_n) for v < -V_n,   else 0
        f = exp(-a_p (x - x_p)) [(x_p - x)/(1 - x_p) + 1]   for x >= x_p while eta v >= 0,   else 1
            exp(a_n (x + x_n - 1)) x/(1 - x_n)              for x <= 1 - x_n while eta v < 0, else 1

    State: x; 0 is HRS (no current at all), 1 is LRS. Polarity: positive is SET for eta = +1.
    Source: Yakopcic et al., IEEE EDL 32, 1436 (2011) and IEEE TCAD 32, 1201 (2013); sets from the SPICE listings.
    """

    a_1: Numeric = parameter(above=0.0, unit="A")
    """Current scale for v >= 0 [A]."""
    a_2: Numeric = parameter(above=0.0, unit="A")
    """Current scale for v < 0 [A]."""
    b: Numeric = parameter(above=0.0, unit="1/V")
    """Curvature of the I-V relation [1/V]."""
    v_p: Numeric = parameter(low=0.0, unit="V")
    """Positive threshold [V]."""
    v_n: Numeric = parameter(low=0.0, unit="V")
    """Magnitude of the negative threshold [V]."""
    a_p_rate: Numeric = parameter(low=0.0, unit="1/s")
    """A_p, speed above the positive threshold [1/s]."""
    a_n_rate: Numeric = parameter(low=0.0, unit="1/s")
    """A_n, speed beyond the negative threshold [1/s]."""
    x_p: Numeric = parameter(low=0.0, below=1.0)
    """Where the rising state begins to slow down [1]."""
    x_n: Numeric = parameter(low=0.0, below=1.0)
    """1 - x_n is where the falling state begins to slow down [1]."""
    a_p: Numeric = parameter()
    """Steepness of the slowing while rising [1]."""
    a_n: Numeric = parameter()
    """Steepness of the slowing while falling [1]."""
    eta: Numeric = parameter(default=1.0)
    """Direction: +1 or -1."""
    initial: Numeric = parameter(low=0.0, high=1.0, default=0.1)
    """State from which `simulate` starts [1]."""
    read_voltage: Numeric = parameter(above=0.0, unit="V", default=0.1)
    """Voltage at which `conductance` is taken [V]."""

    def check_relations(self) -> None:
        satisfies("Yakopcic.eta", self.eta, lambda eta: abs(eta) == 1, "+1 or -1")

    @classmethod
    def oblea(cls, **changes) -> "Yakopcic":
        """AgGeSe device of Oblea et al. (2010); drive: 0.45 V, 100 Hz sine."""
        curve = dict(a_1=0.17, a_2=0.17, b=0.05, v_p=0.16, v_n=0.15, a_p_rate=4e3, a_n_rate=4e3)
        return cls(**curve | dict(x_p=0.3, x_n=0.5, a_p=1.0, a_n=5.0, initial=0.11) | changes)

    @classmethod
    def oblea_pulsed(cls, **changes) -> "Yakopcic":
        """The same device under repeated sweeps; drive: 0.25 V, 100 Hz triangle."""
        return cls.oblea(**dict(a_1=0.097, a_2=0.097, initial=0.001) | changes)

    @classmethod
    def miao(cls, **changes) -> "Yakopcic":
        """TaOx device of Miao et al. (2011); drive: +0.75/-1.25 V triangle, 20 s."""
        curve = dict(a_1=0.11, a_2=0.11, b=0.5, v_p=0.09, v_n=0.75, a_p_rate=7.5, a_n_rate=2.0)
        return cls(**curve | dict(x_p=0.3, x_n=0.5, a_p=1.0, a_n=5.0, initial=0.11) | changes)

    @classmethod
    def jo(cls, **changes) -> "Yakopcic":
        """Ag/a-Si device of Jo et al. (2010), a conductive bridge (CBRAM); drive: +4/-2 V triangle, 5 s."""
        curve = dict(a_1=3.7e-7, a_2=4.35e-7, b=0.7, v_p=1.5, v_n=0.5, a_p_rate=0.005, a_n_rate=0.08)
        return cls(**curve | dict(x_p=0.2, x_n=0.5, a_p=1.2, a_n=3.0, initial=0.1) | changes)

    @property
    def set_polarity(self) -> Array:
        return self.eta

    @property
    def thresholds(self) -> tuple[Array, Array]:
        return self.v_p, -self.v_n

    def current(self, state, voltage):
        scale = jnp.where(voltage >= 0, self.a_1, self.a_2)
        return scale * state * jnp.sinh(jnp.clip(self.b * voltage, -60, 60))

    def derivative(self, state, voltage):
        above = self.a_p_rate * (bounded_exp(voltage) - bounded_exp(self.v_p))
        below = -self.a_n_rate * (bounded_exp(-voltage) - bounded_exp(self.v_n))
        speed = jnp.where(voltage > self.v_p, above, jnp.where(voltage < -self.v_n, below, 0.0))
        rising = self.eta * voltage >= 0
        return self.eta * speed * jnp.where(rising, self._slow_rise(state), self._slow_fall(state))

    def conductance(self, state):
        return self.current(state, self.read_voltage) / self.read_voltage

    def state_at(self, conductance):
        check_conductance(self, conductance)
        return jnp.clip(conductance / self.conductance(1.0), 0, 1)

    def _slow_rise(self, x) -> Array:
        slowed = bounded_exp(-self.a_p * (x - self.x_p)) * (1 - x) / (1 - self.x_p)
        return jnp.where(x >= self.x_p, slowed, 1.0)

    def _slow_fall(self, x) -> Array:
        slowed = bounded_exp(self.a_n * (x + self.x_n - 1)) * x / (1 - self.x_n)
        return jnp.where(x <= 1 - self.x_n, slowed, 1.0)
