"""The language model on chips: its text, its training, its decoding, and a quick run."""

import csv
import json
import sys

import _language_chips as chips
import _language_model as language
import jax
import jax.numpy as jnp
import language_model
import numpy as np
import pytest

TINY = language.Size(width=8, heads=2, layers=2)


@pytest.fixture(scope="module")
def text():
    return language.load_text(5000)


def test_text_is_that_of_the_standard_library(text):
    names = [str(name) for name in language.sources()]
    assert names == sorted(names)
    assert {"abc.py", "urllib/parse.py"} <= set(names)
    assert not [name for name in names if "test" in name.split("/")]
    held_out = language.decoded(text.held_out)
    assert held_out.startswith(
        '"""\nPython unit testing framework'
    )  # unittest/__init__.py is the first of those held out
    assert language.decoded(language.encoded("a\tb\n~é€")) == "a   b\n~??"
    assert len(text.about["train_sha256"]) == 64


def test_pieces_are_text_and_what_comes_next(text):
    pieces = language.windows(text.held_out, 3, length=10)
    assert pieces.shape == (3, 11)
    np.testing.assert_array_equal(pieces[0], text.held_out[:11])
    np.testing.assert_array_equal(pieces[-1], text.held_out[-11:])


def test_surprise_of_even_odds_is_their_logarithm():
    pieces = jnp.zeros((2, 4), int)
    np.testing.assert_allclose(language.surprise(jnp.zeros((2, 3, 8)), pieces), 3.0, rtol=1e-6)


def test_interrupted_training_goes_on_to_the_same_weights(text, tmp_path, monkeypatch):
    recipe = language.Recipe(steps=4, rate=1e-3, warmup=1, noise=0.05, batch=2)
    straight = language.train(language.untrained(TINY), text, recipe)
    save = language.Checkpoints.save

    def once(*args):
        save(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(language.Checkpoints, "save", once)
    with pytest.raises(KeyboardInterrupt):
        language.train(language.untrained(TINY), text, recipe, tmp_path, every=2)
    monkeypatch.setattr(language.Checkpoints, "save", save)
    resumed = language.train(language.untrained(TINY), text, recipe, tmp_path, every=2)
    for one, other in zip(*(jax.tree.leaves(language.as_function(m)[1]) for m in (straight, resumed)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_a_text_written_past_the_context_goes_on_from_its_last_half():
    counted = []

    def step(text, cache, position, key):
        """A model that writes the character after the last one."""
        counted.append((int(position), text.shape[1]))
        logits = jnp.full((1, text.shape[1], 96), -1e9).at[0, -1, (text[0, -1] + 1) % 96].set(0.0)
        return logits, cache

    start = language.decoded([10, 11])
    written = chips.continued(step, lambda context: None, start, 6, jax.random.key(0), context=4)
    assert written == language.decoded(range(10, 18))
    assert counted == [(0, 2), (2, 1), (3, 1), (0, 2), (2, 1), (3, 1)]


@pytest.mark.slow
def test_quick_run_writes_tables_and_texts(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", ["language_model", "--quick", "--out", str(tmp_path)])
    language_model.main()
    printed = capsys.readouterr().out
    assert "compensation helps after a year" in printed
    with (tmp_path / "language_model.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["experiment"] for row in rows} == {"bare", "adc", "drift"}
    assert {row["compensated"] for row in rows} == {"True", "False"}
    assert all(0 < float(row["mean"]) < 12 for row in rows)
    assert (tmp_path / "language_model.png").read_bytes().startswith(b"\x89PNG")
    assert "## PCM chip, after a year, compensated" in (tmp_path / "samples.md").read_text()
    assert json.loads((tmp_path / "about.json").read_text())["chips"] == 2


def test_stored_weights_speak_python():
    models = language_model.load(language.Size(), language.WEIGHTS)
    pieces = jnp.asarray(language.windows(language.load_text().held_out, 32))
    for model in models.values():
        call, params = language.as_function(model)
        assert chips.bits_per_character(lambda text: call(params, text), pieces) < 2.2  # noqa: B023


def test_missing_weights_are_named_with_the_cure(tmp_path):
    with pytest.raises(SystemExit, match="train them with: python experiments/language_model.py --train"):
        language_model.load(TINY, tmp_path)
