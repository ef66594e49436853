"""Components at any node: surveyed converters, scaled digital parts and a memory off the chip."""

from typing import Any

import jax.numpy as jnp

from memjax import _check
from memjax.cost import _isaac
from memjax.cost._adc_survey import SurveyAdc
from memjax.cost._component import Component

REFERENCE = 32e-9
NODES = (5e-9, 350e-9)


def parts(node: Any, rate: Any) -> dict[str, Any]:
    """Components by the names of `Technology`."""
    _check.real("Technology.generic: node", node, low=NODES[0], high=NODES[1], unit="m")
    digital = {name: at_node(part, node) for name, part in _isaac.parts().items() if name != "adc"}
    cell = _isaac.CELL_AREA * (node / REFERENCE) ** 2
    converter = SurveyAdc(node=node, rate=rate)
    return {"adc": converter, **digital, "dram": hbm2(), "mac": mac(node), "cell_area": cell}


def hbm2() -> Component:
    """One bit to or from HBM2 memory at 256 GB/s a stack; its own area and refresh are not counted."""
    return Component(
        area=0.0,
        energy=3.92e-12,
        latency=1.0 / (8 * 256e9),
        leakage=0.0,
        source="M. O'Connor et al., Fine-Grained DRAM, MICRO (2017): 3.92 pJ/bit of HBM2; highest: M. Horowitz, ISSCC "
        "(2014), 2.6 nJ for 64 bits of DRAM",
        energy_range=(3.92e-12, 2.6e-9 / 64),
    )


def mac(node: Any) -> Component:
    """A multiplication and an addition of 16-bit floating-point numbers, one in each ns (assumed)."""
    one = Component(
        area=3000e-12,
        energy=1.5e-12,
        latency=1e-9,
        leakage=0.0,
        source="M. Horowitz, ISSCC (2014), 45 nm: fp16, 1.1 + 0.4 pJ, 1640 + 1360 um2; lowest: int8, 0.2 + 0.03 pJ",
        energy_range=(0.23e-12, 1.5e-12),
    )
    return at_node(one, node, 45e-9)


def at_node(part: Component, node: Any, reference: float = REFERENCE) -> Component:
    """A part at another node: area with s^2, energy and leakage with s, to s^3 where voltage shrinks too."""
    s = node / reference
    scaled = part.scaled(area=s**2, energy=s, leakage=s)
    low, high = scaled.energy_range or (scaled.energy, scaled.energy)
    law = f"scaled from {reference * 1e9:.0f} nm (Dennard et al., JSSC (1974)), s^2 in area and s in energy"
    return Component(
        area=scaled.area,
        energy=scaled.energy,
        latency=scaled.latency,
        leakage=scaled.leakage,
        source=f"{part.source}; {law}",
        area_range=scaled.area_range,
        energy_range=(jnp.minimum(low, low * s**2), jnp.maximum(high, high * s**2)),
    )
