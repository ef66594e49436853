"""Measured programming errors against their published polynomials."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import memjax as mj

P = mj.effects.ProgrammingError
# name, fit, target [uS], sigma [uS] by the published formula
TABLE = [
    ("milo", P.rram_milo(), 100.0, 4.782 - 0.009107 * 100),
    ("milo", P.rram_milo(), 225.0, 4.782 - 0.009107 * 225),
    ("wan, 1 s", P.rram_wan(), 20.0, 0.348 + 16.030 * 0.5 - 43.853 * 0.25 + 45.393 * 0.125 - 16.815 * 0.0625),
    ("wan, 1 d", P.rram_wan(86400.0), 40.0, 0.701 + 22.086 - 50.773 + 47.095 - 16.458),
    ("wan, 2 d", P.rram_wan(172800.0), 0.0, 0.782),
    ("cmo 2 %", P.cmo_hfox(), 50.0, 0.0112185 + 0.0112903 * 50),
    ("cmo 0.2 %", P.cmo_hfox(0.002), 50.0, 0.00081107 + 0.00106879 * 50),
    ("pcm", P.pcm_joshi(), 25.0, 1.05538),
    ("pcm", P.pcm_joshi(), 6.25, 0.68141),
    ("hermes", P.pcm_hermes(), 10.35, 0.15781817 + 2.32443916 - 2.16310839 + 0.68841818),
    ("hermes, 2", P.pcm_hermes(2), 20.7, 0.16603222 + 4.71806468 - 8.48101252 + 4.68961419),
    ("scaled", P.pcm_joshi().scaled(100e-6), 100.0, 4 * 1.05538),
]


@pytest.mark.parametrize(("name", "fit", "target", "sigma"), TABLE)
def test_published_values(name, fit, target, sigma):
    assert float(fit.sigma(jnp.asarray(target * 1e-6))) == pytest.approx(sigma * 1e-6, rel=1e-4), name


@pytest.mark.parametrize("name", ["milo", "pcm", "cmo 2 %"])
def test_errors_are_normal(name):
    fit, target, sigma = next(row[1:] for row in TABLE if row[0] == name)
    goal = jnp.full((150, 200), target * 1e-6)
    error = np.asarray(fit.write(goal, 0 * goal, goal, jax.random.key(0)) - goal, np.float64).ravel()
    assert stats.kstest(error, stats.norm(0, sigma * 1e-6).cdf).pvalue > 1e-4


def test_conductances_do_not_become_negative():
    goal = jnp.zeros((100, 100))
    written = np.asarray(P.pcm_joshi().write(goal, goal, goal + 1, jax.random.key(0)))
    assert written.min() == 0.0
    assert abs((written == 0).mean() - 0.5) < 5 * 0.5 / 100


def test_cells_beyond_the_fit_are_an_error():
    with pytest.raises(ValueError, match=r"ProgrammingError holds from .* g_max=4e-05 S, got .*g_on=0\.0001 S"):
        mj.Hardware(effects=(P.rram_wan(),))
    with pytest.raises(ValueError, match=r"ProgrammingError holds from g_min=5e-05 .*g_off=1e-05 S"):
        mj.Hardware(effects=(P.rram_milo(),))
    mj.Hardware(effects=(P.rram_wan().scaled(1e-4),))
    with pytest.raises(ValueError, match="seconds must be one of 1.0, 86400.0, 172800.0, got 5.0"):
        P.rram_wan(5.0)
