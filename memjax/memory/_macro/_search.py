"""All organisations at once, and the best of them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from memjax import _check
from memjax.memory._macro._bank import sizes
from memjax.memory._macro._cell import MemoryCell
from memjax.memory._macro._design import Design
from memjax.memory._macro._macro import OBJECTIVES, Macro, checked, evaluate_banks, evaluate_mats, of_organisation
from memjax.memory._macro._organisation import Levels, Organisation
from memjax.memory._macro._process import Process

# Mats and banks in one call of the compiled programs, which so are the same for all capacities.
CHUNK_OF_MATS, CHUNK_OF_BANKS = 2048, 16384
MATS, SUBARRAYS, MUXES = 512, 2, (256, 256, 256)


def explore(
    capacity: int,
    word: int,
    cell: MemoryCell,
    process: Process,
    *,
    design: Design | None = None,
    mats: int = MATS,
    subarrays: int = SUBARRAYS,
    muxes: tuple[int, int, int] = MUXES,
) -> Macro:
    """Every organisation of a macro that can be built, with its figures as arrays [n].

    All powers of two are tried: mats and subarrays each way, active ones up to those, and inputs of multiplexers.

    Args:
        capacity, word: in BITS (64 KB are 2**19), powers of two.
        cell, process, design: what it is made of, and how.
        mats, subarrays: the most each way, of a bank and of a mat.
        muxes: the most inputs of each of the three levels; (256, 1, 1) is faster, and rarely worse.

    Raises: ValueError for bits that are no powers of two, and where no organisation fits.
    """
    design = Design() if design is None else design
    capacity, word = checked(capacity, word, cell, process, design)
    found = _candidates(capacity, word, *_limits(mats, subarrays, muxes))
    macros = _evaluated(cell, process, design, capacity, word, found) if len(found) else None
    if macros is None or len(macros) == 0:
        raise ValueError(
            f"capacity and word must fit an organisation, got {2**capacity} bits in words of {2**word}: none of "
            f"{len(found)} can be built with this cell, process and design (mats={mats}, subarrays={subarrays}, "
            f"muxes={muxes})"
        )
    return macros


def macro(
    capacity: int,
    word: int,
    cell: MemoryCell,
    process: Process,
    *,
    design: Design | None = None,
    organisation: Organisation | None = None,
    objective: str | Callable[[Macro], Any] = "read_latency",
    muxes: tuple[int, int, int] = MUXES,
) -> Macro:
    """A memory macro: area, latencies, energies and leakage of the best organisation, or of a given one.

    Decoders and drivers by logical effort, wires as RC with Horowitz's delay, sense amplifiers for voltages or
    currents, write pulses from the cell: the equations of NVSim (Dong et al., IEEE TCAD 31(7), 994, 2012), written
    anew. For a given organisation every number of `cell` and `process` may be traced: `jax.grad` and `jax.vmap` go
    through. With `process(..., constants="nvsim")` five oversights of NVSim are kept, which are mended otherwise: the
    second branch of a predecoder has the delay of the first; a sense amplifier leaks I vdd^2; a SET by a current asks
    for the RESET voltage; the energy of a phase-change RESET counts the column circuits twice; and mistyped currents.

    Args:
        capacity, word: in BITS (64 KB are 2**19, a word of 8 bytes is 64), powers of two.
        cell: `MemoryCell.rram()`, `read_cell("my.cell")`, `MemoryCell.from_device(...)` ...
        process: of the transistors and wires, as `process(45e-9, "HP", 350.0)`.
        design: wires, buffers and sensing; `Design()` if left out.
        organisation: the one to be built; if left out, the best is searched among all (see `explore`).
        objective: what is least in the best: "area", "read_latency", "write_latency", "read_energy", "write_energy",
            "leakage", "read_edp", "write_edp", or a function of `Macro` to an array [n].
        muxes: the most inputs of the three levels of multiplexers in the search.

    Raises: ValueError for bits that are no powers of two, an organisation that cannot be built (unless it is traced:
        then `valid` says so), and where no organisation fits.
    """
    design = Design() if design is None else design
    _check_objective(objective)
    if organisation is not None:
        return of_organisation(*checked(capacity, word, cell, process, design), cell, process, design, organisation)
    return best(explore(capacity, word, cell, process, design=design, muxes=muxes), objective)


def best(macros: Macro, objective: str | Callable[[Macro], Any] = "read_latency") -> Macro:
    """The one of many macros with the least of an objective (as of `macro`), the first of equals.

    Raises: ValueError for an unknown objective, and for a function that does not return an array [n].
    """
    _check.part("macros", macros, Macro, example="explore(2**19, 64, cell, process)")
    return macros[int(np.argmin(values(macros, objective)))]


def values(macros: Macro, objective: str | Callable[[Macro], Any]) -> np.ndarray:
    """What an objective is for each of many macros [n]; infinite for those that cannot be built."""
    _check_objective(objective)
    found = _check.array("objective", getattr(macros, objective) if isinstance(objective, str) else objective(macros))
    if found.shape != np.shape(macros.area):
        raise ValueError(f"objective must return an array of shape {np.shape(macros.area)}, got {found.shape}")
    return np.where(macros.valid, found, np.inf)


def _check_objective(objective: Any) -> None:
    if not callable(objective) or isinstance(objective, type):
        _check.choice("objective", objective, OBJECTIVES)


def _limits(mats: Any, subarrays: Any, muxes: Any) -> tuple[int, int, tuple[int, int, int]]:
    """Logarithms of the most mats, subarrays and inputs."""
    _check.integer("mats", mats, 1, 1024)
    _check.integer("subarrays", subarrays, 1, 16)
    if not isinstance(muxes, tuple | list) or len(muxes) != 3:
        raise TypeError(f"muxes must be the most inputs (m1, m2, m3), got {_check.shown(muxes)}")
    for inputs in muxes:
        _check.integer("muxes", inputs, 1, 1024)
    first, second, third = (int(inputs).bit_length() - 1 for inputs in muxes)
    return int(mats).bit_length() - 1, int(subarrays).bit_length() - 1, (first, second, third)


def _candidates(capacity: int, word: int, mats: int, subarrays: int, muxes: tuple[int, int, int]) -> np.ndarray:
    """Organisations [n, 11] (logarithms, in the order of the fields) with whole rows and columns."""
    bank, mat = _arrays(mats), _arrays(subarrays)
    idle_bank, idle_mat = (one[:, :2].sum(1) - one[:, 2:].sum(1) for one in (bank, mat))
    levels = np.stack(np.meshgrid(*(np.arange(most + 1) for most in muxes), indexing="ij"), -1).reshape(-1, 3)
    pairs = np.stack(np.meshgrid(np.arange(len(bank)), np.arange(len(mat)), indexing="ij"), -1).reshape(-1, 2)
    address = capacity - word - idle_bank[pairs[:, 0]] - idle_mat[pairs[:, 1]]
    active = bank[pairs[:, 0], 2:].sum(1) + mat[pairs[:, 1], 2:].sum(1)
    pairs, address = (one[(address > 0) & (active <= word)] for one in (pairs, address))
    fits = address[:, None] >= levels.sum(1)[None]
    which, level = np.nonzero(fits)
    bank, mat = bank[pairs[which, 0]], mat[pairs[which, 1]]
    return np.concatenate([bank, mat, levels[level]], 1).astype(np.int8)


def _arrays(most: int) -> np.ndarray:
    """Rows, columns, active rows and active columns of all arrays up to a size, as logarithms [n, 4]."""
    counts = np.arange(most + 1)
    every = np.stack(np.meshgrid(counts, counts, counts, counts, indexing="ij"), -1).reshape(-1, 4)
    return every[(every[:, 2] <= every[:, 0]) & (every[:, 3] <= every[:, 1])]


def _as_levels(table: np.ndarray) -> Levels:
    columns = [table[:, i].astype(np.int32) for i in range(table.shape[1])]
    mats, active, subarrays, used = (tuple(columns[i : i + 2]) for i in range(0, 8, 2))
    return Levels(mats, active, subarrays, used, tuple(columns[8:]))


def _evaluated(
    cell: MemoryCell, process: Process, design: Design, capacity: int, word: int, table: np.ndarray
) -> Macro | None:
    """Those that can be built, on the host; each mat that many have in common is evaluated once."""
    size = _as_levels(table)
    bits = sizes(capacity, word, size)
    keys = np.stack([bits.rows, bits.columns, *size.subarrays, *size.muxes], -1)
    codes = keys @ (64 ** np.arange(keys.shape[1], dtype=np.int64))
    _, first, which = np.unique(codes, return_index=True, return_inverse=True)

    def of_mats(place: np.ndarray) -> Any:
        chosen = first[place]
        lines = (keys[chosen, 0], keys[chosen, 1])
        return evaluate_mats(cell, process, design, lines, _at(size, chosen))

    mats = _chunked(of_mats, np.arange(len(first)), CHUNK_OF_MATS)
    able = np.nonzero(bits.possible & mats.valid[which])[0]
    if not len(able):
        return None
    macros = _chunked(
        lambda place: evaluate_banks(
            cell, process, design, _at(mats, which[place]), jnp.int32(capacity), jnp.int32(word), _at(size, place)
        ),
        able,
        CHUNK_OF_BANKS,
    )
    return macros[np.nonzero(macros.valid)[0]]


def _at(tree: Any, place: np.ndarray) -> Any:
    return jax.tree.map(lambda leaf: leaf[place], tree)


def _chunked(function: Callable[[np.ndarray], Any], place: np.ndarray, chunk: int) -> Any:
    """`function` of all places, in calls of one size, on the host."""
    padded = np.pad(place, (0, -len(place) % chunk), mode="edge").reshape(-1, chunk)
    parts = [jax.tree.map(np.asarray, function(one)) for one in padded]
    return jax.tree.map(lambda *leaves: np.concatenate(leaves)[: len(place)], *parts)
