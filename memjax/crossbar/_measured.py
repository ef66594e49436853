"""A chip made from conductances that somebody measured."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax import _check
from memjax._random import fold_name
from memjax.crossbar._converters import make_converters
from memjax.crossbar._hardware import Hardware, check_hardware
from memjax.crossbar._layout import cut, pieces
from memjax.crossbar._program import Chip
from memjax.crossbar._range import expected_range
from memjax.crossbar._tiles import Tiling, over_tiles
from memjax.effects import Fabrication, Remembering, Wear, acting

Matrices = dict[str, Any]


def chip_from_conductances(
    hardware: Hardware,
    conductance: Matrices,
    scale: Any = 1.0,
    key: Array | None = None,
    *,
    low: Matrices | None = None,
    high: Matrices | None = None,
) -> Chip:
    """A chip whose cells have given conductances, such as measured ones, in place of programmed weights.

    They are taken as they are: no level, no write and no effect of fabrication acts on them. Padding cells are at
    G_off. What effects remember starts as after a write, and the ADC's range is estimated as by `program`.

    Args:
        hardware: the specification.
        conductance: for each array of the mapping ("pos" and "neg" of a `mapping.DoubleColumn`) a matrix [K, N] [S]; of
            a reference column [K, 1], or [K, column tiles].
        scale: the weight that the full range of the cells stands for, a number or one for each column [N]; weights
            about a middle have it at zero.
        key: PRNG key of what is drawn with a chip, needed where effects age or `Adc.errors` has errors of that kind.
        low, high: the conductances [S] between which each cell can be written, like `conductance`; None: the range of
            `Hardware.cell`, widened to the conductance of the cell.

    Returns: one entry of a chip, as `program`.

    Raises: ValueError for other arrays than the mapping's, for shapes that do not agree, for conductances that are
        negative, not finite or outside [low, high], and for a missing key.

    Example:
        ```python
        import jax
        import memjax as mj

        hardware = mj.Hardware(cell=mj.Cell(r_on=10e3, r_off=100e3), tile=(16, 16))
        g = jax.random.uniform(jax.random.key(0), (2, 20, 10), minval=1e-5, maxval=1e-4)  # measured, S
        chip = mj.chip_from_conductances(hardware, {"pos": g[0], "neg": g[1]}, scale=0.3)
        ```
    """
    check_hardware(hardware)
    arrays = hardware.mapping.arrays
    parts = {"conductance": conductance, "low": low, "high": high}
    given = {
        name: _matrices(name, part, hardware)
        for name, part in parts.items()
        if part is not None or name == "conductance"
    }
    for bound, holds, word in (("low", np.less_equal, "at most"), ("high", np.greater_equal, "at least")):
        for array in arrays if bound in given else ():
            _check_bound(bound, given[bound][array], given["conductance"][array], array, holds, word)
    width = next(matrix.shape[1] for name, matrix in given["conductance"].items() if arrays[name])
    _check.real("scale", scale, above=0.0)
    if jnp.shape(scale) not in ((), (width,)):
        raise ValueError(f"scale must be a number or have shape ({width},), got shape {jnp.shape(scale)}")
    if key is not None:
        _check.key("key", key)
    elif hardware.adc.mismatches or acting(hardware.effects, Remembering):
        drawn = [name for name, _ in acting(hardware.effects, Remembering)] + [e.name for e in hardware.adc.mismatches]
        raise ValueError(f"key must be a PRNG key, since {', '.join(drawn)} starts with the chip, got None")
    return _chip(hardware, given, _check.as_leaf(scale), key)


def _matrices(part: str, given: Any, hardware: Hardware) -> dict[str, Array]:
    """The matrices of one argument, checked: one for each array, of the shapes that fit the first."""
    arrays = hardware.mapping.arrays
    if not isinstance(given, dict) or given.keys() != arrays.keys():
        found = list(given) if isinstance(given, dict) else type(given).__name__
        kind = type(hardware.mapping).__name__
        raise ValueError(f"{part} must be a dict with a matrix for each array {list(arrays)} of {kind}, got {found}")
    matrices = {name: _check.array(f"{part}[{name!r}]", given[name], low=0.0, unit="S") for name in arrays}
    shape = next(matrices[name].shape for name, per_output in arrays.items() if per_output)
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"{part} must hold non-empty matrices [K, N], got shape {shape}")
    across = pieces(shape[1], hardware.tile[1])
    for name, matrix in matrices.items():
        valid = [shape] if arrays[name] else [(shape[0], width) for width in dict.fromkeys((1, across))]
        if matrix.shape not in valid:
            expected = " or ".join(map(str, valid))
            raise ValueError(f"{part}[{name!r}] must have shape {expected}, got {matrix.shape}")
    return {name: m.astype(jnp.promote_types(m.dtype, jnp.float32)) for name, m in matrices.items()}


def _check_bound(part: str, bound: Array, conductance: Array, array: str, holds: Any, word: str) -> None:
    limit, value = _check.concrete(bound), _check.concrete(conductance)
    if limit is None or value is None:
        return
    if limit.shape != value.shape:
        raise ValueError(f"{part}[{array!r}] must have the shape {value.shape} of its conductance, got {limit.shape}")
    bad = ~holds(limit, value)
    if bad.any():
        raise ValueError(
            f"{part}[{array!r}] must be {word} the conductance of the cell, got {limit[bad][0]:g} S for "
            f"{value[bad][0]:g} S"
        )


@jax.jit
def _chip(hardware: Hardware, given: dict[str, dict[str, Array]], scale: Any, key: Array | None) -> Chip:
    arrays, cell = hardware.mapping.arrays, hardware.cell
    inputs, outputs = next(m.shape for name, m in given["conductance"].items() if arrays[name])
    across = pieces(outputs, hardware.tile[1])
    tiling = Tiling.of(hardware, {"chip": (inputs, outputs)})

    def tiled(name: str, matrix: Array, padding: Any) -> Array:
        if arrays[name]:
            return cut(matrix, hardware.rows, hardware.tile[1], padding)
        return cut(jnp.broadcast_to(matrix, (inputs, across)), hardware.rows, across, padding)

    padding = {"conductance": cell.g_off, "low": cell.g_off, "high": cell.g_on}
    # In the order of the mapping, on which keys depend.
    cells = {p: {name: tiled(name, matrices[name], padding[p]) for name in arrays} for p, matrices in given.items()}
    nominal = {"low": lambda g: jnp.minimum(g, cell.g_off), "high": lambda g: jnp.maximum(g, cell.g_on)}
    for part, widened in nominal.items():
        cells.setdefault(part, {name: widened(tiles) for name, tiles in cells["conductance"].items()})
    dtype = jnp.result_type(*cells["conductance"].values())
    chip: Chip = {
        "conductance": cells["conductance"],
        "scale": jnp.broadcast_to(jnp.asarray(scale, dtype), (outputs,)),
        "drive": jnp.ones(inputs, dtype),
    }
    if "low" in given or "high" in given or acting(hardware.effects, Fabrication) or acting(hardware.effects, Wear):
        chip |= {"low": cells["low"], "high": cells["high"]}
    if acting(hardware.effects, Remembering):
        chip["memory"] = _memory(hardware, tiling, cells, key)
    if hardware.adc.mismatches and key is not None:
        matrix_keys = tiling.matrix_keys(fold_name(key, "converters"), False)
        keys = tiling.keys(matrix_keys, range(len(hardware.conversions[0])))
        made = make_converters(hardware, tiling.apart({"chip": cells["conductance"]}), keys)
        chip["adc"] = tiling.together(made)["chip"]
    if hardware.mapping.has_middle:
        chip["middle"] = jnp.zeros(outputs, dtype)
    if hardware.adc.in_chip:
        chip["adc_range"] = expected_range(hardware, chip, inputs, outputs)
    return chip


def _memory(hardware: Hardware, tiling: Tiling, cells: dict[str, dict[str, Array]], key: Any) -> dict[str, Any]:
    """What the effects remember of each array that was just written."""

    def start(tile, key):
        state = tile["conductance"], tile["low"], tile["high"]
        ageing = acting(hardware.effects, Remembering)
        return {name: effect.start(*state, fold_name(key, f"{name}/start"), None) for name, effect in ageing}

    names = cells["conductance"]
    tiles = tiling.apart({"chip": {name: {part: cells[part][name] for part in cells} for name in names}})
    keys = None if key is None else tiling.tile_keys(tiling.matrix_keys(key, False))
    return tiling.together(over_tiles(tiling.placement, start, tiles, keys))["chip"]
