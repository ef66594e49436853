"""Random telegraph noise as a two-state Markov process."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

import memjax as mj

TAU_0, TAU_1 = 2e-3, 5e-4
P_1 = TAU_1 / (TAU_0 + TAU_1)
G = jnp.full((200, 200), 1e-4)


def fixed(amplitude=0.3, **fields):
    return mj.effects.TelegraphNoise(amplitude, dwell_0=(TAU_0, TAU_0), dwell_1=(TAU_1, TAU_1), **fields)


def stress(seconds):
    return mj.effects.Stress(seconds, 0.0, 0.0, 300.0)


def test_stationary_occupation_and_what_is_read():
    effect = fixed(probability=0.6)
    memory = effect.start(G, G, G, jax.random.key(0), None)
    read = np.asarray(effect.read(G, memory, None)) / 1e-4
    low = np.isclose(read, 0.7, atol=1e-5)
    assert (low | np.isclose(read, 1.0, atol=1e-5)).all()
    p = 0.6 * P_1
    assert abs(low.mean() - p) < 5 * np.sqrt(p * (1 - p) / G.size)


def test_autocorrelation_decays_exponentially():
    """corr(s(0), s(t)) = exp(-t (1/tau_0 + 1/tau_1)), in one step or in several; the occupation stays."""
    effect = fixed()
    start = effect.start(G, G, G, jax.random.key(1), None)
    for steps in (1, 4):
        memory = start
        for index in range(steps):
            _, memory = effect.age(G, memory, jax.random.key(10 + index), stress(4e-4 / steps))
        s_0, s_1 = (np.asarray(m["state"]).ravel() for m in (start, memory))
        expected = np.exp(-4e-4 * (1 / TAU_0 + 1 / TAU_1))
        assert abs(np.corrcoef(s_0, s_1)[0, 1] - expected) < 5 / np.sqrt(G.size)
        assert abs(s_1.mean() - P_1) < 5 * np.sqrt(P_1 * (1 - P_1) / G.size)


def test_distributions_of_times_and_amplitudes():
    effect = mj.effects.TelegraphNoise(0.05, spread=0.5)
    memory = effect.start(G, G, G, jax.random.key(2), None)
    for name in ("tau_0", "tau_1"):
        tau = np.asarray(memory[name], np.float64).ravel()
        assert stats.kstest(np.log(tau), stats.uniform(np.log(1e-6), np.log(1e7)).cdf).pvalue > 1e-4
    log = np.log(np.asarray(memory["amplitude"], np.float64).ravel() / 0.05)
    assert stats.kstest(log, stats.norm(0, 0.5).cdf).pvalue > 1e-4


def test_traps_belong_to_cells_and_states_move_with_time_alone():
    hardware = mj.Hardware(tile=(8, 8), effects=(fixed(),))
    chip = mj.program(hardware, np.eye(8), jax.random.key(0))
    again = mj.reprogram(hardware, chip, np.ones((8, 8)), jax.random.key(1))
    resting = mj.age(hardware, chip, jax.random.key(2), seconds=0.0)
    for other in (again, resting):
        assert jax.tree.all(jax.tree.map(np.array_equal, chip["memory"], other["memory"]))
    np.testing.assert_array_equal(resting["conductance"]["pos"], chip["conductance"]["pos"])
