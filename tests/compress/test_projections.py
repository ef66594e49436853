"""Projections: nearest among all choices, in the set, the same when repeated, and lying as crossbars lie."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax import compress

HARDWARE = mj.Hardware(cell=mj.Cell(levels=5), tile=(4, 3))
KERNEL = np.random.default_rng(0).normal(size=(3, 2, 2, 7)).astype(np.float32)
PROJECTIONS = {
    "filters": partial(compress.project_filters, keep=3),
    "columns": partial(compress.project_columns, keep=0.4),
    "rows": partial(compress.project_rows, keep=5),
    "columns of tiles": partial(compress.project_columns, keep=6, hardware=HARDWARE),
    "rows of tiles": partial(compress.project_rows, keep=0.3, hardware=HARDWARE),
    "blocks": partial(compress.project_blocks, hardware=HARDWARE, keep=4),
    "levels": partial(compress.project_levels, hardware=HARDWARE),
    "rows and levels": compress.chain(
        partial(compress.project_rows, keep=5), partial(compress.project_levels, hardware=HARDWARE)
    ),
}
COUNTS = {"filters": 7, "columns": 7, "rows": 12, "blocks": 9}


@pytest.mark.parametrize("name", PROJECTIONS)
def test_projecting_twice_is_projecting_once_under_every_transformation(name):
    once = PROJECTIONS[name](KERNEL)
    assert once.shape == KERNEL.shape
    assert once.dtype == KERNEL.dtype
    np.testing.assert_array_equal(PROJECTIONS[name](once), once)
    np.testing.assert_array_equal(jax.jit(PROJECTIONS[name])(KERNEL), once)
    np.testing.assert_array_equal(jax.vmap(PROJECTIONS[name])(np.stack([KERNEL, -KERNEL])), np.stack([once, -once]))


@pytest.mark.parametrize(
    ("project", "groups"),
    [
        (compress.project_filters, lambda w: [w[:, n : n + 1] for n in range(5)]),
        (compress.project_rows, lambda w: [w[k : k + 1] for k in range(4)]),
        (
            partial(compress.project_blocks, hardware=mj.Hardware(tile=(2, 2))),
            lambda w: [w[k : k + 2, n : n + 2] for k in (0, 2) for n in (0, 2, 4)],
        ),
    ],
    ids=["filters", "rows", "blocks"],
)
def test_no_other_choice_of_groups_is_nearer(project, groups):
    w = np.random.default_rng(1).normal(size=(4, 5))
    found = np.square(w - np.asarray(project(w, keep=2))).sum()
    dropped = [np.square(group).sum() for group in groups(w)]
    best = min(sum(dropped) - sum(kept) for kept in itertools.combinations(dropped, 2))
    np.testing.assert_allclose(found, best, rtol=1e-5)


def test_a_kernel_lies_as_a_read_lays_it():
    """Rows and blocks are those of the matrix that the transformation programs."""
    convolve = lambda w, x: jax.lax.conv_general_dilated(
        x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    hardware = HARDWARE
    for project in ("rows", "blocks", "columns of tiles"):
        kept = PROJECTIONS[project](KERNEL)
        chip = mj.crossbarify(convolve, hardware).program(kept, jax.random.key(0), jnp.ones((1, 5, 5, 2)))
        (entry,) = chip.values()
        held = np.asarray(entry["conductance"]["pos"] != entry["conductance"]["neg"])  # [down, rows, width]
        down, rows, width = held.shape
        tiles = held.reshape(down, rows, width // 3, 3).transpose(0, 2, 1, 3)
        if project == "blocks":
            assert tiles.any((2, 3)).sum() == 4
        elif project == "rows":
            assert held.any(2).sum() == 5
        else:
            assert tiles.any(2).sum() == 6


def test_signs_on_two_word_lines_halve_the_block():
    dual = mj.Hardware(tile=(4, 4), mapping=mj.mapping.DualRow())
    w = np.zeros((4, 4), np.float32)
    w[2:] = 1.0
    np.testing.assert_array_equal(compress.project_blocks(w, dual, 1), w)


def test_of_equal_norms_the_first_is_kept():
    kept = compress.project_columns(np.ones((2, 6)), 3)
    np.testing.assert_array_equal(kept, np.ones((2, 6)) * (np.arange(6) < 3))


@pytest.mark.parametrize("mapping", [mj.mapping.DoubleColumn("column"), mj.mapping.Offset(), mj.mapping.DualRow()])
def test_levels_are_the_nearest_that_cells_hold(mapping):
    hardware = mj.Hardware(cell=mj.Cell(levels=4), mapping=mapping)
    w = np.random.default_rng(2).normal(size=(6, 5)).astype(np.float32)
    signed = np.arange(-3, 4) / 3 if not isinstance(mapping, mj.mapping.Offset) else np.arange(4) / 1.5 - 1
    scale = np.abs(w).max(0) if mapping.scaling == "column" else np.abs(w).max()
    candidates = signed[:, None, None] * scale
    nearest = np.take_along_axis(candidates + 0 * w, np.abs(candidates - w).argmin(0)[None], 0)[0]
    found = compress.project_levels(w, hardware)
    np.testing.assert_allclose(found, nearest, atol=1e-6)
    chip = mj.program(hardware, found, jax.random.key(0))
    np.testing.assert_allclose(mj.weights(hardware, chip), found, atol=1e-6)


def test_weights_left_out_stay_so_on_cells_without_a_zero():
    offset = mj.Hardware(cell=mj.Cell(levels=4), mapping=mj.mapping.Offset())
    levels = partial(compress.project_levels, hardware=offset)
    both = compress.chain(partial(compress.project_filters, keep=2), levels)(KERNEL)
    assert (np.abs(np.asarray(levels(KERNEL))) > 0).all()
    assert (np.asarray(both) != 0).any((0, 1, 2)).sum() == 2


BAD = {
    "none left": (compress.project_filters, {"keep": 0.01}, "keep must leave at least one of the 7 filters"),
    "too many": (compress.project_rows, {"keep": 13}, "keep must be in [1, 12]"),
    "none": (compress.project_rows, {"keep": 0}, "keep must be in [1, 12]"),
    "beyond all": (compress.project_rows, {"keep": 1.5}, "keep must be finite and in (0, 1]"),
    "text": (compress.project_rows, {"keep": "half"}, "keep must be a number of rows"),
    "large block": (compress.project_blocks, {"hardware": mj.Hardware(), "keep": 1}, "hardware.tile must be smaller"),
    "continuous": (compress.project_levels, {"hardware": mj.Hardware()}, "hardware.cell.levels must be a number"),
    "centred": (
        compress.project_levels,
        {"hardware": mj.Hardware(cell=mj.Cell(levels=4), mapping=mj.mapping.Offset(centred=True))},
        "hardware.mapping must hold weights about zero",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_is_said(case):
    project, arguments, message = BAD[case]
    with pytest.raises((TypeError, ValueError)) as error:
        project(KERNEL, **arguments)
    assert message in str(error.value)


def test_a_vector_is_no_weight():
    with pytest.raises(ValueError, match="w must be a weight"):
        compress.project_filters(np.ones(3), 1)
