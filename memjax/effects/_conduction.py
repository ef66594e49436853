"""Non-linear current-voltage relations of the cells at read, for inputs that are amplitudes."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax._field import number, numbers
from memjax.effects._base import Conduction


class SinhConduction(Conduction):
    """I = G v_read sinh(k V) / sinh(k v_read): ohmic for k -> 0, and I = G V at the voltage v_read.

    Args:
        k: strength of the non-linearity [1/V].
        v_read: voltage at which the conductances were verified [V].

    Raises: ValueError for a value out of its range.

    Source: tunnelling-like conduction, as in the Yakopcic and Stanford-PKU models.
    """

    k: Any = number(low=0.0, unit="1/V")
    v_read: Any = number(above=0.0, unit="V", default=0.2)

    def factors(self):
        return (lambda v: _sinhc(self.k * v) / _sinhc(jnp.asarray(self.k * self.v_read, v.dtype)),)

    def conductances(self, conductance: Array) -> tuple[Array, ...]:
        return (conductance,)


def _sinhc(x: Array) -> Array:
    """sinh(x) / x, 1 at zero, with |x| limited to 60."""
    small = jnp.abs(x) < 1e-2
    large = jnp.clip(jnp.where(small, 1.0, x), -60.0, 60.0)
    return jnp.where(small, 1.0 + x * x / 6.0, jnp.sinh(large) / large)


class RatioConduction(Conduction):
    """I = G v_read r^((|V| - v_read) / (v_write / 2)) sign(V), with r = I(v_write) / I(v_write / 2).

    Exponential in the voltage, and so not ohmic for any r; G is the conductance at v_read. A line at 0 V carries no
    current.

    Args:
        ratio: r, larger than 1.
        v_read: voltage at which the conductances were verified [V].
        v_write: write voltage [V].

    Raises: ValueError for a value out of its range.

    Source: the I-V non-linearity of DNN+NeuroSim (r = 10 by default).
    """

    ratio: Any = number(low=1.0, default=10.0)
    v_read: Any = number(above=0.0, unit="V", default=0.2)
    v_write: Any = number(above=0.0, unit="V", default=2.0)

    def factors(self):
        def factor(v):
            steepness = jnp.log(jnp.asarray(self.ratio, v.dtype)) / (self.v_write / 2.0)
            magnitude = jnp.where(v == 0, self.v_read, jnp.abs(v))
            return self.v_read / magnitude * jnp.exp(steepness * (magnitude - self.v_read))

        return (factor,)

    def conductances(self, conductance: Array) -> tuple[Array, ...]:
        return (conductance,)


class CubicConduction(Conduction):
    """I = G V + c_2(G) V^2 + c_3(G) V^3, with polynomials c_2, c_3 in log10(G / S).

    The quadratic term is even in the voltage. The default is the published fit, for |V| <= 0.5 V.

    Args:
        quadratic: coefficients of c_2 [A/V^2], highest power first.
        cubic: coefficients of c_3 [A/V^3], highest power first.
        strength: factor on both; 0: ohmic.

    Raises: ValueError for a value out of its range.

    Source: HfO2 RRAM of Milo et al., IRPS 2021, with the fit of CrossSim.
    """

    quadratic: tuple[Any, ...] = numbers(default=(1.388e-4, 1.541e-3, 5.711e-3, 7.063e-3))
    cubic: tuple[Any, ...] = numbers(default=(8.871e-5, 6.7919e-4, 1.2968e-3))
    strength: Any = number(default=1.0)

    def factors(self):
        return (jnp.ones_like, lambda v: v, jnp.square)

    def conductances(self, conductance: Array) -> tuple[Array, ...]:
        positive = conductance > 0
        log = jnp.log10(jnp.where(positive, conductance, 1.0))
        c_2, c_3 = (
            jnp.where(
                positive, self.strength * jnp.polyval(jnp.stack([jnp.asarray(c) for c in coefficients]), log), 0.0
            )
            for coefficients in (self.quadratic, self.cubic)
        )
        return conductance, c_2.astype(log.dtype), c_3.astype(log.dtype)
