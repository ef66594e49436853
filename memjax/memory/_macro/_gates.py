"""Transistors and logic gates laid out in rows of cells.

Widths and heights are in units of the node F; wide transistors are folded into fingers to fit their row.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp

from memjax.memory._macro._process import Process

NARROWEST = 1.5  # NMOS of the least width
CONTACT = 2.5  # a contact between two gates: its own size and the gaps on both sides
POLY_GAP = 1.5  # between two gates without contact
WELL_GAP = 2.0  # between NMOS and PMOS
RAILS = 4.0  # supply and ground
FOLDING = 3.0  # of the height of a folded transistor that is lost
ROW, ROW_OF_AREA = 20.0, 40.0  # heights of a row, for capacitances and for areas
SATURATION = 1e5  # velocity of carriers in silicon [m/s]
BUILT_IN = 0.9  # potential of a junction [V]
# Leakage of a gate of k inputs beside k PMOS in parallel.
STACKING = {2: 0.48, 3: 0.31}


class Gate(NamedTuple):
    """One gate or transistor: capacitances [F], size [F], leakage [A]."""

    cap_in: Any
    cap_out: Any
    height: Any
    width: Any
    leakage: Any


def gate_cap(process: Process, width: Any) -> Any:
    """Capacitance of a gate of a width [F]."""
    per_metre = process.cap_gate + process.cap_overlap + 3.0 * process.cap_fringe
    return per_metre * (process.node * width)


def resistance(process: Process, width: Any, current: Any = None) -> Any:
    """Of a conducting NMOS, or of the transistor with this on-current [A/m]: m vdd/(i_on w) [ohm]."""
    on = process.on_n if current is None else current
    return process.resistance_factor * process.vdd / (on * process.node * width)


def transconductance(process: Process, width: Any, mobility: Any) -> Any:
    """gm = mu Cox/2 w/L min(vsat L/mu, vdd - vth) [S]."""
    drive = jnp.minimum(SATURATION * process.length / mobility, process.vdd - process.vth)
    return mobility * process.cap_oxide / 2.0 * (process.node * width) / process.length * drive


def slope_factor(process: Process) -> Any:
    """beta = 1/(R gm) of an NMOS, which does not depend on its width."""
    return 1.0 / (resistance(process, 1.0) * transconductance(process, 1.0, process.mobility_n))


def _folded(width: Any, room: Any) -> tuple[Any, Any]:
    """Fingers and height of a transistor in this much room."""
    fold, usable = width >= room, jnp.where(room > FOLDING, room - FOLDING, 1.0)
    return jnp.where(fold, jnp.ceil(width / usable), 1.0), jnp.where(fold, room, width)


def _drain_cap(process: Process, depth: Any, fingers: Any, height: Any) -> Any:
    """Bottom, sidewall and gate edge of a junction."""
    shrink = 1.0 + process.vdd / BUILT_IN
    bottom, side, edge = 1e-3 / shrink**0.5, 2.5e-10 / shrink**0.33, 0.5e-10 / shrink**0.33
    outer = jnp.where(fingers % 2 == 1, height, 0.0)
    node = process.node
    return node * (bottom * depth * height * node + side * (2.0 * depth + outer) + edge * fingers * height)


def _poly(fingers: Any) -> Any:
    return fingers + POLY_GAP * (fingers - 1.0)


def gate(process: Process, inputs: Any, width_n: Any, width_p: Any, row: float = ROW) -> Gate:
    """A NAND of some inputs; of one input, an inverter. `row` is the height for the capacitances."""
    k, share = inputs, width_p / (width_p + width_n)

    def sides(height: float) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        room = height - WELL_GAP
        return _folded(width_n, (1.0 - share) * room), _folded(width_p, share * room)

    (fingers_n, height_n), (fingers_p, height_p) = sides(row)
    depth_n = CONTACT + k * (fingers_n - 1.0) * POLY_GAP + (k - 1.0) * POLY_GAP
    depth_p = k * (CONTACT + (fingers_p - 1.0) * POLY_GAP)
    cap_out = _drain_cap(process, depth_n, fingers_n, height_n) + _drain_cap(process, depth_p, fingers_p, height_p)
    (fingers_n, height_n), (fingers_p, height_p) = sides(ROW_OF_AREA)
    between_n = k * _poly(fingers_n) + (k - 1.0) * POLY_GAP
    between_p = k * _poly(fingers_p) + (k - 1.0) * CONTACT
    off_n, off_p = process.off_n * process.node * width_n, process.off_p * process.node * width_p
    stacked = jnp.where(k == 2, STACKING[2], STACKING[3]) * k * off_p
    return Gate(
        cap_in=gate_cap(process, width_n + width_p),
        cap_out=cap_out,
        height=height_n + height_p + WELL_GAP + RAILS,
        width=2.0 * CONTACT + jnp.maximum(between_n, between_p),
        leakage=jnp.where(k == 1, jnp.maximum(off_n, off_p), stacked),
    )


def inverter(process: Process, width: Any, row: float = ROW) -> Gate:
    """An inverter with an NMOS of this width and a PMOS of the same strength."""
    return gate(process, 1, width, process.pn_ratio * width, row)


def transistor(process: Process, width: Any, row: Any, off: Any = None) -> Gate:
    """One transistor in a row of this height; `off` is its current in the off state [A/m], that of NMOS if left out."""
    fingers, height = _folded(width, row)
    return Gate(
        cap_in=gate_cap(process, width),
        cap_out=_drain_cap(process, CONTACT + (fingers - 1.0) * POLY_GAP, fingers, height),
        height=height,
        width=2.0 * CONTACT + _poly(fingers),
        leakage=(process.off_n if off is None else off) * process.node * width,
    )
