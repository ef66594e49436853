"""The codes of all row tiles added up, and their derivatives."""

from collections.abc import Callable
from functools import partial, reduce
from operator import add
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.custom_batching import custom_vmap

from memjax.contraction import Convolution, Dot, Observation, merge
from memjax.converters import AbstractAdc, Dac, never_clips
from memjax.crossbar import _fused
from memjax.crossbar._derivative import with_derivatives
from memjax.crossbar._hardware import Hardware
from memjax.crossbar._layout import join, pieces
from memjax.crossbar._schedule import summed
from memjax.crossbar._tile import Tile, converted
from memjax.mapping import copy_columns

# Bytes of input rows and partial sums that are live at once: what stays in a CPU's cache, what fills a GPU.
CACHE_BYTES = {"cpu": 4 << 20}
DEVICE_BYTES = 1 << 28

WORTH = 0.1  # fraction of a matrix's word lines that must be spare for the last row tile to be computed apart

# What to record of the currents of a row of tiles, given in LSB, its number, and how many bit lines a tile has.
Watch = Callable[[Array, Array, int], Observation] | None


class Operands(NamedTuple):
    """What the codes depend on: input codes in standard form, tiles, DACs, ADCs, key of the read."""

    codes: Array
    tile: Tile
    dac: Dac
    adc: AbstractAdc
    key: Array | None


class Circuit(NamedTuple):
    """What is fixed when a read is compiled: the operation, bit lines of a tile, inputs that are driven together, the
    order of the tiles, whether the conversions of a vector that clip are counted as one more output."""

    contraction: Dot | Convolution
    columns: int
    at_once: int
    schedule: str
    counted: bool = False

    @property
    def batched(self) -> bool:
        """Whether the tiles are computed at once, where there is no kernel for them."""
        return self.schedule != "scan"


def sum_of_codes(
    hardware: Hardware, contraction: Dot | Convolution, codes: Array, tile: Tile, key: Array | None, watch: Watch
) -> tuple[Array, Observation | None]:
    """Sum over the row tiles of the converted currents, in standard form, and what was watched.

    Derivatives are those of the converters with straight-through rounding. Where currents are products and no converter
    clips, these are the derivatives of the digital product.
    """
    circuit, operands = _of(hardware, contraction, codes, tile, key)
    adc = operands.adc
    if watch is not None or tile.array.products(jnp.zeros((1, tile.array.shape[-2]), codes.dtype)) is None:
        return _simulated(circuit, watch, operands, exact=watch is not None)
    if adc.bits is None and key is None:
        return _product(circuit, operands), None
    fixed = lax.stop_gradient(operands)
    if not adc.clip_gradient or never_clips(adc):
        return with_derivatives(
            _simulated(circuit, None, fixed, constant=True)[0], partial(_product, circuit), operands
        ), None
    if key is not None or adc.errors:
        return _simulated(circuit, None, operands)
    value, seen = _simulated(circuit, partial(_clips, adc), fixed, constant=True)
    assert seen is not None
    return with_derivatives(value, partial(_as_clipped, circuit), (operands, jnp.any(seen.peak > 0))), None


def codes_and_clips(
    hardware: Hardware, contraction: Dot | Convolution, codes: Array, tile: Tile, key: Array | None
) -> tuple[Array, Array]:
    """The sum of codes, and for each output how many of the conversions of its vector clip."""
    circuit, operands = _of(hardware, contraction, codes, tile, key)
    both, _ = _simulated(circuit._replace(counted=True), None, operands)
    outputs = contraction.shape[1]
    by_vector = both.reshape(*both.shape[:-1], -1, outputs + 1)  # a convolution has a vector for each of its groups
    clips = jnp.broadcast_to(by_vector[..., outputs:], (*by_vector.shape[:-1], outputs))
    flat = lambda values: values.reshape(*both.shape[:-1], -1)
    return flat(by_vector[..., :outputs]), flat(clips)


def _of(
    hardware: Hardware, contraction: Dot | Convolution, codes: Array, tile: Tile, key: Array | None
) -> tuple[Circuit, Operands]:
    schedule = hardware.schedule or _fastest()
    dac, adc = jax.tree.map(lambda leaf: jnp.asarray(leaf, codes.dtype), (hardware.dac, hardware.adc))
    circuit = Circuit(contraction, hardware.tile[1], hardware.at_once, schedule)
    return circuit, Operands(codes, tile, dac, adc, key)


def _fastest() -> str:
    """The order of the tiles for the default backend."""
    if jax.default_backend() == "cpu":
        return "scan"
    return "fused" if _fused.available() else "batched"


def _clips(adc: AbstractAdc, z: Array, *_: Any) -> Observation:
    """Whether a current lies outside the converter's range, as the peak."""
    return Observation(jnp.zeros((), z.dtype), jnp.any(adc.clips(z)).astype(z.dtype))


def _as_clipped(circuit: Circuit, operands: tuple[Operands, Array]) -> Array:
    """Codes for derivatives: without a conversion that clips those of the product, for which no tile is computed."""
    choose = lambda operands, clips: lax.cond(
        some(clips), lambda o: _simulated(circuit, None, o)[0], partial(_product, circuit), operands
    )
    return jax.checkpoint(choose)(*operands)


@custom_vmap
def some(clips: Array) -> Array:
    """Whether any conversion clips, for a whole batch together: a choice of each would compute both sides."""
    return clips


