"""The experiment on compression: what is counted and what is said of it; its quick run is slow."""

import csv
import sys

import _compress
import compress
import numpy as np
import pytest


def test_packing_keeps_all_weights_and_no_empty_line():
    random = np.random.default_rng(0)
    matrix = random.normal(size=(70, 80)) * (random.random(70) < 0.5)[:, None] * (random.random(80) < 0.7)
    matrix[:40, :32] = 0.0  # a block of a tile, whose rows other columns need
    pieces = _compress.packed(matrix)
    assert sum(np.count_nonzero(piece) for piece in pieces) == np.count_nonzero(matrix)
    assert all(piece.any(1).all() and piece.any(0).all() and piece.shape[1] <= 32 for piece in pieces)
    aligned = _compress.packed(matrix, aligned=True)
    assert [piece.shape[0] for piece in aligned] == [int(matrix[:, n : n + 32].any(1).sum()) for n in (0, 32, 64)]


def row(method, correct, on_chips):
    numbers = {"correct": np.array(correct), "on_chips": np.array(on_chips), "accuracy": 90.0, "chips": 80.0}
    named = {"dataset": "digits", "constraint": "rows", "levels": False, "method": method, "chips_std": 1.0}
    return named | numbers


def test_claims_know_better_from_worse_and_from_neither():
    images = np.arange(400)
    trained = row("trained", images > 0, [0.9]) | {"constraint": "none"}
    rows = [
        trained,
        row("ADMM", images % 10 > 0, [0.8, 0.81, 0.82]),
        row("one-shot", images % 10 > 1, [0.9, 0.91, 0.93]),
        row("one-shot, as long", (images + 1) % 10 > 0, [0.8, 0.83, 0.80]),
    ]
    verdicts = [line.rpartition(": ")[2] for line in compress.claims(rows)]
    assert verdicts == ["better", "worse", "no difference seen", "no difference seen"]
    (panel,) = compress.figure(rows).axes
    assert len(panel.containers) == 2 * 3  # bars and their errors


@pytest.mark.slow
@pytest.mark.optimised
def test_quick_run_writes_table_and_picture(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", ["compress", "--quick", "--out", str(tmp_path)])
    compress.main()
    assert "digits, blocks and levels, on chips: ADMM - one-shot" in capsys.readouterr().out
    assert (tmp_path / "compress.png").stat().st_size > 10_000
    with (tmp_path / "compress.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1 + 7 + 7 + 6
    filters = [one for one in rows if one["constraint"] == "filters"]
    assert all(float(one["compact_error"]) < 1e-4 and one["compact_tiles"] == one["tiles"] for one in filters)
