"""A process: its transistors, wires and converters at one node, roadmap and temperature."""

from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from memjax import _check
from memjax._field import Spec, flag, number, parts
from memjax.memory._macro import _tables
from memjax.memory._macro._wires import Wire, wires

CONSTANTS = ("corrected", "nvsim")
CURRENTS = ("on_n", "on_p", "off_n", "off_p")
NODE, TEMPERATURE = (22e-9, 120e-9), (300.0, 400.0)


class Process(Spec):
    """What the circuits of a macro are made of; every number is a leaf.

    Args:
        node: half the pitch F of the drawn features [m].
        vdd, vth: supply and threshold [V].
        length: of the gate [m].
        cap_gate, cap_overlap, cap_fringe: of a gate, for a width of one metre [F/m]; the fringe counts three times.
        cap_oxide: of the channel [F/m2].
        mobility_n, mobility_p: of electrons and holes [m2/(V s)].
        pn_ratio: width of a PMOS beside an NMOS of the same strength [1].
        resistance_factor: m of the effective resistance m vdd/(i_on w) [1].
        on_n, on_p, off_n, off_p: currents of NMOS and PMOS for a width of one metre [A/m].
        wires: six, local, semi-global and global ones, each as an aggressive and a conservative forecast.
        converter_delay, converter_energy, converter_leakage: of the converter from current to voltage that a sense
            amplifier for currents begins with [s, J, W].
        like_nvsim: whether the equations keep the oversights of NVSim too (see `macro`).
    """

    node: Any = number(above=0.0, unit="m")
    vdd: Any = number(above=0.0, unit="V")
    vth: Any = number(low=0.0, unit="V")
    length: Any = number(above=0.0, unit="m")
    cap_gate: Any = number(above=0.0, unit="F/m")
    cap_overlap: Any = number(low=0.0, unit="F/m")
    cap_fringe: Any = number(low=0.0, unit="F/m")
    cap_oxide: Any = number(above=0.0, unit="F/m2")
    mobility_n: Any = number(above=0.0, unit="m2/(V s)")
    mobility_p: Any = number(above=0.0, unit="m2/(V s)")
    pn_ratio: Any = number(above=0.0)
    resistance_factor: Any = number(above=0.0)
    on_n: Any = number(above=0.0, unit="A/m")
    on_p: Any = number(above=0.0, unit="A/m")
    off_n: Any = number(low=0.0, unit="A/m")
    off_p: Any = number(low=0.0, unit="A/m")
    wires: tuple[Wire, ...] = parts(Wire, example="process(45e-9).wires")
    converter_delay: Any = number(low=0.0, unit="s")
    converter_energy: Any = number(low=0.0, unit="J")
    converter_leakage: Any = number(low=0.0, unit="W")
    like_nvsim: bool = flag(default=False)

    def check_relations(self) -> None:
        if len(self.wires) != len(_tables.WIRES):
            raise ValueError(f"Process.wires must hold {len(_tables.WIRES)} wires, got {len(self.wires)}")
        _check.ordered("Process", vth=self.vth, vdd=self.vdd)

    def wire(self, kind: str) -> Wire:
        """The wire of one of the six kinds."""
        return self.wires[_tables.WIRES.index(kind)]


