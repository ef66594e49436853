"""A step of training: phases by hand, conservation, and what dominates."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.cost import Pulse, Technology

KEY = jax.random.key(0)
X = jax.random.normal(jax.random.key(2), (5, 10))
P = {"a": jax.random.normal(KEY, (10, 6)), "b": jax.random.normal(KEY, (6, 3))}
HARDWARE = mj.Hardware(tile=(4, 8), dac=mj.Dac(8), adc=mj.Adc(8))
PULSE = Pulse(voltage=2.0, width=1e-7)


def dense(params, x):
    return jax.nn.relu(x @ params["a"]) @ params["b"]


@pytest.fixture(scope="module")
def analog():
    return mj.crossbarify(dense, HARDWARE)


@pytest.fixture(scope="module")
def chip(analog):
    return analog.program(P, KEY, X)


@pytest.fixture(scope="module")
def step(analog, chip):
    return mj.cost.training(analog, P, X, "generic", pulse=PULSE, pulses={"a": 2.0, "b": 3.0}, units=64, chip=chip)


def test_phases_layers_and_components_add_up(analog, chip, step):
    forward = mj.cost.report(analog, P, X, "generic", chip=chip)
    for quantity in ("area", "latency", "energy", "leakage"):
        whole = float(getattr(step, quantity))
        for parts in (step.by_layer, step.by_component):
            assert sum(float(cost[quantity]) for cost in parts.values()) == pytest.approx(whole, rel=1e-5)
        assert sum(float(one.total[quantity]) for one in step.phases.values()) == pytest.approx(whole, rel=1e-5)
        assert float(step.phases["forward"].total[quantity]) == pytest.approx(float(forward.total[quantity]))


def test_errors_go_back_to_layers_that_have_one_before(step):
    """6 x 3 read the other way: three inputs in one row tile of eight, six outputs in two column tiles of four."""
    back = step.phases["backward"]
    assert float(back.by_layer["a"].energy) == 0
    adc = Technology.generic().adc.component(8.0)
    assert float(back.parts["b"]["adc"].energy) == pytest.approx(5 * 6 * float(adc.energy), rel=1e-5)
    # Two column tiles of four word lines, which share converters.
    columns = float(Technology.generic().columns_per_adc)
    assert float(back.parts["b"]["adc"].area) == pytest.approx(2 * 4 / columns * float(adc.area), rel=1e-5)
    assert float(back.parts["b"]["cells"].area) == 0
    # The same cells, expected of the same voltages: the same energy as expected forwards.
    shape = jax.ShapeDtypeStruct(X.shape, X.dtype)
    expected = mj.cost.report(mj.crossbarify(dense, HARDWARE), P, shape, "generic", chip=None).parts["b"]["cells"]
    assert float(back.parts["b"]["cells"].energy) == pytest.approx(float(expected.energy), rel=1e-4)


def test_gradient_and_update_by_hand(chip, step):
    technology = Technology.generic()
    gradient, update = step.phases["gradient"], step.phases["update"]
    assert float(gradient.parts["a"]["mac"].energy) == pytest.approx(5 * 60 * float(technology.mac.energy), rel=1e-5)
    assert float(gradient.by_component["mac"].area) == pytest.approx(64 * float(technology.mac.area), rel=1e-5)
    assert technology.dram is not None
    bits = 2 * 5 * (10 + 6) * 16
    assert float(gradient.parts["a"]["dram"].energy) == pytest.approx(bits * float(technology.dram.energy), rel=1e-5)
    for name, pulses, cells, rows in (("a", 2.0, 2 * 60, 4), ("b", 3.0, 2 * 18, 4)):
        mean = np.mean(np.concatenate([np.ravel(g) for g in chip[name]["conductance"].values()]))
        joules = pulses * cells * 4.0 * mean * 1e-7
        assert float(update.parts[name]["cells"].energy) == pytest.approx(joules, rel=1e-5)
        assert float(update.parts[name]["cells"].latency) == pytest.approx(pulses * rows * 1e-7, rel=1e-5)


def test_memory_off_the_chip_dominates_the_gradient(step):
    """As DNN+NeuroSim finds for VGG-8: it takes more than the multiplications and the cells together."""
    parts = step.by_component
    assert parts["dram"].energy > parts["mac"].energy + parts["cells"].energy


def test_without_a_memory_it_is_named(analog, chip):
    found = mj.cost.training(analog, P, X, "isaac", pulse=PULSE, chip=chip)
    assert "dram" not in found.by_component
    assert any("dram" in words for words in found.phases["gradient"].excluded)
    assert "gradient\nLayer" in str(found)


def test_refusals(analog, chip):
    with pytest.raises(ValueError, match=r"pulses must be a number or have the layers \['a', 'b'\], got \['a'\]"):
        mj.cost.training(analog, P, X, "isaac", pulse=PULSE, pulses={"a": 1.0}, chip=chip)
    with pytest.raises(ValueError, match=r"pulses\['a'\] must be .* got -1"):
        mj.cost.training(analog, P, X, "isaac", pulse=PULSE, pulses=-1.0, chip=chip)
    with pytest.raises(TypeError, match="pulse must be a Pulse"):
        mj.cost.training(analog, P, X, "isaac", pulse=2.0, chip=chip)
    with pytest.raises(ValueError, match=r"Pulse.width must be .* got 0"):
        Pulse(1.0, 0.0)


def test_energy_of_the_update_descends_on_the_pulse(analog, chip):
    def joules(voltage):
        pulse = Pulse(voltage, 1e-7)
        return mj.cost.training(analog, P, X, "isaac", pulse=pulse, chip=chip).phases["update"].energy

    found = jax.jit(jax.grad(joules))(2.0)
    np.testing.assert_allclose(found, 2 * joules(2.0) / 2.0, rtol=1e-5)
    assert jnp.isfinite(found)
