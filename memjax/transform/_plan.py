"""What runs on crossbars and what stays digital."""

import math
from dataclasses import dataclass
from typing import Any

from memjax._text import columns
from memjax.contraction import Convolution
from memjax.converters import Dynamic, RelativeToWeights
from memjax.crossbar import Hardware, Layout
from memjax.transform._chips import leading_of, shape_of
from memjax.transform._fleet import Fleet
from memjax.transform._record import Crossbar, Digital, SiteRow
from memjax.transform._sites import Program


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
        reads: input vectors of one call, at all its sites.
        macs: multiply-accumulates of one call, at all its sites.
        after: crossbars that its data came through last.
        hardware: which of the different hardwares it has, by number.
        layout: how its matrices lie on tiles.
        planes: input planes of a vector.
        window: positions of the kernel of a convolution; 1 of a dot.
    """

    name: str
    kind: str
    matrix: tuple[int, int]
    copies: int
    tiles: int
    cells: int
    used: int
    reads: int
    macs: int
    after: tuple[str, ...]
    hardware: int
    layout: Layout
    planes: int
    window: int

    @property
    def utilisation(self) -> float:
        """Fraction of the cells that hold a weight."""
        return self.used / self.cells


@dataclass(frozen=True)
class Plan:
    """Every crossbar of a function, and every multiplication by a parameter that stays digital. `print` it.

    Attributes:
        crossbars: one entry for each.
        sites: every product that is read on a crossbar, in the order of the program.
        digital: {matrix on no crossbar: (shape, reason)}; arrays that the function closes over are "constant_0" and on.
        partly: {parameter on a crossbar that also meets data elsewhere: how}.
        products: products of parameters with data that stay digital.
        other: multiply-accumulates of products of data with data (attention) or with constants.
        hardware: the different hardwares, by number.
        ranges: (DAC range, ADC range) in words, of the first of them.
    """

    crossbars: tuple[CrossbarPlan, ...]
    sites: tuple[SiteRow, ...]
    digital: dict[str, tuple[tuple[int, ...], str]]
    partly: dict[str, str]
    products: tuple[Digital, ...]
    other: int
    hardware: tuple[str, ...]
    ranges: tuple[str, str]

    @property
    def tiles(self) -> int:
        """Number of tiles of all crossbars."""
        return sum(c.tiles for c in self.crossbars)

    @property
    def cells(self) -> int:
        """Number of cells of all crossbars."""
        return sum(c.cells for c in self.crossbars)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one call, as far as they can be counted."""
        return self.other + sum(c.macs for c in self.crossbars) + sum(p.macs or 0 for p in self.products)

    @property
    def analog(self) -> float:
        """Share of the multiply-accumulates that are computed on crossbars."""
        return sum(c.macs for c in self.crossbars) / self.macs if self.macs else 0.0

    def __str__(self) -> str:
        return "\n".join([*self._table(), "", *self._ranges(), "", *self._share(), "", *self._digital()])

    def _table(self) -> list[str]:
        several = len(self.hardware) > 1
        head = ("crossbar", "op", "matrix", "copies", "tiles", "cells", "used", *(["hardware"] if several else []))
        rows: list[tuple] = [
            (c.name, c.kind, f"{c.matrix[0]} x {c.matrix[1]}", c.copies, c.tiles, c.cells, f"{c.utilisation:.0%}")
            + ((c.hardware,) if several else ())
            for c in self.crossbars
        ]
        used = sum(c.used for c in self.crossbars) / self.cells if self.cells else 0.0
        rows.append(("total", "", "", "", self.tiles, self.cells, f"{used:.0%}") + (("",) if several else ()))
        return columns((head, *rows), left=2)

    def _ranges(self) -> list[str]:
        if len(self.hardware) > 1:
            lines = [f"Hardware {number}: {words}" for number, words in enumerate(self.hardware)]
        else:
            lines = [f"DAC range: {self.ranges[0]}", f"ADC range: {self.ranges[1]}"]
        if any(c.kind == "conv" for c in self.crossbars):
            lines.append("Rows of a convolution are ordered by kernel position, then channel.")
        return lines

    def _digital(self) -> list[str]:
        wide = [product for product in self.products if product.matrix]
        if not (self.digital or self.partly or wide):
            return ["Every matrix parameter is on a crossbar."]
        lines = ["Stays digital:"] if self.digital else []
        lines += [f"  {path} {shape}: {reason}" for path, (shape, reason) in self.digital.items()]
        if self.partly:
            lines += ["Used digitally as well:", *(f"  {path}: {how}" for path, how in self.partly.items())]
        if wide:
            lines += ["Multiplied digitally:", *(f"  {_words(product)}" for product in wide)]
        return lines

    def _share(self) -> list[str]:
        scales = sum(p.macs or 0 for p in self.products if not p.matrix)
        lines = [f"Analog: {self.analog:.1%} of {self.macs:,} multiply-accumulates of one call."]
        if self.other:
            lines.append(f"Products without a parameter: {self.other:,} multiply-accumulates, digital.")
        if scales:
            lines.append(f"Scalings by vectors of parameters: {scales:,} multiplications, digital.")
        if any(None in site.loops for site in self.sites):
            lines.append("Of loops whose number of steps is not known one step is counted.")
        return lines


