"""Digital corrections of a chip's output: for drift, and for all that scales it."""

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax import _check
from memjax.contraction import Dot, matmul
from memjax.converters import Dynamic
from memjax.crossbar._chip import check_chip, check_entry, check_single
from memjax.crossbar._hardware import Hardware, check_hardware
from memjax.crossbar._layout import Layout
from memjax.crossbar._prepare import prepare
from memjax.crossbar._program import Chip, check_shape, in_passes, shape_of
from memjax.crossbar._read import read
from memjax.crossbar._tiles import Tiling, in_chunks, moved

VECTORS = 64


def compensate(
    hardware: Hardware, chip: Chip, fresh: Chip, key: Array, columns: bool = False, vectors: int = VECTORS
) -> Chip:
    """The aged chip with its output scaled as the fresh one's: global drift compensation.

    scale -> scale * sum |y(fresh)| / sum |y(chip)| over reads of random input vectors that span the DAC's range.

    Args:
        hardware: the specification that the chips were made with.
        chip: the chip to be compensated.
        fresh: the same chip as it was programmed.
        key: PRNG key of the vectors and of both reads.
        columns: whether every column has a factor of its own (True), or the crossbar one.
        vectors: number of input vectors.

    Raises: ValueError for chips of other hardware or of different shape.

    Source: the global drift compensation of Joshi et al., Nature Communications 11, 2473 (2020).
    """
    check_hardware(hardware)
    check_single("chip", chip)
    check_single("fresh", fresh)
    _check_pair(hardware, "chip", chip, fresh)
    _check.integer("vectors", vectors, 1, 2**20)
    _check.flag("columns", columns)
    _check.key("key", key)
    return _compensated(hardware, {"chip": chip}, {"chip": fresh}, key, False, columns, vectors)["chip"]


def compensate_all(
    hardware: Hardware,
    chip: dict[str, Chip],
    fresh: dict[str, Chip],
    key: Array,
    columns: bool = False,
    vectors: int = VECTORS,
) -> dict[str, Chip]:
    """The crossbars of a chip by name, compensated in one pass: each as by `compensate`, keys as in `program_all`."""
    for name, entry in chip.items():
        _check_pair(hardware, f"chip[{name!r}]", entry, fresh[name])
    _check.integer("vectors", vectors, 1, 2**20)
    types = {name: (entry["scale"].dtype, "driven" in entry) for name, entry in chip.items()}
    pick = lambda entries, names: {name: entries[name] for name in names}
    return in_passes(
        types, lambda names: _compensated(hardware, pick(chip, names), pick(fresh, names), key, True, columns, vectors)
    )


def _check_pair(hardware: Hardware, name: str, chip: Chip, fresh: Chip) -> None:
    for which, entry in ((name, chip), ("fresh", fresh)):
        check_entry(which, entry)
        check_chip(hardware, entry)
    if shape_of(chip) != shape_of(fresh):
        raise ValueError(f"fresh must be the chip as programmed, of shape {shape_of(chip)}, got {shape_of(fresh)}")


def tune(hardware: Hardware, chip: Chip, weights: Array, key: Array, vectors: int = VECTORS) -> Chip:
    """The chip with its output scaled to fit the digital product: a regression of one parameter through the origin.

    scale -> scale * sum y_digital y / sum y^2 over reads of random input vectors that span the DAC's range.

    The least-squares fit of a product with errors is smaller than the product, by the errors' part in sum y^2. Over
    the layers of a deep network such factors multiply: tune for drift and faults, not for coarse cells.

    Args:
        hardware: the specification that the chip was made with.
        chip: the chip.
        weights: [K, N], what it was programmed with.
        key: PRNG key of the vectors and of the reads.
        vectors: number of input vectors.

    Raises: ValueError for a chip of other hardware or weights of another shape.

    Source: the output regression of MemTorch, for its slope.
    """
    check_hardware(hardware)
    check_single("chip", chip)
    check_chip(hardware, chip)
    weights = _check.array("weights", weights)
    check_shape("weights", chip, weights.shape)
    _check.integer("vectors", vectors, 1, 2**20)
    _check.key("key", key)
    return _tuned(hardware, {"chip": chip}, {"chip": weights}, key, False, vectors)["chip"]


