"""What runs on crossbars and what stays digital."""

import math
from dataclasses import dataclass
from typing import Any

from memjax.contraction import Convolution
from memjax.converters import Dynamic
from memjax.crossbar import Hardware
from memjax.transform._trace import Crossbar


@dataclass(frozen=True)
class CrossbarPlan:
    """One crossbar: a weight and the tiles that hold it.

    Attributes:
        name: name of the crossbar (its key in the chip).
        kind: "dot" or "conv".
        matrix: (K, N) of one matrix.
        copies: number of such matrices (scan steps, groups).
        tiles: number of tiles, all arrays and copies counted.
        cells: number of cells in them.
        used: number of cells that hold a weight.
    """

    name: str
    kind: str
    matrix: tuple[int, int]
    copies: int
    tiles: int
    cells: int
    used: int

    @property
    def utilisation(self) -> float:
        """Fraction of the cells that hold a weight."""
        return self.used / self.cells


@dataclass(frozen=True)
class Plan:
    """Every crossbar of a function, and every parameter of rank 2 or more that stays digital.

    Attributes:
        crossbars: one entry for each.
        digital: {parameter: (shape, reason)}.
        partly: {parameter on a crossbar that also meets data elsewhere: how}.
        ranges: (DAC range, ADC range) in words.
    """

    crossbars: tuple[CrossbarPlan, ...]
    digital: dict[str, tuple[tuple[int, ...], str]]
    partly: dict[str, str]
    ranges: tuple[str, str]

    @property
    def tiles(self) -> int:
        """Number of tiles of all crossbars."""
        return sum(c.tiles for c in self.crossbars)

    @property
    def cells(self) -> int:
        """Number of cells of all crossbars."""
        return sum(c.cells for c in self.crossbars)

    def __str__(self) -> str:
        head = ("crossbar", "op", "matrix", "copies", "tiles", "cells", "used")
        rows: list[tuple] = [
            (c.name, c.kind, f"{c.matrix[0]} x {c.matrix[1]}", c.copies, c.tiles, c.cells, f"{c.utilisation:.0%}")
            for c in self.crossbars
        ]
        used = sum(c.used for c in self.crossbars) / self.cells if self.cells else 0.0
        rows.append(("total", "", "", "", self.tiles, self.cells, f"{used:.0%}"))
        table = [tuple(map(str, row)) for row in (head, *rows)]
        widths = [max(len(row[i]) for row in table) for i in range(len(head))]
        sides = (str.ljust, str.ljust, *[str.rjust] * (len(head) - 2))
        lines = ["  ".join(f(t, w) for f, t, w in zip(sides, row, widths, strict=True)) for row in table]
        lines.insert(1, "-" * len(lines[0]))
        lines += ["", f"DAC range: {self.ranges[0]}", f"ADC range: {self.ranges[1]}"]
        if any(c.kind == "conv" for c in self.crossbars):
            lines.append("Rows of a convolution are ordered by kernel position, then channel.")
        lines += ["", "Every matrix parameter is on a crossbar." if not self.digital else "Stays digital:"]
        lines += [f"  {path} {shape}: {reason}" for path, (shape, reason) in self.digital.items()]
        if self.partly:
            lines += ["Used digitally as well:", *(f"  {path}: {how}" for path, how in self.partly.items())]
        return "\n".join(lines)


def make_plan(
    hardware: Hardware, crossbars: dict[str, Crossbar], digital: dict[str, Any], partly: dict[str, str]
) -> Plan:
    """The plan of an analysed function for some hardware."""
    entries = tuple(_entry(hardware, found) for found in crossbars.values())
    return Plan(entries, digital, partly, (_range("DAC", hardware.dac), _range("ADC", hardware.adc)))


def _entry(hardware: Hardware, found: Crossbar) -> CrossbarPlan:
    inputs, outputs = found.contraction.shape
    copies = math.prod(found.leading)
    down, across = -(-inputs // hardware.rows), -(-outputs // hardware.tile[1])
    per_output = hardware.mapping.arrays.values()
    full, extra = sum(per_output), len(per_output) - sum(per_output)
    # Two word lines per input (DualRow) put both arrays into one tile; a reference column stands beside each tile.
    tiles = copies * down * across * max(full // hardware.mapping.word_lines, 1)
    cells = tiles * hardware.tile[0] * hardware.tile[1] + copies * down * across * hardware.rows * extra
    used = copies * inputs * (outputs * full + across * extra)
    kind = "conv" if isinstance(found.contraction, Convolution) else "dot"
    return CrossbarPlan(found.name, kind, (inputs, outputs), copies, tiles, cells, used)


def _range(kind: str, converter: Any) -> str:
    if kind == "ADC" and converter.bits is None:
        return "ideal converter"
    if isinstance(converter.range, Dynamic):
        return "dynamic, for each vector" if kind == "DAC" else "dynamic, for each tile and vector"
    if converter.range is not None:
        return f"static, {converter.range} " + ("(input units)" if kind == "DAC" else "A")
    if kind == "DAC":
        return "dynamic, for each vector (an image in a convolution), until `calibrate` stores one"
    return "estimated for each crossbar from its targets, until `calibrate` stores one"
