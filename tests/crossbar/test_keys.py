"""Same key, same chip: whatever else is computed, and however."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

EFFECTS = (
    mj.effects.DeviceVariation(1e3, 1e4),
    mj.effects.StuckAt(0.05, 0.05),
    mj.effects.ProgrammingNoise(absolute=1e-6),
    mj.effects.ReadNoise(0.02),
)
HARDWARE = mj.Hardware(tile=(4, 3), effects=EFFECTS, dac=mj.Dac(), adc=mj.Adc())
W = np.random.default_rng(0).uniform(-0.9, 0.9, (10, 8)).astype(np.float32)
W[0, 0] = 1.0  # the scale, in the first tile
X = np.random.default_rng(1).normal(size=(5, 10)).astype(np.float32)
program, matmul = jax.jit(mj.program), jax.jit(mj.matmul)


def close(a, b, **options):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, **({"rtol": 2e-6} | options)), a, b)


def test_a_tile_does_not_depend_on_the_others():
    """Fabrication, writing and reading of the first tile are the same in a larger matrix."""
    key = jax.random.key(7)
    small, large = program(HARDWARE, W[:4, :3], key), program(HARDWARE, W, key)
    for name in ("conductance", "low", "high"):
        for array in ("pos", "neg"):
            np.testing.assert_array_equal(small[name][array][0], large[name][array][0, :, :3])
    # Rows 4.. driven with zero: only the first row of tiles conducts.
    x = X * (np.arange(10) < 4)
    y = matmul(HARDWARE, large, x, key)[:, :3]
    close(matmul(HARDWARE, small, x[:, :4], key), y, rtol=1e-4, atol=1e-5)


def test_keys_and_tiles_differ():
    a, b = (program(HARDWARE, W, jax.random.key(k)) for k in (0, 1))
    assert (np.asarray(a["low"]["pos"]) != np.asarray(b["low"]["pos"])).mean() > 0.9
    low = np.asarray(a["low"]["pos"])
    assert (low[0, :, :3] != low[1, :, :3]).mean() > 0.9
    assert (low[0, :, :3] != low[0, :, 3:6]).mean() > 0.9
    assert (low != np.asarray(a["low"]["neg"])).mean() > 0.9


def test_eager_jit_and_vmap_agree():
    keys = jax.random.split(jax.random.key(2), 3)
    jitted = [program(HARDWARE, W, k) for k in keys]
    close(mj.program(HARDWARE, W, keys[0]), jitted[0])
    stacked = jax.jit(jax.vmap(mj.program, (None, None, 0)))(HARDWARE, W, keys)
    close(stacked, jax.tree.map(lambda *a: jnp.stack(a), *jitted))
    reads = [matmul(HARDWARE, chip, X, k) for chip, k in zip(jitted, keys, strict=True)]
    close(mj.matmul(HARDWARE, jitted[0], X, keys[0]), reads[0], rtol=1e-4, atol=1e-5)
    many = jax.jit(jax.vmap(mj.matmul, (None, 0, None, 0)))(HARDWARE, stacked, X, keys)
    close(many, jnp.stack(reads), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["r_on_std", "r_off_std"])
def test_random_numbers_do_not_depend_on_parameters(name):
    """Common random numbers: a sweep over a spread moves each cell smoothly."""

    def spread(std):
        effect = mj.effects.DeviceVariation(**{name: std})
        return program(mj.Hardware(tile=(4, 3), effects=(effect,)), W, jax.random.key(0))

    one, two = spread(100.0), spread(200.0)
    side, nominal = ("high", 10e3) if name == "r_on_std" else ("low", 100e3)
    for array in ("pos", "neg"):
        moved = [1 / np.asarray(chip[side][array], np.float64) - nominal for chip in (one, two)]
        np.testing.assert_allclose(moved[1], 2 * moved[0], atol=nominal * 1e-6, rtol=1e-3)
