"""Chips of a program: its matrices laid out on crossbars, written, read and corrected, and every check of a chip."""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array

from memjax import _check, crossbar
from memjax.contraction import Convolution
from memjax.crossbar import Packing, Ready
from memjax.transform._fleet import Fleet, prepared
from memjax.transform._record import Crossbar
from memjax.transform._sites import Program

Chip = dict[str, Any]


def leading_of(found: Crossbar) -> tuple[int, ...]:
    """Leading axes of a crossbar's arrays: one for each loop, and one for a stack. Groups share tiles (`Packing`)."""
    stack = () if isinstance(found.contraction, Convolution) else found.contraction.stack
    return (*found.steps, *stack)


def shape_of(fleet: Fleet, found: Crossbar) -> tuple[int, int]:
    """(K, N) of the matrix that is cut into tiles."""
    packing = Packing.of(fleet[found.name], found.contraction)
    return found.contraction.shape if packing is None else packing.shape


def _passes(program: Program, fleet: Fleet) -> dict[Any, list[str]]:
    """The crossbars that are written in one pass: of one hardware, and with as many word lines driven at once."""
    passes: dict[Any, list[str]] = {}
    for name, kind in fleet.index:
        packing = Packing.of(fleet[name], program.crossbars[name].contraction)
        passes.setdefault((kind, None if packing is None else packing.inputs), []).append(name)
    return passes


def matrices(program: Program, fleet: Fleet, own: list[Array]) -> dict[str, Array]:
    """The matrix of every crossbar [*leading, K, N] as it is cut into tiles, from the parameters `own`."""
    found = program.matrices(own)
    for name, matrix in found.items():
        packing = Packing.of(fleet[name], program.crossbars[name].contraction)
        if packing is not None:
            pack = packing.pack
            for _ in program.crossbars[name].steps:
                pack = jax.vmap(pack)
            found[name] = pack(matrix)
    return found


def program_chip(program: Program, fleet: Fleet, weights: dict[str, Array], key: Array) -> Chip:
    """The chip for matrices as made by `matrices`."""

    def one(kind, at_once, names):
        return crossbar.program_all(fleet.kinds[kind], {name: weights[name] for name in names}, key, at_once)

    return _in_passes(program, fleet, one)


def reprogram_chip(program: Program, fleet: Fleet, chip: Chip, weights: dict[str, Array], key: Array) -> Chip:
    """The chip with other matrices written into it."""

    def one(kind, at_once, names):
        part, new = {name: chip[name] for name in names}, {name: weights[name] for name in names}
        return crossbar.reprogram_all(fleet.kinds[kind], part, new, key, at_once)

    return _in_passes(program, fleet, one)


def _in_passes(program: Program, fleet: Fleet, one: Callable[[int, int | None, list[str]], Chip]) -> Chip:
    done: Chip = {}
    for (kind, at_once), names in _passes(program, fleet).items():
        done |= one(kind, at_once, names)
    return {name: done[name] for name in program.crossbars}


def by_kind(fleet: Fleet, one: Callable[..., Chip], *chips: dict[str, Any]) -> Chip:
    """one(hardware, *chips) for the crossbars of each hardware, together."""
    done: Chip = {}
    for hardware, names in fleet.by_kind():
        done |= one(hardware, *({name: chip[name] for name in names} for chip in chips))
    return {name: done[name] for name in chips[0]}


def prepare(fleet: Fleet, chip: Chip) -> dict[str, Ready]:
    """Every crossbar prepared for reading."""
    return prepared(fleet, chip)


def apply(program: Program, fleet: Fleet, chip: Chip, leaves: list[Array], key: Array | None) -> list[Array]:
    """The results of the program, read from the chip."""

    def read(site, entry, x, key):
        return crossbar.read(fleet[site.crossbar], site.contraction, entry, x, key)

    def weights(name, entry):
        return stack_of(program.crossbars[name], fleet, entry)

    return program.run(leaves, prepare(fleet, chip), key, read, weights)[0]


def stack_of(found: Crossbar, fleet: Fleet, ready: Ready) -> Array:
    """The weights that a prepared crossbar stands for, in the form of the contraction [*loops, *stack, K, N]."""
    hardware = fleet[found.name]
    packing = Packing.of(hardware, found.contraction)
    matrix = crossbar.weights_of(hardware, ready, shape_of(fleet, found)[0])
    if packing is None:
        return matrix
    unpack = packing.unpack
    for _ in matrix.shape[:-2]:
        unpack = jax.vmap(unpack)
    return unpack(matrix)


def weights(fleet: Fleet, chip: Chip) -> dict[str, Array]:
    """The weights that the cells stand for, as they lie on tiles."""
    return {name: crossbar.weights(fleet[name], entry) for name, entry in chip.items()}


def names_in(chip: Chip, program: Program) -> dict[str, str]:
    """The name in a chip of every crossbar that a program uses.

    A parameter may have several crossbars (tied weights, used both ways round). The first that a program meets has its
    plain name, and programs of one model need not meet them in the same order.

    Raises: ValueError where some are missing.
    """
    known = chip.keys() if isinstance(chip, dict) else ()
    names = {name: found.tag if found.tag in known else found.base for name, found in program.crossbars.items()}
    if not isinstance(chip, dict) or not chip.keys() >= set(names.values()):
        got = list(chip) if isinstance(chip, dict) else _check.shown(chip)
        raise ValueError(f"chip must hold the crossbars {list(program.crossbars)} of this function, got {got}")
    return names


def part_of(chip: Chip, program: Program, fleet: Fleet, ready: bool) -> Chip:
    """The crossbars of a chip that a program uses, by the program's names.

    Raises: TypeError or ValueError where some are missing, or are those of another function or hardware.
    """
    names = names_in(chip, program)
    for name, expected in program.crossbars.items():
        _check_crossbar(f"chip[{name!r}]", chip[names[name]], expected, fleet, ready)
    return {name: chip[names[name]] for name in program.crossbars}


def with_part(chip: Chip, program: Program, part: Chip) -> Chip:
    """The chip with the crossbars of `part_of` in the place of its own."""
    names = names_in(chip, program)
    return {**chip, **{names[name]: entry for name, entry in part.items()}}


def _check_crossbar(what: str, entry: Any, expected: Crossbar, fleet: Fleet, ready: bool) -> None:
    inputs, outputs = shape_of(fleet, expected)
    if isinstance(entry, Ready):
        if not ready:
            raise TypeError(f"{what} must be as made by program, got what `prepare` makes of it")
        found, leading = (inputs, entry.gains[0].shape[-1]), entry.gains[0].shape[:-1]
    else:
        crossbar.check_entry(what, entry)
        found, leading = (crossbar.inputs(entry), crossbar.outputs(entry)), crossbar.leading(entry)
    if found != (inputs, outputs):
        raise ValueError(f"{what} must hold a matrix of shape {(inputs, outputs)}, got {found}")
    if leading != leading_of(expected):
        raise ValueError(
            f"{what} must have the leading axes {leading_of(expected)}, one for each loop and one for a stack, got "
            f"{leading}: read many chips with jax.vmap"
        )
    if not isinstance(entry, Ready):
        crossbar.check_chip(fleet[expected.name], entry)


def check_dict(chip: Any) -> None:
    """Raise unless something is a dict, as chips are."""
    if not isinstance(chip, dict):
        raise TypeError(f"chip must be a dict of crossbars, as made by program, got {type(chip).__name__}")
