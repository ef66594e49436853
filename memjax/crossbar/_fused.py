"""All row tiles of a matrix in one kernel: products, conversions and the sum of codes, without a current in memory.

Where currents are written out, reading and writing them takes longer than all products: one for every output and row
tile. Here each block of the result adds up the codes of one tile after another, in registers. A full scale that each
vector has in each tile is found there too, where a block holds all columns of a tile.

Products are those of float32 on units for bfloat16: a number is the sum of three pieces of eight bits, the products of
pieces are exact, and the three smallest of the nine (a part in 2^24) are left out. Drives of a single piece, as codes
of up to nine bits are, take three products in place of six.

Source: products in pieces, Henry, Tang and Heinecke, IEEE ARITH (2019), arXiv 1904.06376.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.converters import AbstractAdc, Adc, Dynamic
from memjax.crossbar._array import AbstractArray, Linear

PIECES = 3  # of a float32: 24 bits
VECTORS, OUTPUTS, INPUTS = 64, 128, 32  # most of a block, by measurement on an H100
LEAST = 16  # of each, for a product on such units
WARPS, STAGES = 4, 3  # of a block; loads of inputs that are on their way at once, at most
SHARED = 96 << 10  # bytes for these loads, which every such GPU has
ROUNDING = 1.5 * 2.0**23  # added to a float32, it leaves no room for a fraction


def available() -> bool:
    """Whether there is an NVIDIA GPU that multiplies bfloat16: of compute capability 8.0 (Ampere) or later."""
    capability = str(getattr(jax.devices()[0], "compute_capability", ""))
    return capability[:1].isdigit() and float(capability) >= 8.0


def fits(adc: AbstractAdc, columns: int, array: AbstractArray, dtype: Any) -> bool:
    """Whether the kernel can do what these converters do with currents of this array, `columns` of it in a tile."""
    return (
        isinstance(array, Linear)
        and dtype == jnp.float32
        and isinstance(adc, Adc)
        and adc.bits is not None
        and (not isinstance(adc.range, Dynamic) or _in_blocks(adc.range, columns, array.shape[-1]))
        and not adc.errors
        and (adc.codes == "mid_rise" or adc.rounding != "floor")
    )


def _in_blocks(full_scale: Dynamic, columns: int, outputs: int) -> bool:
    """Whether blocks are of whole tiles, in which the outputs that fill them up change no full scale."""
    together = _together(columns, outputs)
    return not full_scale.counts and together <= OUTPUTS and (columns >= outputs or columns == together)


def _together(columns: int, outputs: int) -> int:
    """Outputs of a block with a full scale in common."""
    return _power(min(columns, outputs))


def sum_of_codes(adc: AbstractAdc, columns: int, matrix: Array, drives: Array) -> tuple[Array, Array]:
    """(sum over row tiles of the codes [B, N], the largest distance of a current from its code [LSB]).

    Args:
        adc: the converters, which `fits` has looked at.
        columns: bit lines of a tile.
        matrix: signed conductance in LSB per unit of drive, [tiles, rows, N]; for a dynamic range in amperes, as its
            codes times their LSB are.
        drives: [B, K], K at most tiles * rows.
    """
    assert isinstance(adc, Adc)
    if len(matrix) == 1:  # word lines that are not driven
        matrix = matrix[:, : drives.shape[1]]
    count, rows, outputs = matrix.shape
    vectors, high = len(drives), _multiple(rows, LEAST)
    wide, tall = min(OUTPUTS, _power(outputs)), min(VECTORS, _power(vectors))
    shape = _multiple(vectors, tall), _multiple(outputs, wide)
    x = _filled(drives, vectors, count * rows).reshape(vectors, count, rows)
    x = _filled(x, shape[0], count, high).reshape(shape[0], -1)
    w = jnp.stack(_split(_filled(matrix, count, high, shape[1]).reshape(-1, shape[1]), PIECES, True))
    single = jnp.all(_rounded(x) == x)
    convert, of_adc = partial(_code, adc.codes, adc.rounding), adc.limits()
    if isinstance(adc.range, Dynamic):
        rule = partial(Dynamic, power_of_two=adc.range.power_of_two, signed=adc.range.signed)
        convert = partial(_code_in_own_range, convert, rule, _together(columns, outputs))
        of_adc += adc.lsb(jnp.ones(())), adc.range.at_least
    numbers = jnp.stack([jnp.asarray(number, jnp.float32) for number in (single, *of_adc)])
    run = partial(_blocks, convert, high, tall, wide)
    codes, distance = lax.platform_dependent(numbers, x, w, cuda=partial(run, False), default=partial(run, True))
    return codes[:vectors, :outputs], jnp.max(distance)


def _blocks(
    convert: Callable, rows: int, tall: int, wide: int, interpret: bool, numbers: Array, x: Array, w: Array
) -> Any:
    """The kernel on drives [B, K] and pieces [P, K, N]: (sums of codes [B, N], the largest distance in each block)."""
    from jax.experimental import pallas  # takes as long to import as all of memjax
    from jax.experimental.pallas import triton

    (vectors, length), outputs = x.shape, w.shape[2]
    inputs = next(size for size in (INPUTS, LEAST) if rows % size == 0)
    grid = outputs // wide, vectors // tall  # neighbours read the same vectors
    block = pallas.BlockSpec
    return pallas.pallas_call(
        partial(_block, partial(convert, interpret), partial(_split, interpret=interpret), pallas.ds, rows, inputs),
        grid=grid,
        in_specs=[
            block(numbers.shape, lambda j, i: (0,)),
            block((tall, length), lambda j, i: (i, 0)),
            block((PIECES, length, wide), lambda j, i: (0, 0, j)),
        ],
        out_specs=[block((tall, wide), lambda j, i: (i, j)), block((1, 1), lambda j, i: (j, i))],
        out_shape=[jax.ShapeDtypeStruct(size, jnp.float32) for size in ((vectors, outputs), grid)],
        compiler_params=triton.CompilerParams(
            num_warps=WARPS, num_stages=min(STAGES, SHARED // (inputs * (4 * tall + 2 * PIECES * wide)))
        ),
        interpret=interpret,
        name="sum_of_codes",
    )(numbers, x, w)


def _block(
    convert: Callable,
    split: Callable,
    part: Callable,
    rows: int,
    inputs: int,
    numbers: Any,
    x: Any,
    w: Any,
    y: Any,
    far: Any,
):
    """The sum of codes of some vectors and some outputs; a tile has `rows` inputs, `inputs` are multiplied at once."""
    single, *of_adc = [numbers[i] for i in range(numbers.shape[0])]
    zero = jnp.zeros(y.shape, jnp.float32)

    def product(pieces, first):
        """Products of pieces, the smallest first."""
        of_x = split(x[:, part(first, inputs)], pieces)
        of_w = [w[j, part(first, inputs), :] for j in range(PIECES)]
        total = zero
        for size in reversed(range(PIECES)):
            for i in range(min(pieces, size + 1)):
                total += lax.dot(of_x[i], of_w[size - i], preferred_element_type=jnp.float32)
        return total

    def of_tile(pieces, tile, carry):
        total, distance = carry
        first = tile * rows
        if rows == inputs:
            current = product(pieces, first)
        else:
            sum_with = lambda i, sum: sum + product(pieces, first + i * inputs)
            current = lax.fori_loop(0, rows // inputs, sum_with, zero)
        codes, error = convert(current, *of_adc)
        return total + codes, jnp.maximum(distance, jnp.abs(error))

    every = lambda pieces: lax.fori_loop(0, x.shape[1] // rows, partial(of_tile, pieces), (zero, zero))
    total, distance = lax.cond(single > 0, lambda: every(1), lambda: every(PIECES))
    y[...] = total
    far[...] = jnp.max(jnp.max(distance, axis=1), axis=0)[None, None]


def _code(codes: str, rounding: str, interpret: bool, z: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """As `Adc.code`, in operations that the kernel has, and what is left of the current."""
    if codes == "mid_rise":
        rounded = jnp.floor(z) + 0.5
    elif rounding == "half_up":
        rounded = jnp.floor(z + 0.5)
    else:  # XLA, which interprets the kernel on other devices, would cancel the numbers
        rounded = jnp.round(z) if interpret else (z + ROUNDING) - ROUNDING
    code = jnp.where(jnp.isnan(z), z, jnp.minimum(jnp.maximum(rounded, low), high))  # a GPU's limits drop it
    return code, z - code


def _code_in_own_range(
    code: Callable,
    rule: Callable,
    columns: int,
    interpret: bool,
    current: Array,
    low: Array,
    high: Array,
    lsb_of_one: Array,
    at_least: Array,
) -> tuple[Array, Array]:
    """The same for a full scale of each vector and tile; codes times their LSB."""
    tiles = current.reshape(len(current), -1, columns)
    full_scale = rule(at_least=at_least).full_scale(tiles, (-1,))
    there = full_scale > 0
    lsb = jnp.where(there, full_scale, 1.0) * lsb_of_one
    codes, error = code(interpret, tiles * (1.0 / lsb), low, high)
    return (codes * jnp.where(there, lsb, 0.0)).reshape(current.shape), error.reshape(current.shape)


def _split(x: Array, count: int, interpret: bool) -> list[Array]:
    """Pieces of a float32 array, whose sum it is, in bfloat16."""
    pieces, rest = [], x
    for _ in range(count):
        # XLA would cancel a change of type there and back, which is all that the kernel has.
        piece = _rounded(rest) if interpret else rest.astype(jnp.bfloat16)
        pieces.append(piece.astype(jnp.bfloat16))
        rest = rest - piece.astype(jnp.float32)
    return pieces


def _rounded(x: Array) -> Array:
    """A float32 array in the bits of a bfloat16."""
    return lax.reduce_precision(x, exponent_bits=8, mantissa_bits=7)


def _filled(x: Array, *shape: int) -> Array:
    """An array with zeros behind, of a larger shape."""
    return lax.pad(x, jnp.zeros((), x.dtype), [(0, n - m, 0) for m, n in zip(x.shape, shape, strict=True)])


def _multiple(n: int, of: int) -> int:
    return -(-n // of) * of


def _power(n: int) -> int:
    """The power of two from n on, at least that of a product."""
    return max(LEAST, 1 << (n - 1).bit_length())
