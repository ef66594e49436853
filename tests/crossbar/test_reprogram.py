"""Writing again: what belongs to the cells stays, what belongs to the write is new."""

import jax
import numpy as np
import pytest

import memjax as mj

E = mj.effects
W, V = np.random.default_rng(0).normal(size=(2, 20, 12)).astype(np.float32)


def test_cells_keep_ranges_and_faults_and_meet_new_errors():
    effects = (E.DeviceVariation(1e3, 1e4), E.StuckAt(0.1, 0.1), E.ProgrammingNoise(0.02))
    hardware = mj.Hardware(tile=(8, 8), effects=effects)
    chip = mj.program(hardware, W, jax.random.key(0))
    again = mj.reprogram(hardware, chip, W, jax.random.key(1))
    same = mj.reprogram(hardware, chip, W, jax.random.key(1))
    assert jax.tree.all(jax.tree.map(np.array_equal, again, same))
    for name in ("pos", "neg"):
        low, high, g, new = (
            np.asarray(c[part][name])
            for c, part in ((chip, "low"), (chip, "high"), (chip, "conductance"), (again, "conductance"))
        )
        np.testing.assert_array_equal(low, again["low"][name])
        np.testing.assert_array_equal(high, again["high"][name])
        np.testing.assert_array_equal(new[low == high], g[low == high])
        assert (new != g)[low < high].any()


def test_other_weights_end_where_a_new_chip_of_the_same_cells_would():
    """Without errors of the write only the cells matter, and those come from the key of the chip."""
    hardware = mj.Hardware(tile=(8, 8), effects=(E.DeviceVariation(1e3, 1e4), E.StuckAt(0.1, 0.1)))
    chip = mj.reprogram(hardware, mj.program(hardware, W, jax.random.key(0)), V, jax.random.key(1))
    expected = mj.program(hardware, V, jax.random.key(0))
    for found, wanted in zip(jax.tree.leaves(chip), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_a_whole_network():
    fn = lambda p, x: jax.nn.relu(x @ p["a"]) @ p["b"]
    draw = lambda seed: {"a": W * (1 + seed), "b": V[:12] + seed}
    x = np.random.default_rng(1).normal(size=(5, 20)).astype(np.float32)
    analog = mj.crossbarify(fn, mj.Hardware(tile=(8, 8), effects=(E.StuckAt(0.05, 0.05),)))
    chip = analog.program(draw(0), jax.random.key(0), x)
    again = analog.reprogram(chip, draw(1), jax.random.key(1), x)
    expected = analog.program(draw(1), jax.random.key(0), x)
    found, wanted = (analog.apply(c, draw(1), x) for c in (again, expected))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_another_shape_is_an_error():
    hardware = mj.Hardware(tile=(8, 8))
    chip = mj.program(hardware, W, jax.random.key(0))
    with pytest.raises(ValueError, match=r"weights must have the shape \(20, 12\) .*, got \(12, 20\)"):
        mj.reprogram(hardware, chip, W.T, jax.random.key(1))
    with pytest.raises(ValueError, match="weights must be finite"):
        mj.reprogram(hardware, chip, np.full((20, 12), np.nan), jax.random.key(1))
