"""How sums of products are misread: the matrix P[decoded | ideal], by Monte Carlo over cells."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from memjax import _check, _random
from memjax.converters import AbstractAdc, Dynamic, RelativeToWeights

# Most currents that are live at once.
CURRENTS = 1 << 20
MOST_ROWS = 1024


def sop_confusion(
    key: Array,
    *,
    rows: int,
    r_on: Any,
    r_off: Any,
    sigma: Any,
    adc: AbstractAdc | None = None,
    samples: int = 100_000,
    v_max: Any = 0.2,
) -> Array:
    """P[decoded | ideal] of a bit line with N = `rows` driven binary cells, of which `ideal` hold a one.

        I = v_max (sum over the k ones of exp(-sigma z_i) / r_on + sum over the others of exp(-sigma z_i) / r_off)
        decoded = clip(round((I - N I_off) / (I_on - I_off)), 0, N),
        I_on, I_off = v_max exp(sigma^2 / 2) / r_on, v_max exp(sigma^2 / 2) / r_off

    Resistances are lognormal with the medians r_on and r_off, z_i normal; I_on and I_off are the mean currents of a
    cell, which the reference of the converter has, so that the decoded sum has no bias. With an `adc` its code stands
    in for the current: I - N I_off is converted in its range, and the code is rounded to the nearest sum. With a range
    of None the LSB is I_on - I_off where codes up to N suffice for that, else its last code is N (I_on - I_off); one
    `RelativeToWeights(factor)` is factor (I_on - I_off), a number is in amperes. Errors of the converter act, each
    sample being a converter of its own.

    All rows of a sample share its cells, so rows of the matrix are correlated, and each is by itself as if it were
    drawn alone: the standard error of an entry p is sqrt(p (1 - p) / samples). What is drawn depends on the key and
    the number of the sample alone.

    Args:
        key: PRNG key.
        rows: word lines N that are driven together (static).
        r_on, r_off: medians of the resistances of the two states [ohm]; r_off may be infinite.
        sigma: standard deviation of ln R.
        adc: a converter; None: every sum has a code of its own.
        samples: number of bit lines that are drawn (static).
        v_max: read voltage [V], for a range in amperes.

    Returns: [rows + 1, rows + 1], row = ideal sum; rows sum to one.

    Raises: ValueError for numbers out of their range and r_on >= r_off, and for an `adc` whose range is `Dynamic` or
        that has no bits; TypeError for arguments of another kind.

    Source: DL-RSIM, M.-Y. Lin et al., ICCAD 2018 (error rate of every sum of products, by Monte Carlo).
    """
    _check.key("key", key)
    _check.integer("samples", samples, 1, 2**30)
    r_on, r_off, sigma = check_devices(rows, r_on, r_off, sigma)
    v_max = _check.scalar("v_max", v_max, above=0.0, unit="V")
    if adc is not None:
        check_adc(adc)
    return _confusion(rows, samples, key, r_on, r_off, sigma, adc, v_max)


def error_rates(confusion: Array) -> Array:
    """Probability that a sum is misread, by ideal sum: 1 - P[k | k], [n + 1].

    Args:
        confusion: [n + 1, n + 1], as from `sop_confusion`.

    Raises: TypeError, ValueError for what is no square matrix of probabilities.
    """
    confusion = _check.array("confusion", confusion, low=0.0, high=1.0)
    if confusion.ndim != 2 or confusion.shape[0] != confusion.shape[1] or confusion.size == 0:
        raise ValueError(f"confusion must be a square matrix, got shape {confusion.shape}")
    return 1.0 - jnp.diagonal(confusion)


def check_devices(rows: int, r_on: Any, r_off: Any, sigma: Any) -> tuple[Any, Any, Any]:
    """(r_on, r_off, sigma) as JAX can trace them; raise unless they and `rows` are in their ranges."""
    _check.integer("rows", rows, 1, MOST_ROWS)
    r_on = _check.scalar("r_on", r_on, above=0.0, unit="ohm")
    r_off = _check.scalar("r_off", r_off, above=0.0, infinite=True, unit="ohm")
    if not any(_check.concrete(r) is None for r in (r_on, r_off)) and not np.all(r_on < r_off):
        raise ValueError(f"r_on must be below r_off={r_off:g} ohm, got {r_on:g}")
    return r_on, r_off, _check.scalar("sigma", sigma, low=0.0, high=3.0)


def check_adc(adc: Any) -> None:
    """Raise unless `adc` has codes and a range that does not follow the data."""
    _check.part("adc", adc, AbstractAdc, example="Adc(bits=5)", optional=True)
    if adc.bits is None or isinstance(adc.range, Dynamic):
        raise ValueError(f"adc must have bits and a range that does not depend on the data, got {_check.shown(adc)}")


def full_scale(adc: Any, rows: int) -> Any:
    """The full scale of a converter in units of I_on - I_off, None: it is given in amperes."""
    if adc.range is None:
        return jnp.maximum(rows, 1.0 / adc.lsb(1.0))
    return adc.range.factor if isinstance(adc.range, RelativeToWeights) else None


@partial(jax.jit, static_argnums=(0, 1))
def _confusion(
    rows: int, samples: int, key: Array, r_on: Any, r_off: Any, sigma: Any, adc: AbstractAdc | None, v_max: Any
) -> Array:
    size = min(max(CURRENTS // (rows + 1), 1), samples)
    ideal = jnp.arange(rows + 1)
    dtype = jnp.result_type(float)
    one = partial(_decoded, rows, *(jnp.asarray(a, dtype) for a in (r_on, r_off, sigma, v_max)), adc)

    def piece(counts, first):
        number = first + jnp.arange(size)
        decoded = jax.vmap(lambda i: one(jax.random.fold_in(key, i)))(number)
        inside = jnp.broadcast_to((number < samples)[:, None], decoded.shape)
        return counts.at[ideal, decoded].add(inside.astype(counts.dtype)), None

    counts, _ = lax.scan(piece, jnp.zeros((rows + 1, rows + 1), int), jnp.arange(0, samples, size))
    return counts.astype(dtype) / samples


def _decoded(rows: int, r_on: Array, r_off: Array, sigma: Array, v_max: Array, adc: Any, key: Array) -> Array:
    """Decoded sums of one sample of the cells, by ideal sum: [rows + 1]."""
    z = _random.normal(_random.fold_name(key, "cells"), (rows,), r_on.dtype)
    mean = jnp.exp(sigma**2 / 2)
    ones = jnp.concatenate([jnp.zeros(1, z.dtype), jnp.cumsum(jnp.exp(-sigma * z) / mean)])
    ratio = r_on / r_off
    # In units of the difference between a one and a zero.
    current = (ones + ratio * (ones[-1] - ones) - rows * ratio) / (1.0 - ratio)
    if adc is not None:
        current = _converted(adc, rows, v_max * mean * (1.0 - ratio) / r_on, current, key)
    return jnp.clip(jnp.round(current), 0, rows).astype(int)


def _converted(adc: AbstractAdc, rows: int, unit: Array, current: Array, key: Array) -> Array:
    """What a converter makes of currents [columns] in units of `unit` [A]; each column has one of its own."""
    columns, dtype = current.shape[-1], current.dtype
    relative = full_scale(adc, rows)
    lsb = adc.lsb(jnp.asarray(adc.range / unit if relative is None else relative, dtype)).astype(dtype)
    drawn = {e.name: e.draw(_random.fold_name(key, e.name), columns, dtype) for e in adc.mismatches}
    fresh = _random.fold_name(key, "conversion")
    drawn |= {e.name: e.sample(jax.random.fold_in(fresh, e.salt), drawn.get(e.name), columns, dtype) for e in adc.fresh}
    return adc.code(adc.distort(current / lsb, drawn)) * lsb
