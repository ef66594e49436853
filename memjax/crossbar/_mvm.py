"""The inner kernel: y = sum over row tiles t of code(x_t G_t).

Currents are in LSB, so that codes are integers and their sum is exact. Two schedules give the same numbers: "scan"
holds one partial sum at a time, "batched" all of them.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.contraction import Observation, merge, merged
from memjax.converters import AbstractAdc, Dynamic, replace_value
from memjax.crossbar._response import Response
from memjax.effects import Power
from memjax.mapping import copy_columns


class Schedule(NamedTuple):
    """How the tiles are computed: all at once (`batched`) or one after another; `columns` bit lines each."""

    batched: bool
    columns: int


class Term(NamedTuple):
    """One array of bit lines in front of its converters.

    Attributes:
        conductances: for each branch of the current-voltage relation (one, by Ohm's law), signed conductance in LSB
            per unit of drive, [T, R, n].
        powers: variance [LSB^2] of each independent read noise against the drive; arrays [T, R, n], or [T, R, across]
            where it is common to the columns of a tile.
        errors: the numbers of each converter error by name, each [T, m, n].
    """

    conductances: tuple[Array, ...]
    powers: tuple[Power, ...]
    errors: dict[str, Array]


# What to record of the currents of a row of tiles, given in LSB, its number, and how many bit lines a tile has.
Watch = Callable[[Array, Array, int], Observation] | None


def mvm(
    schedule: Schedule,
    watch: Watch,
    adc: AbstractAdc,
    response: Response,
    x: Array,
    term: Term,
    key: Array | None,
    first: Array,
) -> tuple[Array, Observation | None]:
    """Sum over tiles of the converted currents.

    Nothing is kept for the backward pass but the inputs; the partial sums are computed again there, tile by tile.

    Args:
        schedule: in which order, and how many bit lines a tile has.
        watch: what to record of each tile's currents [LSB], or None.
        adc: the converter, with arrays as leaves.
        response: the current-voltage relation.
        x: drives of the word lines [B, K] (input codes, for the default encoding).
        term: what the inputs meet.
        key: key of the read noise (None where there is none); row b of `x` folds it with first + b, so that results do
            not depend on how the rows are batched.
        first: index of the first row.

    Returns: codes [B, n], and what was watched, summed over the tiles.
    """
    tiles, rows, width = term.conductances[0].shape
    x = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), (0, tiles * rows - x.shape[-1], 0)))
    row_keys = None if key is None else jax.vmap(partial(jax.random.fold_in, key))(first + jnp.arange(len(x)))

    @partial(jax.checkpoint, prevent_cse=schedule.batched)  # nothing merges over the steps of a loop
    def convert(tile, drives, part):
        if not schedule.batched:  # read where they lie; the copy cut by tiles is for derivatives and never made
            drives = replace_value(drives, lax.dynamic_slice_in_dim(lax.stop_gradient(x), tile * rows, rows, 1))
        current = _partial_sum(schedule.columns, response, drives, part, row_keys, tile)
        errors = _converter_errors(adc, drives, part, row_keys, tile)
        codes, seen = _convert(schedule.columns, adc, current, errors)
        return codes, None if watch is None else watch(seen, tile, schedule.columns)

    every = jnp.arange(tiles), jnp.moveaxis(x.reshape(-1, tiles, rows), 1, 0), term
    if schedule.batched:
        codes, seen = jax.vmap(convert)(*every)
        return jnp.sum(codes, axis=0), None if seen is None else merged(seen)

    def step(total, tile):
        codes, seen = convert(*tile)
        return (total[0] + codes, None if seen is None else merge(total[1], seen)), None

    start = jnp.zeros((len(x), width), x.dtype), None
    if watch is not None:
        shapes = jax.eval_shape(convert, *jax.tree.map(lambda a: a[0], every))
        start = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    # Two tiles in each turn of the loop: half its overhead, which counts for small batches.
    return lax.scan(step, start, every, unroll=2)[0]


def _partial_sum(columns: int, response: Response, x: Array, term: Term, row_keys: Array | None, tile: Array) -> Array:
    """Current of one tile [B, n] in LSB, read noise included."""
    drives = response.branches(x)
    current = drives[0] @ term.conductances[0]
    for drive, conductance in zip(drives[1:], term.conductances[1:], strict=True):
        current += drive @ conductance
    if row_keys is None:
        return current
    width = current.shape[-1]
    keys = jax.vmap(lambda k: jax.random.fold_in(k, tile))(row_keys)
    for source, power in enumerate(term.powers):
        sigma = _root(_variance(drives[0], power))
        z = jax.vmap(partial(_normal, source, sigma.shape[-1], x.dtype))(keys)
        current += sigma * z if sigma.shape[-1] == width else copy_columns(sigma * z, columns, width)
    return current


def _variance(x: Array, power: Power) -> Array:
    """Variance of the noise of a bit line [B, n] for drives [B, R]."""
    parts = []
    if power.squared is not None:
        parts.append(jnp.square(x) @ power.squared)
    if power.linear is not None:
        parts.append(jnp.abs(x) @ power.linear)
    if power.constant is not None:
        parts.append(jnp.broadcast_to(jnp.sum(power.constant, axis=0), (len(x), power.constant.shape[-1])))
    return sum(parts[1:], start=parts[0])


def _normal(source: int, count: int, dtype, key: Array) -> Array:
    return jax.random.normal(jax.random.fold_in(key, source), (count,), dtype)


# Salt of the converters' noise, beyond the sources of read noise.
_CONVERSION = 2**20


def _converter_errors(adc: AbstractAdc, x: Array, term: Term, row_keys: Array | None, tile: Array) -> dict[str, Array]:
    """The numbers of the converter errors of one tile, noise of these conversions included."""
    if row_keys is None or not adc.noisy:
        return term.errors
    keys = jax.vmap(lambda k: jax.random.fold_in(k, tile))(row_keys)
    width = term.conductances[0].shape[-1]
    return term.errors | {"Noise": jax.vmap(partial(_normal, _CONVERSION, width, x.dtype))(keys)}


def _root(power: Array) -> Array:
    """Square root whose gradient at zero is zero."""
    positive = power > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, power, 1.0)), 0.0)


def _convert(columns: int, adc: AbstractAdc, current: Array, errors: dict[str, Array]) -> tuple[Array, Array]:
    """(codes of the currents [B, n] of one tile, times their LSB for a dynamic range; what converters saw [LSB])."""
    if adc.bits is None or not isinstance(adc.range, Dynamic):
        return current if adc.bits is None else adc.code(adc.distort(current, errors)), current
    batch, width = current.shape
    across = -(-width // columns)
    vectors = jnp.pad(current, ((0, 0), (0, across * columns - width))).reshape(batch, across, columns)
    full_scale = lax.stop_gradient(adc.range.full_scale(vectors, (-1,)))
    lsb = adc.lsb(jnp.where(full_scale > 0, full_scale, 1.0)).astype(current.dtype)
    errors = {name: numbers.reshape(-1, across, columns) for name, numbers in errors.items()}
    codes = (adc.code(adc.distort(vectors / lsb, errors)) * lsb).reshape(batch, -1)[:, :width]
    return codes, vectors / lsb