@some.def_vmap
def _(size: int, batched: list[bool], clips: Array) -> tuple[Array, bool]:
    return some(jnp.any(clips)), False


def _wide(circuit: Circuit, array: Array) -> Array:
    """Bit lines as outputs: padding columns dropped, the shared column of a tile copied to its columns."""
    outputs = circuit.contraction.shape[1]
    return copy_columns(array, circuit.columns, outputs) if array.shape[-1] < outputs else array[..., :outputs]


def _product(circuit: Circuit, operands: Operands) -> Array:
    """What ideal converters give."""
    contraction, array = circuit.contraction, operands.tile.array
    inputs, outputs = contraction.shape
    pairs = array.products(operands.dac.driven(operands.codes))
    assert pairs is not None
    return reduce(add, (contraction.product(x, join(_wide(circuit, g), inputs, outputs)) for x, g in pairs))


def _folded(keys: Array | None, number: Array) -> Array | None:
    """The key of every vector, folded with a number."""
    return None if keys is None else jax.vmap(lambda key: jax.random.fold_in(key, number))(keys)


def _with_short_tile(
    batched: bool, of_tile: Callable, tile: Tile, shape: tuple[int, int], drives: Array
) -> tuple[Array, Observation | None]:
    """As `summed`, without the word lines of the last row tile that are not driven."""
    rows = shape[0]
    whole, rest = divmod(drives.shape[1], rows)
    last = jax.checkpoint(of_tile, prevent_cse=batched)
    codes, seen = last(jnp.array(whole), tile.driven(whole, rest), drives[:, whole * rows :])
    if not whole:
        return codes, seen
    before = tile.driven(slice(whole), rows)
    total, found = summed(batched, of_tile, before, (whole, *shape), drives[:, : whole * rows])
    if seen is None or found is None:
        return total + codes, None
    return total + codes, merge(found, seen)


def _simulated(
    circuit: Circuit, watch: Watch, operands: Operands, exact: bool = False, constant: bool = False
) -> tuple[Array, Observation | None]:
    """Every conversion computed; with `exact` each once and none of a row that only fills up a chunk; `constant` where
    nothing is differentiated, and nothing is watched but whether currents clip."""
    contraction = circuit.contraction
    codes, tile, dac, adc, key = operands
    encoding, steps = dac.encoding, jnp.asarray(dac.steps(), codes.dtype)
    tiles, rows, width = tile.array.shape[-3:]
    columns = 1 if width < contraction.shape[1] else circuit.columns  # one, copied digitally
    inputs, size = contraction.shape[0], circuit.at_once
    groups = pieces(min(rows, inputs), size)
    # Word lines that are never driven carry no current, but through cells that are more than a product.
    linear = tile.array.products(jnp.zeros((1, rows), codes.dtype)) is not None
    spare = tiles * rows - inputs
    short = linear and groups == 1 and WORTH * tiles * rows <= spare < rows
    plain = constant and key is None and groups == 1 and not circuit.counted and codes.size > 0
    fused = circuit.schedule == "fused" and plain and _fused.fits(adc, columns, tile.array, codes.dtype)

    def kernel(x, tile, key, first):
        drives = dac.driven(encoding.drives(x, steps))
        if fused:
            codes, distance = _fused.sum_of_codes(adc, columns, tile.array.matrix, drives)
            clips = (distance > 0.5).astype(codes.dtype)
            return _wide(circuit, encoding.collect(codes)), None if watch is None else Observation(0.0 * clips, clips)
        fold = jax.vmap(jax.random.fold_in, (None, 0))
        row_keys = None if key is None else fold(key, first * encoding.planes + jnp.arange(len(drives)))

        def together(index, tile, drives, keys):
            codes, seen, distorted = converted(adc, columns, tile, drives, keys)
            if circuit.counted:
                clips = adc.clips(distorted).reshape(len(codes), -1).sum(1, keepdims=True)
                codes = jnp.concatenate([codes, clips.astype(codes.dtype)], axis=1)
            return codes, None if watch is None else watch(seen, index, columns)

        def of_tile(index, tile, drives):
            keys = _folded(row_keys, index)
            if groups == 1:
                return together(index, tile, drives, keys)

            def of_group(group, part, drives):
                found = together(index, part, drives, _folded(keys, group))
                used = index * rows + group * size < inputs  # without an input there is no conversion
                return jax.tree.map(lambda a: jnp.where(used, a, 0.0), found)

            shape = (groups, size, width + circuit.counted)
            return summed(circuit.batched, of_group, tile.in_groups(size, groups), shape, drives)

        shape = (rows, width + circuit.counted)
        if short:
            codes, seen = _with_short_tile(circuit.batched, of_tile, tile, shape, drives)
        else:
            codes, seen = summed(circuit.batched, of_tile, tile, (tiles, *shape), drives)
        codes = encoding.collect(codes)
        if circuit.counted:
            return jnp.concatenate([_wide(circuit, codes[:, :-1]), codes[:, -1:]], axis=1), seen
        return _wide(circuit, codes), seen

    row = codes.dtype.itemsize * (inputs + width * (tiles * groups if circuit.batched and not fused else 1))
    most = CACHE_BYTES.get(jax.default_backend(), DEVICE_BYTES) // (row * encoding.planes)
    return contraction.over_rows(kernel, codes, tile, key, most, exact, constant)
