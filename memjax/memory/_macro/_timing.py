"""Latencies of a subarray, by component."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from memjax.memory._macro._cell import MemoryCell
from memjax.memory._macro._delay import LN2, horowitz
from memjax.memory._macro._design import Design
from memjax.memory._macro._gates import resistance, transconductance
from memjax.memory._macro._process import Process
from memjax.memory._macro._sensing import settling
from memjax.memory._macro._subarray import Subarray


class Timing(NamedTuple):
    """Latencies by component [s]; those of the bit line at LRS and HRS apart, where a voltage is sensed."""

    read: dict[str, Any]
    write: dict[str, Any]
    bit_line_on: Any
    bit_line_off: Any


def timing(process: Process, cell: MemoryCell, design: Design, array: Subarray, before: Any) -> Timing:
    """After predecoders whose last stage has the delay `before`."""
    delays, lasts = array.decoders.delay(jnp.broadcast_to(before, (4,)))
    rows, columns = delays[0], jnp.max(delays[1:])
    on, off, bit_line = _bit_line(process, cell, array, lasts[0])
    first, second, third = array.muxes
    read = {
        "decoders": jnp.maximum(rows, columns),
        "bit_line": bit_line,
        "column_mux": jnp.zeros_like(bit_line) if cell.kind == "dram" else first.latency,
        "sense_amplifiers": jnp.zeros_like(bit_line) if array.sense is None else array.sense.latency,
        "output_muxes": second.latency + third.latency,
    }
    return Timing(read, _write(cell, design, array, rows, columns, read), on, off)


def _bit_line(process: Process, cell: MemoryCell, array: Subarray, last: Any) -> tuple[Any, Any, Any]:
    """Delays at LRS, at HRS, and of the slower; `last` is the delay of the word line's driver."""
    own, cap, res, seen = array.access, array.cap_bit, array.res_bit, array.muxes[0].cap_seen
    along = res * (seen + cap / 2.0)
    if cell.kind == "sram":
        pull_down = resistance(process, cell.sram_n)
        tau = (own.resistance + pull_down) * (own.cap + cap + seen) + along
        half = process.vdd / 2.0  # to which lines are precharged; one line rises and the other falls
        tau = tau * settling(half, cell.sense_voltage / 2.0)
        beta = 1.0 / (pull_down * transconductance(process, cell.access_width, process.mobility_n))
        delay = horowitz(tau, beta, last)
        return delay, delay, delay
    if cell.kind == "dram":
        store, line = own.cap + cell.dram_capacitance, cap + seen
        delay = horowitz(2.3 * (res + own.resistance) * store * line / (store + line), 0.0, last)
        return delay, delay, delay
    bias: Any = array.bias
    if cell.sensing == "current":
        delay = horowitz(res * cap / 2.0 * (bias.r_off + res / 3.0) / (bias.r_off + res), 0.0, last)
        return delay, delay, delay
    swing = own.cap + cap + seen
    on = (bias.tau_on * swing + along) * settling(bias.precharge - bias.v_on, array.sense_voltage)
    off = (bias.tau_off * swing + along) * settling(bias.v_off - bias.precharge, array.sense_voltage)
    return on, off, jnp.maximum(on, off)


def _write(cell: MemoryCell, design: Design, array: Subarray, rows: Any, columns: Any, read: dict) -> dict[str, Any]:
    if cell.kind in ("sram", "dram"):
        return dict(read)  # the bit line takes as long either way
    through = sum(one.resistance for one in array.muxes)
    charge = LN2 * (through * (sum(one.cap for one in array.muxes) + array.cap_bit) + array.res_bit * array.cap_bit / 2)
    if cell.crosspoint and cell.kind != "pcm":
        chosen = charge if design.erase_first else columns + charge
        return {
            "decoders": jnp.maximum(rows, chosen),
            "bit_line": charge,
            "cells": cell.set_pulse + cell.reset_pulse,
        }
    return {"decoders": jnp.maximum(rows, columns + charge), "cells": jnp.maximum(cell.set_pulse, cell.reset_pulse)}
