"""Codes drawn from a matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chisquare

import memjax as mj
from memjax.converters import Confusion

P = np.array([[0.7, 0.2, 0.1, 0.0], [0.05, 0.9, 0.05, 0.0], [0.0, 0.3, 0.3, 0.4], [0.0, 0.0, 1.0, 0.0]])
COUNT = 20_000


def drawn(z, matrix=P, key=0):
    error = Confusion(matrix)
    u = error.sample(jax.random.key(key), None, COUNT, jnp.float32)
    z = jnp.full(COUNT, z, jnp.float32)
    return np.asarray(z + error.shift(z, z, 4.0, u))


@pytest.mark.parametrize("row", range(4))
def test_frequencies(row):
    """Chi-squared at 99.9 % confidence; what has no probability never comes."""
    codes = drawn(row)
    counts = np.array([(codes == d).sum() for d in range(4)])
    assert counts.sum() == COUNT
    possible = P[row] > 0
    assert (counts[~possible] == 0).all()
    if possible.sum() > 1:
        assert chisquare(counts[possible], P[row][possible] * COUNT).pvalue > 1e-3


def test_currents_between_below_and_beyond():
    """The nearest row; magnitudes of negative ones; the last row beyond it."""
    np.testing.assert_allclose(drawn(1.3), drawn(1.0), atol=1e-6)
    np.testing.assert_allclose(drawn(-2.0), -drawn(2.0), atol=1e-6)
    np.testing.assert_allclose(drawn(7.0), drawn(3.0), atol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 6, 7, 8, 16])
def test_no_errors(n):
    for row in (0, n // 2, n):
        np.testing.assert_array_equal(drawn(row, np.eye(n + 1)), row)


def test_independent_of_the_other_errors():
    """In a whole read: noise that is none leaves the draws as they are."""
    w, x = np.ones((3, 4), np.float32), np.ones((50, 3), np.float32)
    values = []
    for errors in ((Confusion(P),), (mj.converters.Noise(0.0), Confusion(P))):
        adc = mj.Adc(3, range=3 * 0.2 * 9e-5, errors=errors)
        h = mj.Hardware(tile=(4, 4), adc=adc)
        values.append(mj.matmul(h, mj.program(h, w, jax.random.key(0)), x, jax.random.key(1)))
    np.testing.assert_array_equal(*values)
    np.testing.assert_allclose(np.unique(values[0].round(4)), [2.0])
    assert h.noisy


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.ones((2, 3)) / 3, r"Confusion\.matrix must be a matrix \[n \+ 1, n \+ 1\].*got shape \(2, 3\)"),
        (np.eye(3) * 0.9, r"Confusion\.matrix must have rows that sum to 1, got 0\.9 in row 0"),
        (np.array([[1.5, -0.5], [0.0, 1.0]]), r"Confusion\.matrix must be finite and in \[0, "),
    ],
)
def test_bad_matrices(matrix, message):
    with pytest.raises(ValueError, match=message):
        Confusion(matrix)


def test_too_few_bits():
    with pytest.raises(ValueError, match=r"Adc\.bits must be at least 3 for the codes up to 3 .*got 2"):
        mj.Adc(2, errors=(Confusion(P),))
