"""Energy with the traffic of a schedule, by hand."""

import jax
import pytest

import memjax as mj
from memjax.chip import Architecture, energy, schedule

KEY = jax.random.key(0)
X = jax.random.normal(KEY, (5, 10))
P = {"a": jax.random.normal(KEY, (10, 6)), "b": jax.random.normal(KEY, (6, 3))}


def dense(params, x):
    return jax.nn.relu(x @ params["a"]) @ params["b"]


def test_two_layers_on_two_cores():
    """One tile and core each: vectors of 10 and 6 are loaded, 6 and 3 stored, 6 sent from the first to the second."""
    analog = mj.crossbarify(dense, mj.Hardware(tile=(16, 8)))
    report = mj.cost.report(analog, P, X, "puma")
    done = schedule(analog.plan(P, X), Architecture(cores=2, tiles_per_core=2))
    found = energy(done, report, "puma")
    technology = mj.cost.Technology.puma()
    assert technology.network is not None
    assert found["buffer"] == pytest.approx(5 * (10 + 6 + 6 + 3) * 16 * technology.buffer.energy)
    assert found["network"] == pytest.approx(5 * 6 * 16 * technology.network.energy)
    assert float(found["adc"]) == pytest.approx(float(report.by_component["adc"].energy))
    assert float(found["leakage"]) == pytest.approx(float(report.leakage) * done.seconds)
    assert set(found) == {*report.by_component, "leakage"}


def test_refusals():
    analog = mj.crossbarify(dense, mj.Hardware(tile=(16, 8)))
    done = schedule(analog.plan(P, X), Architecture(cores=2, tiles_per_core=2))
    other = mj.crossbarify(lambda p, x: x @ p["a"], mj.Hardware(tile=(16, 8)))
    with pytest.raises(ValueError, match=r"report must be of the layers \['a', 'b'\], got \['a'\]"):
        energy(done, mj.cost.report(other, P, X, "puma"), "puma")
    with pytest.raises(TypeError, match="schedule must be a Schedule"):
        energy(None, mj.cost.report(analog, P, X, "puma"), "puma")
