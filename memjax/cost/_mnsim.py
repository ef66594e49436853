"""Constants that MNSIM 2.0 publishes, for one configuration: 130 nm, 256 x 256 cells of one bit, converters of 6 bits.

Z. Zhu et al., "MNSIM 2.0: A Behavior-Level Modeling Tool for Processing-In-Memory Architectures", IEEE TCAD 42 (2023):
a crossbar takes rows x columns x 1.44 um2 and 1150 um2 for each word line; converters share two columns each.
"""

from typing import Any

from memjax.cost._adc import SarAdc
from memjax.cost._component import Component

PAPER = "Z. Zhu et al., MNSIM 2.0, IEEE TCAD 42 (2023)"
NODE = 130e-9
ROWS = COLUMNS = 256
CELL_AREA = 1.44e-12
WORD_LINE_AREA = 1150e-12
"""Driver of a word line, of a chip of Q. Liu et al., ISSCC (2020)."""
CELL_READ = 3.16e-9
"""Of the cells [s], without converters."""
CLOCK = 500e6
WORD, WORDS = 64, 256
"""Bits of a word and words of the 2 KB SRAM."""


def _none(part: str) -> Component:
    return Component(0.0, 0.0, 0.0, 0.0, f"{PAPER}, which counts no {part}")


def dac() -> Component:
    """One bit, 3.9 uW, 0.166 um2; a use takes three periods of 1 GHz."""
    return Component(
        0.166e-12, 3.9e-6 * 3e-9, 3e-9, 0.0, f"{PAPER}: 1-bit DAC of ISAAC, 0.166 um2, 3.9 uW, (1 + 2) periods of 1 ns"
    )


def adc() -> Component:
    """Six bits, 1.26 mW, 1650 um2; a use takes eight periods of 1 GHz."""
    return Component(
        1650e-12, 1.26e-3 * 8e-9, 8e-9, 0.0, f"{PAPER}: 6-bit ADC, 1650 um2, 1.26 mW, (6 + 2) periods of 1 ns"
    )


def sram(write: bool = False) -> Component:
    """2 KB in words of 64 bits, a use is a word."""
    energy = 13.1361e-12 if write else 7.5695e-12
    return Component(
        40580.3e-12, energy, 20e-9, 1.006428e-3, f"{PAPER}: SRAM of CACTI, 90 nm, 2 KB in words of 64 bits, 20 ns"
    )


def parts() -> dict[str, Any]:
    """Components by the names of `Technology`: the driver of a word line holds its DAC."""
    one, bits = dac(), WORD * WORDS
    read, write = sram(), sram(write=True)
    shrink = (45 / 65) ** 2
    return {
        "adc": SarAdc(adc(), bits=6),
        "driver": Component(WORD_LINE_AREA + one.area, one.energy, one.latency, one.leakage, f"{one.source}; 1150 um2"),
        "sample_hold": _none("sample-and-hold"),
        "shift_add": Component(
            1.42e-12, 0.81e-6 / CLOCK, 1.0 / CLOCK, 0.0, f"{PAPER}: shift register, 65 nm, 1.42 um2, 0.81 uW at 500 MHz"
        ),
        "buffer": Component(
            read.area / bits,
            (read.energy + write.energy) / 2 / WORD,
            read.latency,
            read.leakage / bits,
            f"{read.source}; mean of a read and a write",
            energy_range=(read.energy / WORD, write.energy / WORD),
        ),
        "register": Component(
            1.4256e-12 * shrink / 8,
            18.8e-9 * shrink / CLOCK / 8,
            1.0 / CLOCK,
            0.0,
            f"{PAPER}: register of 8 bits, 45 nm, 500 MHz",
        ),
        "activation": None,
        "network": None,
        "dram": None,
    }
