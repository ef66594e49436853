"""The experiments on in-situ training: quick runs, interruption and resumption, and what they refuse."""

import csv
import pathlib
import shutil
import sys

import _checkpoints
import _insitu
import hardware_aware
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import train_mnist
import train_vgg8


def run(monkeypatch, script, *options: object) -> None:
    """A script as a user starts it, in this process, where its compiled functions are kept."""
    monkeypatch.setattr(sys, "argv", [script.__name__, *map(str, options)])
    script.main()


def rows(path: pathlib.Path) -> list[dict]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_mnist_quick_run_writes_curves_and_keeps_what_is_finished(monkeypatch, tmp_path, capsys):
    options = ("--quick", "--out", tmp_path, "--algorithms", "deterministic", "--presets", "gokmen_vlasov", "pcm")
    run(monkeypatch, train_mnist, *options)
    printed = capsys.readouterr().out
    for text in ("less than digital", "no results", "gokmen_vlasov"):
        assert text in printed
    curves = rows(tmp_path / "mlp-digits.csv")
    assert [(row["preset"], row["epoch"]) for row in curves] == [
        (preset, epoch) for preset in ("digital", "gokmen_vlasov") for epoch in ("1", "2")
    ]
    last = {row["preset"]: float(row["accuracy"]) for row in curves}
    assert last["digital"] > 0.25
    assert abs(last["gokmen_vlasov"] - last["digital"]) < 0.2
    assert float(curves[-1]["accuracy_std"]) > 0  # two chips
    assert (tmp_path / "mlp-digits.png").read_bytes().startswith(b"\x89PNG")

    monkeypatch.setattr("_insitu.step", lambda *args: pytest.fail("trained again"))
    run(monkeypatch, train_mnist, *options, "--resume")
    assert capsys.readouterr().out.count("finished before") == 2
    assert rows(tmp_path / "mlp-digits.csv") == curves
    with pytest.raises(SystemExit, match="of another setting"):
        run(monkeypatch, train_mnist, *options, "--resume", "--rate", "0.2")


def test_one_sided_presets_are_left_out_with_a_sentence():
    assert "one_sided" in str(_insitu.excuse("pcm", "deterministic"))
    assert _insitu.excuse("pcm", "one_sided") is None
    assert _insitu.excuse("reram_es", "deterministic") is None


def test_kernels_are_devices_of_the_size_asked_for():
    data = train_mnist.mj.data.load("digits")
    model = train_mnist.build(train_mnist.Setting(network="cnn", dataset="digits"), data)
    roles = _insitu.roles(model.params)
    scale = _insitu.factors(model.params, 0.5)
    for role, factor, w in zip(*map(jax.tree.leaves, (roles, scale, model.params)), strict=True):
        assert (role == "device") == (w.ndim > 1)
        largest = jnp.max(jnp.abs(w / factor))
        np.testing.assert_allclose(largest, 0.5 if role == "device" else jnp.max(jnp.abs(w)), rtol=1e-6)


SETTING = train_vgg8.Setting(law="reram_sb", batch=32, images="random")


@pytest.mark.slow
@pytest.mark.optimised
def test_interrupted_vgg8_goes_on_bit_by_bit(monkeypatch, tmp_path, capsys):
    images = train_vgg8.load(SETTING)
    whole, told = train_vgg8.train(SETTING, images, 2, tmp_path / "whole", train_vgg8.Checkpoint(), False)
    save, saved = _checkpoints.Checkpoints.save, []

    def then_stop(self, step, *args):
        save(self, step, *args)
        saved.append(step)
        if step in (2, 5):  # in the middle of the first and of the second epoch of three steps
            raise KeyboardInterrupt

    monkeypatch.setattr(_checkpoints.Checkpoints, "save", then_stop)
    folder = tmp_path / "stopped"
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            train_vgg8.train(SETTING, images, 2, folder, train_vgg8.Checkpoint(steps=1), True)
    part = folder / "6.orbax-checkpoint-tmp"  # what a run leaves that is killed while it writes
    part.mkdir()
    found, heard = train_vgg8.train(SETTING, images, 2, folder, train_vgg8.Checkpoint(steps=1), True)
    assert saved == [1, 2, 3, 4, 5, 6]
    for one, other in zip(jax.tree.leaves(whole), jax.tree.leaves(found), strict=True):
        is_key = jnp.issubdtype(one.dtype, jax.dtypes.prng_key)
        np.testing.assert_array_equal(*(map(jax.random.key_data, (one, other)) if is_key else (one, other)))
    same = ("epoch", "train_loss", "test_accuracy")
    assert [[row[name] for name in same] for row in heard] == [[row[name] for name in same] for row in told]

    with pytest.raises(ValueError, match="there are checkpoints in .*--resume"):
        train_vgg8.train(SETTING, images, 2, folder, train_vgg8.Checkpoint(steps=1), False)
    with pytest.raises(ValueError, match="is of law 'reram_sb', not 'gokmen_vlasov'.*another --out"):
        train_vgg8.train(SETTING._replace(law="gokmen_vlasov"), images, 2, folder, train_vgg8.Checkpoint(steps=1), True)


