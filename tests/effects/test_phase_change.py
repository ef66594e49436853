"""Phase-change memory against the published formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import memjax as mj

G_MAX = 25e-6
PCM = mj.effects.PhaseChange()
NO_STRESS = {"cycles": 0.0, "reads": 0.0, "temperature": 300.0}


def written(r, count=(200, 200), seed=0):
    """Cells that hold exactly the fraction r of g_max, and what the effect remembers."""
    g = jnp.full(count, r * G_MAX)
    return g, PCM.start(g, 0 * g, g, jax.random.key(seed), None)


@pytest.mark.parametrize("r", [0.02, 0.1, 0.4, 1.0])
def test_drift_exponents(r):
    mu = np.clip(-0.0155 * np.log(r) + 0.0244, 0.049, 0.1)
    sigma = np.clip(-0.0125 * np.log(r) - 0.0059, 0.008, 0.045)
    nu = np.asarray(written(r)[1]["nu"], np.float64).ravel()
    folded = stats.foldnorm(mu / sigma, scale=sigma)
    assert stats.kstest(nu, folded.cdf).pvalue > 1e-4


@pytest.mark.parametrize("r", [0.1, 1.0])
def test_a_day_of_drift_and_its_1_over_f_noise(r):
    g, memory = written(r)
    day = mj.effects.Stress(seconds=86400.0, **NO_STRESS)
    aged, memory = PCM.age(g, memory, jax.random.key(1), day)
    expected = r * G_MAX * (86420 / 20) ** -np.asarray(memory["nu"], np.float64)
    np.testing.assert_allclose(aged, expected, rtol=1e-5)
    q = min(0.0088 / r**0.65, 0.2)
    sigma = np.asarray(aged) * q * np.sqrt(np.log((86420 + 250e-9) / (2 * 250e-9)))
    np.testing.assert_allclose(jnp.sqrt(PCM.power(aged, memory).squared), sigma, rtol=1e-4)


def test_programming_error_of_a_chip_and_new_exponents_at_each_write():
    hardware = mj.Hardware(cell=mj.Cell(1 / G_MAX, 1e9), tile=(64, 64), effects=(PCM,))
    chip = mj.program(hardware, np.ones((128, 64)), jax.random.key(0))
    error = np.asarray(chip["conductance"]["pos"], np.float64).ravel() - G_MAX
    assert stats.kstest(error, stats.norm(0, 1.05538e-6).cdf).pvalue > 1e-4
    again = mj.reprogram(hardware, chip, np.ones((128, 64)), jax.random.key(1))
    nus = [c["memory"]["pos"]["PhaseChange"]["nu"].ravel() for c in (chip, again)]
    assert abs(np.corrcoef(*nus)[0, 1]) < 5 / np.sqrt(nus[0].size)


def test_a_cell_beyond_g_max_is_an_error():
    with pytest.raises(ValueError, match=r"PhaseChange\.device has g_max=2\.5e-05 S, got .* g_on=0\.0001 S.*40000 ohm"):
        mj.Hardware(effects=(PCM,))
