"""The experiments on Souto Garnelo et al.: quick runs, the networks and their weights, and what they refuse."""

import json
import pathlib
import runpy
import sys

import pytest
import study
import xarray

import memjax as mj

FOLDER = pathlib.Path(study.__file__).parent
# Each experiment, and a claim so plain that the quick setting bears it out.
EXPERIMENTS = {
    "ageing": "retention costs little, tuned",
    "faults": "5 % of cells at LRS are worse than 5 % at HRS",
    "tiles_and_bits": None,
    "unknowns": None,
    "variability_and_states": None,
    "voltage": "low voltages lose accuracy: 0.3 V below 9 V",
}


def run(monkeypatch, script: str, *options: str) -> None:
    """A script as a user starts it, in this process."""
    monkeypatch.setattr(sys, "argv", [script, *options])
    runpy.run_path(str(FOLDER / f"{script}.py"), run_name="__main__")


LONG = [pytest.mark.slow, pytest.mark.optimised]


@pytest.mark.parametrize(
    "script", [pytest.param(script, marks=LONG if script != "faults" else ()) for script in EXPERIMENTS]
)
def test_quick_run_prints_table_and_claims_and_writes_files(script, monkeypatch, tmp_path, capsys):
    run(monkeypatch, script, "--quick", "--out", str(tmp_path))
    printed = capsys.readouterr().out
    for text in ("published", "confirmed", "Assumptions", "no results"):
        assert text in printed
    content = json.loads((tmp_path / f"{script}-digits.json").read_text())
    assert content["chips"] == study.QUICK_CHIPS
    assert content["images"] == study.QUICK_IMAGES
    holds = {claim["text"].split(" (")[0]: claim["holds"] for claim in content["claims"]}
    assert EXPERIMENTS[script] is None or holds[EXPERIMENTS[script]]
    assert (tmp_path / f"{script}-digits.png").read_bytes().startswith(b"\x89PNG")
    rows = (tmp_path / f"{script}-digits.csv").read_text().splitlines()
    assert "mean" in rows[0]
    assert len(rows) > 2


@pytest.mark.slow
@pytest.mark.optimised
def test_networks_of_other_recipes(monkeypatch, tmp_path, capsys):
    """The quick setting has one network twice, so that its chips are the same twice."""
    run(monkeypatch, "recipes", "--quick", "--out", str(tmp_path))
    assert "no results" in capsys.readouterr().out
    rows = (tmp_path / "recipes-digits.csv").read_text().splitlines()
    assert rows[0].startswith("network,digital,HRS")
    first, second = (row.split(",")[1:] for row in rows[1:])
    assert first == second
    assert (tmp_path / "recipes-digits.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--chips", "1"], "--chips must be at least 2"),
        (["--images", "0"], "--images must be at least 1"),
        (["--dataset", "imagenet"], "invalid choice"),
    ],
)
def test_bad_options_are_refused_at_once(options, message, monkeypatch, capsys):
    monkeypatch.setattr(study, "load", lambda *args: pytest.fail("went on"))
    with pytest.raises(SystemExit):
        run(monkeypatch, "faults", *options)
    assert message in capsys.readouterr().err


def test_missing_data_set_is_named_before_anything_is_computed(monkeypatch, tmp_path):
    def missing(name):
        raise FileNotFoundError(f"data set {name!r} is not there; prepare it")

    monkeypatch.setattr(mj.data, "load", missing)
    with pytest.raises(SystemExit, match="data set 'mnist' is not there; prepare it"):
        run(monkeypatch, "faults", "--dataset", "mnist", "--out", str(tmp_path))


def test_claims_are_judged_by_intervals():
    chips = lambda *values: xarray.DataArray(list(values), dims="sample")
    low, high = chips(0.50, 0.52, 0.51), chips(0.90, 0.95, 0.92)
    assert study.below("", low, high).holds
    assert not study.below("", high, low).holds
    assert not study.below("", low, chips(0.1, 0.9, 0.54)).holds  # undecided
    assert study.alike("", low, low + 0.001, 1.0).holds
    assert not study.alike("", low, high, 1.0).holds
    assert study.at_most("", low, 60.0).holds
    assert not study.at_most("", low, 51.0).holds
