"""Wires between mats: plain, or with repeaters."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from memjax.memory._macro._gates import CONTACT, NARROWEST, RAILS, WELL_GAP, inverter, resistance
from memjax.memory._macro._process import Process
from memjax.memory._macro._wires import Wire

LARGEST = 2048  # times the least inverter: repeaters of any wire are smaller


class Line(NamedTuple):
    """A wire, by what a length of it costs; `per_metre` (delay, leakage) is None for one without repeaters."""

    wire: Wire
    vdd: Any
    energy_per_metre: Any
    delay_per_metre: Any
    leakage_per_metre: Any
    sharing: Any  # wires whose repeaters stand behind each other
    pitch: Any  # of their silicon [m]

    def delay(self, length: Any) -> Any:
        if self.delay_per_metre is None:
            return 2.3 * self.wire.resistance * self.wire.capacitance * length**2 / 2.0
        return self.delay_per_metre * length

    def bundle(self, bits: Any) -> Any:
        """Width that so many wires take on silicon [m]."""
        return jnp.ceil(bits / self.sharing) * self.pitch


def line(process: Process, kind: str, repeaters: str) -> Line:
    """The global wire.

    Repeaters of the size s and spacing l of least delay (Bakoglu, 1990):

        s = sqrt(Ro Cw/(Ci Rw)),   l = sqrt(2 Ro (Co + Ci)/(Rw Cw)),
        delay of a metre = 0.693 (Ro (Ci + Co) + Ro Cw l + Rw l Co + Rw Cw l^2/2)/l

    With a share of slack, the smallest whole number of steps below s that keeps to it, at the same spacing.
    """
    wire, vdd = process.wire(kind), process.vdd
    if repeaters == "none":
        return Line(wire, vdd, wire.capacitance * vdd**2, None, jnp.zeros_like(vdd), 1.0, 0.0)
    least, cap_out, leakage = _unfolded(process, 1.0)
    pull = _pull(process)
    size = jnp.sqrt(pull * wire.capacitance / least / wire.resistance)
    spacing = jnp.sqrt(2.0 * pull * (cap_out + least) / (wire.resistance * wire.capacitance))
    if repeaters != "optimal":
        slack = 1.0 + float(repeaters.rstrip("%")) / 100.0
        sizes = size - jnp.arange(LARGEST)
        slow = _delay(process, wire, jnp.maximum(sizes, 1.0), spacing) > slack * _delay(process, wire, size, spacing)
        size = jnp.min(jnp.where(slow | (sizes < 1.0), size, sizes))
    cap_in, cap_out, leakage = _unfolded(process, size)
    tall = NARROWEST * size * (1.0 + process.pn_ratio) + WELL_GAP + RAILS
    long, short = jnp.maximum(tall, 2.0 * CONTACT + 1.0), jnp.minimum(tall, 2.0 * CONTACT + 1.0)
    return Line(
        wire=wire,
        vdd=vdd,
        energy_per_metre=((cap_in + cap_out) / spacing + wire.capacitance) * vdd**2,
        delay_per_metre=_delay(process, wire, size, spacing),
        leakage_per_metre=leakage * vdd / spacing,
        sharing=jnp.floor(spacing / (short * process.node)),
        pitch=wire.pitch + long * process.node,
    )


def _delay(process: Process, wire: Wire, size: Any, spacing: Any) -> Any:
    """Of one metre [s/m]."""
    cap_in, cap_out, _ = _unfolded(process, size)
    pull, cap, res = _pull(process) / size, wire.capacitance * spacing, wire.resistance * spacing
    return 0.693 * (pull * (cap_in + cap_out) + pull * cap + res * cap_out + res * cap / 2.0) / spacing


def _pull(process: Process) -> Any:
    """NMOS and PMOS of the least inverter in series [ohm]."""
    return resistance(process, NARROWEST) + resistance(process, NARROWEST * process.pn_ratio, process.on_p)


def _unfolded(process: Process, size: Any) -> tuple[Any, Any, Any]:
    """Input and output capacitance [F] and leakage [A] of an inverter in a row without limit."""
    found = inverter(process, NARROWEST * size, row=1e9)
    return found.cap_in, found.cap_out, found.leakage
