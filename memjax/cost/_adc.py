"""What analog-to-digital converters cost at a number of bits."""

from abc import abstractmethod
from typing import Any

import jax.numpy as jnp

from memjax import _check
from memjax._field import Spec, number, part
from memjax.cost._component import Component

# Sources about one converter of 8 bits at 32 nm and about 1 GS/s disagree. Energy of a conversion: ISAAC's table and
# MNSIM, which counts ten sample periods of the same converter. Area: ISAAC's table and the survey at 1 to 1.28 GS/s.
ENERGIES = (2e-3 / 1.28e9, 10 * 2e-3 / 1.28e9)
AREAS = (1200e-12, 6469e-12)


class AbstractAdcCost(Spec):
    """The cost of one converter as a function of its bits; a new one is a final subclass with `component`."""

    @abstractmethod
    def component(self, bits: Any) -> Component:
        """One converter of `bits` bits (real numbers, arrays and traced ones too); a use is one conversion."""


class SarAdc(AbstractAdcCost):
    """A successive-approximation converter of a known size, resized.

        cost(b) = cost(b0) [ (1 - s) b/b0 + s 2^(b - b0) ]

    The capacitive DAC, a share s of the cost at b0 bits, doubles with each bit; comparator, logic and clock are
    proportional to bits. The rate stays the same.

    Args:
        reference: the converter of b0 bits.
        bits: b0.
        dac_area, dac_energy: shares s of area, and of energy and leakage.

    Source: M. Saberi et al., IEEE TCAS-I 58, 1736 (2011), on capacitive DACs; the shares of an 8-bit converter of
    32 nm are those of hwcomponents-library 1.0.58 (MIT), which follow it. The model is theirs to 1 % from 4 to 10 bits.
    """

    reference: Component = part(Component)
    bits: Any = number(low=1.0, high=32.0, default=8)
    dac_area: Any = number(low=0.0, high=1.0, default=0.455)
    dac_energy: Any = number(low=0.0, high=1.0, default=0.065)

    def component(self, bits: Any) -> Component:
        """One converter of `bits` bits.

        Raises: ValueError unless concrete bits are in [1, 32].
        """
        _check.real("SarAdc.component: bits", bits, low=1.0, high=32.0)
        bits = jnp.asarray(bits)
        linear, doubled = bits / self.bits, 2.0 ** (bits - self.bits)
        energy = (1.0 - self.dac_energy) * linear + self.dac_energy * doubled
        area = (1.0 - self.dac_area) * linear + self.dac_area * doubled
        return self.reference.scaled(area=area, energy=energy, leakage=energy)
