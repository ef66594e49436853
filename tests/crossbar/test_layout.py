"""Arrays of a mapping on physical tiles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.crossbar import Layout
from memjax.crossbar._layout import logical, physical
from memjax.mapping import BitSliced, CurrentMirror, DoubleColumn, DualRow, Offset, Placement

MAPPINGS = [DoubleColumn(), DualRow(), Offset(), CurrentMirror(), BitSliced(slices=2)]
WEIGHTS = jax.random.normal(jax.random.key(0), (20, 13))


def stuck(mapping, unit, **options):
    hardware = mj.Hardware(
        mj.Cell(r_on=1e4, r_off=1e5), mapping, (16, 8), effects=(mj.effects.StuckAt(lrs=0.4, unit=unit),), **options
    )
    return mj.program(hardware, WEIGHTS, jax.random.key(1)), Layout.of(hardware, WEIGHTS.shape)


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda m: type(m).__name__)
def test_physical_and_logical_are_inverse(mapping):
    layout = Layout.of(mj.Hardware(mapping=mapping, tile=(16, 8)), WEIGHTS.shape)
    arrays = {
        name: np.random.default_rng(i).random((layout.places, layout.rows, layout.width(name)))
        for i, (name, _) in enumerate(layout.arrays)
    }
    tiles = physical(layout.placement, arrays)
    back = logical(layout.placement, tiles, arrays)
    assert list(back) == list(arrays)
    jax.tree.map(np.testing.assert_array_equal, back, arrays)
    assert sum(tile.size for tile in tiles.values()) == layout.cells
    assert layout.places * len(tiles) == layout.tiles


def test_word_lines_of_a_dual_row_alternate():
    placed = DualRow().placement[0]
    pos, neg = np.zeros((3, 2)), np.ones((3, 2))
    np.testing.assert_array_equal(placed.join([pos, neg])[:, 0], [0, 1, 0, 1, 0, 1])


def test_a_bit_line_of_a_dual_row_tile_is_one_line():
    chip, layout = stuck(DualRow(), "column")
    bad = {name: np.all(np.asarray(tiles) > 0.99e-4, axis=1) for name, tiles in chip["conductance"].items()}
    np.testing.assert_array_equal(bad["pos"], bad["neg"])
    assert 0 < bad["pos"].sum() < bad["pos"].size
    assert bad["pos"].shape == (layout.down, layout.across * layout.columns)


def test_word_lines_of_a_dual_row_tile_fail_one_by_one():
    chip, _ = stuck(DualRow(), "row")
    bad = {name: np.all(np.asarray(tiles)[..., :8] > 0.99e-4, axis=2) for name, tiles in chip["conductance"].items()}
    assert (bad["pos"] != bad["neg"]).any()


def test_a_reference_cell_is_on_the_word_line_of_its_tile():
    chip, layout = stuck(CurrentMirror(), "row")
    cells, reference = (np.asarray(chip["conductance"][name]) for name in ("cell", "reference"))
    by_tile = cells.reshape(layout.down, layout.rows, layout.across, layout.columns)
    whole = np.all(by_tile > 0.99e-4, axis=-1)
    np.testing.assert_array_equal(whole, reference > 0.99e-4)
    assert 0 < whole.sum() < whole.size


def test_a_number_of_a_tile_is_common_to_its_arrays():
    class Tile(mj.effects.Ageing):
        def start(self, conductance, low, high, key, before):
            return {"number": jax.random.uniform(key), "cells": jnp.zeros_like(conductance)}

        def age(self, conductance, memory, key, stress):
            return conductance * (1.0 + memory["number"]), memory

    hardware = mj.Hardware(mapping=DualRow(), tile=(16, 8), effects=(Tile(),))
    chip = mj.program(hardware, WEIGHTS, jax.random.key(1))
    numbers = {name: memory["Tile"]["number"] for name, memory in chip["memory"].items()}
    assert numbers["pos"].shape == (3, 2)
    np.testing.assert_array_equal(numbers["pos"], numbers["neg"])
    aged = mj.age(hardware, chip, jax.random.key(2), seconds=1.0)
    ratio = {name: aged["conductance"][name] / chip["conductance"][name] for name in chip["conductance"]}
    np.testing.assert_allclose(ratio["pos"][:, 0], ratio["neg"][:, 0], rtol=1e-6)
    assert ratio["pos"][0, 0, 0] > 1.1


def test_counts_of_the_plan_are_those_of_the_layout():
    layout = Layout.of(mj.Hardware(mapping=CurrentMirror(), tile=(16, 8)), (3, 20, 13))
    assert (layout.down, layout.across, layout.tiles) == (2, 2, 12)
    assert layout.cells == 12 * 16 * 9
    assert layout.used == 3 * 20 * (13 + 2)


@pytest.mark.parametrize(("arrays", "share"), [(("a", "b"), None), (("a",), "bit lines"), (("a", "b"), "rows")])
def test_bad_placement(arrays, share):
    with pytest.raises(ValueError, match="Placement.share must be"):
        Placement(arrays, share)