def _words(product: Digital) -> str:
    count = "number not known" if product.macs is None else f"{product.macs:,} multiplications"
    return f"{' and '.join(product.paths)}: {product.reason} ({count})"


def make_plan(program: Program, fleet: Fleet) -> Plan:
    """The plan of an analysed function for some hardware."""
    kinds = dict(fleet.index)
    entries = tuple(
        _entry(fleet, found, [row for row in program.table if row.crossbar == name], kinds[name])
        for name, found in program.crossbars.items()
    )
    first = fleet.kinds[0] if fleet.kinds else Hardware()
    return Plan(
        entries,
        program.table,
        program.digital,
        program.partly,
        program.products,
        program.record.other,
        tuple(map(_brief, fleet.kinds)),
        (_range("DAC", first.dac), _range("ADC", first.adc)),
    )


def _entry(fleet: Fleet, found: Crossbar, sites: list[SiteRow], kind: int) -> CrossbarPlan:
    hardware = fleet.kinds[kind]
    inputs, outputs = found.contraction.shape
    rows, columns = shape_of(fleet, found)
    matrices = math.prod((*found.steps, *found.contraction.stack))
    layout = Layout.of(hardware, (*leading_of(found), rows, columns))
    # Of groups that share tiles only their own blocks are used, but every reference cell of their rows is.
    spare = layout.matrices * rows * columns - matrices * inputs * outputs
    used = layout.used - spare * sum(hardware.mapping.arrays.values())
    reads, macs = sum(row.reads for row in sites), sum(row.macs for row in sites)
    after = tuple(dict.fromkeys(name for row in sites for name in row.after))
    return CrossbarPlan(
        found.name,
        sites[0].kind,
        (inputs, outputs),
        matrices,
        layout.tiles,
        layout.cells,
        used,
        reads,
        macs,
        after,
        kind,
        layout,
        hardware.dac.encoding.planes,
        math.prod(found.contraction.kernel) if isinstance(found.contraction, Convolution) else 1,
    )


def _brief(hardware: Hardware) -> str:
    """The parts of the hardware that most differ from layer to layer, in words."""
    parts = [f"tile {hardware.tile[0]} x {hardware.tile[1]}", type(hardware.mapping).__name__]
    return ", ".join([*parts, f"DAC {_range('DAC', hardware.dac)}", f"ADC {_range('ADC', hardware.adc)}"])


def _range(kind: str, converter: Any) -> str:
    if kind == "ADC" and converter.bits is None:
        return "ideal converter"
    if isinstance(converter.range, Dynamic):
        return "dynamic, for each vector" if kind == "DAC" else "dynamic, for each tile and vector"
    if isinstance(converter.range, RelativeToWeights):
        return f"{converter.range.factor} times the largest weight of each crossbar"
    if converter.range is not None:
        return f"static, {converter.range} " + ("(input units)" if kind == "DAC" else "A")
    if kind == "DAC":
        return "dynamic, for each vector (an image in a convolution), until `calibrate` stores one"
    return "estimated for each crossbar from its targets, until `calibrate` stores one"