def process(node: Any, roadmap: str = "HP", temperature: Any = 300.0, constants: str = "corrected") -> Process:
    """The process of a node and roadmap at a temperature.

    Numbers between the nodes 22, 32, 45, 65, 90 and 120 nm are interpolated linearly, currents in the off state
    geometrically, the overlap of the gate is that of the node below, wires are those of the node above, converters
    those of the node below. Currents are tabulated every 10 K and linear between. The numbers are those of NVSim
    6334d00: transistors of MASTAR 5 (ITRS 2005 and 2007), wires of CACTI 6.5 (ITRS), converters of its authors' HSPICE
    runs.

    Args:
        node: [m], from 22e-9 to 120e-9; traced, if need be.
        roadmap: "HP" (high performance), "LSTP" (low standby power) or "LOP" (low operating power).
        temperature: [K], from 300 to 400; traced, if need be.
        constants: "nvsim" for the tables of NVSim as they are, with oversights of its equations; "corrected" without
            them, and with three currents that are mistyped there: i_off of NMOS, LSTP 90 nm, 320 K (9.91e-5 for
            9.91e-6 A/m), of PMOS, LOP 65 nm, 370 K (0.0109 for 0.0409) and of NMOS, LOP 90 nm, 310 K (0.0026 for
            0.00276). The leap of 22 nm HP from 1.06 (350 K) to 24 A/m (400 K) is doubtful and stays in both, since
            nothing says what was meant.

    Raises: ValueError for a node, temperature, roadmap or constants that are not there.
    """
    node = _check.scalar("node", node, low=NODE[0] * (1.0 - 1e-6), high=NODE[1] * (1.0 + 1e-6), unit="m")
    temperature = _check.scalar("temperature", temperature, low=TEMPERATURE[0], high=TEMPERATURE[1], unit="K")
    _check.choice("roadmap", roadmap, _tables.ROADMAPS)
    _check.choice("constants", constants, CONSTANTS)
    transistors, currents = _table(roadmap, constants)
    traced = isinstance(node, Tracer) or isinstance(temperature, Tracer)
    xp: Any = jnp if traced else np  # NumPy compiles nothing
    transistors, currents, nodes = (xp.asarray(one) for one in (transistors, currents, _tables.NODES))
    nanometres = 1e9 * xp.asarray(node, float)
    own = xp.clip(xp.searchsorted(nodes, nanometres + 1e-3, side="right") - 1, 0, len(nodes) - 1)
    below = xp.clip(own, 0, len(nodes) - 2)
    share = xp.clip((nanometres - nodes[below]) / (nodes[below + 1] - nodes[below]), 0.0, 1.0)
    vdd, vth, length, gate, fringe, oxide, electrons, holes, ratio, factor = (1.0 - share) * transistors[
        below
    ] + share * transistors[below + 1]
    at = xp.clip((xp.asarray(temperature, float) - TEMPERATURE[0]) / 10.0, 0.0, 10.0)
    step = xp.clip(xp.floor(at), 0, 9).astype(int)
    low, high = (
        currents[below + i, :, step] + (at - step) * (currents[below + i, :, step + 1] - currents[below + i, :, step])
        for i in (0, 1)
    )
    on = (1.0 - share) * low[:2] + share * high[:2]
    off = low[2:] ** (1.0 - share) * high[2:] ** share
    converter = xp.asarray(_tables.CONVERTERS)
    delay, energy, leakage = converter[xp.searchsorted(converter[:, 0], nanometres + 1e-3, side="right") - 1, 1:]
    return Process(
        node=node,
        vdd=vdd,
        vth=vth,
        length=length,
        cap_gate=gate,
        cap_overlap=0.2 * transistors[own, 3],
        cap_fringe=fringe,
        cap_oxide=oxide,
        mobility_n=electrons,
        mobility_p=holes,
        pn_ratio=ratio,
        resistance_factor=factor,
        on_n=on[0],
        on_p=on[1],
        off_n=off[0],
        off_p=off[1],
        wires=wires(xp, nanometres, temperature),
        converter_delay=delay,
        converter_energy=energy,
        converter_leakage=leakage,
        like_nvsim=constants == "nvsim",
    )


def _table(roadmap: str, constants: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the transistors [node, number] and their currents [node, kind, temperature]."""
    transistors, currents = _parsed()[roadmap]
    if constants == "corrected":
        currents = currents.copy()
        for (where, node, kind, temperature), value in _tables.MISTYPED.items():
            if where == roadmap:
                place = _tables.NODES.index(node), CURRENTS.index(kind), _tables.TEMPERATURES.index(temperature)
                currents[place] = value
    return transistors, currents


@cache
def _parsed() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rows = [line.split() for line in _tables.TRANSISTORS.strip().splitlines()]
    currents = {
        (roadmap, float(node), kind): np.array([float(x) for x in row])
        for roadmap, node, kind, *row in (line.split() for line in _tables.CURRENTS.strip().splitlines())
    }
    for roadmap, factor in _tables.OFF_BELOW_32.items():
        for kind in CURRENTS[2:]:
            currents[roadmap, 22.0, kind] = currents[roadmap, 32.0, kind] / factor
    return {
        roadmap: (
            np.array([[float(x) for x in row[2:]] for row in rows if row[0] == roadmap]),
            np.array([[currents[roadmap, node, kind] for kind in CURRENTS] for node in _tables.NODES]),
        )
        for roadmap in _tables.ROADMAPS
    }
