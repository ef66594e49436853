"""Stuck cells: how many, where, and that nothing moves them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

CELL = mj.Cell(10e3, 100e3)
G_OFF, G_ON = np.float32(1 / 100e3), np.float32(1 / 10e3)
program = jax.jit(mj.program)


@pytest.mark.parametrize(("lrs", "hrs"), [(0.01, 0.02), (0.0, 0.3), (0.5, 0.0), (0.4, 0.6), (0.0, 0.0), (1.0, 0.0)])
def test_binomial_counts(lrs, hrs):
    shape = (256, 256)
    n = shape[0] * shape[1]
    low, high = mj.effects.StuckAt(lrs, hrs).fabricate(jnp.full(shape, G_OFF), jnp.full(shape, G_ON), jax.random.key(3))
    in_lrs, in_hrs, free = (low == G_ON) & (high == G_ON), (low == G_OFF) & (high == G_OFF), (low < high)
    assert int(in_lrs.sum() + in_hrs.sum() + free.sum()) == n  # exclusive, nothing else
    for count, p in ((in_lrs.sum(), lrs), (in_hrs.sum(), hrs), (free.sum(), 1 - lrs - hrs)):
        assert abs(int(count) - n * p) <= 5 * np.sqrt(n * p * (1 - p)) + 1e-3 * (p not in (0.0, 1.0))


def test_stuck_cells_are_scattered_independently():
    """Faulty cells of a row, of a column and of the array are binomial: the spread of the counts says so."""
    shape, p = (300, 300), 0.1
    low, high = mj.effects.StuckAt(hrs=p).fabricate(jnp.full(shape, G_OFF), jnp.full(shape, G_ON), jax.random.key(4))
    stuck = np.asarray(low == high)
    for axis in (0, 1):
        variance = stuck.sum(axis).var(ddof=1)
        assert variance == pytest.approx(300 * p * (1 - p), rel=5 * np.sqrt(2 / 299))


def test_faults_survive_writing_noise_and_time():
    """Whatever is written, however noisily, and however long ago: the same key has the same cells stuck for good."""
    effects = (
        mj.effects.StuckAt(lrs=0.1, hrs=0.2),
        mj.effects.ProgrammingNoise(0.1, 5e-6),
        mj.effects.Drift(nu=0.1),
    )
    hardware = mj.Hardware(cell=CELL, tile=(16, 8), effects=effects)
    key, random = jax.random.key(0), np.random.default_rng(0)
    chips = [program(hardware, random.normal(size=(40, 20)), key) for _ in range(3)]
    aged = mj.age(hardware, chips[0], jax.random.key(7), seconds=1e6)
    for name in ("pos", "neg"):
        stuck = np.asarray(chips[0]["low"][name] == chips[0]["high"][name])
        first = np.asarray(chips[0]["conductance"][name])
        assert set(np.unique(first[stuck])) == {G_OFF, G_ON}
        for chip in (*chips[1:], aged):
            np.testing.assert_array_equal(np.asarray(chip["conductance"][name])[stuck], first[stuck])
        moved = np.asarray(aged["conductance"][name])[~stuck] / first[~stuck]
        np.testing.assert_allclose(moved, (1 + 1e6) ** -0.1, rtol=1e-5)


def test_cells_are_stuck_at_their_own_resistance_whatever_the_order_of_effects():
    effects = (mj.effects.DeviceVariation(1e3, 1e4), mj.effects.StuckAt(lrs=0.3, hrs=0.3))
    chips = [program(mj.Hardware(cell=CELL, tile=(32, 32), effects=e), np.eye(32), jax.random.key(1))
             for e in (effects, effects[::-1])]  # fmt: skip
    assert jax.tree.all(jax.tree.map(np.array_equal, *chips))
    g, low, high = (np.asarray(chips[0][part]["pos"]) for part in ("conductance", "low", "high"))
    stuck = low == high
    assert 0.4 < stuck.mean() < 0.8
    assert len(np.unique(g[stuck])) > 100
    assert ((g >= low) & (g <= high)).all()


@pytest.mark.parametrize(("unit", "axis"), [("row", 1), ("column", 0)])
def test_whole_lines_fail_together(unit, axis):
    """Every line is all stuck, alike, or all free; as many lines as the binomial distribution allows."""
    low, high = jnp.full((400, 400), G_OFF), jnp.full((400, 400), G_ON)
    low, high = map(np.asarray, mj.effects.StuckAt(0.1, 0.2, unit).fabricate(low, high, jax.random.key(0)))
    stuck = low == high
    lines = stuck.all(axis)
    np.testing.assert_array_equal(lines, stuck.any(axis))
    assert (np.ptp(low, axis) == 0).all()
    for level, p in ((G_ON, 0.1), (G_OFF, 0.2)):
        count = (lines & (low.min(axis) == level)).sum()
        assert abs(count - 400 * p) <= 5 * np.sqrt(400 * p * (1 - p))


def test_forming_failures_are_open_or_in_the_hrs_and_spare_stuck_cells():
    low, high = jnp.full((300, 300), G_OFF), jnp.full((300, 300), G_ON)
    low, high = mj.effects.StuckAt(lrs=0.2).fabricate(low, high, jax.random.key(0))
    in_lrs = np.asarray(low == high)
    for r, expected in ((None, G_OFF), (1e9, np.float32(1e-9))):
        new = mj.effects.FormingFailure(0.1, r).fabricate(low, high, jax.random.key(1))
        failed = np.asarray(new[0] == new[1]) & ~in_lrs
        np.testing.assert_array_equal(np.asarray(new[0])[failed], expected)
        np.testing.assert_array_equal(np.asarray(new[0])[in_lrs], G_ON)
        n = (~in_lrs).sum()
        assert abs(failed.sum() - 0.1 * n) < 5 * np.sqrt(0.09 * n)
