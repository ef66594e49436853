"""P[decoded | ideal] without random numbers, for a converter with a code for every sum."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import ndtr
from scipy import special

from memjax import _check
from memjax.reliability._confusion import check_devices

# Points of the grid of currents in a step from one sum to the next.
POINTS = 256
MOST_EXACT_ROWS = 256


def sop_confusion_gaussian(*, rows: int, r_on: Any, r_off: Any, sigma: Any) -> Array:
    """The matrix of `sop_confusion` with a normal current: what sums of many cells tend to.

        P[d | k] = Phi((d + 1/2 - k) / s_k) - Phi((d - 1/2 - k) / s_k),   all of the tails at d = 0 and d = N
        s_k^2 = (exp(sigma^2) - 1) (k / r_on^2 + (N - k) / r_off^2) / (1 / r_on - 1 / r_off)^2

    An error in the middle has the probability 2 (1 - Phi(1 / (2 s_k))), half of it at k = N. The mean and the variance
    are exact, the skewness of lognormal currents is left out: at one row and sigma = 0.3 the rate is three times too
    high, at 16 rows and 0.1 within 1 %. Traced in everything but `rows`.

    Args, errors: as in `sop_confusion`.

    Returns: [rows + 1, rows + 1].

    Source: central limit theorem; variance of a lognormal number, by algebra.
    """
    r_on, r_off, sigma = check_devices(rows, r_on, r_off, sigma)
    ratio = jnp.asarray(r_on, float) / r_off
    k = jnp.arange(rows + 1.0)
    variance = jnp.expm1(jnp.square(jnp.asarray(sigma, float))) * (k + (rows - k) * ratio**2) / (1.0 - ratio) ** 2
    spread = variance > 0
    deviation = jnp.sqrt(jnp.where(spread, variance, 1.0))[:, None]
    edge = jnp.arange(rows) + 0.5 - k[:, None]
    below = jnp.where(spread[:, None], ndtr(edge / deviation), edge > 0)
    above = jnp.where(spread[:, None], ndtr(-edge / deviation), edge < 0)
    # Each entry from the side on which it is small, so that rare errors keep their digits.
    upper = jnp.arange(rows + 1) > k[:, None]
    full = lambda sums, first, last: jnp.pad(sums, ((0, 0), (first, last)), constant_values=1.0)
    low = full(below, 0, 1) - jnp.pad(below, ((0, 0), (1, 0)))
    high = full(above, 1, 0) - jnp.pad(above, ((0, 0), (0, 1)))
    return jnp.where(upper, high, low)


def sop_confusion_exact(*, rows: int, r_on: float, r_off: float, sigma: float) -> np.ndarray:
    """The matrix of `sop_confusion`, computed: the closed form for one row, a numerical convolution for more.

    One cell is read below the sum d + 1/2 where its current is, P = Phi(ln(threshold / median) / sigma); so for N = 1
    and k = 1 the probability of an error is

        Phi(ln(r_on t) / sigma),   t = exp(sigma^2 / 2) (1 / r_on + 1 / r_off) / 2.

    Sums are the convolution of the distributions of their cells on a grid of 256 points to a step, which keeps the mean
    current of each cell exact; entries are good to about 1e-5. In float64 by NumPy: not traced.

    Args, errors: as in `sop_confusion`, but for `rows` up to 256.

    Returns: [rows + 1, rows + 1].

    Source: closed form by algebra; local moment matching of distributions, H. U. Gerber, "On the numerical evaluation
        of the distribution of aggregate claims", ASTIN Bulletin 13 (1982).
    """
    check_devices(rows, r_on, r_off, sigma)
    _check.integer("rows", rows, 1, MOST_EXACT_ROWS)
    given = [_check.concrete(value) for value in (r_on, r_off, sigma)]
    if any(value is None for value in given):
        raise TypeError("r_on, r_off and sigma must be numbers that are known: this matrix is not traced")
    on, off, spread = (float(value) for value in given if value is not None)
    ratio = on / off
    edges = np.arange(rows) + 0.5 + rows * ratio / (1.0 - ratio)  # where a code ends, from no current at all
    means = np.array([ratio, 1.0]) / (1.0 - ratio)  # of a zero and of a one
    below = _of_one(means, edges, spread) if rows == 1 else _of_sums(rows, means, edges, spread)
    return np.maximum(np.diff(np.pad(below, ((0, 0), (1, 1)), constant_values=(0.0, 1.0)), axis=1), 0.0)


def _of_one(means: np.ndarray, edges: np.ndarray, sigma: float) -> np.ndarray:
    """P(current of a cell < edge) of cells with some means, [means, edges]."""
    ratio = np.divide(edges, means[:, None], where=means[:, None] > 0, out=np.full((len(means), len(edges)), np.inf))
    above_median = np.log(ratio) + sigma**2 / 2
    return special.ndtr(above_median / sigma) if sigma > 0 else (above_median > 0).astype(float)


def _of_sums(rows: int, means: np.ndarray, edges: np.ndarray, sigma: float) -> np.ndarray:
    """P(sum < edge) by number of ones, [rows + 1, rows]."""
    length = 1 << (POINTS * max(4 * (rows + 1), 64) - 1).bit_length()  # sums hardly ever wrap around
    zero, one = (np.fft.rfft(_lattice(mean, sigma, length // 2), length) for mean in means)
    middle = (np.arange(length) + 0.5) / POINTS
    below = np.empty((rows + 1, rows))
    for k in range(rows + 1):
        mass = np.fft.irfft(one**k * zero ** (rows - k), length)
        below[k] = np.interp(edges, middle, np.cumsum(mass))
    return np.clip(below, 0.0, 1.0)


def _lattice(mean: float, sigma: float, count: int) -> np.ndarray:
    """A lognormal distribution on the points 0, 1, ..., count - 1 of the grid; what lies beyond is left out.

    With L(x) = E[min(X, x)] the mass at x is (2 L(x) - L(x - h) - L(x + h)) / h, h the step of the grid.
    """
    x = np.arange(-1, count + 1) / POINTS
    limited = np.minimum(x, mean)
    if sigma > 0 and mean > 0:
        inside = x > 0
        y = np.log(x[inside] / mean) / sigma
        limited[inside] = mean * special.ndtr(y - sigma / 2) + x[inside] * special.ndtr(-y - sigma / 2)
    return np.maximum((2.0 * limited[1:-1] - limited[:-2] - limited[2:]) * POINTS, 0.0)
