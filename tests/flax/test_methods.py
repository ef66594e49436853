"""Every method of `Crossbars` is that of `Analog` on the same chip, with all of its arguments."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import memjax as mj
from memjax.flax import Conductance, Crossbars

EFFECTS = (mj.effects.StuckAt(0.2, 0.2), mj.effects.Drift(0.05, activation_energy=0.5), mj.effects.ReadNoise(0.05))
HARDWARE = mj.Hardware(mj.Cell(2e4, 4e5), tile=(4, 3), dac=mj.Dac(6), adc=mj.Adc(4), effects=EFFECTS)
KEY, OTHER = jax.random.key(0), jax.random.key(1)


class Layer(nnx.Module):
    def __init__(self):
        self.w = nnx.Param(jax.random.normal(jax.random.key(2), (6, 5)))

    def __call__(self, x):
        return x @ self.w

    def doubled(self, x):
        return 2.0 * x @ self.w


@pytest.fixture(scope="module")
def analog():
    """The same layer as a plain function."""
    return mj.crossbarify(lambda params, x: x @ params["w"], HARDWARE)


PARAMS = {"w": Layer().w.get_value()}
X = jax.random.normal(jax.random.key(3), (20, 6))


def same(found, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-12), found, expected)


def test_programming_reading_and_writing_again(analog):
    module, chip = Crossbars(Layer(), HARDWARE, KEY, X), analog.program(PARAMS, KEY, X)
    same(module.chip, chip)
    same(module(X, key=OTHER), analog.apply(chip, PARAMS, X, key=OTHER))
    same(module.weights(), analog.weights(chip))
    same(module.errors(X, key=OTHER), analog.errors(chip, PARAMS, X, key=OTHER))
    same(module.clipping(X), analog.clipping(chip, PARAMS, X))
    other = {"w": PARAMS["w"][::-1]}
    module.model.w.set_value(other["w"])
    module.reprogram(OTHER, X)
    same(module.chip, analog.reprogram(chip, other, OTHER, X))
    assert np.abs(module.chip["w"]["conductance"]["pos"] - chip["w"]["conductance"]["pos"]).max() > 1e-6


def test_ageing_and_calibrating(analog):
    module, chip = Crossbars(Layer(), HARDWARE, KEY, X), analog.program(PARAMS, KEY, X)
    passed = {"seconds": 1e4, "temperature": 340.0}
    module.age(OTHER, **passed)
    chip = analog.age(chip, OTHER, **passed)
    same(module.chip, chip)
    module.calibrate(X, percentile=70.0)
    same(module.chip, analog.calibrate(chip, PARAMS, X, percentile=70.0))
    assert float(module.chip["w"]["dac_range"]) < 0.7 * float(jnp.abs(X).max())


def test_conductances_know_their_range_and_stuck_cells_stay(analog):
    module = Crossbars(Layer(), HARDWARE, KEY, X)
    for cells in jax.tree.leaves(module.conductance, is_leaf=lambda node: isinstance(node, Conductance)):
        np.testing.assert_allclose(cells.get_metadata()["range"], (1 / 4e5, 1 / 2e4), rtol=1e-6)
    before = module.chip["w"]
    for cells in jax.tree.leaves(module.conductance, is_leaf=lambda node: isinstance(node, Conductance)):
        cells.set_value(cells.get_value() + 1e-6)
    after = module.chip["w"]
    for name in ("pos", "neg"):
        stuck = np.asarray(before["low"][name] == before["high"][name])
        assert 0.1 < stuck.mean() < 0.7
        moved = np.asarray(after["conductance"][name] - before["conductance"][name])
        np.testing.assert_array_equal(moved[stuck], 0.0)
        np.testing.assert_allclose(moved[~stuck], 1e-6, rtol=1e-3)


def test_methods_of_the_model_read_one_chip():
    module = Crossbars(Layer(), HARDWARE, KEY, X)
    same(module(X, key=OTHER, method="doubled"), module(2.0 * X, key=OTHER))
