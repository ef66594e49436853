"""The macro of an organisation."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from memjax import _check
from memjax._field import check_scalars
from memjax._words import capital, words
from memjax.memory._macro._bank import FLATTEST, bank, sizes
from memjax.memory._macro._cell import MemoryCell
from memjax.memory._macro._design import Design, as_design
from memjax.memory._macro._mat import Mat, mat
from memjax.memory._macro._organisation import Levels, Organisation, levels
from memjax.memory._macro._process import Process
from memjax.memory._macro._routing import LEVELS

QUANTITIES = ("area", "read_latency", "write_latency", "read_energy", "write_energy", "leakage")
OBJECTIVES = (*QUANTITIES, "read_edp", "write_edp")
CAPACITY, WORD = 2**38, 2**20


class Macro(eqx.Module):
    """A memory macro, or with arrays [n] in every field n of them (`explore`, `pareto`).

    Attributes:
        area: of the bank [m2].
        read_latency, write_latency: [s].
        read_energy, write_energy: of one word [J].
        leakage: power at rest [W].
        height, width: of the bank [m].
        rows, columns: word and bit lines of a subarray.
        valid: whether it can be built: enough address and data bits for its parts, drivers wide enough, a bank that is
            no more than ten times longer than wide, and what the cell demands. Numbers of others mean nothing.
        organisation: how it is divided.
        parts: quantity -> component -> share; the shares of each quantity add up to it. Latencies are those of the
            path that is the longest. "wiring_and_gaps" of the area is what no component fills (less than zero where
            parts that are drawn folded stand over others).
    """

    area: Any
    read_latency: Any
    write_latency: Any
    read_energy: Any
    write_energy: Any
    leakage: Any
    height: Any
    width: Any
    rows: Any
    columns: Any
    valid: Any
    organisation: Organisation
    parts: dict[str, dict[str, Any]]

    @property
    def read_edp(self) -> Any:
        """Energy-delay product of reads [J s]."""
        return self.read_energy * self.read_latency

    @property
    def write_edp(self) -> Any:
        """Energy-delay product of writes [J s]."""
        return self.write_energy * self.write_latency

    def __len__(self) -> int:
        return int(np.shape(self.area)[0])

    def __getitem__(self, index: Any) -> "Macro":
        """One of many, or some of them."""
        return jax.tree.map(lambda leaf: leaf[index], self)

    def __str__(self) -> str:
        if np.ndim(self.area):
            return f"{len(self)} macros"
        scales = {"area": ("µm²", 1e12), "latency": ("ns", 1e9), "energy": ("pJ", 1e12), "leakage": ("mW", 1e3)}
        lines = [f"{self.organisation}, subarray {int(self.rows)}x{int(self.columns)}"]
        for quantity in QUANTITIES:
            unit, scale = scales[quantity.split("_")[-1]]
            parts = sorted(self.parts[quantity].items(), key=lambda part: -float(part[1]))
            shares = ", ".join(
                f"{words(name)} {scale * float(value):.4g}" for name, value in parts if float(value) != 0.0
            )
            lines.append(
                f"{capital(words(quantity)):13} {scale * float(getattr(self, quantity)):>10.5g} {unit:3} = {shares}"
            )
        return "\n".join(lines)


def checked(capacity: Any, word: Any, cell: Any, process: Any, design: Any) -> tuple[int, int]:
    """Logarithms of capacity and word, if all arguments are right."""
    for name, bits, most in (("capacity", capacity, CAPACITY), ("word", word, WORD)):
        _check.integer(name, bits, 1, most)
        if bits & (bits - 1):
            raise ValueError(f"{name} must be a power of two in [1, {most}] bits, got {_check.shown(bits)}")
    if word > capacity // 2:
        raise ValueError(f"word must be at most half the capacity of {capacity} bits, got {word}")
    _check.part("cell", cell, MemoryCell, example="MemoryCell.rram()")
    _check.part("technology", process, Process, example="process(45e-9)")
    for name, spec in (("cell", cell), ("technology", process), ("design", as_design(design, cell))):
        check_scalars(name, spec)
    return int(capacity).bit_length() - 1, int(word).bit_length() - 1


@jax.jit
def evaluate(cell: MemoryCell, process: Process, design: Design, capacity: Any, word: Any, size: Levels) -> Macro:
    """The macro of one organisation, with the logarithms of capacity and word."""
    bits = sizes(capacity, word, size)
    return _of_bank(
        cell,
        process,
        design,
        mat(process, cell, design, bits.rows, bits.columns, size.subarrays, size.muxes),
        capacity,
        word,
        size,
    )


@jax.jit
def evaluate_mats(cell: MemoryCell, process: Process, design: Design, lines: tuple, size: Levels) -> Mat:
    """Mats [n] with the logarithms of the rows and columns of their subarrays."""
    return jax.vmap(lambda lines, size: mat(process, cell, design, lines[0], lines[1], size.subarrays, size.muxes))(
        lines, size
    )


@jax.jit
def evaluate_banks(
    cell: MemoryCell, process: Process, design: Design, mats: Mat, capacity: Any, word: Any, size: Levels
) -> Macro:
    """Macros [n] of mats [n]."""
    return jax.vmap(lambda mat, size: _of_bank(cell, process, design, mat, capacity, word, size))(mats, size)


def _of_bank(
    cell: MemoryCell, process: Process, design: Design, mat: Mat, capacity: Any, word: Any, size: Levels
) -> Macro:
    bits = sizes(capacity, word, size)
    found = bank(process, cell, design, mat, size, bits, word)
    return Macro(
        **{quantity: sum(found.parts[quantity].values()) for quantity in QUANTITIES},
        height=found.height,
        width=found.width,
        rows=2.0**bits.rows,
        columns=2.0**bits.columns,
        valid=found.valid,
        organisation=Organisation(**jax.tree.map(lambda level: jnp.left_shift(1, level), size)._asdict()),
        parts=found.parts,
    )


def of_organisation(
    capacity: int, word: int, cell: MemoryCell, process: Process, design: Design, organisation: Organisation
) -> Macro:
    """Of one organisation; capacity and word are logarithms."""
    _check.part("organisation", organisation, Organisation, example="Organisation(mats=(4, 4), muxes=(8, 1, 1))")
    for count in organisation.mats:
        _check.satisfies("organisation.mats", count, lambda x: x <= 2**LEVELS, f"at most {2**LEVELS} each way")
    found = evaluate(cell, process, design, jnp.int32(capacity), jnp.int32(word), levels(organisation))
    valid = _check.concrete(found.valid)
    if valid is not None and not valid:
        raise ValueError(
            f"organisation must be one that {2**capacity} bits in words of {2**word} can have with this cell, "
            f"technology and design, got {organisation}: {_reason(found)}"
        )
    return found


def _reason(found: Macro) -> str:
    known = (_check.concrete(one) for one in (found.rows, found.columns, found.height, found.width))
    sizes = [float(size) for size in known if size is not None]
    if len(sizes) < 4:  # in a gradient whether it is valid is known, its sizes are not
        return "ask for it without a gradient to see why"
    rows, columns, height, width = sizes
    shape = f"subarrays would have {rows:g} rows and {columns:g} columns"
    if rows < 1 or columns < 1 or rows * columns < 2:
        return shape
    if max(height, width) > FLATTEST * min(height, width):
        return f"{shape}, and the bank would be {height:.3g} m high and {width:.3g} m wide, more than 1 to {FLATTEST:g}"
    return f"{shape}; too few bits reach them, drivers would be too wide, or the cell cannot be read"
