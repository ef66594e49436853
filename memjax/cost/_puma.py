"""The component table of PUMA.

Every number is of the tables of the PUMA simulator (github.com/Aayush-Ankit/puma-simulator, MIT, a206f75),
of A. Ankit et al., "PUMA: A Programmable Ultra-efficient Memristor-based Accelerator", ASPLOS (2019): 32 nm, 1 GHz,
dynamic power and leakage apart. The energy of a use is dynamic power times the latency in the table.
"""

from math import sqrt
from typing import Any

from memjax.cost._adc import AREAS, ENERGIES, SarAdc
from memjax.cost._component import Component
from memjax.cost._inventory import Inventory

TABLE = "tables of the PUMA simulator (MIT, commit a206f75), A. Ankit et al., ASPLOS (2019), 32 nm"
READ = 100e-9
"""Of one input plane [s]."""
ROWS = COLUMNS = 128
MATRICES = 2
"""Of one core, each of 16-bit weights in cells of 2 bits."""
CROSSBARS = MATRICES * 4 * 8
"""Of one core: eight slices of the weights, of those for back-propagation and, twice, of the updates."""
CORES = 8
"""Of one tile."""
TILES = 168
CELL_AREA = 2.5e-11 / (ROWS * COLUMNS)
SRAM_WIDTH = sqrt(8)
"""By which the table enlarges a memory for instructions of 8 bytes."""


def _part(area: float, dynamic: float, leak: float, nanoseconds: float = 1.0, note: str = "") -> Component:
    """A part of `area` [mm2] with `dynamic` power and `leak` [mW]."""
    return Component(
        area=area * 1e-6,
        energy=dynamic * 1e-3 * nanoseconds * 1e-9,
        latency=nanoseconds * 1e-9,
        leakage=leak * 1e-3,
        source=f"{TABLE}; {note}" if note else TABLE,
    )


DAC = _part(1.67e-7, 0.00350625, 0.000390625, note="1 bit")
SAMPLE_HOLD = _part(0.00004 / 1024, 8.73e-6, 9.7e-7)
ADC = _part(0.0012, 1.8, 0.2, 100.0, note="8 bits; a use converts the 128 columns of a crossbar")
SHIFT_ADD = _part(0.00006, 0.045, 0.005)
REGISTER = _part(0.00078, 1.7, 0.04, note="128 words of 16 bits; a use reads a bit of each")
SIGMOID = _part(0.0003, 0.234, 0.026)
EDRAM = _part(0.086, 8.6, 0.46, 2.0, note="64 KB; a use is a word of 256 bits")
BUS = _part(0.090, 3.0, 0.5, note="384 wires; a use is a word of 256 bits")
ROUTER = _part(0.047, 16.13, 0.41, note="4 ports of 32 bits, shared by four tiles")


def parts() -> dict[str, Any]:
    """Components by the names of `Technology`; the converter is resized as that of ISAAC, which it is."""
    crossbars, bits, word = CORES * CROSSBARS, 8 * 64 * 1024, 256
    one = ADC.scaled(energy=1.0 / COLUMNS, latency=1.0 / COLUMNS)
    converter = Component(
        one.area, one.energy, one.latency, one.leakage, one.source, area_range=AREAS, energy_range=_wide(one.energy)
    )
    per_bit = EDRAM.scaled(area=1.0 / bits, energy=1.0 / word, leakage=1.0 / bits)
    return {
        "adc": SarAdc(converter),
        "driver": DAC,
        "sample_hold": SAMPLE_HOLD,
        "shift_add": SHIFT_ADD,
        "buffer": per_bit,
        "register": REGISTER.scaled(area=1.0 / 2048, energy=1.0 / ROWS, leakage=1.0 / 2048),
        "activation": SIGMOID.scaled(area=1.0 / CROSSBARS, leakage=1.0 / CROSSBARS),
        "network": Component(
            area=(ROUTER.area / 4 + BUS.area) / crossbars,
            energy=ROUTER.energy / (4 * 32) + BUS.energy / word,
            latency=1e-9,
            leakage=(ROUTER.leakage / 4 + BUS.leakage) / crossbars,
            source=f"{TABLE}; router (4 ports of 32 bits at 1 GHz, assumed) and bus; area: the share of a crossbar",
        ),
    }


def _wide(energy: float) -> tuple[float, float]:
    """The energies of sources about this converter, and the dynamic one of this table."""
    return (min(energy, ENERGIES[0]), ENERGIES[1])


def puma_node() -> Inventory:
    """The node as the tables of the simulator list it: 168 tiles of 8 cores, routers for four tiles each, and links.

    The simulator finds 101.29 mm2 and a peak of 58.67 W, without the 10.4 W of the links. Under Python 2 it finds
    58.59 W, since the leakage of the bus, 1/2 mW, is an integer division there. Parts of training (crossbars for
    back-propagation and updates) are in the sums.
    """
    core = Inventory(
        {
            "driver": (MATRICES * 11 * ROWS, DAC),
            "sample_hold": (MATRICES * 2 * COLUMNS, SAMPLE_HOLD),
            "adc": (MATRICES * 2, ADC),
            "shift_add": (MATRICES * 2, SHIFT_ADD),
            "crossbar_area": (CROSSBARS, _part(2.5e-5, 0.0, 0.0, note="128 x 128 cells of 2 bits")),
            "crossbar_use": (MATRICES * 4, _part(0.0, 1.7, 0.0, 100.0, note="8 slices with periphery but the ADC")),
            "input_register": (MATRICES * 3, _part(0.00078, 0.16 + 1.7 / ROWS, 0.04)),
            "output_register": (MATRICES * 3, _part(0.00078, 0.16, 0.04)),
            "instructions": (1, _part(0.00108 * SRAM_WIDTH, 0.46 * SRAM_WIDTH, 0.078 * SRAM_WIDTH)),
            "data": (1, _part(0.00392, 0.57, 0.33, note="2 KB")),
            "alu": (1, _part(0.00567 * 32 / 45, 2.4 * 32 / 45, 0.27 * 32 / 45, note="scaled from 45 nm")),
            "sigmoid": (1, SIGMOID),
            "core_control": (1, _part(0.00145 * 2.25, 0.0, 0.0)),
        }
    )
    tile = Inventory(
        {
            "core": (CORES, core),
            "buffer": (1, EDRAM),
            "bus": (1, BUS),
            "buffer_control": (1, _part(0.00145, 0.475, 0.05)),
            "counters": (1, _part(0.0041 * SRAM_WIDTH, 0.325 * SRAM_WIDTH, 0.165 * SRAM_WIDTH)),
            "receive_buffer": (1, _part(0.0044, 8.96, 0.18, 2.0)),
            "tile_instructions": (1, _part(0.0041 * SRAM_WIDTH, 0.65 * SRAM_WIDTH, 0.33 * SRAM_WIDTH)),
            "tile_control": (1, _part(0.00145, 0.0, 0.0)),
        }
    )
    links = _part(22.88, 0.0, 0.0, note="HyperTransport of ISAAC, whose 10.4 W the simulator leaves out of the node")
    return Inventory({"tile": (TILES, tile), "router": (TILES / 4, ROUTER), "links": (1, links)})
