"""The training of the experiments' networks, their stored weights, and what both refuse."""

import pathlib
import runpy
import sys

import _classifier as classifier
import jax
import jax.numpy as jnp
import networks
import numpy as np
import pytest
from flax import nnx

import memjax as mj

SCRIPT = pathlib.Path(classifier.__file__).parent / "train.py"


def run(monkeypatch, *options: str) -> None:
    """The script as a user starts it, in this process."""
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *options])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def test_training_refuses_bad_options(monkeypatch, capsys):
    refused = {
        ("--epochs", "1"): "--epochs must be at least 2",
        ("--folds", "1"): "--folds must be",
        ("--rate", "0"): "--rate must be above 0",
        ("--weight-decay", "-1"): "--weight-decay must be at least 0",
    }
    for options, message in refused.items():
        with pytest.raises(SystemExit):
            run(monkeypatch, "digits", *options)
        assert message in capsys.readouterr().err


def test_missing_data_set_is_named_before_anything_is_computed(monkeypatch, tmp_path):
    def missing(name):
        raise FileNotFoundError(f"data set {name!r} is not there; prepare it")

    monkeypatch.setattr(mj.data, "load", missing)
    with pytest.raises(SystemExit, match="data set 'cifar100' is not there"):
        run(monkeypatch, "cifar100", "--out", str(tmp_path))


@pytest.mark.parametrize(
    ("dataset", "convolutions", "dense"),
    [
        ("mnist", [(1, 10), (10, 10), (10, 10), (10, 10)], [(490, 10)]),
        ("cifar10", [(3, 16), (16, 16), (16, 32), (32, 32), (32, 64), (64, 64)], [(1024, 128), (128, 10)]),
        (
            "cifar100",
            [(3, 32), (32, 32), (32, 64), (64, 64), (64, 128), (128, 128)],
            [(2048, 512), (512, 256), (256, 100)],
        ),
    ],
)
def test_networks_have_the_published_layers(dataset, convolutions, dense):
    model = nnx.eval_shape(lambda: networks.untrained(dataset))
    kernels = [conv.kernel.shape for block in model.blocks for conv in block.convs]
    assert kernels == [(3, 3, *sizes) for sizes in convolutions]
    assert [layer.kernel.shape for layer in model.dense] == dense

    def logits():
        model = networks.untrained(dataset)
        model.eval()
        return model(jnp.zeros((1, *networks.SHAPES[dataset].image)))

    assert jax.eval_shape(logits).shape == (1, networks.SHAPES[dataset].classes)


@pytest.mark.parametrize(
    ("name", "least"), [("digits", 95.0), ("mnist", 97.5), ("cifar10", 80.0), ("cifar100", 56.0), ("resnet20", 86.0)]
)
def test_stored_weights_reach_their_accuracy(name, least):
    try:
        data = mj.data.load(networks.NAMED[name].dataset)
    except (FileNotFoundError, ImportError) as error:
        pytest.skip(str(error))
    model, recipe = networks.load(name)
    found = classifier.accuracy(model, data.test_images[:400], data.test_labels[:400])
    assert found >= least
    assert abs(found - recipe["test_accuracy"]) < 5


def altered(path: pathlib.Path, content: dict) -> None:
    with open(path, "wb") as file:
        np.savez(file, **content)


def test_damaged_weights_are_refused_with_the_cure(tmp_path):
    whole = (networks.WEIGHTS / "digits.npz").read_bytes()
    path = tmp_path / "digits.npz"
    cure = "train them with: python experiments/train.py digits"
    with pytest.raises(FileNotFoundError, match=cure):
        networks.load("digits", path)
    for part in (b"", whole[:1000], whole[:-50], b"\0" * 2000):
        path.write_bytes(part)
        with pytest.raises(ValueError, match=f"cannot be read.*{cure}"):
            networks.load("digits", path)
    with np.load(networks.WEIGHTS / "digits.npz") as archive:
        content = {name: archive[name] for name in archive.files}
    name = next(name for name in content if "kernel" in name)
    altered(path, content | {name: content[name] + 1})
    with pytest.raises(ValueError, match=f"damaged.*{cure}"):
        networks.load("digits", path)
    path.write_bytes((networks.WEIGHTS / "mnist.npz").read_bytes())
    with pytest.raises(ValueError, match=f"of another network.*{cure}"):
        networks.load("digits", path)


def digits():
    return networks.untrained("digits")


def small():
    data = mj.data.load("digits")
    return data.train_images[:256], data.train_labels[:256]


def test_interrupted_training_goes_on_to_the_same_weights(monkeypatch, tmp_path):
    recipe = classifier.Recipe(epochs=2, rate=5e-3, augment=True)
    straight = networks.arrays(classifier.train(digits, *small(), recipe))
    path, write = tmp_path / "digits.checkpoint", mj.study.write

    def once(*args):
        write(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(mj.study, "write", once)
    with pytest.raises(KeyboardInterrupt):
        classifier.train(digits, *small(), recipe, path)
    monkeypatch.setattr(mj.study, "write", write)
    resumed = networks.arrays(classifier.train(digits, *small(), recipe, path))
    for name, array in straight.items():
        np.testing.assert_allclose(resumed[name], array, rtol=1e-4, atol=1e-5)
    with pytest.raises(SystemExit, match="of another recipe"):
        classifier.train(digits, *small(), recipe._replace(epochs=3), path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        SystemExit, match="digits.checkpoint is missing, damaged or something else: .*remove .* to start"
    ):
        classifier.train(digits, *small(), recipe, path)


def test_training_writes_weights_that_load(monkeypatch, tmp_path, capsys):
    run(monkeypatch, "digits", "--epochs", "2", "--out", str(tmp_path))
    model, recipe = networks.load("digits", tmp_path / "digits.npz")
    assert recipe["epochs"] == 2
    assert model.dense[-1].kernel[...].shape == (128, 10)
    assert [path.name for path in tmp_path.iterdir()] == ["digits.npz"]
    assert f"{recipe['test_accuracy']:.2f} %" in capsys.readouterr().out


def test_cross_validation_gives_every_fold_its_turn(capsys):
    recipe = classifier.Recipe(epochs=5, rate=1e-2, augment=False)
    found = classifier.cross_validate(digits, *small(), recipe, folds=2)
    assert found.shape == (2,)
    assert (found > 20).all()
    assert "fold 2 of 2" in capsys.readouterr().out
