"""The component table of ISAAC.

Every number is of the table of A. Shafiee et al., "ISAAC: A Convolutional Neural Network Accelerator with In-Situ
Analog Arithmetic in Crossbars", ISCA (2016): 32 nm, a crossbar read each 100 ns, converters of 1.28 GS/s. The table
gives powers; the energy of a use is power times the period of the uses, which is said with each. The numbers agree with
every sum that the paper prints and with those that the PUMA simulator and hwcomponents-library take from it; only the
powers of the two registers of a core have no witness but their sum.
"""

from typing import Any

from memjax.cost._adc import AREAS, ENERGIES, SarAdc
from memjax.cost._component import Component, busy
from memjax.cost._inventory import Inventory

PAPER = "A. Shafiee et al., ISAAC, ISCA (2016), table of tile parameters, 32 nm"
READ = 100e-9
"""Of one input plane: a cycle of the pipeline [s]."""
RATE = 1.28e9
"""Of a converter [Hz]: 128 columns in one read."""
CLOCK = 1e9
"""Of buffers and links [Hz], assumed: the table does not say at which rate it counts their power."""
ROWS = COLUMNS = 128
CROSSBARS = 8
"""Of one core (in-situ multiply-accumulate, IMA), each with its ADC."""
CORES = 12
"""Of one tile."""
TILES = 168

MM2, MW = 1e-6, 1e-3


def _share(area: float, power: float, instances: int, period: float, note: str) -> Component:
    """One of `instances` that together have `area` [mm2] and `power` [mW], each used once in `period` [s]."""
    source = f"{PAPER}: {power:g} mW and {area:g} mm2 of {instances}; {note}"
    return busy(area=area * MM2 / instances, power=power * MW / instances, period=period, source=source)


def adc() -> SarAdc:
    """Eight bits, 1.28 GS/s; resized by the share of its capacitive DAC."""
    one = _share(0.0096, 16.0, CROSSBARS, 1.0 / RATE, "a use is a conversion")
    return SarAdc(
        Component(one.area, one.energy, one.latency, one.leakage, one.source, area_range=AREAS, energy_range=ENERGIES)
    )


def capacitors() -> Component:
    """The capacitive DAC inside the 8-bit converter, which as one in front of a word line has no comparator."""
    one = adc()
    return Component(
        one.reference.area * one.dac_area,
        one.reference.energy * one.dac_energy,
        0.0,
        0.0,
        f"the capacitive DAC in the 8-bit ADC of {PAPER}, by the shares of hwcomponents-library 1.0.58",
    )


def parts() -> dict[str, Any]:
    """Components by the names of `Technology`, made of the table."""
    lines = CROSSBARS * ROWS
    bits = 8 * 64 * 1024
    word, flit = 256, 32
    register = "2 KB input register; each 100 ns one bit per word line is read and one written"
    router, bus = 42e-3 / (8 * flit * CLOCK), 7e-3 / (384 * CLOCK)
    return {
        "adc": adc(),
        "driver": _share(0.00017, 4.0, lines, READ, "1-bit DAC of one word line, a use is an input plane"),
        "capacitors": capacitors(),
        "sample_hold": _share(0.00004, 0.01, lines, READ, "of one bit line, a use is a sample"),
        "shift_add": _share(0.00024, 0.2, CROSSBARS, 1.0 / RATE, "four units for eight ADCs, here the half of one ADC"),
        "buffer": Component(
            area=0.083 * MM2 / bits,
            energy=20.7 * MW / CLOCK / word,
            latency=1.0 / CLOCK,
            leakage=0.0,
            source=f"{PAPER}: eDRAM of 64 KB, 20.7 mW, 0.083 mm2; a word of 256 bits each ns (assumed); lowest energy: "
            "17.2 pJ a word in the tables of the PUMA simulator",
            energy_range=(17.2e-12 / word, 20.7 * MW / CLOCK / word),
        ),
        "register": Component(
            area=0.0021 * MM2 / (8 * 2048),
            energy=1.24 * MW * READ / (2 * lines),
            latency=1.0 / RATE,
            leakage=0.0,
            source=f"{PAPER}: 1.24 mW and 0.0021 mm2 of the {register}",
        ),
        "activation": Component(
            area=0.0006 * MM2 / (CORES * CROSSBARS),
            energy=0.52 * MW / 2 / CLOCK,
            latency=1.0 / CLOCK,
            leakage=0.0,
            source=f"{PAPER}: two sigmoid units in a tile of 96 crossbars, 0.52 mW, 0.0006 mm2; one output each ns "
            "(assumed); area: the share of one crossbar",
        ),
        "network": Component(
            area=(0.151 / 4 + 0.090) * MM2 / (CORES * CROSSBARS),
            energy=router + bus,
            latency=1.0 / CLOCK,
            leakage=0.0,
            source=f"{PAPER}: router 42 mW, 0.151 mm2 for four tiles (8 ports of 32 bits at 1 GHz, assumed) and bus "
            "7 mW, 0.090 mm2 of a tile (384 wires at 1 GHz, assumed); area: the share of one crossbar of 96; lowest "
            "energy: 20.74 pJ for 256 bits of the router in hwcomponents-library 1.0.58",
            energy_range=(20.74e-12 / 256 + bus, router + bus),
        ),
    }


CELL_AREA = 0.0002 * MM2 / (CROSSBARS * ROWS * COLUMNS)


def isaac_node() -> Inventory:
    """The chip as the table lists it: 168 tiles of 12 cores of 8 crossbars, and 4 links.

    Power is of everything in use at once. The paper's own sums are rounded: core 24.08 mW, twelve cores 289 mW and
    0.157 mm2, tile 330 mW and 0.372 mm2, tiles 55.4 W and 62.5 mm2, chip 65.8 W and 85.4 mm2. A tile counts a quarter
    of the router's area and power: only so does the paper's sum come out.
    """
    core = Inventory(
        {
            "adc": (8, _share(0.0096, 16.0, 8, 1.0 / RATE, "8 bits, 1.28 GS/s")),
            "driver": (8 * ROWS, _share(0.00017, 4.0, 8 * ROWS, READ, "1-bit DAC")),
            "sample_hold": (8 * COLUMNS, _share(0.00004, 0.01, 8 * COLUMNS, READ, "")),
            "crossbar": (8, _share(0.0002, 2.4, 8, READ, "128 x 128 cells of 2 bits")),
            "shift_add": (4, _share(0.00024, 0.2, 4, READ, "")),
            "input_register": (1, _share(0.0021, 1.24, 1, READ, "2 KB")),
            "output_register": (1, _share(0.00077, 0.23, 1, READ, "256 B")),
        }
    )
    tile = Inventory(
        {
            "core": (CORES, core),
            "buffer": (1, _share(0.083, 20.7, 1, READ, "eDRAM, 64 KB, 4 banks")),
            "bus": (1, _share(0.090, 7.0, 1, READ, "384 wires")),
            "router": (0.25, _share(0.151, 42.0, 1, READ, "shared by four tiles")),
            "sigmoid": (2, _share(0.0006, 0.52, 2, READ, "")),
            "tile_shift_add": (1, _share(0.00006, 0.05, 1, READ, "")),
            "max_pool": (1, _share(0.00024, 0.4, 1, READ, "")),
            "tile_register": (1, _share(0.0032, 1.68, 1, READ, "3 KB")),
        }
    )
    return Inventory({"tile": (TILES, tile), "link": (4, _share(22.88, 10400.0, 4, READ, "HyperTransport, 6.4 GB/s"))})
