"""Device-to-device variation against its distributions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import memjax as mj

SHAPE = (200, 200)
LOW, HIGH = jnp.full(SHAPE, 1 / 100e3), jnp.full(SHAPE, 1 / 10e3)


@jax.jit
def fabricate(effect, low, high, key):
    return effect.fabricate(low, high, key)


def resistances(effect, seed=0, low=LOW, high=HIGH):
    low, high = fabricate(effect, low, high, jax.random.key(seed))
    return 1 / np.asarray(high, np.float64).ravel(), 1 / np.asarray(low, np.float64).ravel()


@pytest.mark.parametrize(("r_on_std", "r_off_std"), [(500.0, 3e3), (2e3, 15e3)])
def test_normal(r_on_std, r_off_std):
    """Kolmogorov-Smirnov: a correct sampler fails once in ten thousand keys."""
    on, off = resistances(mj.effects.DeviceVariation(r_on_std, r_off_std))
    assert stats.kstest(on, stats.norm(10e3, r_on_std).cdf).pvalue > 1e-4
    assert stats.kstest(off, stats.norm(100e3, r_off_std).cdf).pvalue > 1e-4
    assert abs(np.corrcoef(on, off)[0, 1]) < 5 / np.sqrt(on.size)


def test_truncation_by_resampling():
    """With R_off far away R_on follows the normal distribution truncated at zero: no heap at a bound, no reflection."""
    std = 12e3
    on, off = resistances(mj.effects.DeviceVariation(std, 0.0), low=jnp.full(SHAPE, 1e-9))
    assert (on > 0).all()
    assert stats.kstest(on, stats.truncnorm(-10e3 / std, np.inf, 10e3, std).cdf).pvalue > 1e-4
    np.testing.assert_allclose(off, 1e9, rtol=1e-5)


def test_overlapping_states_never_cross():
    """R_on < R_off in every cell; the pairs follow the joint distribution conditioned on that."""
    low, high = jnp.full(SHAPE, 1 / 12e3), jnp.full(SHAPE, 1 / 10e3)
    on, off = resistances(mj.effects.DeviceVariation(2e3, 2e3), low=low, high=high)
    assert (on < off).all()
    random = np.random.default_rng(0).normal([10e3, 12e3], 2e3, (400_000, 2))
    expected = random[(random[:, 0] > 0) & (random[:, 0] < random[:, 1])]
    for sample, column in ((on, 0), (off, 1)):
        reference = expected[:, column]
        error = np.sqrt(reference.var() * (1 / sample.size + 1 / reference.size))
        assert abs(sample.mean() - reference.mean()) < 5 * error
        assert sample.std() == pytest.approx(reference.std(), rel=0.02)


@pytest.mark.parametrize(("r_on_std", "r_off_std"), [(1e3, 20e3), (3e3, 10e3)])
def test_lognormal(r_on_std, r_off_std):
    """ln R is normal; mean and standard deviation of R are the given ones."""
    on, off = resistances(mj.effects.DeviceVariation(r_on_std, r_off_std, "lognormal"))
    for r, mean, std in ((on, 10e3, r_on_std), (off, 100e3, r_off_std)):
        sigma = np.sqrt(np.log1p((std / mean) ** 2))
        assert stats.kstest(r, stats.lognorm(sigma, scale=mean * np.exp(-(sigma**2) / 2)).cdf).pvalue > 1e-4
        assert abs(r.mean() - mean) < 5 * std / np.sqrt(r.size)
        assert r.std() == pytest.approx(std, rel=0.05)


@pytest.mark.parametrize("distribution", ["normal", "lognormal"])
def test_no_spread_leaves_the_nominal_range(distribution):
    on, off = resistances(mj.effects.DeviceVariation(0.0, 0.0, distribution))
    np.testing.assert_allclose(on, 10e3, rtol=1e-6)
    np.testing.assert_allclose(off, 100e3, rtol=1e-6)


@pytest.mark.parametrize("std", [1e3, 1e5, 1e7])
@pytest.mark.parametrize("distribution", ["normal", "lognormal"])
def test_ranges_stay_physical(distribution, std):
    on, off = resistances(mj.effects.DeviceVariation(std, std, distribution))
    assert np.isfinite(on).all()
    assert np.isfinite(off).all()
    assert (on > 0).all()
    assert (on < off).all()


@pytest.mark.parametrize("distribution", ["normal", "lognormal"])
def test_stuck_cells_stay_as_they_are(distribution):
    stuck = jnp.zeros(SHAPE, bool).at[::3].set(True)
    value = jnp.linspace(1e-5, 1e-4, SHAPE[1])
    low, high = jnp.where(stuck, value, LOW), jnp.where(stuck, value, HIGH)
    new = fabricate(mj.effects.DeviceVariation(1e3, 1e4, distribution), low, high, jax.random.key(1))
    for array in new:
        np.testing.assert_array_equal(array[::3], low[::3])
        assert (np.asarray(array)[1::3] != np.asarray(low)[1::3]).all()


@pytest.mark.parametrize("distribution", ["normal", "lognormal"])
def test_gradient_of_the_spread(distribution):
    """A cell's resistance is a smooth function of mean and spread for fixed random numbers."""
    low, high = jnp.full((4, 5), 1e-5), jnp.full((4, 5), 1e-4)

    def mean_on(std, g_on):
        effect = mj.effects.DeviceVariation(std, 2e3, distribution)
        return jnp.mean(1 / effect.fabricate(low, high * 0 + g_on, jax.random.key(2))[1])

    f = jax.jit(mean_on)
    slope = jax.jit(jax.grad(mean_on, (0, 1)))(1e3, 1e-4)
    np.testing.assert_allclose(slope[0], (f(1.05e3, 1e-4) - f(0.95e3, 1e-4)) / 100.0, rtol=0.02)
    np.testing.assert_allclose(slope[1], (f(1e3, 1.01e-4) - f(1e3, 0.99e-4)) / 2e-6, rtol=0.02)


