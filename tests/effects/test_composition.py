"""All effects together: one compilation for all strengths, finite gradients, independent random numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

E = mj.effects
W = np.random.default_rng(0).normal(size=(9, 6)).astype(np.float32)
X = np.random.default_rng(1).normal(size=(3, 9)).astype(np.float32)
CELL = mj.Cell(10e3, 100e3)


def everything(s):
    """Every kind of effect, each with a strength that is proportional to `s`."""
    return (
        E.DeviceVariation(1e3 * s, 1e4 * s, length=2.0 * s),
        E.StuckAt(0.1 * s, 0.1 * s),
        E.FormingFailure(0.1 * s, 1e7),
        E.FiniteStates(1.0 + 15.0 * s),
        E.CycleVariation(500.0 * s, 5e3 * s, "lognormal"),
        E.ProgrammingNoise(0.01 * s, 1e-7 * s, 0.01 * s),
        E.ProgrammingError.pcm_joshi().scaled(1e-4 * s),
        E.LevelSpread((1e-5, 1e-4), s * np.array([[-1e-7, 0.0, 1e-7], [-1e-6, 0.0, 2e-6]])),
        E.Drift(0.1 * s, 1.0, 0.01 * s, 0.1 * s),
        E.PhaseChange(mj.devices.PCM(g_max=1e-4)),
        E.Relaxation(1e-7 * s, 1e-7 * s, 1e-7 * s),
        E.Endurance((1e2, 0.1 * s, 0.1, 0.1), (1e2, 0.1, 0.1, 0.1 * s), "gradual"),
        E.RangeCollapse(1e4, 0.1 * s),
        E.TelegraphNoise(0.1 * s, 0.1 * s, 0.5),
        E.Temperature(300.0 + 50.0 * s),
        E.SinhConduction(3.0 * s),
        E.ReadNoise(0.01 * s, 1e-7 * s),
        E.ThermalNoise(1e9 * s),
        E.ShotNoise(1e9 * s),
    )


def output(strength, key, bits=8.0):
    hardware = mj.Hardware(
        cell=CELL, tile=(4, 4), adc=mj.Adc(bits, range=1e-4, clip_gradient=False), effects=everything(strength)
    )
    keys = jax.random.split(key, 4)
    chip = mj.program(hardware, W, keys[0])
    chip = mj.age(hardware, chip, keys[1], seconds=1e3 * strength, cycles=1e3 * strength, temperature=330.0)
    chip = mj.reprogram(hardware, chip, W, keys[2])
    return mj.matmul(hardware, chip, X, keys[3])


def test_one_compilation_for_all_strengths_and_vmap_equals_the_loop():
    traced = []

    @jax.jit
    def run(strengths):
        traced.append(1)
        return jax.vmap(lambda s: output(s, jax.random.key(0)))(strengths)

    together = run(jnp.asarray([0.5, 1.0, 1.5]))
    rolled = run(jnp.asarray([1.5, 0.5, 1.0]))
    assert len(traced) == 1
    np.testing.assert_allclose(rolled, together[jnp.asarray([2, 0, 1])], rtol=1e-5, atol=1e-6)
    assert np.isfinite(together).all()
    assert np.abs(together[0] - together[2]).max() > 0.1


def test_gradient_to_every_number_is_finite():
    def loss(effects, weights):
        hardware = mj.Hardware(cell=CELL, tile=(4, 4), dac=mj.Dac(range=3.0), adc=mj.Adc(), effects=effects)
        chip = mj.program(hardware, weights, jax.random.key(0))
        chip = mj.age(hardware, chip, jax.random.key(1), seconds=1e3, cycles=1e3, temperature=330.0)
        return jnp.sum(mj.matmul(hardware, chip, X, jax.random.key(2)) ** 2)

    effects = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), everything(1.0))
    slopes = jax.jit(jax.grad(loss, (0, 1)))(effects, W)
    named = jax.tree_util.tree_flatten_with_path(slopes)[0]
    bad = [jax.tree_util.keystr(path) for path, slope in named if not np.isfinite(slope).all()]
    assert not bad
    assert np.abs(slopes[1]).max() > 0


@pytest.mark.parametrize("extra", [E.ReadNoise(0.1), E.Drift(0.1), E.FiniteStates(5), E.DeviceVariation(1e3)])
def test_an_effect_does_not_change_the_draws_of_others(extra):
    """The same cells are stuck and the same errors are made, whatever stands before them in the tuple."""
    base = (E.StuckAt(0.2, 0.2), E.ProgrammingNoise(absolute=1e-6))
    alone, joined = (
        mj.program(mj.Hardware(cell=CELL, tile=(4, 4), effects=effects), W, jax.random.key(0))
        for effects in (base, (extra, *base))
    )
    for name in ("pos", "neg"):
        stuck = [np.asarray(chip["low"][name] == chip["high"][name]) for chip in (alone, joined)]
        np.testing.assert_array_equal(*stuck)


def test_two_effects_of_a_kind_draw_independently():
    effects = (E.StuckAt(lrs=0.5), E.StuckAt(lrs=0.5))
    chip = mj.program(mj.Hardware(tile=(64, 64), effects=effects), np.zeros((64, 64)), jax.random.key(0))
    stuck = np.asarray(chip["low"]["pos"] == chip["high"]["pos"])
    assert abs(stuck.mean() - 0.75) < 5 * np.sqrt(0.75 * 0.25 / stuck.size)
