"""A whole bank: its mats, the wires to them, and what all that takes."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from memjax.memory._macro._cell import RESISTIVE, MemoryCell
from memjax.memory._macro._decoders import MOST_BITS, Predecoder, predecoder
from memjax.memory._macro._design import Design
from memjax.memory._macro._external import External, external
from memjax.memory._macro._organisation import Levels
from memjax.memory._macro._power import leakages, read_energy, write_energies
from memjax.memory._macro._process import Process
from memjax.memory._macro._repeaters import line
from memjax.memory._macro._routing import bus, h_tree
from memjax.memory._macro._subarray import Subarray, subarray
from memjax.memory._macro._timing import timing

FLATTEST = 10.0  # height over width of a bank, or the other way


class Bank(NamedTuple):
    """Figures by quantity and component; `rows` and `columns` of a subarray; whether it can be built."""

    parts: dict[str, dict[str, Any]]
    height: Any
    width: Any
    rows: Any
    columns: Any
    valid: Any


def bank(process: Process, cell: MemoryCell, design: Design, capacity: Any, word: Any, size: Levels) -> Bank:
    """`capacity` and `word` are logarithms of bits (int32), `size` those of the counts."""
    depth = capacity - word  # bits of an address
    active, used = sum(size.active_mats), sum(size.active_subarrays)
    to_mat = depth - (sum(size.mats) - active)
    to_array = to_mat - (sum(size.subarrays) - used)
    data = word - active  # logarithm of the bits of a mat
    mux = sum(size.muxes)
    possible = (to_array > 0) & (to_array >= mux) & (data >= used)
    for there, at_work in ((size.mats, size.active_mats), (size.subarrays, size.active_subarrays)):
        possible &= (there[0] >= at_work[0]) & (there[1] >= at_work[1])
    row_bits = jnp.clip(to_array - mux, 0, 2 * MOST_BITS)
    rows, columns = 2.0**row_bits, 2.0 ** jnp.maximum(0, data - used + mux)
    array = subarray(process, cell, design, rows, columns, tuple(2.0**level for level in size.muxes))

    blocks, height, width = _mat(process, design, array, size, row_bits)
    wire = line(process, design.global_wire, design.repeaters)
    mats, arrays = (2.0 ** sum(count) for count in (size.mats, size.subarrays))
    tall, wide = height * 2.0 ** size.mats[0], width * 2.0 ** size.mats[1]
    outside = None
    if design.routing == "h_tree":
        routing = h_tree(wire, size, depth, 2.0**word, height, width)
        trips = 2.0  # a read goes in and comes out
    else:
        routing = bus(wire, size, to_mat, 2.0**data, height)
        trips = 1.0
    times = timing(process, cell, design, array, jnp.max(blocks.before[:2]))
    if not design.internal_sensing:
        outside = external(process, cell, wire, array, times, size, (to_mat, data, word), height, wide)
    tall, wide = tall + routing.height, wide + routing.width
    if outside is not None:
        tall = tall + outside.height
    parts = {
        "area": _area(process, array, blocks, outside, mats, arrays, tall * wide),
        **_latencies(blocks, times, routing, trips, outside),
        **_powers(process, cell, design, array, blocks, routing, outside, size),
    }
    valid = possible & array.valid & (tall <= FLATTEST * wide) & (wide <= FLATTEST * tall)
    if outside is not None:
        valid &= outside.valid
    return Bank(parts, tall, wide, rows, columns, valid)


def _mat(process: Process, design: Design, array: Subarray, size: Levels, row_bits: Any) -> tuple[Predecoder, Any, Any]:
    """Predecoders (two blocks for word lines and for every level of multiplexers) and the size of a mat."""
    cap = process.wire(design.local_wire).capacitance
    down, across = (2.0**count for count in size.subarrays)
    to_rows = cap * (array.height * down + array.width * across) / 2.0
    to_muxes = cap * (
        jnp.maximum(0.0, array.height * (down - 2.0) / 2.0) + jnp.maximum(0.0, array.width * (across - 2.0) / 2.0)
    )
    bits = jnp.stack([row_bits, *size.muxes])
    second = jnp.where(bits > 3, bits // 2, 0)
    bits = jnp.stack([bits - second, second], -1).reshape(-1)
    blocks = predecoder(process, design.widest, bits, jnp.where(jnp.arange(8) < 2, to_rows, to_muxes))
    height, width, side = array.height * down, array.width * across, jnp.sqrt(jnp.sum(blocks.area))
    longer = width > height
    return blocks, height + jnp.where(longer, 0.0, side), width + jnp.where(longer, side, 0.0)


def _area(
    process: Process, array: Subarray, blocks: Predecoder, outside: External | None, mats: Any, arrays: Any, total: Any
) -> dict[str, Any]:
    found = {name: area * mats * arrays for name, area in array.parts.items()}
    found["predecoders"] = jnp.sum(blocks.area) * mats
    if outside is not None:
        found |= {name: found[name] + area for name, area in outside.area.items()}
    return found | {"wiring_and_gaps": total - sum(found.values())}


def _latencies(blocks: Predecoder, times: Any, routing: Any, trips: float, outside: External | None) -> dict[str, Any]:
    first = {"predecoders": jnp.max(blocks.latency)}
    read, write = first | times.read, first | times.write
    if outside is None:
        return {
            "read_latency": {"routing": trips * routing.latency, **read},
            "write_latency": {"routing": routing.latency, **write},
        }
    read["output_muxes"] = read["output_muxes"] + outside.choosing
    return {
        "read_latency": read
        | {"bit_line": outside.bit_line, "routing": outside.read_routing, "sense_amplifiers": outside.sensing},
        "write_latency": write | {"routing": outside.write_routing, "output_muxes": outside.choosing},
    }


def _powers(
    process: Process,
    cell: MemoryCell,
    design: Design,
    array: Subarray,
    blocks: Predecoder,
    routing: Any,
    outside: External | None,
    size: Levels,
) -> dict[str, Any]:
    mats, arrays = (2.0 ** sum(count) for count in (size.mats, size.subarrays))
    active, used = (2.0 ** sum(count) for count in (size.active_mats, size.active_subarrays))
    decoding, leaking = jnp.sum(blocks.energy) * active, jnp.sum(blocks.leakage) * mats
    read, write, leakage = (
        {name: value * times for name, value in one.items()}
        for one, times in (
            (read_energy(process, cell, array), active * used),
            (write_energies(process, cell, design, array), active * used),
            (leakages(process, cell, array), mats * arrays),
        )
    )
    found = {
        "read_energy": {"routing": routing.energy, "predecoders": decoding, **read},
        "write_energy": {"routing": routing.energy, "predecoders": decoding, **write},
        "leakage": {"routing": routing.leakage, "predecoders": leaking, **leakage},
    }
    if outside is not None:
        found["read_energy"] |= {"routing": outside.read_lines, "sense_amplifiers": outside.read_energy}
        found["write_energy"] |= {"routing": outside.write_lines, "sense_amplifiers": outside.write_energy}
        found["leakage"] |= {"sense_amplifiers": outside.leakage}
    return found
