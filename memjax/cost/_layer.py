"""The parts of one layer: how many there are of every component, and how often they act."""

from typing import Any

import jax.numpy as jnp

from memjax.converters import Amplitude
from memjax.cost._component import Component
from memjax.cost._counts import Counts
from memjax.cost._technology import Technology
from memjax.cost._used import Cost, used
from memjax.crossbar import Hardware

CELLS = "cells"


def parts_of(hardware: Hardware, counts: Counts, technology: Technology, cells: Any) -> dict[str, Cost]:
    """{component: what it costs in one layer}; `cells` is the energy of the cells [J].

    The stages of a vector follow one another: its codes are moved from the buffer to the registers of the word lines,
    every plane of every group of word lines is driven, settles and is sampled (in the read time of the technology), the
    converters take the columns that they share in turn, codes are added up in a tree, outputs pass the activation and
    go to the next layer.
    """
    drives = counts.steps * counts.planes * counts.groups
    sharing = jnp.asarray(technology.columns_per_adc, float)
    in_turn = jnp.minimum(sharing, counts.columns)  # a layer waits for its own columns alone
    code = technology.word_bits if hardware.dac.bits is None else hardware.dac.bits
    word = technology.word_bits
    inputs, outputs = (number // max(counts.reads, 1) for number in (counts.inputs, counts.outputs))
    held = counts.vectors * (inputs * code + outputs * word)
    words = (inputs * code + outputs * word) / technology.buffer_width
    array = Component(technology.cell_area, 0.0, technology.read_time, 0.0, CELLS)
    found = {
        CELLS: _with_energy(used(array, counts.cells, 0, drives), cells),
        "driver": used(technology.word_line_driver(_levels(hardware)), counts.word_lines, counts.driven, 0),
        "sample_hold": used(technology.sample_hold, counts.columns, counts.conversions, 0),
        "shift_add": used(
            technology.shift_add, counts.columns / sharing, counts.additions, counts.steps * counts.adders
        ),
        "buffer": used(technology.buffer, held, counts.inputs * code + counts.outputs * word, counts.steps * words),
        "register": used(
            technology.register, counts.word_lines * code, 2 * counts.driven // counts.planes * code, counts.steps
        ),
    }
    if hardware.adc.bits is not None:
        adc = technology.adc.component(jnp.asarray(hardware.adc.bits, float))
        found["adc"] = used(adc, counts.columns / sharing, counts.conversions, drives * in_turn)
    if technology.activation is not None:
        found["activation"] = used(technology.activation, counts.tiles, counts.outputs, counts.steps)
    if technology.network is not None:
        flits = (inputs * code + outputs * word) / technology.network_width
        moved = counts.delivered * code + counts.partial * word
        found["network"] = used(technology.network, counts.tiles, moved, counts.steps * flits)
    return found


def _levels(hardware: Hardware) -> Any:
    """Bits that a driver sends as one of many voltages; one where a line is either driven or not."""
    bits = hardware.dac.bits
    return jnp.maximum(bits - 1.0, 1.0) if isinstance(hardware.dac.encoding, Amplitude) and bits is not None else 1.0


def _with_energy(cost: Cost, energy: Any) -> Cost:
    return Cost(cost.area, cost.latency, energy, cost.leakage, cost.area_range, (energy, energy))
