"""A subarray: cells, decoders and column circuits, and how they lie."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from memjax.memory._macro._cell import RESISTIVE, MemoryCell
from memjax.memory._macro._columns import Mux, Precharger, SenseAmplifier, mux, precharger, sense_amplifier
from memjax.memory._macro._decoders import Decoder, array_decoder
from memjax.memory._macro._design import Design
from memjax.memory._macro._gates import NARROWEST, gate_cap
from memjax.memory._macro._process import Process
from memjax.memory._macro._sensing import Access, Bias, access, bias, line_currents

MOST_ROWS = 2.0**18


class Subarray(NamedTuple):
    """Its parts; sizes in m, `parts` of its area in m2."""

    rows: Any
    columns: Any
    amplifiers: Any  # columns after the first level
    outputs: Any  # after the second
    selected: Any  # after the third
    access: Access
    bias: Bias | None
    cap_bit: Any
    res_bit: Any
    decoders: Decoder  # [4]: of word lines, and of the three levels of multiplexers
    precharger: Precharger
    muxes: tuple[Mux, Mux, Mux]
    sense: SenseAmplifier | None
    sense_voltage: Any
    height: Any
    width: Any
    parts: dict[str, Any]
    valid: Any


def subarray(process: Process, cell: MemoryCell, design: Design, rows: Any, columns: Any, muxes: tuple) -> Subarray:
    """The subarray of so many word and bit lines, with three levels of multiplexers: (m1, m2, m3) inputs."""
    first, second, third = muxes
    amplifiers, outputs = columns / first, columns / (first * second)
    selected = outputs / third
    wire, node, widest = process.wire(design.local_wire), process.node, design.widest
    word, bit = columns * cell.width * node, rows * cell.height * node
    own = access(process, cell)
    cap_word, res_word = wire.capacitance * word, wire.resistance * word
    cap_bit, res_bit = wire.capacitance * bit + own.drain_cap * rows, wire.resistance * bit
    word_current, bit_current = line_currents(cell, rows, columns, selected)
    pass_width = jnp.maximum(NARROWEST, bit_current / (process.on_n * node))

    to_muxes = gate_cap(process, pass_width) * columns + cap_word
    decoders = array_decoder(
        process,
        design.buffers,
        widest,
        jnp.stack([rows, *muxes]),
        jnp.stack([cap_word + own.gate_cap * columns, to_muxes, to_muxes, to_muxes]),
        res_word,
        jnp.stack([word_current, *(3 * [jnp.zeros_like(word_current)])]),
    )
    charger = precharger(process, widest, columns, cell.width * node * wire.capacitance)
    sense_voltage = cell.sense_voltage
    if cell.kind == "dram":
        sense_voltage = process.vdd / 2.0 * cell.dram_capacitance / (cell.dram_capacitance + cap_bit)
    sense = None
    if design.internal_sensing:
        currents = cell.kind in RESISTIVE and cell.sensing == "current"
        sense = sense_amplifier(process, cell.width * first, sense_voltage, currents)
    r_on = cell.r_on if cell.kind in RESISTIVE else None
    level3 = mux(process, third, 0.0, 0.0, bit_current, widest, r_on)
    level2 = mux(process, second, level3.cap_seen, level3.cap, bit_current, widest, r_on)
    loads = (level2.cap_seen, level2.cap) if sense is None else (sense.cap, sense.cap)
    level1 = mux(process, first, *loads, bit_current, widest, r_on)

    levels = (level1, level2, level3)
    folded = jnp.maximum(1.0, decoders.height[0] * node / bit)  # a decoder that is taller than the bit lines
    width = word + jnp.maximum(decoders.width[0] * folded, jnp.max(decoders.width[1:])) * node
    below = charger.height + level1.height + level2.height + level3.height + (0.0 if sense is None else sense.height)
    height = bit + below * node
    inputs = (columns, amplifiers, outputs)
    decoder_areas = decoders.height * decoders.width * node**2
    parts = {
        "cells": word * bit,
        "row_decoder": decoder_areas[0],
        "column_decoders": jnp.sum(decoder_areas[1:]),
        "precharger": charger.height * charger.width * node**2,
        "multiplexers": sum(count * one.height * one.width for count, one in zip(inputs, levels, strict=True))
        * node**2,
        "sense_amplifiers": jnp.zeros_like(word) if sense is None else word * sense.height * node,
    }
    found = bias(process, cell)
    valid = jnp.all(decoders.valid) & (pass_width <= widest) & (rows <= MOST_ROWS)
    if sense is not None:
        valid &= sense.valid
    if found is not None:
        valid &= found.valid
    return Subarray(
        rows=rows,
        columns=columns,
        amplifiers=amplifiers,
        outputs=outputs,
        selected=selected,
        access=own,
        bias=found,
        cap_bit=cap_bit,
        res_bit=res_bit,
        decoders=decoders,
        precharger=charger,
        muxes=levels,
        sense=sense,
        sense_voltage=sense_voltage,
        height=height,
        width=width,
        parts=parts,
        valid=valid & _cells_allow(process, cell, design, rows, first, sense_voltage),
    )


def _cells_allow(process: Process, cell: MemoryCell, design: Design, rows: Any, first: Any, sense_voltage: Any) -> Any:
    """What the kind of cell forbids."""
    if cell.kind == "dram":  # a read destroys: every bit line needs its own amplifier, and enough charge
        return (first == 1) & (sense_voltage >= cell.sense_voltage)
    if cell.kind == "sram":
        return jnp.bool_(True)
    valid = jnp.bool_(True)
    if not cell.crosspoint:  # else the cells that are off would outweigh the one that is on
        valid &= process.on_n / process.off_n >= rows
    if cell.kind == "rram" and design.internal_sensing:  # a cell is too narrow for an amplifier
        valid &= first >= 2
    return valid
