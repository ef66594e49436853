"""A whole bank: its mats, the wires to them, and what all that takes."""

from typing import Any, NamedTuple

from memjax.memory._macro._cell import MemoryCell
from memjax.memory._macro._design import Design
from memjax.memory._macro._external import External, external
from memjax.memory._macro._mat import Mat
from memjax.memory._macro._organisation import Levels
from memjax.memory._macro._process import Process
from memjax.memory._macro._repeaters import line
from memjax.memory._macro._routing import Routing, bus, h_tree

FLATTEST = 10.0  # height over width of a bank, or the other way


class Sizes(NamedTuple):
    """Logarithms of what follows from an organisation (int32)."""

    address: Any  # bits of an address
    to_mat: Any  # those that reach a mat
    data: Any  # logarithm of the data bits of a mat
    rows: Any  # of a subarray
    columns: Any
    possible: Any


def sizes(capacity: Any, word: Any, size: Levels) -> Sizes:
    """`capacity` and `word` are logarithms of bits, `size` those of the counts; NumPy or JAX."""
    address = capacity - word
    active, used, mux = sum(size.active_mats), sum(size.active_subarrays), sum(size.muxes)
    to_mat = address - (sum(size.mats) - active)
    to_array = to_mat - (sum(size.subarrays) - used)
    possible = (to_array > 0) & (to_array >= mux) & (word - active >= used)
    for there, at_work in ((size.mats, size.active_mats), (size.subarrays, size.active_subarrays)):
        possible &= (there[0] >= at_work[0]) & (there[1] >= at_work[1])
    return Sizes(address, to_mat, word - active, to_array - mux, word - active - used + mux, possible)


class Bank(NamedTuple):
    """Figures by quantity and component; whether it can be built."""

    parts: dict[str, dict[str, Any]]
    height: Any
    width: Any
    valid: Any


def bank(process: Process, cell: MemoryCell, design: Design, mat: Mat, size: Levels, bits: Sizes, word: Any) -> Bank:
    """Of these mats; `word` is the logarithm of its bits."""
    wire = line(process, design.global_wire, design.repeaters)
    tall, wide = mat.height * 2.0 ** size.mats[0], mat.width * 2.0 ** size.mats[1]
    if design.routing == "h_tree":
        routing = h_tree(wire, size, bits.address, 2.0**word, mat.height, mat.width)
    else:
        routing = bus(wire, size, bits.to_mat, 2.0**bits.data, mat.height)
    outside = None
    if not design.internal_sensing:
        outside = external(process, cell, wire, mat, size, (bits.to_mat, bits.data, word), wide, design.widest)
    tall, wide = tall + routing.height + (0.0 if outside is None else outside.height), wide + routing.width
    parts = {
        "area": _areas(mat, outside, size, tall * wide),
        **_latencies(mat, routing, outside, 2.0 if design.routing == "h_tree" else 1.0),
        **_powers(mat, routing, outside, size),
    }
    valid = bits.possible & mat.valid & (tall <= FLATTEST * wide) & (wide <= FLATTEST * tall)
    return Bank(parts, tall, wide, valid if outside is None else valid & outside.valid)


def _areas(mat: Mat, outside: External | None, size: Levels, total: Any) -> dict[str, Any]:
    mats, arrays = (2.0 ** sum(count) for count in (size.mats, size.subarrays))
    found = {name: area * mats * arrays for name, area in mat.areas.items()}
    found["predecoders"] = mat.predecoders.area * mats
    if outside is not None:
        found |= {name: found[name] + area for name, area in outside.area.items()}
    return found | {"wiring_and_gaps": total - sum(found.values())}


def _latencies(mat: Mat, routing: Routing, outside: External | None, trips: float) -> dict[str, dict[str, Any]]:
    """`trips`: how often a read passes the wires."""
    first = {"predecoders": mat.predecoders.latency}
    read, write = first | mat.read, first | mat.write
    if outside is None:
        return {
            "read_latency": {"routing": trips * routing.latency, **read},
            "write_latency": {"routing": routing.latency, **write},
        }
    read |= {"bit_line": outside.bit_line, "routing": outside.read_routing, "sense_amplifiers": outside.sensing}
    return {
        "read_latency": read | {"output_muxes": read["output_muxes"] + outside.choosing},
        "write_latency": write | {"routing": outside.write_routing, "output_muxes": outside.choosing},
    }


def _powers(mat: Mat, routing: Routing, outside: External | None, size: Levels) -> dict[str, dict[str, Any]]:
    mats, arrays = (2.0 ** sum(count) for count in (size.mats, size.subarrays))
    active, used = (2.0 ** sum(count) for count in (size.active_mats, size.active_subarrays))
    decoding, leaking = mat.predecoders.energy * active, mat.predecoders.leakage * mats
    read, write, leakage = (
        {name: value * times for name, value in one.items()}
        for one, times in (
            (mat.read_energy, active * used),
            (mat.write_energy, active * used),
            (mat.leakage, mats * arrays),
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
