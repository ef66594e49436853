"""Error of each write."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import memjax as mj

program = jax.jit(mj.program)


@pytest.mark.parametrize(
    ("absolute", "relative", "span"), [(1e-6, 0, 0), (0, 0.05, 0), (0, 0, 0.02), (1e-6, 0.05, 0.02)]
)
def test_normal_error(absolute, relative, span):
    target = jnp.full((200, 200), 4e-5)
    low, high = 1e-5 + 0 * target, 1e-4 + 0 * target
    written = mj.effects.ProgrammingNoise(relative, absolute, span).write(target, low, high, jax.random.key(0))
    sigma = np.linalg.norm([absolute, relative * 4e-5, span * 9e-5])
    error = np.asarray(written - target, np.float64).ravel()
    assert stats.kstest(error, stats.norm(0, sigma).cdf).pvalue > 1e-4


def test_written_conductances_stay_in_the_range_of_the_cell():
    """What misses the range ends at its bound: half of the cells whose target is G_off stay exactly there."""
    hardware = mj.Hardware(
        cell=mj.Cell(10e3, 100e3), tile=(64, 64), effects=(mj.effects.ProgrammingNoise(absolute=2e-6),)
    )
    weights = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], (64, 64))
    g = np.asarray(program(hardware, weights, jax.random.key(0))["conductance"]["pos"])[0]
    assert g.min() == np.float32(1e-5)
    assert g.max() == np.float32(1e-4)
    at_bound = (g == np.float32(1e-5))[weights <= 0]
    assert abs(at_bound.mean() - 0.5) < 5 * 0.5 / np.sqrt(at_bound.size)


def test_each_write_is_new_and_cells_are_independent():
    hardware = mj.Hardware(tile=(32, 32), effects=(mj.effects.ProgrammingNoise(relative=0.01),))
    weights = np.random.default_rng(1).uniform(0.2, 0.8, (64, 64))
    a, b = (np.asarray(program(hardware, weights, jax.random.key(k))["conductance"]["pos"]) for k in (0, 1))
    ideal = np.asarray(program(mj.Hardware(tile=(32, 32)), weights, jax.random.key(0))["conductance"]["pos"])
    za, zb = (a / ideal - 1) / 0.01, (b / ideal - 1) / 0.01
    bound = 5 / np.sqrt(za.size)
    assert abs(np.mean(za * zb)) < bound
    assert abs(np.mean(za[:, 1:] * za[:, :-1])) < 1.1 * bound
    tiles = za.reshape(2, 32, 2, 32).transpose(0, 2, 1, 3).reshape(4, -1)
    assert np.abs(np.corrcoef(tiles) - np.eye(4)).max() < 2 * bound
