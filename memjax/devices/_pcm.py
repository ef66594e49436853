"""Phase-change memory: a statistical model of programming, drift and 1/f noise."""

import jax
import jax.numpy as jnp
from jax import Array

from memjax._check import choice, number
from memjax._check import key as check_key
from memjax._field import parameter, part
from memjax.devices._base import AbstractDevice, Numeric, Preset, check_conductance
from memjax.devices._pcm_laws import AbstractLaw, LogLaw, PowerLaw


class PCM(AbstractDevice):
    """A cell written to a target by an iterative scheme that is not resolved, described by what it leaves behind.

        programming: sigma_p = s_0 + s_1 g + s_2 g^2 + s_3 g^3,   g = G/G_max
        drift:       G(t) = G(t_0) (t/t_0)^-nu,   nu = |N(mu(g), s(g))|
        read noise:  sigma_r = G Q(g) sqrt(ln((t + t_r)/(2 t_r)))

    with g as programmed throughout, and by default mu = clip(-0.0155 ln g + 0.0244, 0.049, 0.1),
    s = clip(-0.0125 ln g - 0.0059, 0.008, 0.045), Q = min(0.0088/g^0.65, 0.2).

    State: g; 0 is HRS, 1 is LRS. The model has no voltage dynamics: `derivative` is zero, reading is ohmic, and cells
    change through `program`, `drift` and `read`.
    Source: Joshi et al., Nature Communications 11, 2473 (2020), with the constants of aihwkit's PCM noise models.
    """

    g_max: Numeric = parameter(above=0.0, unit="S", default=25e-6)
    """Largest conductance [S]."""
    s_0: Numeric = parameter(low=0.0, unit="S", default=0.26348e-6)
    """Programming error: constant [S]."""
    s_1: Numeric = parameter(unit="S", default=1.9650e-6)
    """Programming error: linear [S]."""
    s_2: Numeric = parameter(unit="S", default=-1.1731e-6)
    """Programming error: quadratic [S]."""
    s_3: Numeric = parameter(unit="S", default=0.0)
    """Programming error: cubic [S]."""
    t_0: Numeric = parameter(above=0.0, unit="s", default=20.0)
    """Time after programming at which the conductance is the programmed one [s]."""
    t_read: Numeric = parameter(above=0.0, unit="s", default=250e-9)
    """Duration of a read [s]."""
    drift_mean: AbstractLaw = part(AbstractLaw, default_factory=lambda: LogLaw(-0.0155, 0.0244, 0.049, 0.1))
    """mu of the drift exponents [1]."""
    drift_spread: AbstractLaw = part(AbstractLaw, default_factory=lambda: LogLaw(-0.0125, -0.0059, 0.008, 0.045))
    """s of the drift exponents [1]."""
    quality: AbstractLaw = part(AbstractLaw, default_factory=lambda: PowerLaw(0.0088, 0.65, 0.2))
    """Q of the 1/f noise [1]."""
    initial: Numeric = parameter(low=0.0, high=1.0, default=0.0)
    """State from which `simulate` starts [1]."""

    @classmethod
    def joshi(cls, **changes) -> "PCM":
        """The doped GST mushroom cells of Joshi et al., which are also the defaults here."""
        return cls(**changes)

    @classmethod
    def hermes(cls, devices: int = 1, **changes) -> "PCM":
        """Cells of the Hermes chip, of one device (up to 10.35 uS) or two in parallel (20.7 uS). The fits of aihwkit.

        Source: Khaddam-Aljameh et al., IEEE JSSC 57, 1027 (2022), for the chip; constants second-hand.
        """
        choice("devices", devices, (1, 2))
        mean = LogLaw(-0.0387, -0.0182, 0.072, 0.13, 0.0945, 0.0736, -0.0126, -0.0436)
        if devices == 1:
            written = Preset(
                g_max=10.35e-6, s_0=0.15781817e-6, s_1=2.32443916e-6, s_2=-2.16310839e-6, s_3=0.68841818e-6
            )
            spread = LogLaw(-0.0120, -0.0023, 0.0124, 0.04, 0.3039, 0.0104, 0.0116, -0.0165)
            quality = LogLaw(-0.0078, 0.0038, 0.0179, 0.04, 0.1591, 0.0088, 0.0768, -0.1352, 0.0664)
        else:
            written = Preset(g_max=20.7e-6, s_0=0.16603222e-6, s_1=4.71806468e-6, s_2=-8.48101252e-6, s_3=4.68961419e-6)
            spread = LogLaw(-0.0117, -0.0057, 0.0091, 0.04, 0.3055, 0.0073, 0.0093, -0.0118)
            quality = LogLaw(-0.0117, -0.0069, 0.015, 0.04, 0.16, 0.0123, 0.0211, -0.0280, 0.0069)
        laws: Preset = dict(drift_mean=mean, drift_spread=spread, quality=quality)
        times: Preset = dict(t_0=200.0 if devices == 1 else 300.0, t_read=512e-9)
        return cls(**written | times | laws | changes)

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
        return jnp.maximum(self.s_0 + g * (self.s_1 + g * (self.s_2 + g * self.s_3)), 0)

    def program(self, target: Numeric, key: Array) -> Array:
        """Conductances [S] at t_0 after programming to `target` [S] of any shape; never negative."""
        check_conductance(self, target, "target")
        noise = jax.random.normal(key, jnp.shape(target))
        return jnp.maximum(target + self.programming_error(target) * noise, 0)

    def drift_exponent(self, conductance: Numeric, key: Array) -> Array:
        """One exponent nu for every cell, from its programmed conductance [S]."""
        log_g = self._log(conductance)
        draw = jax.random.normal(key, jnp.shape(conductance))
        return jnp.abs(self.drift_mean(log_g) + self.drift_spread(log_g) * draw)

    def drift(self, conductance: Numeric, exponent: Numeric, seconds: Numeric) -> Array:
        """Conductance [S] `seconds` after t_0: a factor (1 + seconds/t_0)^-nu."""
        number("seconds", seconds, 0.0)
        return conductance * jnp.exp(-exponent * jnp.log1p(seconds / self.t_0))

    def read(self, conductance: Numeric, seconds: Numeric, key: Array, *, programmed: Numeric | None = None) -> Array:
        """One noisy read [S] of cells of a `conductance` [S], `seconds` after they were programmed.

        programmed: the conductance [S] before its drift, on which the strength of the 1/f noise depends; None: they
        have not drifted. The noise grows with the logarithm of the time.
        """
        number("seconds", seconds, 0.0)
        check_key("key", key)
        spread = self.noise_quality(conductance if programmed is None else programmed) * self.noise_growth(seconds)
        return jnp.maximum(conductance * (1 + spread * jax.random.normal(key, jnp.shape(conductance))), 0)

    def noise_quality(self, conductance: Numeric) -> Array:
        """Q, the strength of the 1/f noise of a programmed conductance [S], relative to the conductance."""
        return self.quality(self._log(conductance))

    def noise_growth(self, seconds: Numeric) -> Array:
        """sqrt(ln((t + t_r) / (2 t_r))), by which the 1/f noise has grown `seconds` after programming."""
        return jnp.sqrt(jnp.maximum(jnp.log((seconds + self.t_read) / (2 * self.t_read)), 0))

    def _log(self, conductance) -> Array:
        """ln(G/G_max), limited below where every law of the model has saturated."""
        return jnp.log(jnp.maximum(conductance / self.g_max, 1e-6))
