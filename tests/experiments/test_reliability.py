"""The experiment on sums that are misread, on a network of one layer."""

import csv
import sys

import jax
import numpy as np
import pytest
import reliability
from flax import nnx


class Tiny(nnx.Module):
    """One dense layer whose classes are told apart by a sum."""

    def __init__(self, rngs: nnx.Rngs):
        self.layer = nnx.Linear(12, 3, use_bias=False, rngs=rngs)

    def __call__(self, x):
        return self.layer(x.reshape(len(x), -1))


def test_quick_run_writes_tables_claims_and_a_figure(monkeypatch, tmp_path, capsys):
    model = Tiny(nnx.Rngs(0))
    images = jax.random.uniform(jax.random.key(0), (60, 12))
    monkeypatch.setattr(reliability, "trained", lambda dataset: (model, images, model(images).argmax(-1)))
    monkeypatch.setattr(reliability, "SLICES", 1)
    monkeypatch.setattr(reliability, "PLANES", 2)
    monkeypatch.setattr(sys, "argv", ["reliability", "--quick", "--out", str(tmp_path)])
    reliability.main()
    printed = capsys.readouterr().out
    for text in (
        "[unverified]",
        "a sum is misread more often",
        "most word lines",
        "2 bits, clipping",
        "explicit cells do, N = 4",
    ):
        assert text in printed
    with (tmp_path / "accuracy.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["way"], row["rows"], row["bits"]) for row in rows} == {
        *(("explicit", n, b) for n in ("4", "16") for b in ("2", "7")),
        ("clipping", "16", "2"),
        ("injected", "4", "7"),
    }
    assert all(float(row["digital"]) == 1.0 and float(row["mean"]) > 1 / 3 for row in rows)
    assert (tmp_path / "reliability.png").read_bytes().startswith(b"\x89PNG")


def test_difference_of_draws():
    gap, half = reliability.difference(np.array([0.9, 0.8, 1.0]), np.array([0.8, 0.8, 0.8]))
    assert gap == pytest.approx(10.0)
    assert half == pytest.approx(4.302653 * 10.0 / np.sqrt(3), rel=1e-6)
