"""The experiment on device physics as the law: its quick run, how pulses are chosen, and what the fits are of."""

import csv
import json
import sys

import jax.numpy as jnp
import numpy as np
import physics_laws
import pytest

import memjax as mj

T = mj.training


@pytest.mark.parametrize("name", physics_laws.DEVICES)
def test_pulses_cross_the_range_in_the_number_of_states(name):
    """From 5 % of the conductance to 95 % in 40 pulses and back: the integral of dx / |dx/dt| is what pulses do."""
    law = physics_laws.physics(physics_laws.DEVICES[name], 40)
    nominal = law.make(None, (2,))
    ends = jnp.array([-0.9, 0.9])
    across = law.many(ends, jnp.array([40.0, 40.0]), jnp.array([True, False]), nominal)
    np.testing.assert_allclose(across, -ends, atol=0.02)


def test_table_is_the_physics_between_its_nodes():
    law = physics_laws.physics(physics_laws.DEVICES["VTEAM"], 40)
    table = physics_laws.table(law)
    weight = jnp.linspace(-0.9, 0.8, 9)
    for up in (True, False):
        after = [one.one(weight, jnp.full(9, up), one.make(None, (9,))) for one in (law, table)]
        np.testing.assert_allclose(*after, atol=2e-3)


@pytest.mark.slow
@pytest.mark.optimised
def test_quick_run_writes_table_and_picture(monkeypatch, tmp_path, capsys):
    options = ["--quick", "--devices", "Stanford", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["physics_laws", *options])
    physics_laws.main()
    printed = capsys.readouterr().out
    for text in ("below physics", "soft bounds", "no results"):
        assert text in printed
    with (tmp_path / "physics_laws.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    laws = ("digital", *physics_laws.LAWS)
    assert [(row["law"], row["epoch"]) for row in rows] == [(law, epoch) for law in laws for epoch in ("1", "2")]
    last = {row["law"]: float(row["train_loss"]) for row in rows}
    assert all(np.isfinite(loss) and loss < 3 for loss in last.values())
    facts = json.loads((tmp_path / "physics_laws.json").read_text())["devices"]["Stanford"]
    assert facts["fit_error"] < 0.2
    assert facts["cost"]["physics"]["ratio"] > 0
    assert (tmp_path / "physics_laws.png").read_bytes().startswith(b"\x89PNG")


def test_bad_options_are_refused_at_once(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["physics_laws", "--states", "1"])
    with pytest.raises(SystemExit):
        physics_laws.main()
    assert "--states must be at least 4, got 1" in capsys.readouterr().err
