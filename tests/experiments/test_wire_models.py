"""The yardstick of wire models: its quick run, published single values, and limits of the models."""

import csv
import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import wire_models
from _wire_models import MODELS, Memory


def test_errors_of_one_array_are_the_published_ones(x64):
    """32 x 32, 10 kOhm to 1 MOhm, uniform conductances, 0.1 ohm."""
    array = jax.tree.map(lambda leaf: leaf[24:25], wire_models.cases(1))
    published = {"jeong": 0.027, "dmr": 0.016, "alpha_beta": 1.6e-4, "ladder1": 1.6e-9}
    drop, found = wire_models.errors(array, {name: MODELS[name] for name in published})
    assert drop[0] == pytest.approx(0.004, abs=5e-4)
    assert {name: found[name][0] for name in published} == pytest.approx(published, rel=0.05)
    assert found[wire_models.EXACT][0] < 1e-4


@pytest.mark.slow
def test_quick_run_prints_tables_and_writes_files(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", ["wire_models", "--quick", "--out", str(tmp_path)])
    wire_models.main()
    printed = capsys.readouterr().out
    for text in ("published", "dL/dG", "no results", "value and gradient"):
        assert text in printed
    with (tmp_path / "errors.csv").open(newline="") as file:
        assert {row["sweep"] for row in csv.DictReader(file)} == {"cases", "10"}
    summary = json.loads((tmp_path / "wire_models.json").read_text())
    assert max(summary["current_error_percent"][wire_models.EXACT]) < 1e-3
    assert max(summary["gradient_error_percent"][wire_models.EXACT]) < 1e-3
    assert (tmp_path / "wire_models.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "power"), {"ideal": 1, "alpha_beta": 2, "pert1": 2, "ladder0": 2, "ladder1": 4}.items()
)
def test_order_of_the_error_in_the_resistance(name, power, x64):
    conductance, voltage = jnp.asarray(np.random.default_rng(0).uniform(1e-5, 1e-4, (5, 4))), jnp.ones(5)

    def error(r):
        array = Memory(conductance, jnp.asarray(r), 1e4, 1e5, 0.5)
        return float(jnp.max(jnp.abs(MODELS[name](array, voltage) / wire_models.exact(array, voltage) - 1)))

    assert error(4.0) / error(2.0) == pytest.approx(2**power, rel=0.05)


def test_filament_of_the_yardstick_has_its_resistance():
    gap, area = wire_models._filament(50e3)
    assert wire_models._resistance(gap, area) == pytest.approx(50e3, rel=1e-6)
    assert wire_models._resistance(0.0, 15.0) == pytest.approx(1e3)
