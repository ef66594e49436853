import pathlib
from typing import Annotated, Any

import numpy as np
import tyro

import memjax as mj
from memjax import crossbar
from memjax.cli._errors import usage_errors


def spice(
    chip: Annotated[tyro.conf.Positional[pathlib.Path], tyro.conf.arg(metavar="CHIP")],
    crossbar_name: Annotated[str | None, tyro.conf.arg(name="crossbar", metavar="NAME")] = None,
    tile: tuple[int, int] = (0, 0),
    matrix: int = 0,
    array: str | None = None,
    volts: float | None = None,
    out: pathlib.Path = pathlib.Path("tile.cir"),
) -> None:
    """Write one physical tile of a chip as a netlist for ngspice: cells, wires, drivers and sense terminals.

    Example: memjax spice chip.safetensors --crossbar head --tile 0 1 --array pos --out tile.cir

    Args:
        chip: file of `memjax.save`, with its hardware
        crossbar_name: which crossbar of a model; all are named if it is left out or does not exist
        tile: row tile and column tile, from 0
        matrix: number of the matrix, where a loop or a stack has several
        array: which physical tile of the mapping, such as pos or neg; the first if left out
        volts: voltage of every input, in V, on word lines that subtract the opposite; the largest if left out
        out: file for the netlist; `ngspice -b FILE` runs it and writes crossbar.raw beside where it runs
    """
    with usage_errors():
        held, hardware = _read(chip, crossbar_name)
        placed, cells = _tile(hardware, held, tile, matrix, array)
        wires = mj.Wires() if hardware.wires is None else hardware.wires
        volts = float(hardware.dac.v_max) if volts is None else volts
        drive = volts * np.resize(_signs(hardware, placed), len(cells))
        mj.study.check_writable(out.parent)
        text = mj.circuit.to_spice(cells, drive, wires, conduction=hardware.conduction)
        mj.study.write(out.parent, {out.name: text.encode()})
    print(f"{cells.shape[0]} word lines, {cells.shape[1]} bit lines at {volts:g} V\nWritten:\n  {out}")


def _read(path: pathlib.Path, name: str | None) -> tuple[dict[str, Any], mj.Hardware]:
    """The entry of a crossbar, and its hardware."""
    chip, hardware = mj.load(path)
    if "conductance" in chip:
        if name is not None:
            raise ValueError(f"crossbar must be left out for a chip of one matrix; got {name!r}")
        return chip, hardware
    if name is None or name not in chip:
        raise ValueError(f"crossbar must be one of {', '.join(chip)}; got {name!r}")
    own = mj.crossbarify(lambda params: params, hardware).hardware_of(name)
    if own is None:
        raise ValueError(f"crossbar {name!r} has no hardware in {path}")
    return chip[name], own


def _tile(
    hardware: mj.Hardware, entry: dict[str, Any], tile: tuple[int, int], matrix: int, array: str | None
) -> tuple[mj.mapping.Placement, np.ndarray]:
    """One physical tile: its arrays, and its conductances [word lines, bit lines]."""
    crossbar.check_chip(hardware, entry)
    layout = crossbar.Layout.of(hardware, (*crossbar.leading(entry), crossbar.inputs(entry), crossbar.outputs(entry)))
    place = (matrix, *tile)
    for what, index, count in zip(
        ("matrix", "row tile", "column tile"), place, (layout.matrices, layout.down, layout.across), strict=True
    ):
        if not 0 <= index < count:
            raise ValueError(f"{what} must be from 0 to {count - 1}; got {index}")
    tiles = layout.physical({name: np.asarray(g) for name, g in entry["conductance"].items()})
    if array is not None and array not in tiles:
        raise ValueError(f"array must be one of {', '.join(tiles)}; got {array!r}")
    placed = next(placed for placed in layout.placement if array in (None, placed.name))
    return placed, tiles[placed.name][np.ravel_multi_index(place, (layout.matrices, layout.down, layout.across))]


def _signs(hardware: mj.Hardware, placed: mj.mapping.Placement) -> list[float]:
    """Voltages of the word lines of one input over its own: those of a pair that shares bit lines are opposite."""
    if placed.share != "bit lines":
        return [1.0]
    factors = {name: f for each in hardware.mapping.conversions(hardware.cell) for name, f in each.own.items()}
    return [float(factors[name]) for name in placed.arrays]
