"""VTEAM: the voltage-threshold adaptive memristor."""

import jax.numpy as jnp
from jax import Array

from memjax._check import concrete, ordered
from memjax._field import choice, parameter, part
from memjax.devices._base import AbstractDevice, Numeric, Preset, check_conductance
from memjax.devices._math import positive_power
from memjax.devices._resistance import IV_KINDS, position, resistance
from memjax.devices.windows import AbstractWindow, apply_window


class VTEAM(AbstractDevice):
    """Threshold device: the state moves only beyond v_off (towards HRS) or v_on (towards LRS).

        dw/dt = k_off (v/v_off - 1)^alpha_off f(w)   for v beyond v_off
                k_on  (v/v_on  - 1)^alpha_on  f(w)   for v beyond v_on,   0 in between
        i = v/R,   R = R_on + (R_off - R_on) u   or   R_on (R_off/R_on)^u,   u = (w - w_on)/(w_off - w_on)

    State: u; 0 is LRS, 1 is HRS. Polarity: with v_on < 0 < v_off a positive voltage is RESET (the literature's
    convention); opposite signs of the two thresholds reverse it.
    Source: Kvatinsky et al., "VTEAM", IEEE TCAS-II 62, 786 (2015); equations as restated in Biolek et al.,
    IEEE Access 9 (2021), eqs 1-5. Where no window is given, a rectangular pulse has a closed form.

    Example:
        ```python
        import jax.numpy as jnp
        import memjax as mj

        device = mj.devices.VTEAM.pt_hf_ti()
        time = jnp.linspace(0.0, 20e-9, 400)
        trace = mj.simulate(device, jnp.sin(1e8 * jnp.pi * time), time)  # 1 V, 50 MHz
        print(trace.state.min(), trace.state.max())
        ```
    """

    k_off: Numeric = parameter(above=0.0, unit="m/s")
    """Rate constant towards HRS, positive [m/s]."""
    k_on: Numeric = parameter(below=0.0, unit="m/s")
    """Rate constant towards LRS, negative [m/s]."""
    v_off: Numeric = parameter(unit="V")
    """Threshold towards HRS [V]."""
    v_on: Numeric = parameter(unit="V")
    """Threshold towards LRS, of the opposite sign [V]."""
    alpha_off: Numeric = parameter(above=0.0)
    """Exponent towards HRS [1]."""
    alpha_on: Numeric = parameter(above=0.0)
    """Exponent towards LRS [1]."""
    r_on: Numeric = parameter(above=0.0, unit="ohm")
    """Resistance at w_on [ohm]."""
    r_off: Numeric = parameter(unit="ohm")
    """Resistance at w_off [ohm]."""
    w_on: Numeric = parameter(unit="m", default=0.0)
    """State variable in the LRS [m]."""
    w_off: Numeric = parameter(unit="m", default=10e-9)
    """State variable in the HRS [m]."""
    initial: Numeric = parameter(low=0.0, high=1.0, default=1.0)
    """State from which `simulate` starts [1]."""
    window: AbstractWindow | None = part(AbstractWindow, optional=True, example="windows.Biolek()", default=None)
    """Window in u, or None for a plain limit at the bounds."""
    iv: str = choice(*IV_KINDS, default="linear")
    """Relation between state and resistance: "linear" or "exponential"."""

    def check_relations(self) -> None:
        v_on, v_off = concrete(self.v_on), concrete(self.v_off)
        if v_on is not None and v_off is not None and not (v_on * v_off < 0).all():
            raise ValueError(f"VTEAM: v_on and v_off must have opposite signs, got v_on={v_on} V and v_off={v_off} V")
        ordered("VTEAM", r_on=self.r_on, r_off=self.r_off)
        ordered("VTEAM", w_on=self.w_on, w_off=self.w_off)

    @classmethod
    def pt_hf_ti(cls, **changes) -> "VTEAM":
        """Pt/Hf/Ti device (Yalon et al., 2012), fitted in the VTEAM paper. SET is 9 decades faster than RESET.

        Values second-hand, from a public MATLAB script labelled with the device; the paper itself was not at hand.
        """
        constants: Preset = dict(
            k_off=4.03e-8, k_on=-80.0, v_off=0.5, v_on=-0.53, alpha_off=1, alpha_on=3, r_on=100.0, r_off=2.5e3
        )
        return cls(**constants | changes)

    @classmethod
    def ferroelectric(cls, **changes) -> "VTEAM":
        """Ferroelectric device (Chanthbouala et al., 2012), fitted in the VTEAM paper; same second-hand source."""
        constants: Preset = dict(
            k_off=1e-4, k_on=-30.0, v_off=1.4, v_on=-5.7, alpha_off=5, alpha_on=5, r_on=150e3, r_off=50e6
        )
        return cls(**constants | changes)

    @classmethod
    def memtorch(cls, **changes) -> "VTEAM":
        """The default of MemTorch 1.1.6, for comparison with it (w from 0 to 3 nm, starting in the LRS)."""
        constants: Preset = dict(
            k_off=5e-4, k_on=-10.0, v_off=0.02, v_on=-0.2, alpha_off=1, alpha_on=3, r_on=50.0, r_off=1e3
        )
        return cls(**constants | Preset(w_off=3e-9, initial=0.0) | changes)

    @property
    def set_polarity(self) -> Array:
        return jnp.sign(self.v_on)

    @property
    def thresholds(self) -> tuple[Array, Array]:
        return self.v_off, self.v_on

    def current(self, state, voltage):
        return voltage / resistance(self.iv, state, self.r_on, self.r_off)

    def derivative(self, state, voltage):
        rate = self._rate(voltage)
        return apply_window(self.window, state, rate > 0, rate)

    def conductance(self, state):
        return 1 / resistance(self.iv, state, self.r_on, self.r_off)

    def state_at(self, conductance):
        check_conductance(self, conductance)
        return jnp.clip(position(self.iv, 1 / conductance, self.r_on, self.r_off), 0, 1)

    def pulse(self, state, voltage, width):
        if self.window is not None:
            return None
        return jnp.clip(state + self._rate(voltage) * width, 0, 1)

    def _rate(self, voltage) -> Array:
        """du/dt without window [1/s]; one power for both directions, of which one at most is non-zero."""
        off = voltage * self.v_off > 0
        threshold = jnp.where(off, self.v_off, self.v_on)
        power = positive_power(voltage / threshold - 1, jnp.where(off, self.alpha_off, self.alpha_on))
        return jnp.where(off, self.k_off, self.k_on) * power / (self.w_off - self.w_on)
