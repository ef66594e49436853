"""What cells have in common: spreads, noise, stuck cells, decay, against their distributions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from laws import P, T
from scipy import stats

import memjax as mj

KEY = jax.random.key(0)
SHAPE = (80, 50)
N = 4000
apply_net = jax.jit(T.apply_net, static_argnames="one_by_one")
apply_pulses = jax.jit(T.apply_pulses, static_argnames="one_by_one")


def drawn(population, key=KEY):
    made = population.make(key, SHAPE, jnp.float32)
    return {name: np.asarray(value, np.float64).ravel() for name, value in made.items()}


def follows(sample, mean, std):
    """Kolmogorov-Smirnov: a correct sampler fails once in ten thousand keys."""
    return stats.kstest(np.ravel(sample), stats.norm(mean, std).cdf).pvalue > 1e-4


def test_steps_of_cells():
    """up + down carries the gain, up - down the asymmetry; the two are independent."""
    cells = drawn(P(step=0.01, step_spread=0.1, asymmetry_spread=0.05))
    gain, skew = (cells["up"] + cells["down"]) / 0.02, (cells["up"] - cells["down"]) / 0.02
    assert follows(gain, 1.0, 0.1)
    assert follows(skew, 0.0, 0.05)
    assert abs(np.corrcoef(gain, skew)[0, 1]) < 5 / np.sqrt(N)


@pytest.mark.parametrize(("asymmetry", "up", "down"), [(0.3, 1.0, 0.7), (-0.3, 0.7, 1.0)])
def test_asymmetry_makes_one_direction_smaller(asymmetry, up, down):
    cells = drawn(P(step=0.01, asymmetry=asymmetry, step_spread=0.1))
    assert follows(cells["up"] / 0.01, up, 0.1)
    assert follows(cells["down"] / 0.01, down, 0.1)


def test_log_normal_gains():
    cells = drawn(P(step=0.01, step_spread=0.7, log_normal=True))
    assert follows(np.log(cells["up"] / 0.01), 0.0, 0.7)
    np.testing.assert_allclose(cells["up"], cells["down"])


def test_wide_spreads_stay_physical():
    cells = drawn(P(step_spread=3.0, asymmetry_spread=2.0, low_spread=2.0, high_spread=2.0, lifetime=10.0,
                    lifetime_spread=3.0))  # fmt: skip
    assert min(cells["up"].min(), cells["down"].min()) >= 0
    assert cells["low"].max() <= 0 <= cells["high"].min()
    assert cells["stay"].min() >= 0
    assert cells["stay"].max() <= 1


def test_bounds_lifetimes_and_resets():
    cells = drawn(P(low=-0.8, high=1.2, low_spread=0.1, high_spread=0.05, lifetime=100.0, lifetime_spread=0.1,
                    reset=0.3, reset_spread=0.02))  # fmt: skip
    assert follows(cells["low"], -0.8, 0.08)
    assert follows(cells["high"], 1.2, 0.06)
    assert follows(1 / (1 - cells["stay"]), 100.0, 10.0)
    assert follows(cells["reset"], 0.3, 0.02)
    for one, other in (("low", "high"), ("high", "reset"), ("stay", "low")):
        assert abs(np.corrcoef(cells[one], cells[other])[0, 1]) < 5 / np.sqrt(N)


def test_parameters_of_laws_spread():
    linear = T.LinearStep(P(step=0.02), gamma_up=0.5, gamma_down=0.8, gamma_spread=0.05).make(KEY, SHAPE)
    assert follows(-np.asarray(linear["slope_up"]) / 0.02, 0.5, 0.05)
    assert follows(-np.asarray(linear["slope_down"]) / 0.02, 0.8, 0.05)
    power = T.PowerStep(P(), gamma_up=2.0, gamma_down=3.0, gamma_spread=0.1).make(KEY, SHAPE)
    assert follows(power["gamma_up"], 2.0, 0.2)
    assert follows(power["gamma_down"], 3.0, 0.3)


def test_slopes_follow_the_bounds_of_the_cell_if_asked():
    cells, slope = P(step=0.02, high_spread=0.2), lambda made: -np.asarray(made["slope_up"])
    for mean_bounds, high in ((True, 1.0), (False, None)):
        made = T.LinearStep(cells, gamma_up=0.5, mean_bounds=mean_bounds).make(KEY, SHAPE)
        np.testing.assert_allclose(slope(made), 0.5 * 0.02 / (high or np.asarray(made["high"])), rtol=1e-5)


# Law, weight, standard deviation of the noise of one pulse up.
NOISY = {
    "constant": (T.ConstantStep(P(step=0.01, noise=0.5)), 0.2, 0.005),
    "linear": (T.LinearStep(P(step=0.01, noise=0.5), gamma_up=0.5), 0.4, 0.5 * 0.008),
    "linear, additive": (T.LinearStep(P(step=0.01, noise=0.5), gamma_up=0.5, additive=True), 0.4, 0.005),
    "soft bounds": (T.SoftBounds(P(step=0.01, noise=0.5)), 0.4, 0.5 * 0.006),
    "soft bounds, additive": (T.SoftBounds(P(step=0.01, noise=0.5), additive=True), 0.4, 0.005),
    "power": (T.PowerStep(P(step=0.01, noise=0.5), gamma_up=2.0), 0.0, 0.5 * 0.0025),
    "piecewise": (T.PiecewiseStep(P(step=0.01, noise=0.5), (1.0, 0.0)), 0.0, 0.5 * 0.005),
    "exponential": (T.ExponentialStep(P(step=0.01, noise=0.5), a_up=0.0), 0.3, 0.005),
    "exponential, more noise": (
        T.ExponentialStep(P(step=0.01, noise=0.5), a_up=0.0, noise_add=0.02, noise_slope=0.1), -0.3,
        0.5 * (0.01 + 0.02 + 0.03),
    ),
    "NeuroSim": (T.NeuroSimStep(P(noise=0.01)), 0.0, 0.02),
    "referenced": (T.Referenced(T.SoftBounds(P(step=0.01, noise=0.5)), mean=0.2, zero_shift=False), 0.2, 0.003),
    "referenced, more noise": (
        T.Referenced(
            T.ExponentialStep(P(step=0.01, noise=0.5), a_up=0.0, noise_slope=0.1), mean=0.4, zero_shift=False
        ), -0.1, 0.5 * (0.01 + 0.03),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOISY)
def test_noise_of_one_pulse(name):
    """Normal about the mean change."""
    law, weight, std = NOISY[name]
    pulse = lambda key: T.apply_net(law, jnp.full(N, weight), jnp.ones(N), law.make(None, (N,)), key)
    mean, after = jax.jit(lambda: (pulse(None), pulse(KEY)))()
    assert follows((after - mean) / std, 0.0, 1.0)


@pytest.mark.parametrize("one_by_one", [False, True])
def test_noise_of_many_pulses(one_by_one):
    """Variances add: n up and m down have n + m times that of one, together and one by one."""
    law, weight = T.ConstantStep(P(step=0.005, noise=0.5)), jnp.zeros(N)
    made = law.make(None, (N,))
    net = apply_net(law, weight, jnp.full(N, -9.0), made, KEY, one_by_one=one_by_one)
    assert follows((net + 0.045) / 0.0025, 0.0, 3.0)
    for up, down in ((7.0, 2.0), (1.0, 0.0), (0.0, 1.0)):
        mixed = apply_pulses(law, weight, jnp.full(N, up), jnp.full(N, down), made, KEY, one_by_one=one_by_one)
        assert follows((mixed - 0.005 * (up - down)) / 0.0025, 0.0, np.sqrt(up + down))
    physical = T.NeuroSimStep(P(noise=0.01), levels_up=100, levels_down=100, ltp=0.01, ltd=0.01)
    after = apply_net(physical, weight, jnp.full(N, 16.0), physical.make(None, (N,)), KEY, one_by_one=one_by_one)
    assert follows((after - after.mean()) / 0.02, 0.0, 4.0)


def test_cells_without_pulses_keep_their_weight():
    """Exactly, with noise, and whatever the others get."""
    for law in (NOISY["constant"][0], NOISY["piecewise"][0]):
        weight, count = jnp.linspace(-0.9, 0.9, 6), jnp.array([0.0, 3.0, 0.0, -2.0, 0.0, 1.0])
        after = apply_net(law, weight, count, law.make(None, (6,)), KEY)
        np.testing.assert_array_equal(after == weight, count == 0)


def test_stuck_cells():
    """Their share is binomial, their weights uniform; nothing moves them."""
    p = 0.1
    population = P(step=0.01, noise=1.0, step_spread=0.1, stuck=p, stuck_range=0.4, lifetime=10.0, diffusion=0.1)
    law = T.SoftBounds(population)
    made = law.make(KEY, SHAPE)
    stuck = np.asarray(made["low"] == made["high"])
    assert abs(stuck.sum() - p * N) < 5 * np.sqrt(N * p * (1 - p))
    at = np.asarray(made["low"])[stuck]
    assert stats.kstest(at, stats.uniform(-0.4, 0.8).cdf).pvalue > 1e-4
    weight = jnp.clip(jnp.zeros(SHAPE), made["low"], made["high"])
    for count in (5.0, -5.0):
        after = apply_net(law, weight, jnp.full(SHAPE, count), made, KEY)
        np.testing.assert_array_equal(np.asarray(after)[stuck], at)
        assert (np.asarray(after)[~stuck] != 0).all()
    np.testing.assert_array_equal(np.asarray(law.relax(weight, made, KEY))[stuck], at)
    for value in (0.0, 1.0):
        made = T.ConstantStep(P(stuck=value)).make(KEY, (50,))
        assert (made["low"] == made["high"]).all() == bool(value)


def test_decay(x64):
    """w(t) = reset + (w - reset) (1 - 1 / lifetime)^t."""
    law = T.ConstantStep(P(lifetime=20.0, reset=0.3))
    weight = start = jnp.array([-0.7, 0.0, 0.3, 0.9])
    made = law.make(None, (4,), jnp.float64)
    for _ in range(30):
        weight = law.relax(weight, made, KEY)
    np.testing.assert_allclose(weight, 0.3 + (start - 0.3) * 0.95**30, rtol=1e-12)


def test_references_do_not_decay(x64):
    """The cell behind a reference decays to its own reset; what is seen goes to reset - reference."""
    law = T.Referenced(T.ConstantStep(P(lifetime=1.0, reset=0.3)), mean=0.2, zero_shift=False)
    made = law.make(None, (2,), jnp.float64)
    np.testing.assert_allclose(law.relax(jnp.array([0.5, -0.5]), made, KEY), 0.1, rtol=1e-12)


def test_diffusion():
    """Independent steps: the variance grows with the number of updates, and bounds hold."""
    law = T.ConstantStep(P(diffusion=0.02))
    weight, made = jnp.zeros(N), law.make(None, (N,))
    for key in jax.random.split(KEY, 9):
        weight = law.relax(weight, made, key)
    assert follows(weight, 0.0, 0.06)
    assert law.population.relaxes
    assert not P().relaxes
    far = law.relax(jnp.ones(N), made, KEY)
    assert far.max() == 1.0


def test_cells_depend_on_key_and_name_alone():
    """Another spread, another law or another parameter beside it: the draws of the others stay as they were."""
    plain = drawn(P(step_spread=0.1, high_spread=0.1))
    rich = drawn(P(step_spread=0.1, high_spread=0.1, low_spread=0.2, lifetime=9.0, stuck=0.0, asymmetry_spread=0.0))
    for name in ("up", "down", "high"):
        np.testing.assert_array_equal(plain[name], rich[name])
    made = T.LinearStep(P(step_spread=0.1, high_spread=0.1), gamma_spread=0.1).make(KEY, SHAPE)
    np.testing.assert_array_equal(np.ravel(made["up"]).astype(np.float64), plain["up"])
    other = drawn(P(step_spread=0.1, high_spread=0.1), jax.random.key(1))
    assert abs(np.corrcoef(plain["up"], other["up"])[0, 1]) < 5 / np.sqrt(N)


@pytest.mark.optimised
def test_eager_jit_and_vmap_make_the_same_cells():
    law = mj.training.presets.reram_array_om()
    keys = jax.random.split(KEY, 3)
    make = lambda key: law.make(key, (4, 3))
    together = jax.jit(jax.vmap(make))(keys)
    for i in (0, 2):
        for name, value in make(keys[i]).items():
            np.testing.assert_allclose(together[name][i], value, rtol=1e-5, atol=1e-6)
