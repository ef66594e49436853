"""Phase-change memory: a statistical model of programming, drift and 1/f noise."""

import jax
import jax.numpy as jnp
from jax import Array

from memjax._check import number
from memjax._field import parameter
from memjax.devices._base import AbstractDevice, Numeric, check_conductance


class PCM(AbstractDevice):
    """A cell written to a target by an iterative scheme that is not resolved, described by what it leaves behind.

        programming: sigma_p = s_0 + s_1 g + s_2 g^2,   g = G/G_max
        drift:       G(t) = G(t_0) (t/t_0)^-nu,   nu = |N(mu, s)|,   mu = clip(-0.0155 ln g + 0.0244, 0.049, 0.1),
                     s = clip(-0.0125 ln g - 0.0059, 0.008, 0.045)
        read noise:  sigma_r = G Q sqrt(ln((t + t_r)/(2 t_r))),   Q = min(0.0088/g^0.65, 0.2)

    State: g; 0 is HRS, 1 is LRS. The model has no voltage dynamics: `derivative` is zero, reading is ohmic, and cells
    change through `program`, `drift` and `read`.
    Source: Joshi et al., Nature Communications 11, 2473 (2020), with the constants of aihwkit's PCM noise model.
    """

    g_max: Numeric = parameter(above=0.0, unit="S", default=25e-6)
    """Largest conductance [S]."""
    s_0: Numeric = parameter(low=0.0, unit="S", default=0.26348e-6)
    """Programming error: constant [S]."""
    s_1: Numeric = parameter(unit="S", default=1.9650e-6)
    """Programming error: linear [S]."""
    s_2: Numeric = parameter(unit="S", default=-1.1731e-6)
    """Programming error: quadratic [S]."""
    t_0: Numeric = parameter(above=0.0, unit="s", default=20.0)
    """Time after programming at which the conductance is the programmed one [s]."""
    t_read: Numeric = parameter(above=0.0, unit="s", default=250e-9)
    """Duration of a read [s]."""
    initial: Numeric = parameter(low=0.0, high=1.0, default=0.0)
    """State from which `simulate` starts [1]."""

    @classmethod
    def joshi(cls, **changes) -> "PCM":
        """The doped GST mushroom cells of Joshi et al., which are also the defaults here."""
        return cls(**changes)

    @property
    def set_polarity(self) -> int:
        return 1

    def current(self, state, voltage):
        return voltage * self.conductance(state)

    def derivative(self, state, voltage):
        return jnp.zeros(jnp.broadcast_shapes(jnp.shape(state), jnp.shape(voltage)))

    def conductance(self, state):
        return self.g_max * state

    def state_at(self, conductance):
        check_conductance(self, conductance)
        return jnp.clip(conductance / self.g_max, 0, 1)

    def pulse(self, state, voltage, width):
        return state + 0.0 * voltage * width

    def programming_error(self, conductance: Numeric) -> Array:
        """Standard deviation [S] with which a target conductance [S] is met."""
        g = conductance / self.g_max
        return jnp.maximum(self.s_0 + self.s_1 * g + self.s_2 * g**2, 0)

    def program(self, target: Numeric, key: Array) -> Array:
        """Conductances [S] at t_0 after programming to `target` [S] of any shape; never negative."""
        check_conductance(self, target, "target")
        noise = jax.random.normal(key, jnp.shape(target))
        return jnp.maximum(target + self.programming_error(target) * noise, 0)

    def drift_exponent(self, conductance: Numeric, key: Array) -> Array:
        """One exponent nu for every cell, from its programmed conductance [S]."""
        log_g = self._log(conductance)
        mean = jnp.clip(-0.0155 * log_g + 0.0244, 0.049, 0.1)
        spread = jnp.clip(-0.0125 * log_g - 0.0059, 0.008, 0.045)
        return jnp.abs(mean + spread * jax.random.normal(key, jnp.shape(conductance)))

    def drift(self, conductance: Numeric, exponent: Numeric, seconds: Numeric) -> Array:
        """Conductance [S] `seconds` after t_0: a factor (1 + seconds/t_0)^-nu."""
        number("seconds", seconds, 0.0)
        return conductance * jnp.exp(-exponent * jnp.log1p(seconds / self.t_0))

    def read(self, conductance: Numeric, seconds: Numeric, key: Array) -> Array:
        """One noisy read [S], `seconds` after programming; the 1/f noise grows with the logarithm of the time."""
        spread = self.noise_quality(conductance) * self.noise_growth(seconds)
        return jnp.maximum(conductance * (1 + spread * jax.random.normal(key, jnp.shape(conductance))), 0)

    def noise_quality(self, conductance: Numeric) -> Array:
        """Q, the strength of the 1/f noise of a programmed conductance [S], relative to the conductance."""
        return jnp.minimum(0.0088 * jnp.exp(-0.65 * self._log(conductance)), 0.2)

    def noise_growth(self, seconds: Numeric) -> Array:
        """sqrt(ln((t + t_r) / (2 t_r))), by which the 1/f noise has grown `seconds` after programming."""
        return jnp.sqrt(jnp.maximum(jnp.log((seconds + self.t_read) / (2 * self.t_read)), 0))

    def _log(self, conductance) -> Array:
        """ln(G/G_max), limited below where every law of the model has saturated."""
        return jnp.log(jnp.maximum(conductance / self.g_max, 1e-6))
