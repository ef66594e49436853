"""How often each part of the hardware acts in one call, and how many of it there are: from the plan alone."""

import math
from dataclasses import dataclass, fields
from typing import Any

from memjax.crossbar import Hardware, Layout, Packing
from memjax.transform import Analog, CrossbarPlan, Plan


@dataclass(frozen=True)
class Counts:
    """Of one crossbar. Also by name: `counts["reads"]`.

    What happens in one call:

    Attributes:
        reads: input vectors, of all matrices (groups, stacks, steps of loops) together.
        planes: input planes of a vector: 1 where a code is one amplitude or one pulse, those of `BitSerial` otherwise.
        groups: groups of word lines of a tile that are driven one after another (`Hardware.rows_at_once`), at most.
        conversions: analog-to-digital conversions, of columns that hold weights (and of reference columns where these
            are converted by themselves).
        macs: multiply-accumulates of the digital op.
        driven: drives of a word line: for each vector and plane one of every word line that holds weights of it, in
            every tile.
        additions: digital additions of codes: over row tiles, groups of word lines, planes and the converters of an
            output.
        inputs: numbers brought to word lines (an overlapping window of a convolution brings them again).
        outputs: numbers made.
        delivered: inputs brought to column tiles, each of which needs them.
        partial: sums of one row tile that are brought together.
        steps: vectors that are read one after another: the rest are on tiles of their own, at the same time.
        adders: additions that one output waits for, in a tree.

    What there is:

    Attributes:
        tiles: physical tiles.
        cells: cells, padding included.
        word_lines: word lines of all tiles.
        columns: bit lines that converters serve, padding included.
        vectors: vectors that are held at the same time: one for each matrix.
    """

    reads: int
    planes: int
    groups: int
    conversions: int
    macs: int
    driven: int
    additions: int
    inputs: int
    outputs: int
    delivered: int
    partial: int
    steps: int
    adders: int
    tiles: int
    cells: int
    word_lines: int
    columns: int
    vectors: int

    def __getitem__(self, name: str) -> int:
        if name not in NAMES:
            raise KeyError(f"counts has {', '.join(NAMES)}, got {name!r}")
        return getattr(self, name)


NAMES = tuple(field.name for field in fields(Counts))


def count(analog: Analog, plan: Plan) -> dict[str, Counts]:
    """The counts of every crossbar of a plan, by name."""
    found = {}
    for one in plan.crossbars:
        hardware = analog.hardware_of(one.name)
        assert hardware is not None
        sites = [site for site in plan.sites if site.crossbar == one.name]
        found[one.name] = of_crossbar(hardware, one, [(site.reads, site.stack) for site in sites])
    return found


def of_crossbar(hardware: Hardware, one: CrossbarPlan, sites: list[tuple[int, int]]) -> Counts:
    """The counts of one crossbar; `sites` are (reads, matrices that are read together) of each product on it."""
    inputs, outputs = one.matrix
    layout = Layout.of(hardware, (inputs, outputs))
    arrays, planes = hardware.mapping.arrays, hardware.dac.encoding.planes
    converters = [any(arrays[name] for name in conversion.own) for conversion in hardware.conversions[0]]
    served = sum(outputs if own else layout.across for own in converters)
    # Of groups in one tile one is read at a time.
    at_once = lambda stack: stack if one.kind == "dot" else _sets(hardware, stack, one.matrix)
    steps = sum(reads // stack * -(-stack // at_once(stack)) for reads, stack in sites)
    partial_sums = planes * sum(layout.groups) * len(converters)
    return Counts(
        reads=one.reads,
        planes=planes,
        groups=max(layout.groups),
        conversions=one.reads * planes * sum(layout.groups) * served,
        macs=one.macs,
        driven=one.reads * planes * inputs * layout.across * sum(placed.word_lines for placed in layout.placement),
        additions=one.reads * outputs * (partial_sums - 1),
        inputs=one.reads * inputs,
        outputs=one.reads * outputs,
        delivered=one.reads * inputs * layout.across,
        partial=one.reads * outputs * layout.down,
        steps=steps,
        adders=math.ceil(math.log2(layout.down * len(converters))),
        tiles=one.tiles,
        cells=one.cells,
        word_lines=one.tiles * hardware.tile[0],
        columns=one.tiles // len(layout.placement) * sum(layout.columns if own else 1 for own in converters),
        vectors=one.copies,
    )


def _sets(hardware: Hardware, groups: int, matrix: tuple[int, int]) -> int:
    """Groups that can be read at the same time: those in different tiles."""
    return 1 if groups == 1 else Packing(groups, *matrix, hardware.rows, hardware.tile[1]).sets


def total(counts: dict[str, Counts], name: str) -> Any:
    """A count of all crossbars together."""
    return sum(one[name] for one in counts.values())
