"""`memjax cost`: what it prints and writes is the report of the library."""

import csv
import json

import jax
import numpy as np
import pytest

import memjax as mj
from memjax import data
from memjax.cli import main

CONFIG = """
[data]
name = "digits"
[network]
name = "mlp"
[hardware]
tile = [32, 16]
[grid]
"hardware.adc.bits" = [6, 8]
"""


def run(*args):
    try:
        main(list(map(str, args)))
    except SystemExit as stop:
        return stop.code
    return 0


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "mlp.toml"
    path.write_text(CONFIG)
    return path


def test_written_is_the_report_of_the_first_point(config, tmp_path, capsys, documented):
    out = tmp_path / "out"
    assert run("cost", config, "--images", 2, "--node", 45e-9, "--out", out) == 0
    printed = capsys.readouterr().out
    examples = data.load("digits")
    forward, state = mj.study.as_function(mj.study.untrained(examples, network="mlp"))
    hardware = mj.Hardware(tile=(32, 16), adc=mj.Adc(6))
    wanted = mj.cost.report(mj.crossbarify(forward, hardware), state, examples.test_images[:2], 45e-9)
    found = json.loads((out / "cost.json").read_text())
    assert set(found) == documented("cost.json")
    assert found["technology"] == "generic"
    for quantity in ("area", "latency", "energy", "leakage"):
        assert found["total"][quantity] == pytest.approx(float(wanted.total[quantity]), rel=1e-5)
    with (out / "cost.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert sum(float(row["energy_j"]) for row in rows) == pytest.approx(float(wanted.energy), rel=1e-4)
    assert {row["layer"] for row in rows} == {"hidden/kernel", "head/kernel"}
    assert (out / "cost.png").read_bytes().startswith(b"\x89PNG")
    assert "TOPS/W" in printed
    assert "random" in printed


def test_heights_of_the_bars_are_the_costs():
    analog = mj.crossbarify(lambda params, x: x @ params["a"] @ params["b"], mj.Hardware(tile=(4, 4)))
    key = jax.random.key(0)
    params = {"a": jax.random.normal(key, (6, 5)), "b": jax.random.normal(key, (5, 3))}
    report = mj.cost.report(analog, params, jax.random.normal(key, (2, 6)), "isaac")
    axes = mj.plot.cost(report, "two layers")
    for ax, quantity in zip(axes, ("area", "energy", "latency"), strict=True):
        tops = {}
        for bar in ax.patches:
            at = round(bar.get_x() + bar.get_width() / 2)
            tops[at] = max(tops.get(at, 0.0), bar.get_y() + bar.get_height())
        wanted = [float(cost[quantity]) for cost in report.by_layer.values()]
        np.testing.assert_allclose([tops[0], tops[1]], wanted, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--technology", "nope"), "technology must be one of 'isaac'"),
        (("--node", 1e-9), "technology must be finite and in"),
        (("--images", 0), "images must be from 1 to 360, got 0"),
        (("--weights", "missing"), "missing"),
    ],
)
def test_refusals(config, arguments, message, capsys):
    assert run("cost", config, *arguments) == 2
    assert message in capsys.readouterr().err
