"""Thermal and shot noise of the currents."""

from typing import Any

from jax import Array
from scipy.constants import Boltzmann, elementary_charge

from memjax._field import number
from memjax.effects._base import Memory, Noise, Power


class ThermalNoise(Noise):
    """Johnson-Nyquist noise of every cell, at any voltage: variance of the current 4 k T G bandwidth.

    Args:
        bandwidth: noise bandwidth of the read circuit [Hz].
        temperature: [K].

    Raises: ValueError for a value out of its range.

    Source: H. Nyquist, Phys. Rev. 32, 110 (1928).
    """

    bandwidth: Any = number(low=0.0, unit="Hz")
    temperature: Any = number(low=0.0, unit="K", default=300.0)

    def power(self, conductance: Array, memory: Memory) -> Power:
        del memory
        return Power(constant=4.0 * Boltzmann * self.temperature * self.bandwidth * conductance)


class ShotNoise(Noise):
    """Shot noise of every cell: variance of the current 2 q |I| bandwidth.

    Args:
        bandwidth: noise bandwidth of the read circuit [Hz].

    Raises: ValueError for a value out of its range.

    Source: W. Schottky, Ann. Phys. 362, 541 (1918).
    """

    bandwidth: Any = number(low=0.0, unit="Hz")

    def power(self, conductance: Array, memory: Memory) -> Power:
        del memory
        return Power(linear=2.0 * elementary_charge * self.bandwidth * conductance)
