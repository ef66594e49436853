"""The experiment on memories: what its parts compute, and that its quick run writes everything."""

import sys

import _memories
import jax
import jax.numpy as jnp
import memories
import numpy as np
import pytest

import memjax as mj


def test_the_most_used_lines_lie_side_by_side():
    trace = _memories.neighbours(jax.random.key(0), 32, 2000)
    used = np.bincount(trace.line, minlength=32)
    assert np.all(np.diff(used) <= 0)
    assert used.sum() == 2000


def test_weights_in_training_are_floating_point_numbers_that_change_little():
    trace = _memories.weights_in_training(jax.random.key(0), 4, 40)
    before, after = (np.asarray(words).view(np.float32) for words in (trace.old, trace.data))
    later = np.arange(len(trace)) >= 4
    assert np.all(np.abs(after) < 2.0)
    assert np.max(np.abs(after - before)[later]) < 0.1
    assert 0 < int(mj.memory.changed_bits(trace)[4:].mean()) < 256


def test_a_network_that_fits_computes_and_one_that_does_not_waits():
    model, weights = _memories.perceptron(jax.random.key(0), 64, 3)
    plan = mj.crossbarify(model, mj.Hardware(tile=(64, 64))).plan(weights, jnp.zeros((1, 64)))
    seconds = dict.fromkeys((row.crossbar for row in plan.sites), 1e-9)
    config = memories.MEMORIES["DDR3-1333"]
    fits = _memories.swapped(plan, seconds, plan.tiles, config)
    assert fits.time == pytest.approx(3e-9)
    assert fits.lines == 0
    one = plan.crossbars[0].tiles
    waits = _memories.swapped(plan, seconds, one, config)
    assert waits.lines == 3 * 64
    # A line takes a burst of four cycles of the bus, and every crossbar waits for its first.
    burst = 3 * 64 * 4 / 666e6
    assert burst < waits.time < 2.5 * burst
    slow = _memories.swapped(plan, dict.fromkeys(seconds, 1e-3), one, config)
    assert slow.time == pytest.approx(3e-3)  # the loads hide behind computing


@pytest.mark.slow
def test_the_quick_run_writes_tables_and_picture(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["memories.py", "--quick", "--out", str(tmp_path)])
    memories.main()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "macros.csv", "lives.csv", "encoders.csv", "swapping.csv", "memories.txt", "memories.png",
    }  # fmt: skip
    assert "Start-Gap" in capsys.readouterr().out
