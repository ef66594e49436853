"""Window functions: how the boundaries slow the state down.

Each is called as `window(x, rising)` with the scaled state x `[...]` in [0, 1] and a boolean `[...]`, true where the
drive pushes x upwards, and returns the dimensionless factor `[...]` of the rate. Direction-dependent windows
(`Biolek`, `Kvatinsky`) let a state leave its bound; `Joglekar` and `Prodromakis` vanish there for both directions
and hold a state that has reached it (the known stick effect), which is physical only for motion that never arrives.
"""

from abc import abstractmethod

import jax.numpy as jnp
from jax import Array

from memjax._field import Spec, parameter
from memjax.devices._base import Numeric


class AbstractWindow(Spec):
    """A factor f(x, direction) of the rate of the state."""

    @abstractmethod
    def __call__(self, x: Numeric, rising: Numeric) -> Array:
        """The factor at scaled state `x` while the drive pushes it up (`rising`) or down."""


class Joglekar(AbstractWindow):
    """f = 1 - (2x - 1)^(2p) (Joglekar & Wolf, Eur. J. Phys. 30, 661, 2009)."""

    p: Numeric = parameter(above=0.0, default=1.0)
    """Sharpness [1]; the larger, the more rectangular."""

    def __call__(self, x, rising):
        return 1 - _even_power(2 * x - 1, self.p)


class Biolek(AbstractWindow):
    """f = 1 - (x - s)^(2p), s = 0 while x rises and 1 while it falls (Biolek et al., Radioengineering, 2009)."""

    p: Numeric = parameter(above=0.0, default=1.0)
    """Sharpness [1]."""

    def __call__(self, x, rising):
        return 1 - _even_power(x - jnp.where(rising, 0.0, 1.0), self.p)


class Prodromakis(AbstractWindow):
    """f = j (1 - [(x - 1/2)^2 + 3/4]^p) (Prodromakis et al., IEEE TED 58, 3099, 2011)."""

    p: Numeric = parameter(above=0.0, default=1.0)
    """Sharpness [1]."""
    j: Numeric = parameter(above=0.0, default=1.0)
    """Scale [1]: with p it sets the largest value, j (1 - (3/4)^p)."""

    def __call__(self, x, rising):
        return self.j * (1 - ((x - 0.5) ** 2 + 0.75) ** self.p)


class Kvatinsky(AbstractWindow):
    """f = exp(-exp((x - a_up)/w_c)) while x rises, exp(-exp(-(x - a_down)/w_c)) while it falls.

    The window of TEAM (Kvatinsky et al., IEEE TCAS-I 60, 211, 2013, their a_off and a_on), in the scaled state.
    """

    a_up: Numeric = parameter(default=0.8)
    """Where the rising state is slowed to 1/e [1]; a_off of the paper."""
    a_down: Numeric = parameter(default=0.2)
    """Where the falling state is slowed to 1/e [1]; a_on of the paper."""
    w_c: Numeric = parameter(above=0.0, default=0.05)
    """Width of the transition [1]."""

    def __call__(self, x, rising):
        depth = jnp.where(rising, x - self.a_up, self.a_down - x) / self.w_c
        # exp(-exp(6)) is zero in float64 too: the limit changes no value, and keeps the inner gradient finite.
        return jnp.exp(-jnp.exp(jnp.minimum(depth, 6.7)))


def apply_window(window: AbstractWindow | None, x: Numeric, rising: Numeric, rate: Numeric) -> Array:
    """`rate` times the window; no window leaves the limits to the integrator's clamp."""
    return rate if window is None else rate * window(x, rising)


def _even_power(x: Numeric, p: Numeric) -> Array:
    """|x|^(2p) for real p, finite gradients at x = 0 for p >= 1/2."""
    return (x * x) ** p
