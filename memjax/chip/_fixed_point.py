"""Products of fixed-point numbers in slices: weights over cells, inputs over time, as PUMA computes them."""

import math
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from memjax import _check

LIMB = 16  # bits of the low half of a sum
MOST_INPUTS = 2**14  # of 16 bits: sums of their magnitudes stay below 2^46, and two halves hold 2^47


def fixed_point_mvm(
    weights: Any,
    x: Any,
    *,
    bits: int = 16,
    fraction: int = 12,
    cell_bits: int = 2,
    dac_bits: int = 1,
    adc_bits: int | None = None,
    rows: int = 128,
) -> Array:
    """The product of fixed-point inputs and weights, computed slice by slice on tiles of cells.

        y = clip(floor(x @ weights / 2^fraction), -2^(bits-1), 2^(bits-1) - 1)

    Numbers are integers v of two's complement that stand for v / 2^fraction. The magnitude of a weight lies as digits
    of `cell_bits` in ceil(bits / cell_bits) pairs of cells, one cell for each sign; the bits of an input come in
    ceil(bits / dac_bits) planes, the highest with the sign. Each plane of each slice of each tile is one conversion

        S = clip(sum over rows of plane * (positive digit - negative digit), -(2^(adc_bits-1) - 1), 2^(adc_bits-1) - 1)

    and the conversions are shifted, added and at last truncated. Without `adc_bits`, or with at least
    1 + log2(1 + rows (2^cell_bits - 1) (2^dac_bits - 1)) of them, nothing is lost and the result is that of integer
    arithmetic, to the bit, on every backend: sums are kept in two 32-bit integers.

    Args:
        weights: integers [K, N] in [-2^(bits-1), 2^(bits-1) - 1].
        x: integers [..., K] in the same range.
        bits: of weights, inputs and results.
        fraction: of them after the binary point.
        cell_bits, dac_bits: bits of a cell, and of a plane.
        adc_bits: resolution of the converters, sign included; None: lossless.
        rows: word lines of a tile.

    Returns: int32 [..., N].

    Raises: TypeError for numbers that are no integers; ValueError for numbers out of range and shapes that do not fit.

    Source: A. Ankit et al., PUMA, ASPLOS 2019 (16 bits, cells of 2, planes of 1, tiles of 128); slices of A. Shafiee et
    al., ISAAC, ISCA 2016; a pair of cells for the sign instead of a bias.
    """
    for name, value, low, high in (
        ("bits", bits, 2, 16),
        ("cell_bits", cell_bits, 1, 8),
        ("dac_bits", dac_bits, 1, 8),
        ("rows", rows, 1, 4096),
    ):
        _check.integer(name, value, low, high)
    _check.integer("fraction", fraction, 0, bits - 1)
    if adc_bits is not None:
        _check.integer("adc_bits", adc_bits, 2, 31)
    w, data = _integers("weights", weights, bits), _integers("x", x, bits)
    most = min(MOST_INPUTS, 2**30 // (2 ** (cell_bits + dac_bits) * min(-(-bits // cell_bits), -(-bits // dac_bits))))
    if w.ndim != 2 or not 1 <= w.shape[0] <= most:
        raise ValueError(f"weights must have shape [K, N] with K in [1, {most}], got {w.shape}")
    if data.ndim < 1 or data.shape[-1] != w.shape[0]:
        raise ValueError(f"x must have shape [..., {w.shape[0]}], as weights {w.shape}, got {data.shape}")
    largest = None if adc_bits is None else 2 ** (adc_bits - 1) - 1
    return _product(w, data, bits, fraction, cell_bits, dac_bits, largest, rows)


def _integers(name: str, values: Any, bits: int) -> Array:
    """Integers of so many bits as int32."""
    array = _check.array(name, values)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(f"{name} must be integers, got {_check.shown(array)}")
    if array.size:
        _check.real(name, array, low=-(2 ** (bits - 1)), high=2 ** (bits - 1) - 1)
    return array.astype(jnp.int32)


@partial(jax.jit, static_argnums=range(2, 8))
def _product(
    weights: Array, x: Array, bits: int, fraction: int, cell: int, dac: int, largest: int | None, rows: int
) -> Array:
    inputs, outputs = weights.shape
    tiles = -(-inputs // rows)
    padding = tiles * rows - inputs
    flat = jnp.pad(x.reshape(math.prod(x.shape[:-1]), inputs), ((0, 0), (0, padding)))
    planes = _planes(flat, bits, dac)
    planes = planes.reshape(len(planes), len(flat), tiles, rows)
    digits = _digits(weights, bits, cell)
    digits = jnp.pad(digits, ((0, 0), (0, padding), (0, 0))).reshape(len(digits), tiles, rows, outputs)

    def tile(total: Array, held: tuple[Array, Array]) -> tuple[Array, None]:
        plane, digit = held
        current = jnp.einsum("pbr,srn->psbn", plane, digit, preferred_element_type=jnp.int32)
        return total + (current if largest is None else jnp.clip(current, -largest, largest)), None

    start = jnp.zeros((len(planes), len(digits), len(flat), outputs), jnp.int32)
    codes, _ = lax.scan(tile, start, (jnp.moveaxis(planes, 2, 0), jnp.moveaxis(digits, 1, 0)))
    high, low = _shifted_sum(codes, cell, dac)
    return _truncated(high, low, bits, fraction).reshape(*x.shape[:-1], outputs)


def _planes(x: Array, bits: int, dac: int) -> Array:
    """x = sum over p of 2^(dac p) plane[p], the last one signed."""
    count = -(-bits // dac)
    lower = [(x >> (dac * p)) & (2**dac - 1) for p in range(count - 1)]
    return jnp.stack([*lower, x >> (dac * (count - 1))])


def _digits(weights: Array, bits: int, cell: int) -> Array:
    """w = sum over s of 2^(cell s) digit[s], each with the sign of w."""
    magnitude, sign = jnp.abs(weights), jnp.sign(weights)
    return jnp.stack([sign * ((magnitude >> (cell * s)) & (2**cell - 1)) for s in range(-(-bits // cell))])


def _shifted_sum(codes: Array, cell: int, dac: int) -> tuple[Array, Array]:
    """sum over p, s of 2^(dac p + cell s) codes[p, s] as (high, low), high 2^LIMB + low with low in [0, 2^LIMB)."""
    planes, slices = codes.shape[:2]
    by_shift: dict[int, list[Array]] = {}
    for p, s in np.ndindex(planes, slices):
        by_shift.setdefault(dac * p + cell * s, []).append(codes[p, s])
    high = low = jnp.zeros_like(codes[0, 0])
    before = max(by_shift)
    for shift in sorted(by_shift, reverse=True):  # Horner's rule
        low = (low << (before - shift)) + reduce(jnp.add, by_shift[shift])
        high, low = (high << (before - shift)) + (low >> LIMB), low & (2**LIMB - 1)
        before = shift
    return high, low


def _truncated(high: Array, low: Array, bits: int, fraction: int) -> Array:
    """clip(floor((high 2^LIMB + low) / 2^fraction)) to so many bits."""
    room = max(bits - 1 + fraction - LIMB, 0)
    inside = jnp.clip(high, -(2**room), 2**room - 1)
    low = jnp.where(high > inside, 2**LIMB - 1, jnp.where(high < inside, 0, low))
    value = (inside << (LIMB - fraction)) + (low >> fraction)
    return jnp.clip(value, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
