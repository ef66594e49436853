"""Codebooks: k-means of numbers, and the nearest key."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax import _check

RESTARTS = 10
ITERATIONS = 1000
# Seeds are drawn from no more distinct values than these; clusters are those of all values.
SEEDED = 2**14


def kmeans(values: Any, codes: int, key: Array, counts: Any = None) -> np.ndarray:
    """The `codes` numbers nearest to which `values` lie: k-means in one dimension.

        min over c of  sum_i n_i min_a (v_i - c_a)^2

    by Lloyd's iteration from the best of ten greedy k-means++ seeds. On sorted values a cluster is an interval, whose
    mean is a difference of running sums, so that a step costs k binary searches.

    Args:
        values: numbers of any shape.
        codes: how many numbers the codebook has. Where there are fewer distinct values than codes, the codebook is
            these values, the largest of them repeated.
        key: PRNG key of the seeds.
        counts: how often each value occurs, in the same shape; None: once.

    Returns: the codebook [codes], ascending, in double precision.

    Raises: ValueError for more codes than values, numbers that are not finite and counts below zero.

    Source: S. P. Lloyd, IEEE Trans. Inf. Theory 28, 129 (1982); D. Arthur and S. Vassilvitskii, SODA (2007).
    """
    _check.key("key", key)
    _check.array("values", values)
    given = np.asarray(values, float).ravel()
    number = np.ones_like(given) if counts is None else _counts(counts, np.shape(values))
    _check.integer("codes", codes, 1, _check.INT32.max)
    if codes > number.sum():
        raise ValueError(f"codes must be at most the number of values, {number.sum():g}, got {codes}")
    distinct, where = np.unique(given[number > 0], return_inverse=True)
    weight = np.bincount(where, number[number > 0], len(distinct))
    if len(distinct) <= codes:
        return np.pad(distinct, (0, codes - len(distinct)), mode="edge")
    random = np.random.default_rng(np.asarray(jax.random.bits(key, (4,))))
    middle = np.average(distinct, weights=weight)  # running sums of centred values lose no digits
    found = (_lloyd(distinct - middle, weight, codes, random) for _ in range(RESTARTS))
    return min(found, key=lambda pair: pair[0])[1] + middle


def _counts(counts: Any, shape: tuple[int, ...]) -> np.ndarray:
    _check.array("counts", counts, low=0.0)
    found = np.asarray(counts, float)
    if found.shape != shape:
        raise ValueError(f"counts must have the shape {shape} of values, got {found.shape}")
    return found.ravel()


def _lloyd(values: np.ndarray, weight: np.ndarray, codes: int, random: np.random.Generator) -> tuple[float, np.ndarray]:
    """(sum of squared distances, centres) of one run; `values` are distinct and ascending."""
    running = [np.concatenate([[0.0], np.cumsum(weight * values**power)]) for power in range(3)]
    centres, before = _seeds(values, weight, codes, random), None
    for _ in range(ITERATIONS):
        inner = np.searchsorted(values, (centres[1:] + centres[:-1]) / 2, side="right")
        edges = np.concatenate([[0], inner, [len(values)]])
        if before is not None and np.array_equal(edges, before):
            break
        number, total, _ = (np.diff(one[edges]) for one in running)
        centres, before = np.where(number > 0, total / np.maximum(number, 1e-300), centres), edges
    number, total, square = (np.diff(one[before]) for one in running)
    return float(np.sum(square - total**2 / np.maximum(number, 1e-300))), centres


def _seeds(values: np.ndarray, weight: np.ndarray, codes: int, random: np.random.Generator) -> np.ndarray:
    """Greedy k-means++: of a few candidates drawn by squared distance the one that leaves least of it."""
    if len(values) > SEEDED:
        some = np.sort(random.choice(len(values), max(SEEDED, codes), replace=False))
        values, weight = values[some], weight[some]
    candidates = 2 + int(np.log(codes))
    chosen, distance = [], np.ones(len(values))
    for _ in range(codes):
        chance = np.cumsum(weight * distance)
        drawn = np.searchsorted(chance, random.random(candidates) * chance[-1], side="right")
        drawn = np.minimum(drawn, len(values) - 1)
        square = (values - values[drawn, None]) ** 2
        left = np.minimum(distance, square) if chosen else square
        best = np.argmin(left @ weight)
        chosen.append(drawn[best])
        distance = left[best]
    return np.sort(values[chosen])


def nearest(keys: Array, x: Array) -> Array:
    """Index of the nearest of ascending `keys` [k] to each number; of two at equal distance the lower one."""
    return jnp.searchsorted((keys[1:] + keys[:-1]) / 2, x, method="compare_all")


def quantised(keys: Array, x: Array) -> Array:
    """Each number as the nearest of `keys` [k] in any order.

    Its derivative by the keys is that of the chosen one, by `x` it is 1 (straight through). What is not finite is NaN.
    """
    ascending = jnp.sort(keys)
    return ascending[nearest(ascending, x)] + (x - jax.lax.stop_gradient(x))
