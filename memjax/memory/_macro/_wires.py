"""Copper wires on the chip: resistance, capacitance, and repeaters along them."""

from functools import cache
from typing import Any

import numpy as np

from memjax._field import Spec, number
from memjax.memory._macro import _tables

PERMITTIVITY = 8.85e-12  # of vacuum, as CACTI rounds it [F/m]
FRINGE = 1.15e-10  # capacitance of a wire's edges [F/m]
MILLER = 1.5  # neighbours that switch the other way
OXIDE = 3.9  # relative permittivity above and below


class Wire(Spec):
    """A wire of one metal layer.

        R = rho (1 + 0.0039 (T - 293)) / ((t - b) (w - 2 b)),   C = 2 eps0 (3.9 w/h + 1.5 eps t/s) + 1.15e-10 F/m

    with the width w and the spacing s of half the pitch, the thickness t, a barrier b and dielectric of the height h.

    Args:
        resistance: of one metre [ohm/m].
        capacitance: of one metre [F/m].
        pitch: [m].
    """

    resistance: Any = number(above=0.0, unit="ohm/m")
    capacitance: Any = number(above=0.0, unit="F/m")
    pitch: Any = number(above=0.0, unit="m")


def wires(xp: Any, nanometres: Any, temperature: Any) -> tuple[Wire, ...]:
    """The wires of the first tabulated node that is no smaller; `xp` is NumPy or JAX's."""
    found = xp.searchsorted(xp.asarray(_tables.NODES), nanometres - 1e-3, side="left")
    geometry = xp.asarray(_geometry())[xp.clip(found, 0, len(_tables.NODES) - 1)]
    return tuple(_wire(geometry[kind], temperature) for kind in range(len(_tables.WIRES)))


@cache
def _geometry() -> np.ndarray:
    """[node, kind, number], lengths in m."""
    rows = [[float(x) for x in line.split()[1:]] for line in _tables.WIRE_GEOMETRY.strip().splitlines()]
    units = (1e-9, 1.0, 1e-9, 1.0, 1e-9, 1e-8)
    return (np.array(rows) * units).reshape(len(_tables.NODES), len(_tables.WIRES), len(units))


def _wire(geometry: Any, temperature: Any) -> Wire:
    barrier, permittivity, pitch, aspect, height, resistivity = geometry
    width = spacing = pitch / 2
    thickness = aspect * width
    resistivity = resistivity * (1.0 + 0.0039 * (temperature - 293.0))
    resistance = resistivity / (thickness - barrier) / (width - 2.0 * barrier)
    between = OXIDE * width / height + MILLER * permittivity * thickness / spacing
    return Wire(resistance=resistance, capacitance=2.0 * PERMITTIVITY * between + FRINGE, pitch=pitch)
