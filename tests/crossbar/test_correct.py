"""Digital corrections: drift compensation and the one-parameter regression."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

E = mj.effects
W = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
X = np.random.default_rng(1).normal(size=(6, 30)).astype(np.float32)
IDEAL = {"tile": (8, 8), "dac": mj.Dac(), "adc": mj.Adc()}


def aged(effects, seconds=1e4, **fields):
    hardware = mj.Hardware(effects=effects, **(IDEAL | fields))
    fresh = mj.program(hardware, W, jax.random.key(0))
    return hardware, fresh, mj.age(hardware, fresh, jax.random.key(1), seconds=seconds)


@pytest.mark.parametrize("columns", [True, False])
def test_uniform_drift_is_undone_exactly(columns):
    hardware, fresh, old = aged((E.Drift(0.1, 20.0),))
    mended = mj.compensate(hardware, old, fresh, jax.random.key(2), columns)
    np.testing.assert_allclose(mended["scale"], fresh["scale"] * (1 + 1e4 / 20) ** 0.1, rtol=1e-4)
    np.testing.assert_allclose(mj.matmul(hardware, mended, X), X @ W, rtol=1e-3, atol=1e-3)


def test_what_cells_drift_by_themselves_stays():
    """With exponents of their own the mean is mended: a smaller error than without, but not none."""
    effects = (E.Drift(0.05, 20.0, nu_std=0.005),)
    hardware, fresh, old = aged(effects, 1e6)
    error = lambda chip: float(jnp.abs(mj.matmul(hardware, chip, X) - X @ W).mean())
    mended = [error(mj.compensate(hardware, old, fresh, jax.random.key(2), columns)) for columns in (False, True)]
    assert error(fresh) < 1e-3
    assert 0.02 < mended[0] < 0.4 * error(old)
    assert mended[1] < 1.2 * mended[0]


def test_columns_of_their_own():
    """Columns that lost different parts: one factor for all cannot, one for each does mend them."""
    hardware, fresh, _ = aged((E.Drift(0.1),))
    loss = jnp.linspace(0.4, 1.0, 8)
    old = fresh | {"conductance": {name: g * loss for name, g in fresh["conductance"].items()}}
    error = lambda columns: float(
        jnp.abs(mj.matmul(hardware, mj.compensate(hardware, old, fresh, jax.random.key(2), columns), X) - X @ W).max()
    )
    assert error(True) < 1e-3
    assert error(False) > 0.5


def test_a_whole_network_with_read_noise():
    fn = lambda p, x: jax.nn.relu(x @ p["a"]) @ p["b"]
    params = {"a": W, "b": W[:8]}
    effects = (E.Drift(0.1, 20.0), E.ReadNoise(0.001))
    analog = mj.crossbarify(fn, mj.Hardware(effects=effects, **IDEAL))
    fresh = analog.program(params, jax.random.key(0), X)
    old = analog.age(fresh, jax.random.key(1), seconds=1e5)
    mended = analog.compensate(old, fresh, jax.random.key(2))
    y, was, now = (analog.apply(c, params, X, key=jax.random.key(3)) for c in (fresh, old, mended))
    assert np.abs(was - y).max() > 0.3 * np.abs(y).max()
    assert np.abs(now - y).max() < 0.02 * np.abs(y).max()
    with pytest.raises(ValueError, match="fresh must hold the crossbars"):
        analog.compensate(old, {"a": fresh["a"]}, jax.random.key(2))


@pytest.mark.parametrize("factor", [0.3, 2.0])
def test_tune_finds_a_common_factor(factor):
    hardware = mj.Hardware(**IDEAL)
    chip = mj.program(hardware, W, jax.random.key(0))
    wrong = chip | {"scale": chip["scale"] * factor}
    tuned = mj.tune(hardware, wrong, W, jax.random.key(1))
    np.testing.assert_allclose(tuned["scale"], chip["scale"], rtol=1e-5)


def test_tune_is_the_least_squares_slope():
    hardware = mj.Hardware(tile=(8, 8), dac=mj.Dac(range=1.0), adc=mj.Adc(4), effects=(E.StuckAt(0.1, 0.1),))
    chip = mj.program(hardware, W, jax.random.key(0))
    tuned = mj.tune(hardware, chip, W, jax.random.key(1), vectors=4000)
    x = np.random.default_rng(2).uniform(-1, 1, (4000, 30)).astype(np.float32)
    y = np.asarray(mj.matmul(hardware, chip, x), np.float64)
    slope = (x @ W * y).sum() / (y * y).sum()
    np.testing.assert_allclose(tuned["scale"] / chip["scale"], slope, rtol=0.01)


def test_chips_of_other_shapes_are_errors():
    hardware, fresh, old = aged((E.Drift(0.1),))
    other = mj.program(hardware, W[:, :5], jax.random.key(0))
    with pytest.raises(ValueError, match="fresh must be the chip as programmed"):
        mj.compensate(hardware, old, other, jax.random.key(2))
    with pytest.raises(ValueError, match=r"weights must have the shape \(30, 8\)"):
        mj.tune(hardware, fresh, W[:5], jax.random.key(2))