def tune_all(
    hardware: Hardware, chip: dict[str, Chip], matrices: dict[str, Array], key: Array, vectors: int = VECTORS
) -> dict[str, Chip]:
    """The crossbars of a chip by name, tuned in one pass: each as by `tune`, with keys as in `program_all`."""
    for name, entry in chip.items():
        check_entry(f"chip[{name!r}]", entry)
        check_chip(hardware, entry)
        check_shape(f"matrices[{name!r}]", entry, jnp.shape(matrices[name]))
    _check.integer("vectors", vectors, 1, 2**20)
    types = {name: (entry["scale"].dtype, "driven" in entry) for name, entry in chip.items()}
    pick = lambda entries, names: {name: entries[name] for name in names}
    return in_passes(
        types, lambda names: _tuned(hardware, pick(chip, names), pick(matrices, names), key, True, vectors)
    )


def _compensated(hardware, chip, fresh, key, named, columns, vectors) -> dict[str, Chip]:
    tiling, old = _tiles(hardware, chip)
    _, new = _tiles(hardware, fresh)
    return _with_scales(tiling, chip, _factors_of_ageing(tiling, named, columns, vectors, hardware, old, new, key))


def _tuned(hardware, chip, matrices, key, named, vectors) -> dict[str, Chip]:
    tiling, tiles = _tiles(hardware, chip)
    held = lambda matrix, entry: matrix - entry["middle"][..., None, :] if "middle" in entry else matrix
    matrices = {n: held(jnp.asarray(m, chip[n]["scale"].dtype), chip[n]) for n, m in matrices.items()}
    weights = moved(Tiling.cut, tiling, matrices)
    return _with_scales(tiling, chip, _factors_of_fit(tiling, named, vectors, hardware, tiles, weights, key))


def _tiles(hardware: Hardware, chip: dict[str, Chip]) -> tuple[Tiling, dict[str, Any]]:
    """What a read meets, of all tiles, strips, word lines and matrices of some crossbars."""
    tiling = Tiling.of(hardware, {name: shape_of(entry) for name, entry in chip.items()})
    of = lambda *parts: {n: {p: entry[p] for p in parts if p in entry} for n, entry in chip.items()}
    each = lambda part: {name: entry[part] for name, entry in chip.items()}
    tiles = {
        "cells": moved(Tiling.apart, tiling, of("conductance", "memory", "adc")),
        "scale": moved(Tiling.columns, tiling, each("scale")),
        "drive": moved(Tiling.lines, tiling, each("drive")),
    }
    held = [part for part in ("adc_range", "dac_range", "driven") if part in next(iter(chip.values()))]
    return tiling, tiles | {part: moved(Tiling.numbers, tiling, each(part)) for part in held}


def _with_scales(tiling: Tiling, chip: dict[str, Chip], scales: Array) -> dict[str, Chip]:
    of_chip = moved(Tiling.by_column, tiling, scales)
    return {name: entry | {"scale": of_chip[name]} for name, entry in chip.items()}


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _factors_of_ageing(tiling, named, columns, vectors, hardware, old, new, key) -> Array:
    """Scales of every bit line [strips, columns] that give the `old` chip the output of the `new` one."""
    inputs, *keys = jnp.moveaxis(jax.vmap(partial(jax.random.split, num=3))(tiling.matrix_keys(key, named)), 1, 0)
    x = _vectors(hardware, tiling, old, inputs, vectors)
    now, then = (
        jnp.sum(jnp.abs(_outputs(hardware, tiling, tiles, x, k)), axis=1)
        for tiles, k in zip((old, new), keys, strict=True)
    )
    if not columns:
        now, then = (_of_matrices(tiling, total) for total in (now, then))
    return _scaled(old["scale"], then, now)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _factors_of_fit(tiling, named, vectors, hardware, tiles, weights, key) -> Array:
    """Scales of every bit line [strips, columns] that fit the output to the digital product."""
    inputs, reads = jnp.moveaxis(jax.vmap(jax.random.split)(tiling.matrix_keys(key, named)), 1, 0)
    x = _vectors(hardware, tiling, tiles, inputs, vectors)
    y = _outputs(hardware, tiling, tiles, x, reads)
    exact = _over_row_tiles(
        tiling, lambda tile: matmul(x[tile["matrix"], :, tile["row"]], tile["weights"]), {"weights": weights}, vectors
    )
    return _scaled(
        tiles["scale"], _of_matrices(tiling, jnp.sum(exact * y, axis=1)), _of_matrices(tiling, jnp.sum(y * y, axis=1))
    )


