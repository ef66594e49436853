"""Training on chips that are not ideal: measures and models of the experiment, its claims, its quick run."""

import csv
import json
import sys

import _nonideal
import jax
import jax.numpy as jnp
import nonideal_training as study
import numpy as np
import pytest


def test_bias_of_scaled_and_turned_gradients():
    true = {"a": jnp.array([3.0, 0.0]), "b": jnp.array([[4.0]])}
    longer = _nonideal.bias(jax.tree.map(lambda g: 2.5 * g, true), true)
    np.testing.assert_allclose(longer, (1.0, 2.5), rtol=1e-6)
    right = _nonideal.bias({"a": jnp.array([-4.0, 0.0]), "b": jnp.array([[3.0]])}, true)
    np.testing.assert_allclose(right, (0.0, 1.0), atol=1e-7)
    np.testing.assert_array_equal(_nonideal.bias(jax.tree.map(jnp.zeros_like, true), true), (0.0, 0.0))


def test_patches_times_a_kernel_are_a_convolution():
    image = jax.random.normal(jax.random.key(0), (2, 12, 9, 3))
    kernel = jax.random.normal(jax.random.key(1), (5, 5, 3, 4))
    layout = ("NHWC", "HWIO", "NHWC")
    true = jax.lax.conv_general_dilated(image, kernel, (2, 2), "VALID", dimension_numbers=layout)
    np.testing.assert_allclose(_nonideal._patches(image) @ kernel.reshape(75, 4), true, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("mode", study.MODES)
def test_drift_keeps_to_the_window_and_to_its_direction(mode):
    weight, key = jnp.linspace(-1.0, 1.0, 201), jax.random.key(0)
    drift = lambda factor: _nonideal.drifted(weight, mode, factor, key)
    np.testing.assert_allclose(drift(1.0), weight, atol=1e-6)
    after = drift(1.3)
    assert jnp.all(jnp.abs(after) <= 1.0 + 1e-6)
    moved = jnp.sign(jnp.where(jnp.abs(after - weight) > 1e-6, after - weight, 0.0))
    expected = {"up": {0, 1}, "down": {-1, 0}, "middle": {-1, 0, 1}, "random": {-1, 0, 1}}[mode]
    assert set(np.unique(moved)) == expected
    # Conductances are 0.55 + 0.45 w.
    inside = (jnp.abs(after) < 0.999) & (jnp.abs(after) > 1e-3)
    ratio = ((0.55 + 0.45 * after) / (0.55 + 0.45 * weight))[inside]
    np.testing.assert_allclose(jnp.maximum(ratio, 1.0 / ratio), 1.3, rtol=1e-5)
    if mode == "middle":
        assert jnp.all(jnp.abs(after) <= jnp.abs(weight) + 1e-6)
        np.testing.assert_allclose(drift(1e3), 0.0, atol=1e-6)


def book(tmp_path, **accuracy: float) -> study.Book:
    """Results of three seeds in which every training has the accuracy 0.5, but for those given."""
    found = study.Book(tmp_path / "results.json", study.Setting(seeds=3), resume=False)
    every = study.points(study.Setting(), quick=False)
    at = {(point.study, point.what, point.value) for point in every}
    at |= {("retention", mode, nu) for mode in study.MODES for nu in study.EXPONENTS}
    for part, what, value in sorted(at):
        for seed in range(3):
            own = accuracy.get(what.replace(", ", "_"), 0.5) + 0.001 * seed * (1 + len(what) % 3)
            found.rows.append(dict(study=part, what=what, value=value, seed=seed, accuracy=own))
    return found


def test_claims_are_confirmed_by_differences_outside_their_errors_alone(tmp_path):
    verdicts = lambda results: {claim["text"]: claim["holds"] for claim in study.claims(results)}
    same = verdicts(book(tmp_path))
    spoilt = verdicts(book(tmp_path, update=0.4, all=0.3, asymmetric=0.2, random=0.6))
    for text, was, holds in (
        ("non-idealities cost accuracy: update", False, True),
        ("non-idealities cost accuracy: forward", False, False),
        ("all together cost more than the update alone", False, True),
        ("asymmetry costs more than nonlinearity (64 states, mean over labels 1 to 6)", False, True),
        ("drift in random directions is the best case: better than up, mean over exponents", False, True),
        ("variation of the conductance range (20 %) does not degrade training, within 2 points", True, True),
    ):
        assert (same[text], spoilt[text]) == (was, holds), text


def run(monkeypatch, *options: object) -> None:
    monkeypatch.setattr(sys, "argv", [study.__name__, *map(str, options)])
    study.main()


@pytest.mark.slow
def test_quick_run_writes_files_and_keeps_what_is_finished(monkeypatch, tmp_path, capsys):
    run(monkeypatch, "--quick", "--out", tmp_path)
    printed = capsys.readouterr().out
    for text in ("no results", "ADC backward", "asymmetric", "retention"):
        assert text in printed
    data = _nonideal.Data(jnp.zeros((320, 16, 16, 1)), jnp.zeros(320, int), jnp.zeros(()), jnp.zeros(()))
    data = data._replace(images=jax.random.uniform(jax.random.key(0), data.images.shape))
    weights, ideal = _nonideal.untrained(jax.random.key(1), (16, 16, 1), 10, 4), _nonideal.Read()
    exact = _nonideal.measured(study.reads("both", ideal, ideal), weights, data, 32, 0)
    assert exact["cosine"] > 0.99999
    assert exact["ratio"] == pytest.approx(1.0, abs=1e-3)
    with (tmp_path / "nonideal_training.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    cosine = {(r["what"], float(r["value"])): float(r["cosine"]) for r in rows if r["study"] == "gradient"}
    assert cosine["ADC forward", 5.0] < cosine["ADC forward", 7.0] < 1.0
    assert cosine["ADC both", 7.0] > 0.9
    assert {r["what"] for r in rows if r["study"] == "retention"} == {"fresh", *study.MODES}
    assert (tmp_path / "nonideal_training.png").read_bytes().startswith(b"\x89PNG")

    kept = json.loads((tmp_path / "nonideal_training.json").read_text())["rows"]
    monkeypatch.setattr(_nonideal, "measured", lambda *args: pytest.fail("measured again"))
    run(monkeypatch, "--quick", "--resume", "--out", tmp_path)
    assert json.loads((tmp_path / "nonideal_training.json").read_text())["rows"] == kept
    with pytest.raises(SystemExit, match="of another setting"):
        run(monkeypatch, "--quick", "--resume", "--rate", "0.2", "--out", tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--seeds", "1"), "--seeds must be at least 2"),
        (("--test-images", "150"), "must be a multiple of 100"),
        (("--images", "20"), "--images must be at least 32"),
    ],
)
def test_bad_options_are_refused_at_once(options, message, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, *options)
    assert message in capsys.readouterr().err
