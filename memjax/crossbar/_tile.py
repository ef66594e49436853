"""One row of tiles, read: currents of its array, read noise, converters."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.contraction import matmul
from memjax.converters import AbstractAdc, Dynamic, Fresh, replace_value
from memjax.crossbar._array import AbstractArray, cut_groups
from memjax.effects import Power
from memjax.mapping import copy_columns


class Tile(NamedTuple):
    """Row tiles in front of their converters; every leaf has the tiles as its leading axes.

    Attributes:
        array: what drives meet.
        powers: variance [LSB^2] of each independent read noise against the drive; arrays [T, rows, n], or
            [T, rows, across] where it is common to the columns of a tile.
        errors: the numbers of each converter error by name, each [T, m, n].
    """

    array: AbstractArray
    powers: tuple[Power, ...]
    errors: dict[str, Array]

    def driven(self, first: Any, count: int) -> "Tile":
        """Some row tiles with their first `count` word lines, the others being at 0 V."""
        cut = lambda part: None if part is None else part[first, :count]
        whole = lambda part: None if part is None else part[first]  # there without a voltage too
        powers = tuple(Power(cut(p.squared), cut(p.linear), whole(p.constant)) for p in self.powers)
        array = self.array.over_cells(lambda cells: cells[first, :count])
        return Tile(array, powers, jax.tree.map(lambda numbers: numbers[first], self.errors))

    def in_groups(self, size: int, count: int) -> "Tile":
        """The groups of word lines of one tile (see `AbstractArray.in_groups`), read by the same converters.

        The noise that cells have without a voltage is there whichever are driven.
        """

        def of_group(power: Power) -> Power:
            cut = lambda part: None if part is None else cut_groups(part, size, count)
            all_lines = None if power.constant is None else alike(jnp.sum(power.constant, axis=0, keepdims=True))
            return Power(cut(power.squared), cut(power.linear), all_lines)

        alike = lambda numbers: jnp.broadcast_to(numbers, (count, *numbers.shape))
        powers = tuple(map(of_group, self.powers))
        return Tile(self.array.in_groups(size, count), powers, jax.tree.map(alike, self.errors))


def converted(
    adc: AbstractAdc, columns: int, tile: Tile, drives: Array, keys: Array | None
) -> tuple[Array, Array, Array]:
    """Codes of one row of tiles.

    Args:
        adc: the converters, with arrays as leaves.
        columns: bit lines of a tile.
        tile: one row of tiles, without the leading axis.
        drives: [B, rows].
        keys: key of the read noise of every vector; None where there is none.

    Returns: (codes [B, n], times their LSB for a dynamic range; what the converters saw [LSB]; the same with the errors
        of the converters).
    """
    current = tile.array.currents(drives)
    fresh = {error.name: error for error in adc.fresh}
    errors = {name: numbers for name, numbers in tile.errors.items() if name not in fresh}
    if keys is not None:
        current = current + _noise(columns, tile.powers, drives, current.shape[-1], keys)
        for name, error in fresh.items():
            errors[name] = _sampled(error, tile.errors.get(name), keys, current)
    return _codes(columns, adc, current, errors)


def _sampled(error: Fresh, made: Array | None, keys: Array, current: Array) -> Array:
    """The numbers of an error in the conversions of currents [B, n]."""

    def one(key):
        return error.sample(jax.random.fold_in(key, error.salt), made, current.shape[-1], current.dtype)

    return jax.vmap(one)(keys)


def _noise(columns: int, powers: tuple[Power, ...], x: Array, width: int, keys: Array) -> Array:
    """Read noise of the bit lines [B, width] in LSB."""
    total = jnp.zeros((len(x), width), x.dtype)
    for source, power in enumerate(powers):
        sigma = _root(_variance(x, power))
        noise = sigma * _normal(keys, source, sigma.shape[-1], x.dtype)
        total += noise if noise.shape[-1] == width else copy_columns(noise, columns, width)
    return total


def _variance(x: Array, power: Power) -> Array:
    """Variance of the noise of a bit line [B, n] for drives [B, R]."""
    parts = []
    if power.squared is not None:
        parts.append(matmul(jnp.square(x), power.squared))
    if power.linear is not None:
        parts.append(matmul(jnp.abs(x), power.linear))
    if power.constant is not None:
        parts.append(jnp.broadcast_to(jnp.sum(power.constant, axis=0), (len(x), power.constant.shape[-1])))
    return sum(parts[1:], start=parts[0])


def _normal(keys: Array, source: int, count: int, dtype) -> Array:
    one = lambda key: jax.random.normal(jax.random.fold_in(key, source), (count,), dtype)
    return jax.vmap(one)(keys)


def _root(power: Array) -> Array:
    """Square root whose gradient at zero is zero."""
    positive = power > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, power, 1.0)), 0.0)


def _codes(columns: int, adc: AbstractAdc, current: Array, errors: dict[str, Array]) -> tuple[Array, Array, Array]:
    if adc.bits is None:
        return current, current, current
    if not isinstance(adc.range, Dynamic):
        distorted = adc.distort(current, errors)
        return adc.code(distorted), current, distorted
    batch, width = current.shape
    across = -(-width // columns)
    columns = min(columns, width)
    by_tile = lambda a: jnp.pad(a, ((0, 0), (0, across * columns - width))).reshape(-1, across, columns)
    vectors = by_tile(current)
    full_scale = lax.stop_gradient(adc.range.full_scale(vectors, (-1,)))
    lsb = adc.lsb(jnp.where(full_scale > 0, full_scale, 1.0)).astype(current.dtype)
    errors = {name: by_tile(numbers) for name, numbers in errors.items()}
    seen = vectors / lsb
    distorted = adc.distort(seen, errors)
    nothing = replace_value(seen, seen - seen)  # without a current there is no LSB; what is no number stays none
    codes = jnp.where(full_scale > 0, adc.code(distorted), nothing)
    return (codes * lsb).reshape(batch, -1)[:, :width], seen, distorted