def _vectors(hardware: Hardware, tiling: Tiling, tiles: dict[str, Any], keys: Array, count: int) -> Array:
    """Input vectors of every matrix, uniform over the range of the DAC: [matrices, count, most row tiles, rows]."""
    stated = hardware.dac.range
    scale, (_, lines, rows) = tiles["scale"], tiles["drive"].shape
    top = tiles.get("dac_range", 1.0) if stated is None or isinstance(stated, Dynamic) else stated
    top = jnp.broadcast_to(jnp.asarray(top, scale.dtype), tiling.matrices)
    # The numbers of a matrix are the first of a row of them, as if it were drawn for alone.
    drawn = jax.vmap(lambda key: jax.random.uniform(key, (count * lines * rows,), scale.dtype, -1.0))(keys)
    inputs = np.repeat([layout.inputs for layout in tiling.layouts], [layout.matrices for layout in tiling.layouts])
    line = jnp.arange(lines * rows)
    place = jnp.arange(count)[:, None] * inputs[:, None, None] + jnp.minimum(line, inputs[:, None, None] - 1)
    x = jnp.take_along_axis(drawn, place.reshape(tiling.matrices, -1), axis=1).reshape(place.shape)
    x = jnp.where(line < inputs[:, None, None], x, 0.0) * top[:, None, None]
    if "driven" in tiles:  # a vector drives some word lines of a tile, the next one others
        height = tiles["driven"][:, None, None]
        turn = jnp.arange(count)[:, None] % jnp.maximum(rows // height, 1)
        x = jnp.where((height >= rows) | (line % rows // height == turn), x, 0.0)
    return x.reshape(tiling.matrices, count, lines, rows)


def _outputs(hardware: Hardware, tiling: Tiling, tiles: dict[str, Any], x: Array, keys: Array) -> Array:
    """Reads of every strip [strips, count, columns], tile by tile; padding columns are zero."""
    count, rows, columns = x.shape[1], hardware.rows, hardware.tile[1]
    dac = hardware.dac
    # One DAC range for all tiles of a vector: they get its codes, as numbers of a DAC whose range is 1.
    stored = tiles["dac_range"][:, None, None] if "dac_range" in tiles else None
    codes, value = dac.convert(x.reshape(len(x), count, -1), (-1,), stored)
    steps = jnp.asarray(dac.steps(), x.dtype)
    drives = (codes / steps).reshape(x.shape)
    of_tile = replace(hardware, dac=replace(dac, range=1.0), backward=None)
    contraction = Dot((count, rows), (rows, columns), (1,), (0,))
    strip, matrix = tiling.strips

    def read_tile(tile):
        chip = jax.tree.map(lambda leaf: leaf[None] if leaf.ndim else leaf[None, None], tile["cells"])
        chip |= {"scale": tiles["scale"][tile["strip"]], "drive": tiles["drive"][tile["matrix"], tile["row"]]}
        if "adc_range" in tiles:
            chip["adc_range"] = tiles["adc_range"][tile["matrix"]]
        ready = prepare(of_tile, chip)
        return read(of_tile, contraction, ready, drives[tile["matrix"], :, tile["row"]], tile["key"])[0]

    each = {"cells": tiles["cells"], "strip": strip, "key": tiling.keys(keys, [0])[:, 0]}
    total = _over_row_tiles(tiling, read_tile, each, count)
    used = np.concatenate([_used_columns(layout) for layout in tiling.layouts])
    total = jnp.where(used[:, None, :], total, 0.0)
    if not dac.rescale:
        return total
    return total * jnp.broadcast_to(value * steps, (len(x), count, 1))[matrix]


def _used_columns(layout: Layout) -> np.ndarray:
    """Which bit lines of the strips of a stack of matrices are no padding, [strips, columns]."""
    used = (np.arange(layout.across * layout.columns) < layout.outputs).reshape(layout.across, layout.columns)
    return np.tile(used, (layout.matrices, 1))


def _over_row_tiles(tiling: Tiling, f: Any, tiles: dict[str, Any], vectors: int) -> Array:
    """Sum over the row tiles of a strip of f(tile) [vectors, columns]; f also gets "matrix" and "row" of the tile."""
    matrix, row, _ = tiling.places
    strip, matrices = tiling.strips
    size = tiling.layouts[0].rows + tiling.layouts[0].columns
    parts = in_chunks(jax.vmap(f), tiles | {"matrix": matrix, "row": row}, vectors * size)
    return jax.ops.segment_sum(parts, strip, len(matrices))


def _of_matrices(tiling: Tiling, of_columns: Array) -> Array:
    """Numbers [strips, columns] summed over each matrix, [strips, 1]."""
    _, matrix = tiling.strips
    return jax.ops.segment_sum(jnp.sum(of_columns, axis=1), matrix, tiling.matrices)[matrix, None]


def _scaled(scale: Array, wanted: Array, found: Array) -> Array:
    """The scale multiplied by wanted / found (by 1 where nothing was found)."""
    factor = jnp.where(found > 0, wanted / jnp.where(found > 0, found, 1.0), 1.0)
    return scale * factor.astype(scale.dtype)
