"""STT-MRAM: a magnetic tunnel junction as a two-state Markov chain."""

import jax
import jax.numpy as jnp
from jax import Array

from memjax._field import parameter
from memjax.devices._base import AbstractDevice, Numeric, check_conductance
from memjax.devices._math import bounded_exp


class STTMRAM(AbstractDevice):
    """A free layer that is parallel (low R) or antiparallel (high R); a pulse switches it with a probability.

        |v| < V_c (thermal):      rates  (1/tau_0) e^(-Delta (1 - v/V_c))  to parallel,  the same at -v  back
        |v| > V_c (precessional): 1 - P = 1 - exp{-(pi^2/4)(j - 1) Delta/[j e^(2 (j - 1) t/tau_p) - 1]},  j = |v|/V_c
        R = R_p,   R_ap(v) = R_p [1 + TMR_0/(1 + (v/V_h)^2)]

    State: the probability of being parallel; 0 is HRS, 1 is LRS, and current and conductance are expectations
    (`sample` draws single junctions). Polarity: a positive voltage favours the parallel state (SET).
    Source: Butler et al., IEEE Trans. Magn. 48, 4684 (2012) for the decay laws; prefactors are textbook values. The
    thermal chain keeps both rates, so that without drive it relaxes to one half (retention). `derivative` is the
    thermal law, whose rates stop at 1/tau_0; pulses beyond V_c follow the precessional law, which is no Markov chain.
    """

    r_p: Numeric = parameter(above=0.0, unit="ohm")
    """Resistance, parallel [ohm]."""
    tmr: Numeric = parameter(above=0.0, default=1.5)
    """TMR_0, (R_ap - R_p)/R_p at zero voltage [1]."""
    v_half: Numeric = parameter(above=0.0, unit="V", default=0.5)
    """V_h, voltage at which TMR has halved [V]."""
    v_c: Numeric = parameter(above=0.0, unit="V", default=0.5)
    """Critical voltage [V]."""
    delta: Numeric = parameter(low=0.0, default=60.0)
    """Thermal stability E_b/kT [1]."""
    tau_0: Numeric = parameter(above=0.0, unit="s", default=1e-9)
    """Attempt time [s]."""
    tau_p: Numeric = parameter(above=0.0, unit="s", default=1e-9)
    """Precession time 1/(alpha omega_0) [s]."""
    initial: Numeric = parameter(low=0.0, high=1.0, default=0.0)
    """State from which `simulate` starts [1]."""
    read_voltage: Numeric = parameter(above=0.0, unit="V", default=0.1)
    """Voltage at which `conductance` is taken [V]."""

    @classmethod
    def textbook(cls, **changes) -> "STTMRAM":
        """Round numbers of textbooks (2 kohm, TMR 150 %, Delta = 60), fitted to no device."""
        return cls(**dict(r_p=2e3) | changes)

    @property
    def set_polarity(self) -> int:
        return 1

    @property
    def binary(self) -> bool:
        return True

    @property
    def thresholds(self) -> tuple[Array, Array]:
        return self.v_c, -self.v_c

    def current(self, state, voltage):
        g_p, g_ap = self._conductances(voltage)
        return voltage * (g_ap + (g_p - g_ap) * state)

    def derivative(self, state, voltage):
        up, down = self._rates(voltage)
        return up * (1 - state) - down * state

    def conductance(self, state):
        g_p, g_ap = self._conductances(self.read_voltage)
        return g_ap + (g_p - g_ap) * state

    def state_at(self, conductance):
        check_conductance(self, conductance)
        g_p, g_ap = self._conductances(self.read_voltage)
        return jnp.clip((conductance - g_ap) / (g_p - g_ap), 0, 1)

    def pulse(self, state, voltage, width):
        target = jnp.where(voltage >= 0, 1.0, 0.0)
        switched = state + (target - state) * self._precessional(voltage, width)
        return jnp.where(jnp.abs(voltage) > self.v_c, switched, self._relaxed(state, voltage, width))

    def switching_probability(self, voltage: Numeric, width: Numeric) -> Array:
        """Probability that one pulse [V], [s] turns the junction to the side its sign favours."""
        start = jnp.where(jnp.asarray(voltage) >= 0, 0.0, 1.0)
        return jnp.abs(self.pulse(start, voltage, width) - start)

    def sample(self, parallel: Numeric, voltage: Numeric, width: Numeric, key: Array) -> Array:
        """Single junctions after a pulse: `parallel` is a boolean `[...]`, and so is the result."""
        probability = self.pulse(jnp.where(parallel, 1.0, 0.0), voltage, width)
        return jax.random.bernoulli(key, probability)

    def _conductances(self, voltage) -> tuple[Array, Array]:
        ratio = 1 + self.tmr / (1 + (voltage / self.v_half) ** 2)
        return 1 / self.r_p, 1 / (self.r_p * ratio)

    def _rates(self, voltage) -> tuple[Array, Array]:
        drive = voltage / self.v_c
        return tuple(bounded_exp(-self.delta * jnp.maximum(1 - d, 0)) / self.tau_0 for d in (drive, -drive))

    def _relaxed(self, state, voltage, width) -> Array:
        """The two-state chain at constant rates, exactly."""
        up, down = self._rates(voltage)
        total = up + down
        return state - (state - up / total) * -jnp.expm1(-total * width)

    def _precessional(self, voltage, width) -> Array:
        over = jnp.maximum(jnp.abs(voltage) / self.v_c - 1, 0)
        # Written with e^(-2 (j-1) t/tau) so that long pulses do not overflow.
        decay = jnp.exp(-2 * over * width / self.tau_p)
        left = 1 + over - decay
        exponent = 0.25 * jnp.pi**2 * over * self.delta * decay / jnp.where(left > 0, left, 1.0)
        return jnp.where(left > 0, jnp.exp(-exponent), 0.0)
