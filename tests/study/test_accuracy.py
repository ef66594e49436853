"""The accuracies of chips are those of chips made by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import memjax as mj

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.random((30, 8, 8, 1), np.float32), RNG.integers(0, 10, 30)
SIGMA, BITS = (0.0, 0.4), (3, 8)


class Layer(nnx.Module):
    def __init__(self):
        self.linear = nnx.Linear(64, 10, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return self.linear(x.reshape(len(x), -1))


def hardware(sigma=0.4, bits=8, *effects):
    spread = mj.effects.DeviceVariation(r_on_std=sigma * 10e3, r_off_std=sigma * 100e3)
    return mj.Hardware(tile=(16, 16), dac=mj.Dac(bits=8), adc=mj.Adc(bits=bits), effects=(spread, *effects))


@pytest.fixture(scope="module")
def case():
    return mj.study.Case(*mj.study.as_function(Layer()), IMAGES, LABELS)


@pytest.fixture(scope="module")
def found(case):
    """Three chips at four points, and how often the hardware was built."""
    built = []

    def one(key, sigma, bits):
        built.append(1)
        return {"accuracy": mj.study.accuracy(case, hardware(sigma, bits), key)}

    grid = {"sigma": SIGMA, "bits": BITS}
    results = mj.sweep(one, grid, key=jax.random.key(0), samples=3, batch_size=12, progress=False)
    return results["accuracy"], len(built)


def by_hand(case, hardware, key, then=lambda analog, chip: chip, read=None):
    """Accuracy of a chip, and the share of images whose class is a tie, which may be resolved either way."""
    analog = mj.crossbarify(case.fn, hardware)
    chip = then(analog, analog.program(case.params, key, case.images))
    logits = np.asarray(analog.apply(chip, case.params, case.images, key=read))
    top = np.sort(logits, axis=-1)
    ties = np.mean(top[:, -1] - top[:, -2] < 1e-5)
    return np.mean(logits.argmax(-1) == case.labels), ties + 1e-6


def test_every_number_of_a_sweep_is_the_accuracy_of_one_chip_made_by_hand(case, found):
    for s, b in ((0, 1), (1, 0)):
        expected, error = by_hand(case, hardware(SIGMA[s], BITS[b]), jax.random.fold_in(jax.random.key(0), 2))
        assert abs(found[0][s, b, 2] - expected) <= error


def test_ideal_chips_are_alike_imperfect_ones_differ_and_all_are_compiled_once(found):
    accuracy, built = found
    assert accuracy[0].std("sample").max() == pytest.approx(0, abs=1e-6)
    assert accuracy[1].std("sample").max() > 0
    # The hardware is built while the experiment is traced: as often for four points as for one.
    assert built <= 2


def test_a_chip_is_read_after_what_happens_to_it_with_a_key_for_each_part(case):
    aged = lambda analog, chip: analog.age(chip, jax.random.key(1), seconds=1e6)
    noisy = hardware(0.1, 8, mj.effects.Drift(nu=0.3), mj.effects.ReadNoise(relative=0.3))
    read = jax.random.key(2)
    result = mj.study.accuracy(case, noisy, jax.random.key(0), then=aged, read=read)
    expected, error = by_hand(case, noisy, jax.random.key(0), aged, jax.random.split(read, 1)[0])
    assert abs(result - expected) <= error


def test_images_in_parts_give_what_they_give_at_once(case):
    small = mj.study.Case(case.fn, case.params, IMAGES, LABELS, batch=13)
    whole, parts = (mj.study.accuracy(one, hardware(), jax.random.key(0)) for one in (case, small))
    np.testing.assert_allclose(parts, whole, atol=1 / 30 + 1e-6)  # one tie
    assert mj.study.digital_accuracy(small) == mj.study.digital_accuracy(case)
    digital = np.asarray(case.fn(case.params, IMAGES)).argmax(-1)
    assert mj.study.digital_accuracy(case) == np.mean(digital == LABELS)


def test_parts_are_equal_and_what_fills_the_last_has_no_label():
    images, labels = RNG.random((1201, 2, 2, 1), np.float32), RNG.integers(0, 10, 1201)
    parts, answers = mj.study.Case(len, None, images, labels).parts
    assert parts.shape == (3, 500, 2, 2, 1)
    np.testing.assert_array_equal(answers.ravel()[:1201], labels)
    np.testing.assert_array_equal(answers.ravel()[1201:], -1)
    np.testing.assert_array_equal(parts.reshape(-1, 2, 2, 1)[:1201], images)


def test_a_model_becomes_a_function_of_its_parameters():
    model = Layer()
    fn, params = mj.study.as_function(model)
    np.testing.assert_array_equal(fn(params, IMAGES), model(jnp.asarray(IMAGES)))
    doubled = jax.tree.map(lambda leaf: 2 * leaf, params)
    np.testing.assert_allclose(fn(doubled, IMAGES), 2 * model(jnp.asarray(IMAGES)), rtol=1e-6)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"fn": 1}, "fn must be a function of parameters and images, got 1"),
        ({"images": np.zeros((0, 8))}, "images must have shape .* with at least one image"),
        ({"images": np.full((30, 8), np.nan)}, "images must be finite"),
        ({"labels": LABELS + 0.5}, "labels must be integers, got an array of float"),
        ({"labels": LABELS[:29]}, "labels must have shape .30,., one for each image, got .29,."),
        ({"batch": 0}, "batch must be in .1, 2147483647., got 0"),
    ],
)
def test_wrong_parts_of_a_case_are_named(case, changed, message):
    with pytest.raises((TypeError, ValueError), match=message):
        mj.study.Case(**{"fn": len, "params": None, "images": IMAGES, "labels": LABELS} | changed)
