"""Reads and pulses with noise: every look and every pulse, cell and array of a stack draws its own, in the right unit.

A cell that pulses do not move is accepted at each read with one probability p: after n pulses with p (1 - p)^n.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.stats import norm

from memjax import devices as md
from memjax import programming as mp

KEY = jax.random.key(0)
# Moves at no voltage below 1 V; 1 to 2 S.
STILL = md.VTEAM(k_off=1.0, k_on=-1.0, v_off=1.0, v_on=-1.0, alpha_off=1, alpha_on=1, r_on=0.5, r_off=1.0)
COUNT = 2000
SHAPES = {"1t1r": (COUNT, 2), "v/2": (COUNT, 1, 2), "v/3": (COUNT // 2, 2, 2)}


def write(target, conductance, scheme="1t1r", **options):
    """Of many cells (or arrays of 2) that stand at one conductance [S]; the last axes are those of an array."""
    weak = mp.Ramp(start=0.25, step=0.0, stop=0.25, width=1e-3)
    spec = mp.WriteVerify(STILL, weak, weak, scheme=scheme, **options)
    done = spec.program(jnp.full(SHAPES[scheme], target), KEY, STILL.state_at(conductance))
    return jax.tree.map(lambda leaf: np.asarray(leaf).reshape(len(leaf), -1), done)


@pytest.mark.parametrize("scheme", SHAPES)
def test_every_read_draws_anew(scheme):
    """By a fifth of the conductance (0.3 S); accepted from 1 to 2 of that above it."""
    pulses = write(1.95, 1.5, scheme, tolerance=0.15, read_noise=0.2).pulses
    p = norm.cdf(2) - norm.cdf(1)
    for n in range(6):
        expected = p * (1 - p) ** n
        np.testing.assert_allclose(np.mean(pulses == n, axis=0), expected, atol=5 * np.sqrt(expected / len(pulses)))
    assert pulses.max() < np.log(1e-6 / pulses.size) / np.log(1 - p)
    between = np.corrcoef(pulses.T)
    assert np.abs(between - np.eye(len(between))).max() < 5 / np.sqrt(len(pulses))


@pytest.mark.parametrize("scheme", SHAPES)
def test_write_noise_is_a_share_of_the_range(scheme):
    """Of 1 S, at a conductance of 1.5 S of at most 2 S: of the selected cell alone, another with every pulse."""
    for pulses in (1, 3):
        done = write(2.0, 1.5, scheme, tolerance=0.01, write_noise=0.05, max_pulses=pulses)
        np.testing.assert_array_equal(done.pulses, pulses)
        moves = (done.conductance - 1.5) / 0.05 / np.sqrt(pulses)
        count = len(moves)
        assert np.abs(moves.mean(0)).max() < 5 / np.sqrt(count)
        np.testing.assert_allclose(moves.std(0), 1, atol=5 / np.sqrt(2 * count))
        between = np.corrcoef(moves.T)
        assert np.abs(between - np.eye(len(between))).max() < 5 / np.sqrt(count)


@pytest.mark.parametrize("scheme", ["1t1r", "v/2"])
def test_noise_of_reads_and_of_pulses_is_independent(scheme):
    """Of the pulse and the read before it (who is accepted gets none), and the read after it."""
    done = write(1.65, 1.5, scheme, tolerance=0.1, read_noise=0.1, write_noise=0.02, max_pulses=1)
    pulsed = done.pulses == 1
    moves, accepted = (done.conductance[pulsed] - 1.5) / 0.02, ~done.failed[pulsed]
    count = moves.size
    p = norm.cdf(5 / 3) - norm.cdf(1 / 3)
    np.testing.assert_allclose(pulsed.mean(), 1 - p, atol=5 * np.sqrt(p / pulsed.size))
    middle = (moves > 1 / 3) & (moves < 5 / 3)
    np.testing.assert_allclose(middle.mean(), p, atol=5 * np.sqrt(p / count))
    if scheme == "1t1r":  # of an array, the true conductance decides
        near, far = (norm.cdf((edge - 0.02 * moves) / (0.15 + 0.002 * moves)) for edge in (0.05, 0.25))
        np.testing.assert_allclose(accepted[middle].mean(), (far - near)[middle].mean(), atol=5 / np.sqrt(count))


def test_parameters_of_cells_are_drawn_each_by_itself():
    """Without `cells`, by the key of the write: differing from cell to cell."""
    weak = mp.Ramp(start=0.25, step=0.0, stop=0.25, width=1e-3)
    spec = mp.WriteVerify(STILL, weak, weak, spread={"r_on": 0.1, "r_off": 0.1})
    state = jnp.broadcast_to(jnp.array([0.0, 1.0]), (COUNT, 2))
    done = spec.program(jnp.full((COUNT, 2), 1.5), KEY, state)
    ohms = np.log(np.asarray(1 / done.conductance) / [0.5, 1.0])
    np.testing.assert_allclose(ohms.std(0), 0.1, atol=5 * 0.1 / np.sqrt(2 * COUNT))
    assert abs(np.corrcoef(ohms.T)[0, 1]) < 5 / np.sqrt(COUNT)