@pytest.mark.slow
@pytest.mark.optimised
def test_a_loop_of_steps_makes_the_same_steps():
    images = train_vgg8.load(SETTING)
    start, go, _ = train_vgg8.compiled(SETTING, 3)
    picks = jnp.arange(96).reshape(3, 32)
    train = lambda state, picks: go(state, jnp.asarray(images.train), jnp.asarray(images.train_labels), picks)
    looped, single = train(start(), picks), start()
    for pick in picks:
        single = train(single, pick[None])
    for one, other in zip(jax.tree.leaves(looped[0][0]), jax.tree.leaves(single[0][0]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.optimised
def test_vgg8_quick_run_writes_table_and_picture(monkeypatch, tmp_path, capsys):
    run(monkeypatch, train_vgg8, "--quick", "--baseline", "--out", tmp_path)
    assert "no results" in capsys.readouterr().out
    for name in ("reram_sb-deterministic", "digital"):
        found = rows(tmp_path / f"{name}.csv")
        assert [row["epoch"] for row in found] == ["1", "2"]
        assert float(found[1]["train_loss"]) < float(found[0]["train_loss"])
        assert int(found[0]["peak_memory"]) > 2**20
    assert (tmp_path / "vgg8.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(SystemExit, match="--resume"):
        run(monkeypatch, train_vgg8, "--quick", "--out", tmp_path)


@pytest.mark.slow
@pytest.mark.optimised
def test_hardware_aware_quick_run_writes_table_and_picture(monkeypatch, tmp_path):
    run(monkeypatch, hardware_aware, "--quick", "--out", tmp_path)
    found = rows(tmp_path / "hardware_aware.csv")
    ages, trainings = len(hardware_aware.SECONDS), 2 * len(hardware_aware.RECIPES)
    assert len(found) == trainings * (1 + 2 * ages)  # RRAM; PCM at every age, compensated or not
    assert len({(row["training"], row["seed"], row["digital"]) for row in found}) == trainings
    fresh = [float(row["mean"]) for row in found if row["seconds"] == "0.0"]
    assert min(fresh) > 20  # ten classes
    assert (tmp_path / "hardware_aware.png").read_bytes().startswith(b"\x89PNG")


def test_checkpoints_are_whole_and_of_the_same_training(tmp_path):
    state = {"w": jnp.arange(3.0), "key": jax.random.key(1)}
    with _checkpoints.Checkpoints(tmp_path, {"law": "a"}) as checkpoints:
        assert checkpoints.latest(state) is None
        for step in (1, 2, 3):
            checkpoints.save(step, state | {"w": step * state["w"]}, {"epoch": step})
        found, facts = checkpoints.latest(state)
        assert facts == {"epoch": 3}
        np.testing.assert_array_equal(found["w"], 3 * state["w"])
        with pytest.raises(ValueError, match=r"float32\[3\] where this training has float32\[4\]"):
            checkpoints.latest(state | {"w": jnp.zeros(4)})
    refused = pytest.raises(ValueError, match="3' cannot be read .* not fit .* remove it to go on from the one before")
    about = tmp_path / "3" / "about" / "metadata"
    about.write_text(about.read_text().replace('"epoch": 3', '"epoch": 2').replace('"epoch":3', '"epoch":2'))
    with _checkpoints.Checkpoints(tmp_path, {"law": "a"}) as checkpoints, refused:
        checkpoints.latest(state)
    about.write_text(about.read_text().replace('"epoch": 2', '"epoch": 3').replace('"epoch":2', '"epoch":3'))
    for path in [path for path in (tmp_path / "3").rglob("*") if path.is_file() and "state" in path.parts]:
        path.write_bytes(path.read_bytes()[:3])
    damaged = pytest.raises(ValueError, match="3' cannot be read .* remove it to go on from the one before")
    with _checkpoints.Checkpoints(tmp_path, {"law": "a"}) as checkpoints, damaged:
        checkpoints.latest(state)
    shutil.rmtree(tmp_path / "3")
    with _checkpoints.Checkpoints(tmp_path, {"law": "a"}) as checkpoints:
        found, facts = checkpoints.latest(state)
    np.testing.assert_array_equal(found["w"], 2 * state["w"])
    assert facts == {"epoch": 2}


@pytest.mark.parametrize(
    ("script", "options", "message"),
    [
        (train_mnist, ["--epochs", "0"], "--epochs must be at least 1"),
        (train_mnist, ["--quick", "--epochs", "0"], "--epochs must be at least 1"),
        (hardware_aware, ["--chips", "0"], "--epochs, --seeds, --chips and --images must be at least 1"),
        (train_mnist, ["--presets", "gold"], "invalid choice"),
        (train_mnist, ["--rate", "-1"], "--rate is out of its range"),
        (train_vgg8, ["--checkpoint-steps", "0"], "--checkpoint-steps must be at least 1"),
        (train_vgg8, ["--law", "pcm"], "one_sided"),
    ],
)
def test_bad_options_are_refused_at_once(script, options, message, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, script, *options)
    assert message in capsys.readouterr().err
