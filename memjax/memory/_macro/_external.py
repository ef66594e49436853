"""One row of sense amplifiers for a whole bank, reached through global bit lines."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from memjax.memory._macro._cell import MemoryCell
from memjax.memory._macro._columns import mux, sense_amplifier
from memjax.memory._macro._mat import Mat
from memjax.memory._macro._organisation import Levels
from memjax.memory._macro._process import Process
from memjax.memory._macro._repeaters import Line
from memjax.memory._macro._sensing import settling

TO_63 = 0.63  # time constants of a charge


class External(NamedTuple):
    """Terms of the global bit lines and of the amplifiers at their end."""

    bit_line: Any
    read_routing: Any
    write_routing: Any
    choosing: Any  # latency of the multiplexer between mats
    sensing: Any
    read_lines: Any
    write_lines: Any
    read_energy: Any
    write_energy: Any
    leakage: Any
    height: Any
    area: dict[str, Any]
    valid: Any


def external(
    process: Process,
    cell: MemoryCell,
    line: Line,
    mat: Mat,
    size: Levels,
    bits: tuple[Any, Any, Any],
    width: Any,
    widest: Any,
) -> External:
    """Of cells with resistances.

    Args:
        bits: of the address that reaches a mat; logarithms of the data bits of a mat and of a word.
        width: of the bank [m].
        widest: NMOS [F].
    """
    address, data, word = bits
    rows, height = size.mats[0], mat.height
    words, data = 2.0**word, 2.0**data
    active_rows, active_columns = (2.0**count for count in size.active_mats)
    sense = sense_amplifier(process, width / words / process.node, cell.sense_voltage, cell.sensing == "current")
    inputs = 2.0 ** (sum(size.mats) - sum(size.active_mats))
    chooser = mux(process, inputs, sense.cap, sense.cap, 0.0, widest, cell.r_on)

    length = height * 2.0**rows
    cap, res = line.wire.capacitance * length, line.wire.resistance * length
    local_res, local_cap = mat.res_bit + 3.0 * chooser.resistance, mat.cap_bit + 6.0 * chooser.cap
    own = chooser.resistance
    written = TO_63 * (
        own * cap / 2.0 + (own + res) * (cap + local_cap) / 2.0 + (own + res + local_res) * local_cap / 2.0
    )
    bias: Any = mat.bias
    bit_line, reached = mat.read["bit_line"], 0.0
    if cell.sensing == "current":
        behind = local_res + bias.r_off
        reached = TO_63 * res * cap / 2.0 * (behind + res / 3.0) / (behind + res)
    else:
        swings = (bias.precharge - bias.v_on, bias.v_off - bias.precharge)
        bit_line = jnp.maximum(
            *(
                before + (behind * cap + (behind + res) * cap / 2.0) * settling(swing, cell.sense_voltage)
                for before, behind, swing in zip(
                    (mat.bit_line_on, mat.bit_line_off),
                    (local_res + bias.tau_on, local_res + _beyond(cell, bias)),
                    swings,
                    strict=True,
                )
            )
        )
    total = line.wire.capacitance * height * (active_rows * 2.0**rows - active_rows * (active_rows - 1.0) / 2.0)
    decoding = total * process.vdd**2 * address
    volts = [0.0 if one is None else jnp.abs(one) for one in (cell.set_voltage, cell.reset_voltage)]
    read_lines = total * (bias.precharge**2 - bias.v_on**2) * data if cell.sensing == "voltage" else 0.0
    node = process.node
    return External(
        bit_line=bit_line,
        read_routing=reached,
        write_routing=written,
        choosing=chooser.latency,
        sensing=sense.latency,
        read_lines=decoding + read_lines,
        write_lines=decoding + total * jnp.maximum(*volts) ** 2 * data,
        read_energy=(chooser.energy + sense.energy) * words * active_columns,
        write_energy=chooser.energy * words * active_columns,
        leakage=sense.leakage * words * 2.0 ** size.mats[1],
        height=(sense.height + chooser.height) * node,
        area={
            "multiplexers": words * inputs * chooser.height * chooser.width * node**2,
            "sense_amplifiers": width * sense.height * node,
        },
        valid=sense.valid,
    )


def _beyond(cell: MemoryCell, bias: Any) -> Any:
    """The resistance at HRS behind the global bit line."""
    return bias.tau_on + cell.r_off - cell.r_on if cell.read_voltage is None else bias.tau_off