@pytest.mark.parametrize("length", [0.5, 4.0])
def test_spatial_correlation(length):
    """Unit variance everywhere, and exp(-(d_r + d_c) / length) between cells, over many tiles."""
    low, high = jnp.full((12, 10), 1e-9), jnp.full((12, 10), 1e-4)
    effect = mj.effects.DeviceVariation(100.0, 0.0, length=length)
    keys = jax.random.split(jax.random.key(0), 4000)
    on = 1 / np.asarray(jax.jit(jax.vmap(lambda k: effect.fabricate(low, high, k)[1]))(keys), np.float64)
    z = (on - 1e4) / 100.0
    tolerance = 5 / np.sqrt(len(keys))
    np.testing.assert_allclose(z.var(0), 1.0, atol=tolerance * np.sqrt(2))
    for (r, c), (s, d) in [((0, 0), (0, 1)), ((5, 5), (7, 5)), ((11, 9), (9, 8)), ((0, 0), (11, 9))]:
        expected = np.exp(-(abs(r - s) + abs(c - d)) / length)
        assert abs((z[:, r, c] * z[:, s, d]).mean() - expected) < 2 * tolerance


@pytest.mark.parametrize("coupling", [-0.7, 0.0, 1.0])
def test_coupling_of_the_two_states(coupling):
    on, off = resistances(mj.effects.DeviceVariation(500.0, 3e3, coupling=coupling))
    assert abs(np.corrcoef(on, off)[0, 1] - coupling) < 5 / np.sqrt(on.size)
    assert stats.kstest(off, stats.norm(100e3, 3e3).cdf).pvalue > 1e-4


def test_cycle_variation_keeps_the_place_in_the_range():
    """At the ends the states themselves are written; between them the fraction of the cycle's range."""
    effect = mj.effects.CycleVariation(200.0, 5e3)
    written = [np.asarray(effect.write(g, LOW, HIGH, jax.random.key(0)), np.float64) for g in (LOW, HIGH)]
    assert stats.kstest(1 / written[0].ravel(), stats.norm(100e3, 5e3).cdf).pvalue > 1e-4
    assert stats.kstest(1 / written[1].ravel(), stats.norm(10e3, 200.0).cdf).pvalue > 1e-4
    between = effect.write(0.75 * LOW + 0.25 * HIGH, LOW, HIGH, jax.random.key(0))
    np.testing.assert_allclose(between, 0.75 * written[0] + 0.25 * written[1], rtol=1e-5)
    other = np.asarray(effect.write(HIGH, LOW, HIGH, jax.random.key(1)))
    assert abs(np.corrcoef(other.ravel(), written[1].ravel())[0, 1]) < 5 / np.sqrt(other.size)


def test_a_cell_that_no_draw_fits_keeps_its_means():
    """After 64 draws, of which one fits with the odds that R_on is between zero and an R_off just above its mean."""
    shape, spread = (100, 100), mj.effects.DeviceVariation(2e5, 0.0)
    on, off = resistances(spread, low=jnp.full(shape, 1 / 10.001e3), high=jnp.full(shape, 1 / 10e3))
    fits = stats.norm.cdf(1 / 2e5) - stats.norm.cdf(-10e3 / 2e5)
    kept = (1 - fits) ** 64
    assert abs(np.isclose(on, 10e3, rtol=1e-6).mean() - kept) < 5 * np.sqrt(kept * (1 - kept) / on.size)
    assert (on < off).all()
