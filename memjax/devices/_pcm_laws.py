"""How the statistics of phase-change cells depend on their conductance g = G/G_max."""

from abc import abstractmethod

import jax.numpy as jnp
from jax import Array

from memjax._field import Spec, parameter
from memjax.devices._base import Numeric


class AbstractLaw(Spec):
    """A function of g, given its logarithm."""

    @abstractmethod
    def __call__(self, log_g: Array) -> Array:
        """The value for ln g."""


class PowerLaw(AbstractLaw):
    """min(scale g^-exponent, high)."""

    scale: Numeric = parameter(above=0.0)
    """Value at g = 1."""
    exponent: Numeric = parameter()
    """Negative power of g."""
    high: Numeric = parameter(above=0.0)
    """Largest value."""

    def __call__(self, log_g):
        return jnp.minimum(self.scale * jnp.exp(-self.exponent * log_g), self.high)


class LogLaw(AbstractLaw):
    """clip(slope ln g + constant, low, high) for g < knee, else c_0 + c_1 g + c_2 g^2 + c_3 g^3."""

    slope: Numeric = parameter()
    """Per factor e of g."""
    constant: Numeric = parameter()
    """Value at g = 1, were it not for the limits."""
    low: Numeric = parameter()
    """Smallest value below the knee."""
    high: Numeric = parameter(above=0.0)
    """Largest value below the knee."""
    knee: Numeric = parameter(low=0.0, infinite=True, default=jnp.inf)
    """g from which the polynomial holds."""
    c_0: Numeric = parameter(default=0.0)
    """Polynomial: constant."""
    c_1: Numeric = parameter(default=0.0)
    """Polynomial: linear."""
    c_2: Numeric = parameter(default=0.0)
    """Polynomial: quadratic."""
    c_3: Numeric = parameter(default=0.0)
    """Polynomial: cubic."""

    def __call__(self, log_g):
        g = jnp.exp(log_g)
        below = jnp.clip(self.slope * log_g + self.constant, self.low, self.high)
        return jnp.where(g < self.knee, below, self.c_0 + g * (self.c_1 + g * (self.c_2 + g * self.c_3)))
