"""Making a chip: cells fabricated, weights written.

All tiles of all crossbars go through one pass (see `memjax.crossbar._tiles`): a chip of many matrices compiles as fast
as one of one matrix, but for cutting and joining.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from memjax import _check
from memjax._names import replace
from memjax._random import fold_name
from memjax.converters import clip, replace_value
from memjax.crossbar._chip import check_devices, check_memory, check_single, check_tiles
from memjax.crossbar._converters import make_converters
from memjax.crossbar._hardware import Hardware, check_hardware
from memjax.crossbar._range import full_scale, largest_current, nominal
from memjax.crossbar._scales import about_middles, percentiles
from memjax.crossbar._tiles import Tiling, in_chunks, moved, over_tiles
from memjax.effects import Fabrication, Programming, Remembering, Targeting, Wear, acting

Chip = dict[str, Any]


def program(hardware: Hardware, weights: Array, key: Array) -> Chip:
    """Program a matrix into crossbar tiles.

    Args:
        hardware: the specification.
        weights: [K, N].
        key: PRNG key of this chip. Every tile of every array folds it with its own position, so that the numbers of a
            cell do not depend on how many others there are.

    Returns:
        A dict of arrays: "conductance" {array name: [T, rows, width]} [S], tiles as in `memjax.crossbar`, padding
        included; "scale" [N], the weight that the full conductance range stands for; "drive" [K], the relative gain of
        each word-line driver (1); where the mapping adds it digitally, "middle" [N], of the range of the weights; where
        cells differ from one another, "low" and "high" like "conductance", the range
        of each cell [S]; where effects have one, "memory", what they remember of each array; where
        `Hardware.programming` writes the cells, "writes", what that took: "pulses", "energy" [J] and "failed" (1 where
        the target was missed, else 0), each like "conductance", and where it has a `spread`, "device", the parameters
        of each cell by array and name; where the ADC has no range of its own, "adc_range",
        its full-scale current [A], estimated from the targets of the write in nominal cells, so that no defective or
        varied cell changes it; where `Adc.errors` holds errors that are made with the chip, "adc" {arrays in front of a
        converter: {error: [T, numbers, width]}} [LSB].

    Raises: ValueError for weights that are not a matrix of finite numbers; TypeError for a key that is none.

    Example:
        ```python
        import jax
        import memjax as mj

        hardware = mj.Hardware(tile=(16, 16))
        w = jax.random.normal(jax.random.key(0), (40, 10))
        chip = mj.program(hardware, w, jax.random.key(1))
        chips = jax.vmap(lambda key: mj.program(hardware, w, key))(jax.random.split(jax.random.key(2), 5))
        print(chip["conductance"]["pos"].shape, chips["conductance"]["pos"].shape)  # (3, 16, 16) (5, 3, 16, 16)
        ```
    """
    check_hardware(hardware)
    weights = _matrix(weights)
    _check.key("key", key)
    return _in_one_pass(hardware, {"weights": weights}, key, False)["weights"]


def program_all(
    hardware: Hardware, matrices: dict[str, Array], key: Array, at_once: int | None = None
) -> dict[str, Chip]:
    """Program the matrices of many crossbars in one pass.

    Args:
        hardware: the specification of all.
        matrices: [*leading, K, N] by crossbar name; leading axes hold matrices of their own.
        key: PRNG key of the chip: each matrix is programmed as by `program` with the key folded with the name of its
            crossbar and its indices, whatever other crossbars there are.
        at_once: number of inputs that a read drives together, which the range of the ADC is for; None: all of a tile.

    Returns: {name: a chip as of `program`, with the leading axes in front of every array}.

    Raises: ValueError for weights that are no stack of matrices of finite numbers.
    """
    checked = {name: _finite(name, weights) for name, weights in matrices.items()}
    pick = lambda names: {name: checked[name] for name in names}
    return in_passes(_types(checked), lambda names: _in_one_pass(hardware, pick(names), key, True, at_once=at_once))


def reprogram(hardware: Hardware, chip: Chip, weights: Array, key: Array) -> Chip:
    """Write other weights into the cells of a chip: their ranges, faults and wear stay, as do its converters.

    Args:
        hardware: the specification that the chip was made with.
        chip: from `program` or `age`.
        weights: [K, N], the shape that the chip was made for.
        key: PRNG key of the write.

    Returns: a chip as `program` does; an estimated "adc_range" is that of the new weights, a calibrated "dac_range"
        stays.

    Raises: ValueError for weights of another shape or that are not finite, and for a chip of other hardware; TypeError
        for a key that is none.
    """
    check_hardware(hardware)
    weights = _matrix(weights)
    check_single("chip", chip)
    check_tiles(hardware, chip)
    check_memory(hardware, chip)
    check_devices(hardware, chip)
    _check.key("key", key)
    check_shape("weights", chip, weights.shape)
    return _in_one_pass(hardware, {"weights": weights}, key, False, {"weights": chip})["weights"]


def reprogram_all(
    hardware: Hardware, chip: dict[str, Chip], matrices: dict[str, Array], key: Array, at_once: int | None = None
) -> dict[str, Chip]:
    """Write other matrices into the cells of many crossbars in one pass: each as by `reprogram`.

    Keys and `at_once` are those of `program_all`.

    Raises: ValueError for weights of another shape than those of the crossbar, or that are not finite.
    """
    checked = {name: _finite(name, weights) for name, weights in matrices.items()}
    for name, weights in checked.items():
        check_shape(name, chip[name], weights.shape)
        check_devices(hardware, chip[name], name)

    def write(names):
        before = {name: chip[name] for name in names}
        return _in_one_pass(hardware, {n: checked[n] for n in names}, key, True, before, at_once)

    return in_passes(_types(checked), write)


def in_passes(types: dict[str, Any], f: Callable[[list[str]], dict[str, Chip]]) -> dict[str, Chip]:
    """f of the names of all crossbars of one number type, for each type; `types` are those of the crossbars by name."""
    done = {}
    for kind in dict.fromkeys(types.values()):
        done |= f([name for name, dtype in types.items() if dtype == kind])
    return {name: done[name] for name in types}


def _types(matrices: dict[str, Array]) -> dict[str, Any]:
    return {name: matrix.dtype for name, matrix in matrices.items()}


def check_shape(name: str, entry: Chip, shape: tuple[int, ...]) -> None:
    """Raise unless weights have the shape of a programmed matrix."""
    if shape != (expected := shape_of(entry)):
        raise ValueError(f"{name} must have the shape {expected} that the chip was made for, got {shape}")


def shape_of(entry: Chip) -> tuple[int, ...]:
    """[*leading, K, N] of a programmed matrix."""
    *leading, outputs = entry["scale"].shape
    return (*leading, entry["drive"].shape[-1], outputs)


def _matrix(weights: Any) -> Array:
    weights = _finite("weights", weights)
    if weights.ndim != 2:
        raise ValueError(f"weights must be a non-empty matrix [K, N], got shape {weights.shape}")
    return weights


def _finite(name: str, weights: Any) -> Array:
    weights = _check.array(name, weights)
    if weights.ndim < 2 or 0 in weights.shape:
        raise ValueError(f"{name} must be a non-empty matrix [K, N], got shape {weights.shape}")
    return weights.astype(jnp.promote_types(weights.dtype, jnp.float32))


def _in_one_pass(
    hardware: Hardware,
    matrices: dict[str, Array],
    key: Array,
    named: bool,
    before: dict[str, Chip] | None = None,
    at_once: int | None = None,
) -> dict[str, Chip]:
    """The chip of some matrices, written into the cells of the chip `before` or into new ones.

    What is no matter of the write, such as converters, stays as before.
    """
    tiling = Tiling.of(hardware, {name: matrix.shape for name, matrix in matrices.items()})
    middles = None
    if hardware.mapping.has_middle:
        matrices, middles = about_middles(hardware, matrices)
    weights = moved(Tiling.cut, tiling, matrices)
    cells = None if before is None else moved(Tiling.apart, tiling, {n: _cells(entry) for n, entry in before.items()})
    scales = None if hardware.mapping.percentile is None else percentiles(hardware, matrices)
    parts, columns, ranges = _written_tiles(tiling, named, at_once, hardware, weights, scales, key, cells)
    chip = moved(Tiling.together, tiling, parts)
    scales = moved(Tiling.by_column, tiling, columns)
    ranges = None if ranges is None else moved(Tiling.by_matrix, tiling, ranges)
    for name, entry in chip.items():
        *shape, _ = matrices[name].shape
        entry |= {"scale": scales[name], "drive": jnp.asarray(np.ones(shape, scales[name].dtype))}
        if middles is not None:
            entry["middle"] = middles[name]
        if ranges is not None:
            entry["adc_range"] = ranges[name]
        if at_once is not None:
            entry["driven"] = jnp.full(shape[:-1], at_once, scales[name].dtype)
        if before is not None:
            chip[name] = {part: a for part, a in before[name].items() if part not in ("writes", "adc_range")} | entry
    return chip


@partial(jax.jit, static_argnums=(0, 1, 2))
def _written_tiles(
    tiling: Tiling,
    named: bool,
    at_once: int | None,
    hardware: Hardware,
    weights: Array,
    scales: Any,
    key: Array,
    before: Any,
) -> tuple[Chip, Array, Array | None]:
    """(the cells of all tiles, the weight scale of every bit line, the ADC range of every matrix)."""
    # The hardware may be a constant of the program around: what XLA computes of it at compilation, as a logarithm, can
    # differ in the last bit from what it computes at run time, and the same key would not give the same chip.
    hardware, weights, scales, before = lax.optimization_barrier((hardware, weights, scales, before))
    strip, _ = tiling.strips
    arrays = tuple(hardware.mapping.arrays)
    columns = _largest_weights(hardware, tiling, weights) if scales is None else tiling.columns(scales)
    scale = columns[strip][:, None, :]
    if hardware.mapping.scaling == "matrix":
        # Spread by hand: XLA would multiply with the reciprocal, which need not take the largest weight to 1 exactly.
        scale = lax.optimization_barrier(jnp.broadcast_to(scale, weights.shape))
    matrix_keys = tiling.matrix_keys(key, named)
    tiles = {
        "weights": clip(weights / scale, -1.0, 1.0),
        "driven": tiling.driven,
        "keys": tiling.tile_keys(matrix_keys),
        "before": dict.fromkeys(arrays) if before is None else before,
    }
    if new_converters := before is None and bool(hardware.adc.mismatches):
        converter_keys = jax.vmap(lambda k: fold_name(k, "converters"))(matrix_keys)
        tiles["converters"] = tiling.keys(converter_keys, range(len(hardware.conversions[0])))

    def of_tiles(tiles):
        targets, driven = _targets(hardware, tiles["weights"], tiles["driven"])
        cells = over_tiles(
            tiling.placement,
            lambda tile, key: _written(hardware, tile[0], tile[1], key),
            {name: (target, tiles["before"][name]) for name, target in targets.items()},
            tiles["keys"],
        )
        chip = _parts(hardware, cells)
        if new_converters:
            chip["adc"] = make_converters(hardware, targets, tiles["converters"])
        top = None
        if hardware.adc.in_chip:
            aimed = over_tiles(tiling.placement, lambda target, _: nominal(hardware, target), targets)
            top = largest_current(hardware, aimed, driven, at_once)
        return chip, top

    parts, top = in_chunks(of_tiles, tiles, len(arrays) * hardware.rows * hardware.tile[1])
    for headroom in _headrooms(hardware):
        columns = columns / headroom
    if top is None:
        return parts, columns, None
    top = jax.ops.segment_max(lax.stop_gradient(top), tiling.places[0], tiling.matrices, indices_are_sorted=True)
    return parts, columns, full_scale(hardware, top)


def _largest_weights(hardware: Hardware, tiling: Tiling, weights: Array) -> Array:
    """`weight_scale` of every bit line [strips, columns], from the tiles of all matrices."""
    strip, matrix = tiling.strips
    top = _largest(jnp.max(jnp.abs(weights), axis=1), strip, len(matrix))
    if hardware.mapping.scaling == "matrix":
        top = jnp.broadcast_to(_largest(jnp.max(top, axis=1), matrix, tiling.matrices)[matrix, None], top.shape)
    return jnp.where(top > 0, top, 1.0)


def _largest(values: Array, segment: np.ndarray, segments: int) -> Array:
    """The largest of the values of each segment, with the gradient of `jnp.max`, which `segment_max` has not."""
    top = jax.ops.segment_max(lax.stop_gradient(values), segment, segments)
    at_top = values == top[segment]
    total, number = (jax.ops.segment_sum(v, segment, segments) for v in (jnp.where(at_top, values, 0.0), at_top + 0.0))
    return replace_value(total / number, top)


def _cells(entry: Chip) -> dict[str, dict[str, Any]]:
    """What stays of the cells of each array when they are written again."""
    parts = [part for part in ("conductance", "low", "high", "memory", "device") if part in entry]
    return {array: {part: entry[part][array] for part in parts} for array in entry["conductance"]}


def _parts(hardware: Hardware, cells: dict[str, Any]) -> Chip:
    """What a chip holds of written cells, by part and array."""
    part = lambda name: {array: cell[name] for array, cell in cells.items()}
    chip: Chip = {"conductance": part("conductance")}
    if acting(hardware.effects, Fabrication) or acting(hardware.effects, Wear):
        chip |= {"low": part("low"), "high": part("high")}
    if acting(hardware.effects, Remembering):
        chip["memory"] = part("memory")
    if hardware.programming is not None:
        chip["writes"] = {name: part(name) for name in ("pulses", "energy", "failed")}
        if hardware.programming.spread:
            chip["device"] = part("device")
    return chip


def _targets(hardware: Hardware, weights: Array, used: tuple[Array, Array]) -> tuple[dict[str, Array], Array]:
    """Target conductances of every array in tiles of `weights` [count, rows, columns], and which cells are driven.

    `used` are the numbers of word lines and bit lines of each tile that are no padding; padding is at G_off.
    """
    rows, columns = (jnp.arange(n) < count[:, None] for n, count in zip(weights.shape[1:], used, strict=True))
    driven = rows[:, :, None] & columns[:, None, :]
    wanted = {n: hardware.cell.conductance(f) for n, f in hardware.mapping.fractions(weights, hardware.cell).items()}
    for headroom in _headrooms(hardware):
        wanted = _compressed(hardware, wanted, headroom)
    off = jnp.asarray(hardware.cell.g_off, weights.dtype)
    # One column shared by all columns of a tile stands once in every tile.
    return {name: jnp.where(driven[..., : g.shape[-1]], g, off) for name, g in wanted.items()}, driven


def _headrooms(hardware: Hardware) -> list[Any]:
    """Shares of the range that weights are mapped to, one within the other."""
    return [e.headroom for _, e in acting(hardware.effects, Targeting) if e.headroom is not None]


def _compressed(hardware: Hardware, wanted: dict[str, Array], headroom: Any) -> dict[str, Array]:
    """Conductances in a share `headroom` of the range, about those of the weight zero."""
    cell = hardware.cell
    one = jnp.zeros((1, 1), next(iter(wanted.values())).dtype)
    zero = {n: cell.g_off * (1.0 - f) + cell.g_on * f for n, f in hardware.mapping.fractions(one, cell).items()}
    return {name: jnp.asarray(zero[name] + headroom * (g - zero[name]), g.dtype) for name, g in wanted.items()}


def _fabricated(hardware: Hardware, like: Array, key: Array) -> tuple[Array, Array]:
    """The range [S] of each cell of a tile shaped as `like`."""
    low = jnp.full_like(like, hardware.cell.g_off)
    high = jnp.full_like(like, hardware.cell.g_on)
    for name, effect in acting(hardware.effects, Fabrication):
        low, high = effect.fabricate(low, high, fold_name(key, f"{name}/fabricate"))
    return low, high


def _pulsed(hardware: Hardware, wanted: Array, before: Chip | None, key: Array) -> tuple[Array, dict[str, Any]]:
    """Conductances [S] of a tile written by pulses, and what is to be kept: the devices of its cells, what it took."""
    writer = hardware.programming
    assert writer is not None
    device = writer.draw(fold_name(key, "device"), wanted.shape) if before is None else before.get("device", {})
    state = None
    if before is not None:  # the states of its conductances, as near as the devices come
        own = replace(writer.device, device)
        state = jnp.clip(own.state_at(clip(before["conductance"], *own.conductance_bounds)), 0.0, 1.0)
    reachable = clip(wanted, *writer.device.conductance_bounds)
    written = writer.program(reachable, fold_name(key, "pulses"), state, hardware.wires, device)
    # As floats, so that a chip stays something that jax.grad takes.
    took = {name: getattr(written, name).astype(wanted.dtype) for name in ("pulses", "energy", "failed")}
    return written.conductance.astype(wanted.dtype), took | {"device": device}


def _written(hardware: Hardware, wanted: Array, before: Chip | None, key: Array) -> dict[str, Any]:
    """Conductance of a tile after a write, the range of its cells, what effects remember and what writing took.

    The cells are new, or those of a chip `before`.
    """
    if before is None:
        low, high = _fabricated(hardware, wanted, key)
    else:
        low = before.get("low", jnp.full_like(wanted, hardware.cell.g_off))
        high = before.get("high", jnp.full_like(wanted, hardware.cell.g_on))
    remembered = None if before is None else before.get("memory")
    cells: dict[str, Any] = {"low": low, "high": high}
    conductance = clip(wanted, low, high)
    for _, effect in acting(hardware.effects, Targeting):
        conductance = effect.target(conductance, low, high)
    if hardware.programming is not None:
        pulsed, kept = _pulsed(hardware, conductance, before, key)
        # Devices that differ have their own ranges; but what is stuck stays.
        own = bool(hardware.programming.spread) & (low < high)
        conductance = jnp.where(own, pulsed, clip(pulsed, low, high))
        cells |= kept
    for name, effect in acting(hardware.effects, Programming):
        written = effect.write(conductance, low, high, fold_name(key, f"{name}/write"))
        conductance = jnp.where(low < high, jnp.maximum(written, 0.0), conductance)
    memory = {}
    for name, effect in acting(hardware.effects, Remembering):
        previous = None if remembered is None else remembered[name]
        memory[name] = effect.start(conductance, low, high, fold_name(key, f"{name}/start"), previous)
    return cells | {"conductance": conductance, "memory": memory}
