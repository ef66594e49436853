"""Weights as digits in several cells."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.mapping import BitSliced, conductances_to_weights, weights_to_conductances

STEP = 1e-6
RANDOM = np.random.default_rng(0)


def cell(levels):
    return mj.Cell(1e4, 1e5, levels=levels)


@jax.jit
def there_and_back(mapping, cell, weights):
    conductance, scale = weights_to_conductances(mapping, cell, weights)
    return conductance, conductances_to_weights(mapping, cell, conductance, scale)


@pytest.mark.parametrize(
    ("slices", "bits", "spare"), [(1, 3, None), (4, 2, None), (4, 2, 0), (4, 2, 1), (3, 1, 5), (2, 8, 0), (2, 3, 9)]
)
def test_digits_and_inverse(slices, bits, spare):
    """Digits of integers, on any number of levels that holds them, and the integers back."""
    base = 2**bits
    top = base**slices - 1
    weights = RANDOM.integers(-top, top + 1, (9, 4)).astype(np.float32)
    weights[0, 0] = top
    levels = None if spare is None else base + spare
    mapping = BitSliced(slices=slices, bits=bits)
    conductance, back = there_and_back(mapping, cell(levels), weights)
    assert conductance.keys() == mapping.arrays.keys()
    step = 9e-5 / (base - 1) if spare is None else 9e-5 / (levels - 1) * ((levels - 1) // (base - 1))
    for k in range(slices):
        for sign, magnitude in (("pos", np.maximum(weights, 0)), ("neg", np.maximum(-weights, 0))):
            digit = (magnitude.astype(int) // base**k) % base
            np.testing.assert_allclose((conductance[f"{sign}_{k}"] - 1e-5) / step, digit, atol=1e-4 * base)
    np.testing.assert_allclose(back, weights, atol=2e-6 * top)


@pytest.mark.parametrize("scaling", ["matrix", "column"])
def test_rounding_and_gradient(scaling):
    """The error is at most half of the last digit; the gradient is that of the weight."""
    weights = RANDOM.normal(size=(30, 3)).astype(np.float32) * [1.0, 2.0, 3.0]
    mapping = BitSliced(slices=3, bits=2, scaling=scaling)
    back = there_and_back(mapping, cell(4), weights)[1]
    top = np.abs(weights).max(0) if scaling == "column" else np.abs(weights).max()
    error = np.abs(back - weights) / top * 63
    assert 0.45 < error.max() <= 0.5 + 1e-4
    jacobian = jax.jacrev(lambda w: there_and_back(mapping, cell(4), w)[1])(jnp.asarray(weights[:2]))
    free = np.eye(6)[:, np.abs(weights[:2]).ravel() < np.abs(weights[:2]).max(None if scaling == "matrix" else 0).min()]
    columns = np.asarray(jacobian.reshape(6, 6))[:, free.argmax(0)]
    np.testing.assert_allclose(columns, free, atol=1e-5)


@pytest.mark.parametrize(("slices", "bits"), [(8, 1), (4, 2)])
def test_weight_error(slices, bits):
    """s (b - 1) sqrt((b^2K - 1) / (b^2 - 1)) / (b^K - 1): the digits do not average."""
    mapping, base, sigma = BitSliced(slices=slices, bits=bits), 2**bits, 1e-7
    weights = RANDOM.uniform(-1, 1, (150, 100)).astype(np.float32)
    conductance, scale = weights_to_conductances(mapping, cell(None), weights)
    noisy = {name: g + np.float32(sigma * RANDOM.normal(size=g.shape)) for name, g in conductance.items()}
    exact = conductances_to_weights(mapping, cell(None), conductance, scale)
    error = np.asarray(conductances_to_weights(mapping, cell(None), noisy, scale) - exact)
    digit = np.sqrt(2) * sigma / 9e-5
    expected = digit * (base - 1) * np.sqrt((base ** (2 * slices) - 1) / (base**2 - 1)) / (base**slices - 1)
    # The standard deviation of n normal samples is known to 1 / sqrt(2 n); five of those.
    assert error.std() == pytest.approx(expected * np.abs(weights).max(), rel=5 / np.sqrt(2 * error.size))


def test_bits_may_be_traced():
    weights = RANDOM.normal(size=(5, 4)).astype(np.float32)
    traced = jax.vmap(lambda b: there_and_back(BitSliced(slices=3, bits=b), cell(16), weights)[1])(jnp.array([1, 3]))
    for bits, back in zip((1, 3), traced, strict=True):
        np.testing.assert_allclose(back, there_and_back(BitSliced(3, bits), cell(16), weights)[1], rtol=1e-5, atol=1e-6)
    too_few = jax.jit(lambda levels: there_and_back(BitSliced(2, 3), mj.Cell(levels=levels), weights)[1])(7)
    assert np.isnan(too_few).all()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: BitSliced(slices=0), ValueError, r"BitSliced\.slices must be in \[1, 24\], got 0"),
        (lambda: BitSliced(slices=2.0), TypeError, r"BitSliced\.slices must be an integer in \[1, 24\], got 2\.0"),
        (lambda: BitSliced(slices=4, bits=7), ValueError, r"BitSliced\.bits must be finite and in \[1, 6\], got 7"),
        (lambda: BitSliced(bits=1.5), ValueError, r"BitSliced\.bits must be a whole number in \[1, 24\], got 1\.5"),
        (
            lambda: mj.Hardware(cell=cell(3), mapping=BitSliced()),
            ValueError,
            r"Cell\.levels must be at least 2\^BitSliced\.bits = 4 to hold a digit, got 3",
        ),
        (
            lambda: weights_to_conductances(BitSliced(), cell(3), jnp.ones((2, 2))),
            ValueError,
            r"Cell\.levels must be at least",
        ),
    ],
)
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()
