"""Converters as the survey of published ones has them."""

from typing import Any

import jax.numpy as jnp

from memjax import _check
from memjax._field import number
from memjax.cost._adc import AREAS, ENERGIES, AbstractAdcCost
from memjax.cost._component import Component

BITS = (4.0, 20.0)
SOURCE = (
    "fit to B. Murmann's ADC performance survey by T. Andrulis, R. Chen, H.-S. Lee, J. S. Emer, V. Sze, "
    "arXiv 2404.06553 (2024), MIT licence; as in hwcomponents-adc 1.0.21"
)


class SurveyAdc(AbstractAdcCost):
    """A converter like the best of B. Murmann's survey: the closed form of Andrulis et al.

        SNDR = 20 log10(2) b + 10 log10(3/2)
        FOM  = min(213.7806687 - 2.87190304 ln f, 128.3068287 + 3.220511511 b)
        E    = 10^((SNDR - FOM)/10)/2 exp(26.04962157 + 1.880036921 ln T - 2.829125605 ln b - 1.470202213)   [pJ]
        A    = exp(1.346191644 + 0.9932794745 ln T + 0.1807153842 ln f + 0.2991242619 ln E)                [um2]

    with b effective bits, f conversions in a second, T the node in nm. Of E, 80 % is spent by a conversion and the
    rest leaks: leakage = 0.2 E f. A conversion takes 1/f. The authors put the whole number above b into FOM; here it
    is b itself, which is the same at whole bits and smooth between them. Valid from 4 to 20 bits: the survey has too
    few converters below, and `SarAdc` has a size for them.

    Args:
        node: technology node [m], from 5 nm to 350 nm.
        rate: conversions in a second of one converter [Hz].
    """

    node: Any = number(low=5e-9, high=350e-9, unit="m", default=32e-9)
    rate: Any = number(low=1e3, high=1e11, unit="Hz", default=1e9)

    def component(self, bits: Any) -> Component:
        """One converter of `bits` effective bits.

        Raises: ValueError unless concrete bits are in [4, 20] (`SarAdc` has no such limit); traced ones are not looked
            at.
        """
        _check.real("SurveyAdc.component: bits", bits, low=BITS[0], high=BITS[1])
        energy = 1e-12 * self._picojoules(bits)
        area = 1e-12 * self._square_microns(bits)
        return Component(
            area=area,
            energy=0.8 * energy,
            latency=1.0 / self.rate,
            leakage=0.2 * energy * self.rate,
            source=SOURCE,
            area_range=_spread(area, AREAS, 5972e-12),
            energy_range=_spread(0.8 * energy, ENERGIES, 1.714e-12),
        )

    def _picojoules(self, bits: Any) -> Any:
        sndr = 20.0 * jnp.log10(2.0) * bits + 10.0 * jnp.log10(1.5)
        fom = jnp.minimum(213.7806687 - 2.87190304 * jnp.log(self.rate), 128.3068287 + 3.220511511 * bits)
        technology = 26.04962157 + 1.880036921 * jnp.log(1e9 * self.node) - 2.829125605 * jnp.log(bits) - 1.470202213
        return 0.5 * 10.0 ** ((sndr - fom) / 10.0) * jnp.exp(technology)

    def _square_microns(self, bits: Any) -> Any:
        return jnp.exp(
            1.346191644
            + 0.9932794745 * jnp.log(1e9 * self.node)
            + 0.1807153842 * jnp.log(self.rate)
            + 0.2991242619 * jnp.log(self._picojoules(bits))
        )


def _spread(value: Any, sources: tuple[float, float], here: float) -> tuple:
    """The disagreement of `sources` about one converter, for which this model says `here`, carried to `value`."""
    return tuple(value * (source / here) for source in sources)
