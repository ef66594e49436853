"""Errors of written levels, drawn from measured ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import memjax as mj

LEVELS = (1e-5, 4e-5, 9e-5)
AT = np.linspace(0.0, 1.0, 41)
# A different distribution at each level: uniform, exponential (cut at its 99.9 % quantile), normal (cut).
ERRORS = np.stack(
    [4e-6 * (AT - 0.5), stats.expon.ppf(0.999 * AT, scale=1e-6) - 1e-6, stats.norm.ppf(1e-3 + 0.998 * AT, scale=2e-6)]
)
SPREAD = mj.effects.LevelSpread(LEVELS, ERRORS)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_each_level_has_its_own_distribution(level):
    goal = jnp.full((100, 100), LEVELS[level])
    error = np.asarray(SPREAD.write(goal, goal, goal, jax.random.key(level)) - goal, float).ravel()
    cdf = lambda e: np.interp(e, ERRORS[level], AT)
    assert stats.kstest(error, cdf).pvalue > 1e-4


def test_between_levels_the_quantiles_are_interpolated():
    share = 0.25
    goal = jnp.full((100, 100), LEVELS[0] + share * (LEVELS[1] - LEVELS[0]))
    error = np.asarray(SPREAD.write(goal, goal, goal, jax.random.key(3)) - goal, float).ravel()
    mixed = (1 - share) * ERRORS[0] + share * ERRORS[1]
    assert stats.kstest(error, lambda e: np.interp(e, mixed, AT)).pvalue > 1e-4


def test_without_errors_it_is_exact_and_nothing_is_negative():
    none = mj.effects.LevelSpread(LEVELS, 0 * ERRORS)
    goal = jnp.linspace(0.0, 2e-4, 60).reshape(6, 10)
    np.testing.assert_array_equal(none.write(goal, goal, goal, jax.random.key(0)), goal)
    below = mj.effects.LevelSpread(LEVELS, ERRORS - 1e-4).write(goal, goal, goal, jax.random.key(0))
    assert np.min(below) == 0.0


def test_levels_and_errors_go_together():
    with pytest.raises(ValueError, match=r"a row for each of the 3 levels, got shape \(2, 41\)"):
        mj.effects.LevelSpread(LEVELS, ERRORS[:2])
    with pytest.raises(ValueError, match="levels must rise"):
        mj.effects.LevelSpread(LEVELS[::-1], ERRORS)
    with pytest.raises(ValueError, match="errors must rise along each row"):
        mj.effects.LevelSpread(LEVELS, ERRORS[:, ::-1])
    with pytest.raises(TypeError, match=r"errors must be at least 2 quantiles .* \[L, Q\]"):
        mj.effects.LevelSpread(LEVELS, ERRORS[0])
