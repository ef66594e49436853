"""The experiment on graph algorithms: exact without imperfections, its measures, its quick run."""

import csv
import sys

import graphs
import jax
import numpy as np
import pytest
import xarray


def test_nothing_is_wrong_on_exact_hardware():
    errors = graphs.experiment(graphs._graphs.case("karate club"), graphs.MAPPINGS["pairs"])
    found = jax.jit(errors)(jax.random.key(0), 0.0, 100.0)
    assert found.pop("top10") == 1.0
    np.testing.assert_allclose(list(found.values()), 0.0, atol=1e-5)


def test_claims_are_confirmed_by_differences_outside_their_intervals_alone():
    rng = np.random.default_rng(0)
    axes = {"graph": ["a", "b"], "mapping": list(graphs.MAPPINGS), "spread": [0.0, 0.1], "ratio": [10.0, 100.0]}
    of = lambda mean, coordinates: xarray.DataArray(
        mean + 0.001 * rng.standard_normal([*map(len, coordinates.values()), 20]), coordinates, [*coordinates, "sample"]
    )
    verdicts = lambda cells: [line.split(":")[0] for line in graphs.claims(cells, bits) if "confirmed" in line]
    bits = xarray.Dataset({error: of(0.0, axes | {"bits": [1.0, 4.0, 8.0]}).mean("ratio") for error in graphs.ERRORS})
    bits["sssp"] = xarray.where(bits.bits < 4, 0.5, bits.sssp)
    same = xarray.Dataset({error: of(0.2, axes) for error in graphs.ERRORS})
    assert verdicts(same) == ["not confirmed"] * 4
    apart = same.assign(pagerank=same.pagerank + 0.1)
    assert verdicts(apart)[:3] == ["confirmed", "confirmed", "not confirmed"]
    single = xarray.where(same.mapping == "single cells", 0.1, 0.0)
    assert verdicts(same + single)[2:] == ["confirmed"] * 2
    least = [line for line in graphs.claims(same, bits) if line.startswith("converters")]
    assert ["from 1 bits" in line for line in least] == [True, False, True, True]
    assert "from 4 bits" in least[1]


@pytest.mark.slow
def test_quick_run_writes_tables_and_picture(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", ["graphs", "--quick", "--out", str(tmp_path)])
    graphs.main()
    printed = capsys.readouterr().out
    for text in ("34 vertices in 9 of 9 tiles", "calculated", "confirmed", "no results"):
        assert text in printed
    with (tmp_path / "cells.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["mapping"] for row in rows} == set(graphs.MAPPINGS)
    exact = [row for row in rows if row["mapping"] == "pairs" and float(row["spread"]) == 0.0]
    assert all(float(row[f"{error}_mean"]) == 0.0 for row in exact for error in graphs.ERRORS)
    assert (tmp_path / "converters.csv").exists()
    assert (tmp_path / "graphs.png").read_bytes().startswith(b"\x89PNG")


def test_bad_options_are_refused_at_once(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["graphs", "--chips", "1"])
    with pytest.raises(SystemExit):
        graphs.main()
    assert "--chips must be at least 2, got 1" in capsys.readouterr().err
