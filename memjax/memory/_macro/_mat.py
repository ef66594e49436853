"""A mat: subarrays around the predecoders that they share."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from memjax.memory._macro._cell import MemoryCell
from memjax.memory._macro._decoders import MOST_BITS, Predecoder, predecoder
from memjax.memory._macro._design import Design
from memjax.memory._macro._power import leakages, read_energy, write_energies
from memjax.memory._macro._process import Process
from memjax.memory._macro._sensing import Bias
from memjax.memory._macro._subarray import Subarray, subarray
from memjax.memory._macro._timing import timing


class Mat(NamedTuple):
    """What a bank must know of its mats; dictionaries by component.

    Areas, energies and leakage are those of one subarray, and of the predecoders of the mat; sizes are those of the
    mat [m].
    """

    areas: dict[str, Any]
    read: dict[str, Any]  # latencies
    write: dict[str, Any]
    read_energy: dict[str, Any]
    write_energy: dict[str, Any]
    leakage: dict[str, Any]
    predecoders: Predecoder  # all together
    height: Any
    width: Any
    res_bit: Any
    cap_bit: Any
    bit_line_on: Any
    bit_line_off: Any
    bias: Bias | None
    valid: Any


def mat(
    process: Process, cell: MemoryCell, design: Design, rows: Any, columns: Any, across: tuple, muxes: tuple
) -> Mat:
    """All sizes are logarithms (int32): lines of a subarray, (rows, columns) of them, inputs of multiplexers."""
    array = subarray(process, cell, design, 2.0**rows, 2.0**columns, tuple(2.0**level for level in muxes))
    blocks = _predecoders(process, design, array, rows, across, muxes)
    times = timing(process, cell, design, array, jnp.max(blocks.before[:2]))
    height, width, side = (
        array.height * 2.0 ** across[0],
        array.width * 2.0 ** across[1],
        jnp.sqrt(jnp.sum(blocks.area)),
    )
    longer = width > height
    return Mat(
        areas=array.parts,
        read=times.read,
        write=times.write,
        read_energy=read_energy(process, cell, array),
        write_energy=write_energies(process, cell, design, array),
        leakage=leakages(process, cell, array),
        predecoders=Predecoder(
            jnp.max(blocks.latency),
            jnp.max(blocks.before[:2]),
            *(jnp.sum(one) for one in (blocks.energy, blocks.leakage, blocks.area)),
        ),
        height=height + jnp.where(longer, 0.0, side),
        width=width + jnp.where(longer, side, 0.0),
        res_bit=array.res_bit,
        cap_bit=array.cap_bit,
        bit_line_on=times.bit_line_on,
        bit_line_off=times.bit_line_off,
        bias=array.bias,
        valid=array.valid & (rows >= 0) & (rows <= 2 * MOST_BITS) & (columns >= sum(muxes)),
    )


def _predecoders(
    process: Process, design: Design, array: Subarray, rows: Any, across: tuple, muxes: tuple
) -> Predecoder:
    """Two blocks for the word lines and for every level of multiplexers, in the middle of the mat."""
    cap = process.wire(design.local_wire).capacitance
    down, beside = (2.0**count for count in across)
    to_rows = cap * (array.height * down + array.width * beside) / 2.0
    to_muxes = cap * (
        jnp.maximum(0.0, array.height * (down - 2.0) / 2.0) + jnp.maximum(0.0, array.width * (beside - 2.0) / 2.0)
    )
    bits = jnp.clip(jnp.stack([rows, *muxes]), 0, 2 * MOST_BITS)
    second = jnp.where(bits > 3, bits // 2, 0)
    bits = jnp.stack([bits - second, second], -1).reshape(-1)
    return predecoder(process, design.widest, bits, jnp.where(jnp.arange(8) < 2, to_rows, to_muxes))
