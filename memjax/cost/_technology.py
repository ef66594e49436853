"""The components of one kind of chip."""

from typing import Any

from memjax import _check
from memjax._field import Spec, number, part, text
from memjax.cost import _generic, _isaac, _mnsim, _puma
from memjax.cost._adc import AbstractAdcCost
from memjax.cost._component import Component

UNCOUNTED = ("control", "clock distribution", "off-chip links")
"""Classes for which no technology has a component."""


class Technology(Spec):
    """What the parts around and in a crossbar cost.

    Args:
        name: of the technology.
        node: technology node [m].
        adc: cost of a converter by its bits; a use is one conversion.
        driver: of one word line; a use is one input plane of one bit.
        capacitors: of an 8-bit capacitive DAC in front of a driver that has several levels (`word_line_driver`).
        sample_hold: of one bit line; a use is one sample.
        shift_add: what one converter feeds; a use is one addition.
        buffer: of one bit; a use is one bit read or written. `buffer_width` bits move in its latency.
        register: of one bit beside the crossbar; a use is one bit read or written.
        activation: the share of one crossbar; a use is one output. None: not counted.
        network: the share of one crossbar; a use is one bit moved to another tile. `network_width` bits move in its
            latency. None: not counted.
        mac: a digital multiply-accumulate, for the gradients of weights.
        dram: off the chip; a use is one bit, its latency one bit of a long transfer. None: not counted.
        cell_area: of one cell with its access device [m2].
        read_time: of one input plane [s]; conversions of a plane may take longer.
        columns_per_adc: bit lines that share one converter.
        buffer_width, network_width: bits of a word and of a flit.
        word_bits: of a number between layers.

    Raises: TypeError and ValueError for a component of another kind and a number out of its range.
    """

    name: str = text()
    node: Any = number(above=0.0, unit="m")
    adc: AbstractAdcCost = part(AbstractAdcCost, example="SurveyAdc(node=32e-9, rate=1e9)")
    driver: Component = part(Component)
    capacitors: Component = part(Component)
    sample_hold: Component = part(Component)
    shift_add: Component = part(Component)
    buffer: Component = part(Component)
    register: Component = part(Component)
    activation: Component | None = part(Component, optional=True)
    network: Component | None = part(Component, optional=True)
    dram: Component | None = part(Component, optional=True)
    mac: Component = part(Component)
    cell_area: Any = number(low=0.0, unit="m2")
    read_time: Any = number(above=0.0, unit="s")
    columns_per_adc: Any = number(low=1.0, default=128)
    buffer_width: Any = number(low=1.0, default=256)
    network_width: Any = number(low=1.0, default=32)
    word_bits: Any = number(low=1.0, default=16)

    @classmethod
    def isaac(cls) -> "Technology":
        """32 nm, from the table of ISAAC, which has no off-chip memory. Source: A. Shafiee et al., ISCA (2016)."""
        return cls(
            name="isaac",
            node=32e-9,
            **_isaac.parts(),
            dram=None,
            mac=_generic.mac(32e-9),
            cell_area=_isaac.CELL_AREA,
            read_time=_isaac.READ,
            columns_per_adc=_isaac.COLUMNS,
        )

    @classmethod
    def puma(cls) -> "Technology":
        """32 nm, from the tables of the PUMA simulator: those of ISAAC with leakage apart and memories of their own.

        The tables give one converter to a crossbar step of 100 ns. Source: A. Ankit et al., ASPLOS (2019).
        """
        return cls(
            name="puma",
            node=32e-9,
            **_puma.parts(),
            mac=_generic.mac(32e-9),
            capacitors=_isaac.capacitors(),
            dram=None,
            cell_area=_puma.CELL_AREA,
            read_time=_puma.READ,
            columns_per_adc=_puma.COLUMNS,
        )

    @classmethod
    def mnsim(cls) -> "Technology":
        """130 nm, from constants of MNSIM 2.0, which counts no activations and by default no network.

        MNSIM also shares a DAC between two word lines, which doubles the reads.
        Source: Z. Zhu et al., IEEE TCAD 42 (2023).
        """
        return cls(
            name="mnsim",
            node=_mnsim.NODE,
            **_mnsim.parts(),
            mac=_generic.mac(_mnsim.NODE),
            capacitors=_generic.at_node(_isaac.capacitors(), _mnsim.NODE),
            cell_area=_mnsim.CELL_AREA,
            read_time=_mnsim.CELL_READ,
            columns_per_adc=2,
            buffer_width=_mnsim.WORD,
        )

    @classmethod
    def generic(cls, node: Any = 32e-9, rate: Any = 1.28e9) -> "Technology":
        """Converters of the survey, and the digital parts of ISAAC scaled from 32 nm to `node`, with HBM2 memory.

        With s = node/32 nm, areas scale with s^2, energies and leakage with s (capacitance, at the same voltage) and
        latencies stay. Where voltages shrink too, energies scale with s^3: this is the other end of `energy_range`.

        Args:
            node: technology node [m], from 5 nm to 350 nm.
            rate: conversions in a second of one ADC [Hz].

        Source: R. H. Dennard et al., IEEE JSSC 9, 256 (1974), at constant voltage and at constant field.
        """
        return cls(
            name="generic",
            node=node,
            **_generic.parts(node, rate),
            read_time=_isaac.READ,
            columns_per_adc=_isaac.COLUMNS,
        )

    def word_line_driver(self, bits: Any) -> Component:
        """The driver of one word line with 2^bits levels: that of one bit, and a capacitive DAC in front of it.

            cost(b) = driver + capacitors (2^b - 2) / 2^8

        A binary-weighted DAC has 2^b unit capacitors (M. Saberi et al., IEEE TCAS-I 58, 1736 (2011)).

        Raises: ValueError unless concrete bits are in [1, 32].
        """
        _check.real("Technology.word_line_driver: bits", bits, low=1.0, high=32.0)
        share = (2.0**bits - 2.0) / 2.0**8
        one, more = self.driver, self.capacitors.scaled(area=share, energy=share, leakage=share)
        return Component(
            one.area + more.area,
            one.energy + more.energy,
            one.latency,
            one.leakage + more.leakage,
            f"{one.source}; for levels {more.source}",
        )

    def source_of(self, name: str) -> str:
        """The citation of a component by its name in `components`, or of the cells."""
        if name == "cells":
            return "energy: conductances and voltages of the chip (V^2 G t); area and read time: " + self.driver.source
        return self.components(8.0)[name].source

    @property
    def excluded(self) -> tuple[str, ...]:
        """The classes that no cost made of this technology holds."""
        return tuple(n for n in ("activation", "network", "dram") if getattr(self, n) is None) + UNCOUNTED

    def components(self, bits: Any) -> dict[str, Component]:
        """All components by name, with the converter at `bits` bits: for tables of provenance and ranges."""
        names = ("driver", "sample_hold", "shift_add", "buffer", "register", "activation", "network", "dram", "mac")
        others = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return {"adc": self.adc.component(bits), **others}


PRESETS = {"isaac": Technology.isaac, "puma": Technology.puma, "mnsim": Technology.mnsim, "generic": Technology.generic}


def technology(technology: str | float | Technology) -> Technology:
    """A technology by its name, or the generic one at a node [m].

    Raises: ValueError for a name that does not exist and a node outside [5 nm, 350 nm]; TypeError for anything else.
    """
    if isinstance(technology, Technology):
        return technology
    if isinstance(technology, str) and technology in PRESETS:
        return PRESETS[technology]()
    if isinstance(technology, str) or not _check.is_number(technology):
        kind = ValueError if isinstance(technology, str) else TypeError
        raise kind(
            f"technology must be one of {', '.join(map(repr, PRESETS))}, a node in m such as 22e-9 or a "
            f"Technology, got {_check.shown(technology)}"
        )
    _check.real("technology", technology, low=_generic.NODES[0], high=_generic.NODES[1], unit="m")
    return Technology.generic(technology)
