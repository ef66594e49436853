"""Statistics of the quantisation error."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ndtr

import memjax as mj

# Optimal clipping of a standard normal signal: bits, range / sigma, mean square error, overflow rate.
# Reference: J. Max, IRE Trans. Inf. Theory 6 (1960), Table II (uniform levels), continued by quadrature to 10 bits.
GAUSSIAN = [
    (2, 1.991, 0.1188, 4.6e-2),
    (3, 2.344, 0.0374, 1.9e-2),
    (4, 2.682, 0.01154, 7.3e-3),
    (5, 3.010, 3.50e-3, 2.6e-3),
    (6, 3.330, 1.04e-3, 8.7e-4),
    (7, 3.640, 3.04e-4, 2.7e-4),
    (8, 3.938, 8.77e-5, 8.2e-5),
    (9, 4.224, 2.49e-5, 2.4e-5),
    (10, 4.498, 7.0e-6, 6.9e-6),
]

# Fine quadrature over the normal density, so that there is no sampling error.
GRID = np.linspace(-7.0, 7.0, 700_001)
DENSITY = np.exp(-(GRID**2) / 2) / np.sqrt(2 * np.pi) * (GRID[1] - GRID[0])


def gaussian_error(bits, full_scale, codes):
    adc = mj.Adc(bits=bits, codes=codes)
    lsb = float(adc.lsb(jnp.asarray(full_scale)))
    codes = np.asarray(adc.code(jnp.asarray(GRID / lsb, jnp.float32)), np.float64)
    return float(np.sum(DENSITY * (codes * lsb - GRID) ** 2))


@pytest.mark.parametrize(("bits", "full_scale", "error", "overflow"), GAUSSIAN)
def test_gaussian_clipping_error(bits, full_scale, error, overflow):
    measured = gaussian_error(bits, full_scale, "mid_rise")
    np.testing.assert_allclose(measured, error, rtol=0.01)
    np.testing.assert_allclose(2 * ndtr(-full_scale), overflow, rtol=0.02)
    for other in (0.94, 1.06):
        assert gaussian_error(bits, full_scale * other, "mid_rise") > measured


@pytest.mark.parametrize(("bits", "full_scale", "error", "overflow"), GAUSSIAN[4:])
@pytest.mark.parametrize("codes", ["symmetric", "twos_complement"])
def test_mid_tread_approaches_mid_rise(bits, full_scale, error, overflow, codes):
    assert abs(gaussian_error(bits, full_scale, codes) / error - 1) < 4 * 2.0**-bits + 0.01


def test_dynamic_overflow_clips_the_given_fraction_of_a_gaussian():
    values = jnp.asarray(np.random.default_rng(0).normal(size=20_000), jnp.float32)
    for overflow in (0.3, 0.046, 0.0073):
        top = float(mj.Dynamic(overflow=overflow).full_scale(values, (-1,))[0])
        clipped = float(jnp.mean(jnp.abs(values) > top))
        assert clipped == pytest.approx(overflow, abs=1 / len(values))
        # Five standard errors of a binomial count around the tail of the normal distribution.
        assert abs(2 * ndtr(-top) - overflow) < 5 * np.sqrt(overflow / len(values))


@pytest.mark.parametrize("bits", [4, 7, 10])
@pytest.mark.parametrize(
    ("options", "mean"),
    [
        ({"codes": "symmetric"}, 0.0),
        ({"codes": "symmetric", "rounding": "half_up"}, 0.0),
        ({"codes": "symmetric", "rounding": "floor"}, -0.5),
        ({"codes": "twos_complement"}, 0.0),
        ({"codes": "mid_rise"}, 0.0),
    ],
)
def test_error_inside_the_range_is_uniform(bits, options, mean):
    """Mean 0 (or -1/2 when rounding down) and variance 1/12, in LSB."""
    adc = mj.Adc(bits=bits, **options)
    low, high = (float(limit) for limit in adc.limits())
    z = np.linspace(low, high, 200_003)[1:-1]
    error = np.asarray(adc.code(jnp.asarray(z, jnp.float32)), np.float64) - z
    assert error.mean() == pytest.approx(mean, abs=2e-3)
    assert error.var() == pytest.approx(1 / 12, rel=5e-3)


@pytest.mark.parametrize(("codes", "tolerance"), [("mid_rise", 0.02), ("symmetric", 0.6)])
def test_six_decibels_per_bit(codes, tolerance):
    """A full-scale uniform signal gains 20 log10(2) = 6.02 dB with each bit (a little more with 2^B - 1 codes)."""
    signal = np.linspace(-1, 1, 100_001)

    def noise(bits):
        adc = mj.Adc(bits=bits, codes=codes)
        lsb = float(adc.lsb(jnp.asarray(1.0)))
        return np.mean((np.asarray(adc.code(jnp.asarray(signal / lsb, jnp.float32))) * lsb - signal) ** 2)

    decibels = 10 * np.log10([noise(bits) for bits in range(5, 12)])
    np.testing.assert_allclose(-np.diff(decibels), 20 * np.log10(2), atol=tolerance)
    assert -np.diff(decibels)[-1] == pytest.approx(20 * np.log10(2), abs=0.05)
