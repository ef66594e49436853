"""P[decoded | ideal] by Monte Carlo, against closed forms and convolution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import memjax as mj
from memjax.reliability import (
    _confusion,
    error_rates,
    sop_confusion,
    sop_confusion_exact,
    sop_confusion_gaussian,
)

KEY = jax.random.key(0)
DEVICE = {"r_on": 10e3, "r_off": 1e6, "sigma": 0.1}
SAMPLES = 20_000


def cells(**changes):
    return DEVICE | changes


# Measured with another program: (rows, ones, sigma, rate by Monte Carlo, rate of the normal current).
MEASURED = [(16, 16, 0.1, 0.1074, 0.1085), (64, 32, 0.1, 0.3800, 0.3828), (1, 1, 0.3, 0.0168, 0.053)]


@pytest.mark.parametrize(("rows", "ones", "sigma", "rate", "gaussian"), MEASURED)
def test_measured_rates(rows, ones, sigma, rate, gaussian):
    device = cells(rows=rows, sigma=sigma)
    error = 5 * np.sqrt(rate / SAMPLES)
    assert abs(error_rates(sop_confusion(KEY, samples=SAMPLES, **device))[ones] - rate) < error
    assert abs(error_rates(sop_confusion_exact(**device))[ones] - rate) < 0.004
    assert abs(error_rates(sop_confusion_gaussian(**device))[ones] - gaussian) < 6e-4


@pytest.mark.parametrize(("rows", "sigma"), [(1, 0.3), (3, 0.6), (16, 0.1), (7, 1.0)])
def test_monte_carlo_agrees_with_the_convolution(rows, sigma):
    """Every entry within 5.5 standard errors (and one sample): 99.9 % confidence for all of them together."""
    device = cells(rows=rows, sigma=sigma)
    found, exact = np.asarray(sop_confusion(KEY, samples=SAMPLES, **device)), sop_confusion_exact(**device)
    np.testing.assert_allclose(found.sum(1), 1.0, atol=1e-6)
    np.testing.assert_allclose(exact.sum(1), 1.0, atol=1e-12)
    assert exact.min() >= 0.0
    assert (np.abs(found - exact) < 5.5 * np.sqrt(exact * (1 - exact) / SAMPLES) + 2 / SAMPLES).all()


def test_one_cell_in_closed_form():
    """Phi(ln(r_on t) / sigma), t = exp(sigma^2 / 2) (1 / r_on + 1 / r_off) / 2, and the same for a zero."""
    s = 0.3
    threshold = np.exp(s**2 / 2) * (1 / 10e3 + 1 / 1e6) / 2
    expected = norm.cdf(np.log(10e3 * threshold) / s), norm.cdf(-np.log(1e6 * threshold) / s)
    exact = sop_confusion_exact(rows=1, **cells(sigma=s))
    np.testing.assert_allclose((exact[1, 0], exact[0, 1]), expected, rtol=1e-10, atol=1e-15)
    assert exact[1, 0] == pytest.approx(0.0167, abs=5e-5)


def test_convolution_of_two_cells_is_the_integral():
    """P(sum < edge) = E[F(edge - X)] of two ones, by quadrature over the normal z of X."""
    s, ratio = 0.5, 0.01
    mean = 1 / (1 - ratio)
    z = np.linspace(-9, 9, 200_001)
    current = mean * np.exp(-s * z - s**2 / 2)
    below = []
    for edge in (0.5, 1.5):
        left = edge + 2 * ratio / (1 - ratio) - current
        with np.errstate(divide="ignore", invalid="ignore"):
            inner = np.where(left > 0, norm.cdf((np.log(left / mean) + s**2 / 2) / s), 0.0)
        below.append(np.trapezoid(inner * norm.pdf(z), z))
    exact = sop_confusion_exact(rows=2, **cells(sigma=s))
    np.testing.assert_allclose(np.cumsum(exact[2])[:2], below, atol=2e-5)


def test_normal_currents_are_the_limit_of_many_cells():
    for rows in (16, 64):
        device = cells(rows=rows)
        gap = error_rates(sop_confusion_exact(**device)) - error_rates(sop_confusion_gaussian(**device))
        assert np.abs(gap).max() < 2e-3
    half, whole = (error_rates(sop_confusion_gaussian(rows=64, **DEVICE))[k] for k in (64, 63))
    assert half / whole == pytest.approx(0.5, abs=0.01)  # nothing lies above the last code


def test_cells_without_spread_are_read_right():
    for make in (lambda **a: sop_confusion(KEY, samples=10, **a), sop_confusion_exact, sop_confusion_gaussian):
        for r_off in (1e6, 20e3, np.inf):
            np.testing.assert_allclose(make(rows=5, r_on=10e3, r_off=r_off, sigma=0.0), np.eye(6), atol=1e-9)


def test_normal_matrix_can_be_differentiated():
    rate = lambda s: error_rates(sop_confusion_gaussian(rows=8, **cells(sigma=s)))[6]
    slope = (rate(0.152) - rate(0.148)) / 0.004
    assert float(jax.jit(jax.grad(rate))(0.15)) == pytest.approx(float(slope), rel=1e-3)
    assert np.isfinite(jax.grad(lambda s: rate(s).sum())(0.0))


def test_samples_do_not_depend_on_how_they_are_computed(monkeypatch):
    run = lambda sigma: sop_confusion(KEY, rows=4, samples=1000, **cells(sigma=sigma))
    whole = run(0.3)
    np.testing.assert_array_equal(jax.vmap(run)(jnp.array([0.1, 0.3]))[1], whole)
    monkeypatch.setattr(_confusion, "CURRENTS", 5 * 300)
    jax.clear_caches()
    np.testing.assert_array_equal(run(0.3), whole)


def test_a_converter_with_a_code_for_every_sum_changes_nothing():
    a = {"rows": 7, "samples": 2000, **cells(sigma=0.2)}
    plain = sop_confusion(KEY, **a)
    amperes = 7 * 0.2 * np.exp(0.02) * (1 / 10e3 - 1 / 1e6)
    for adc in (mj.Adc(4), mj.Adc(8), mj.Adc(4, mj.converters.RelativeToWeights(7.0)), mj.Adc(4, amperes)):
        np.testing.assert_array_equal(sop_confusion(KEY, adc=adc, **a), plain)


def test_few_bits_leave_out_sums():
    """Three magnitudes to seven cells: the codes 0..3 stand for 0, 7/3, 14/3, 7, rounded to 0, 2, 5, 7."""
    found = sop_confusion(KEY, rows=7, samples=500, adc=mj.Adc(3), **cells(sigma=0.0))
    np.testing.assert_array_equal(found.argmax(1), [0, 0, 2, 2, 5, 5, 7, 7])
    np.testing.assert_array_equal(found.max(1), 1.0)


def test_range_below_the_largest_sum_clips():
    adc = mj.Adc(3, mj.converters.RelativeToWeights(3.0))
    found = sop_confusion(KEY, rows=7, samples=10, adc=adc, **cells(sigma=0.0))
    np.testing.assert_array_equal(found.argmax(1), [0, 1, 2, 3, 3, 3, 3, 3])


def test_errors_of_the_converter_act():
    """Noise and offset of an LSB each, independent: the sum 8 of 15 is misread unless |error| < 1/2."""
    errors = (mj.converters.Noise(0.6), mj.converters.Offset(0.8))
    found = error_rates(sop_confusion(KEY, rows=15, samples=SAMPLES, adc=mj.Adc(5, errors=errors), **cells(sigma=0.0)))
    expected = 2 * norm.sf(0.5)
    assert abs(found[8] - expected) < 5 * np.sqrt(expected / SAMPLES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": 0}, r"rows must be in \[1, 1024\], got 0"),
        ({"r_on": 2e6}, r"r_on must be below r_off=1e\+06 ohm, got 2e\+06"),
        ({"sigma": -0.1}, r"sigma must be .*\[0, 3\], got -0\.1"),
        ({"samples": 0}, r"samples must be in \[1, "),
        ({"adc": mj.Adc()}, r"adc must have bits and a range that does not depend on the data"),
        ({"adc": mj.Adc(5, mj.Dynamic())}, r"adc must have bits and a range that does not depend on the data"),
    ],
)
def test_bad_arguments(changes, message):
    with pytest.raises(ValueError, match=message):
        sop_confusion(KEY, **{"rows": 4, **DEVICE} | changes)


def test_exact_matrix_is_not_traced():
    with pytest.raises(TypeError, match="r_on, r_off and sigma must be numbers that are known"):
        jax.jit(lambda s: sop_confusion_exact(rows=2, **cells(sigma=s)))(0.1)
    with pytest.raises(ValueError, match=r"rows must be in \[1, 256\], got 300"):
        sop_confusion_exact(rows=300, **DEVICE)
    with pytest.raises(ValueError, match="confusion must be a square matrix"):
        error_rates(np.ones((2, 3)))
