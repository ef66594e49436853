"""Measured errors of programming."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax import _check, _random
from memjax._field import number, numbers
from memjax.effects._base import Programming

_WAN = {
    1.0: (0.348, 16.030, -43.853, 45.393, -16.815),
    86400.0: (0.701, 22.086, -50.773, 47.095, -16.458),
    172800.0: (0.782, 20.274, -43.507, 37.062, -11.934),
}
_CMO = {0.02: (0.0112185, 0.0112903), 0.002: (0.00081107, 0.00106879)}
_HERMES = {
    1: (10.35, (0.15781817, 2.32443916, -2.16310839, 0.68841818)),
    2: (20.7, (0.16603222, 4.71806468, -8.48101252, 4.68961419)),
}


class ProgrammingError(Programming):
    """A write-verified cell misses its target by a normal error whose spread was measured against the target.

    sigma(G) = max(sum_k c_k (G / g_max)^k, 0); the conductance does not become negative, but may leave the nominal
    range. The class methods are published fits.

    Args:
        coefficients: c_0, c_1, ... [S].
        g_max: conductance that the fit counts in, and the largest it holds for [S].
        g_min: smallest conductance that it holds for [S].

    Raises: ValueError for a value out of its range, and in `Hardware` for a cell beyond the range of the fit.
    """

    coefficients: tuple[Any, ...] = numbers()
    g_max: Any = number(above=0.0, unit="S")
    g_min: Any = number(low=0.0, unit="S", default=0.0)

    @classmethod
    def _fit(cls, microsiemens: tuple[float, ...], g_max: float, g_min: float = 0.0) -> "ProgrammingError":
        return cls(tuple(1e-6 * c for c in microsiemens), 1e-6 * g_max, 1e-6 * g_min)

    @classmethod
    def rram_milo(cls) -> "ProgrammingError":
        """HfO2 RRAM, 50 to 225 uS: sigma = 4.782 uS - 0.009107 G. Milo et al., IRPS 2021, as fitted in CrossSim."""
        return cls._fit((4.782, -0.009107 * 225.0), 225.0, 50.0)

    @classmethod
    def rram_wan(cls, seconds: float = 1.0) -> "ProgrammingError":
        """RRAM up to 40 uS, 1 s, one day or two days after programming (with relaxation).

        Wan et al., Nature 608, 504 (2022), with the fit of aihwkit.
        """
        _check.choice("seconds", seconds, tuple(_WAN))
        return cls._fit(_WAN[seconds], 40.0)

    @classmethod
    def cmo_hfox(cls, acceptance: float = 0.02) -> "ProgrammingError":
        """CMO/HfOx RRAM, 9 to 88.2 uS, verified to 2 % or 0.2 % of the range. The fit of aihwkit."""
        _check.choice("acceptance", acceptance, tuple(_CMO))
        constant, slope = _CMO[acceptance]
        return cls._fit((constant, slope * 88.2), 88.2, 9.0)

    @classmethod
    def pcm_joshi(cls) -> "ProgrammingError":
        """Mushroom PCM up to 25 uS: Joshi et al., Nature Communications 11, 2473 (2020), with the fit of aihwkit."""
        return cls._fit((0.26348, 1.9650, -1.1731), 25.0)

    @classmethod
    def pcm_hermes(cls, devices: int = 1) -> "ProgrammingError":
        """PCM of the Hermes chip, with one device (up to 10.35 uS) or two (20.7 uS) in parallel. The fit of aihwkit."""
        _check.choice("devices", devices, tuple(_HERMES))
        g_max, coefficients = _HERMES[devices]
        return cls._fit(coefficients, g_max)

    def scaled(self, g_max: Any) -> "ProgrammingError":
        """The same relative errors for cells of another range [S]."""
        factor = g_max / self.g_max
        return ProgrammingError(tuple(c * factor for c in self.coefficients), g_max, self.g_min * factor)

    def sigma(self, conductance: Any) -> Array:
        """Standard deviation [S] of the error at a target `conductance` [S]."""
        polynomial = jnp.polyval(jnp.stack([jnp.asarray(c) for c in self.coefficients[::-1]]), conductance / self.g_max)
        return jnp.maximum(polynomial, 0.0)

    def check(self, hardware: Any) -> None:
        for bound, ok in (("g_on", lambda g: g <= 1.001 * self.g_max), ("g_off", lambda g: g >= 0.999 * self.g_min)):
            values = [_check.concrete(v) for v in (getattr(hardware.cell, bound), self.g_max, self.g_min)]
            if all(v is not None for v in values) and not ok(values[0]).all():
                raise ValueError(
                    f"ProgrammingError holds from g_min={self.g_min:g} to g_max={self.g_max:g} S, got a Hardware.cell "
                    f"with {bound}={values[0]:g} S: change the cell, or use ProgrammingError.scaled"
                )

    def write(self, conductance: Array, low: Array, high: Array, key: Array) -> Array:
        del low, high
        z = _random.normal(key, conductance.shape, conductance.dtype)
        return jnp.maximum(conductance + self.sigma(conductance).astype(z.dtype) * z, 0.0)
