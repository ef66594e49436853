"""The numbers of the plan, computed by hand, and equal to the cells of the chip."""

import jax
import pytest
from jax import lax

import memjax as mj


def dense(w, x):
    return x @ w


def grouped(w, x):
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=numbers, feature_group_count=2)


def stacked(w, x):
    return lax.scan(lambda h, w: (h @ w, None), x, w)[0]


# A matrix [20, 18] on tiles of 16 x 16: 2 x 2 tiles for every array of cells; 8 inputs a tile with two word lines each.
MAPPINGS = {
    "DoubleColumn": (mj.mapping.DoubleColumn(), 2 * 4, 2 * 4 * 256, 2 * 20 * 18),
    "DualRow": (mj.mapping.DualRow(), 3 * 2, 3 * 2 * 256, 2 * 20 * 18),
    "Offset": (mj.mapping.Offset(), 4, 4 * 256, 20 * 18),
    "CurrentMirror": (mj.mapping.CurrentMirror(), 4, 4 * (256 + 16), 20 * 18 + 20 * 2),
}
# (function, weight, data, op, matrix, copies) on DoubleColumn.
FORMS = {
    "dense": (dense, (20, 18), (3, 20), "dot", (20, 18), 1, 2 * 4),
    "groups": (grouped, (3, 3, 2, 6), (1, 5, 5, 4), "conv", (18, 3), 2, 2 * 2),  # side by side in the same tiles
    "scan": (stacked, (3, 5, 5), (2, 5), "dot", (5, 5), 3, 2 * 3),
}


def cells_of(chip) -> int:
    return sum(cells.size for entry in chip.values() for cells in entry["conductance"].values())


@pytest.mark.parametrize("name", MAPPINGS)
def test_tiles_and_cells_of_a_mapping(draw, name):
    mapping, tiles, cells, used = MAPPINGS[name]
    analog = mj.crossbarify(dense, mj.Hardware(mapping=mapping, tile=(16, 16)))
    w, x = draw((20, 18)), draw((3, 20))
    plan = analog.plan(w, x)
    (entry,) = plan.crossbars
    assert (entry.tiles, entry.cells, entry.used) == (tiles, cells, used)
    assert (plan.tiles, plan.cells) == (tiles, cells)
    assert entry.utilisation == pytest.approx(used / cells)
    assert cells_of(analog.program(w, jax.random.key(0), x)) == cells


@pytest.mark.parametrize("name", FORMS)
def test_matrices_and_copies_of_an_op(draw, name):
    fn, weight, data, kind, matrix, copies, tiles = FORMS[name]
    analog = mj.crossbarify(fn, mj.Hardware(tile=(16, 16)))
    w, x = draw(weight), draw(data)
    (entry,) = analog.plan(w, x).crossbars
    assert (entry.kind, entry.matrix, entry.copies, entry.tiles) == (kind, matrix, copies, tiles)
    assert entry.used == 2 * copies * matrix[0] * matrix[1] == 2 * w.size
    assert cells_of(analog.program(w, jax.random.key(0), x)) == entry.cells


def test_a_plan_needs_shapes_only(draw):
    analog = mj.crossbarify(dense, mj.Hardware(tile=(16, 16)))
    w, x = draw((20, 18)), draw((3, 20))
    abstract = jax.ShapeDtypeStruct(w.shape, w.dtype), jax.ShapeDtypeStruct(x.shape, x.dtype)
    assert analog.plan(*abstract) == analog.plan(w, x)
    assert analog.program(w, jax.random.key(0), abstract[1]).keys() == {""}


@pytest.mark.parametrize(
    ("converters", "words"),
    [
        ({}, ("dynamic, for each vector", "estimated for each crossbar")),
        ({"dac": mj.Dac(range=2.0), "adc": mj.Adc(bits=6, range=1e-4)}, ("static, 2.0", "static, 0.0001 A")),
        ({"adc": mj.Adc()}, ("dynamic", "ideal")),
        ({"adc": mj.Adc(bits=6, range=mj.Dynamic())}, ("dynamic", "dynamic, for each tile and vector")),
    ],
)
def test_ranges_in_words(draw, converters, words):
    plan = mj.crossbarify(dense, mj.Hardware(**converters)).plan(draw((20, 18)), draw((3, 20)))
    assert all(found.startswith(expected) for found, expected in zip(plan.ranges, words, strict=True))
    assert all(found in str(plan) for found in plan.ranges)


def test_printed_table(draw):
    def fn(p, x):
        return grouped(p["kernel"], x).reshape(-1, 6) @ p["w"] + p["shift"]

    p = {"kernel": draw((3, 3, 2, 6)), "w": draw((6, 20)), "shift": draw((25, 20))}
    lines = str(mj.crossbarify(fn, mj.Hardware(tile=(16, 16))).plan(p, draw((1, 5, 5, 4)))).splitlines()
    assert lines[0].split() == ["crossbar", "op", "matrix", "copies", "tiles", "cells", "used"]
    assert lines[2].split() == ["kernel", "conv", "18", "x", "3", "2", "4", "1024", "21%"]
    assert lines[3].split() == ["w", "dot", "6", "x", "20", "1", "4", "1024", "23%"]
    assert lines[4].split() == ["total", "8", "2048", "22%"]
    assert lines[-1] == "  shift (25, 20): meets data in `add`, not in a matrix product"
    assert "Rows of a convolution are ordered by kernel position, then channel." in lines


def test_no_name_of_the_table_is_cut_or_broken(draw):
    """However long it is, and whatever stands in it: [bold] is no markup."""
    name = "[bold]" + "block_" * 40 + "kernel"
    plan = mj.crossbarify(lambda p, x: x @ p[name], mj.Hardware()).plan({name: draw((6, 20))}, draw((2, 6)))
    lines = str(plan).splitlines()
    assert lines[2].startswith(f"{name}  dot  6 x 20")
    assert set(lines[1]) == {"─"}
    assert len(lines[1]) == len(lines[2])
