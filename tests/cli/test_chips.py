"""The Monte-Carlo experiment of the quickstart, on an untrained layer and random images."""

import jax
import numpy as np
import pytest
from flax import nnx

import memjax as mj
from memjax.cli import _chips

SIGMA, BITS, TILE = (0.0, 0.4), (3, 8), (16, 16)


class Layer(nnx.Module):
    def __init__(self):
        self.linear = nnx.Linear(64, 10, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return self.linear(x.reshape(len(x), -1))


@pytest.fixture(scope="module")
def setting():
    rng = np.random.default_rng(0)
    model = Layer()
    return model, rng.random((30, 8, 8, 1), np.float32), rng.integers(0, 10, 30)


def accuracies(setting, chips):
    return _chips.accuracies(*setting, TILE, SIGMA, BITS, chips, jax.random.key(0))


def test_every_number_is_the_accuracy_of_one_chip_made_by_hand(setting):
    model, images, labels = setting
    result = accuracies(setting, chips=3)
    assert result.shape == (2, 2, 3)
    forward, state = _chips.as_function(model)
    for s, b in ((0, 1), (1, 0)):
        analog = mj.crossbarify(forward, _chips.hardware(TILE, SIGMA[s], BITS[b]))
        chip = analog.program(state, jax.random.fold_in(jax.random.key(0), 2), images)
        logits = np.asarray(analog.apply(chip, state, images))
        # A quantised output can tie; a tie may be resolved either way.
        top = np.sort(logits, axis=-1)
        ties = np.mean(top[:, -1] - top[:, -2] < 1e-5)
        assert abs(result[s, b, 2] - np.mean(logits.argmax(-1) == labels)) <= ties + 1e-9


def test_chips_and_images_in_parts_give_what_they_give_at_once(setting, monkeypatch):
    at_once = accuracies(setting, chips=5)
    monkeypatch.setattr(_chips, "CHIPS_AT_ONCE", 2)
    monkeypatch.setattr(_chips, "IMAGES_AT_ONCE", 13)
    in_parts = accuracies(setting, chips=5)
    np.testing.assert_allclose(in_parts, at_once, atol=1 / 30 + 1e-9)  # one tie


def test_the_whole_grid_is_compiled_once(setting, monkeypatch):
    built = []
    hardware = _chips.hardware
    monkeypatch.setattr(_chips, "hardware", lambda *args: built.append(1) or hardware(*args))
    accuracies(setting, chips=1)
    assert len(built) == 1  # for four points of the grid


def test_ideal_chips_are_alike_and_imperfect_ones_differ(setting):
    result = accuracies(setting, chips=8)
    assert result[0].std(-1).max() == pytest.approx(0, abs=1e-12)
    assert result[1].std(-1).max() > 0
