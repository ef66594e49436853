"""Energies and leakage of a subarray, by component."""

from typing import Any

import jax.numpy as jnp

from memjax.memory._macro._cell import MemoryCell
from memjax.memory._macro._design import Design
from memjax.memory._macro._gates import gate
from memjax.memory._macro._process import Process
from memjax.memory._macro._sensing import SHAPER, read_power, write_energy, write_voltage
from memjax.memory._macro._subarray import Subarray

REFRESH = 64e-3  # period of a DRAM [s]


def read_energy(process: Process, cell: MemoryCell, array: Subarray) -> dict[str, Any]:
    """Of one read of an active subarray [J]."""
    cells = jnp.zeros_like(array.columns)
    if array.bias is not None and array.sense is not None:  # twice, because of the reference cell
        cells = 2.0 * read_power(process, cell) * array.sense.latency * array.selected
    return {
        **_decoders(array),
        **_muxes(array),
        "precharger": array.precharger.energy,
        "bit_lines": _read_lines(process, cell, array),
        "sense_amplifiers": cells * 0.0 if array.sense is None else array.sense.energy * array.amplifiers,
        "cells": cells,
    }


def write_energies(process: Process, cell: MemoryCell, design: Design, array: Subarray) -> dict[str, Any]:
    """Of one write of an active subarray [J]; crosspoints are let through the multiplexers twice."""
    lines, cells = _written(process, cell, design, array)
    times = 2.0 if cell.crosspoint else 1.0
    muxes = {name: times * energy for name, energy in _muxes(array).items()}
    decoders = _decoders(array)
    if process.like_nvsim and cell.kind == "pcm":  # whose RESET counts these twice, and no word line
        decoders = {"row_decoder": 0.0 * lines, "column_decoders": 2.0 * decoders["column_decoders"]}
        muxes = {name: 2.0 * energy for name, energy in muxes.items()}
    return {**decoders, **muxes, "bit_lines": lines, "cells": cells}


def leakages(process: Process, cell: MemoryCell, array: Subarray) -> dict[str, Any]:
    """Of one subarray [W]."""
    return {
        "row_decoder": array.decoders.leakage[0],
        "column_decoders": jnp.sum(array.decoders.leakage[1:]),
        "precharger": array.precharger.leakage,
        "sense_amplifiers": array.columns * 0.0 if array.sense is None else array.sense.leakage * array.amplifiers,
        "cells": _cell_leakage(process, cell, array),
    }


def _decoders(array: Subarray) -> dict[str, Any]:
    return {
        "row_decoder": array.decoders.energy[0],
        "column_decoders": jnp.sum(array.decoders.energy[1:]),
    }


def _muxes(array: Subarray) -> dict[str, Any]:
    first, second, third = array.muxes
    return {
        "column_mux": first.energy * array.amplifiers,
        "output_muxes": second.energy * array.outputs + third.energy * array.selected,
    }


def _line_cap(array: Subarray) -> Any:
    """A bit line with the cell at its end and the multiplexer."""
    return array.access.cap + array.cap_bit + array.muxes[0].cap


def _read_lines(process: Process, cell: MemoryCell, array: Subarray) -> Any:
    if cell.kind == "sram":
        return _line_cap(array) * (process.vdd / 2.0) ** 2 * array.columns
    if cell.kind == "dram":
        return _line_cap(array) * array.sense_voltage * process.vdd * array.columns
    bias: Any = array.bias
    if cell.sensing == "voltage":
        return _line_cap(array) * (bias.precharge**2 - bias.v_on**2) * array.columns
    # The read voltage is divided between multiplexer, bit line and cell; it falls linearly along the line.
    own = array.muxes[0].resistance
    whole = own + array.res_bit + bias.r_on
    near, far = cell.read_voltage * own / whole, cell.read_voltage * (own + array.res_bit) / whole
    line = array.cap_bit * (far**2 + near**2 + far * near) / 3.0
    return (array.access.cap * far**2 + array.muxes[0].cap * near**2 + line) * array.columns


def _written(process: Process, cell: MemoryCell, design: Design, array: Subarray) -> tuple[Any, Any]:
    """Bit lines and cells: the costlier of SET and RESET, or both."""
    if cell.kind == "sram":
        return _line_cap(array) * (process.vdd / 2.0) ** 2 * array.selected, jnp.zeros_like(array.selected)
    if cell.kind == "dram":  # all columns, since the read destroyed them
        lines = (array.cap_bit + array.muxes[0].cap) * process.vdd**2 * array.columns
        return lines, jnp.zeros_like(lines)
    count = array.selected / (SHAPER if cell.kind == "pcm" else 1.0)
    (set_line, set_cell), (reset_line, reset_cell) = (
        (
            _line_cap(array) * write_voltage(process, cell, which) ** 2 * count,
            write_energy(process, cell, which) * count,
        )
        for which in ("set", "reset")
    )
    if design.erase_first:
        return set_line + reset_line, set_cell + reset_cell
    more = set_line + set_cell >= reset_line + reset_cell
    return jnp.where(more, set_line, reset_line), jnp.where(more, set_cell, reset_cell)


def _cell_leakage(process: Process, cell: MemoryCell, array: Subarray) -> Any:
    """Two inverters and an access transistor of SRAM; the refresh of DRAM; nothing in others."""
    if cell.kind == "sram":
        latch = gate(process, 1, cell.sram_n, cell.sram_p).leakage
        through = process.off_n * process.node * cell.access_width
        return (2.0 * latch + through) * process.vdd * array.rows * array.columns
    if cell.kind == "dram":
        return _read_lines(process, cell, array) / REFRESH * array.rows
    return jnp.zeros_like(array.rows)
