"""Models written outside the package, by public names alone: the code of docs/extending.md, and what it must give."""

import pathlib
import re
import runpy
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The names that the code of the page defines."""
    text = (pathlib.Path(__file__).parents[1] / "docs" / "extending.md").read_text()
    program = tmp_path_factory.mktemp("page") / "extending.py"
    program.write_text("\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)))
    return runpy.run_path(str(program))


def test_page_uses_public_names_only():
    text = (pathlib.Path(__file__).parents[1] / "docs" / "extending.md").read_text()
    assert not re.findall(r"memjax\.(?:\w+\.)*_\w|mj\.(?:\w+\.)*_\w", text)


def test_device(page):
    np.testing.assert_allclose(page["state"], 0.2 + 1e-2 * np.sinh(3.0), rtol=1e-5)
    assert np.ptp(page["trace"].state) > 1e-3
    np.testing.assert_allclose(jax.jit(mj.apply_pulse)(page["cell"], 0.2, 0.3, 1e-2), page["state"], rtol=1e-6)
    with pytest.raises(ValueError, match=r"ExponentialCell\.k must be finite and in \(0, inf\] 1/s, got -1.0"):
        page["ExponentialCell"](k=-1.0)
    with pytest.raises(ValueError, match=r"ExponentialCell\.g_low must be smaller than ExponentialCell\.g_high"):
        page["ExponentialCell"](g_low=1.0)


class PlainCell(mj.devices.AbstractDevice):
    """Fields without any rule, as Python numbers."""

    rate: Any = 2.0
    initial: Any = 0.0

    @property
    def set_polarity(self):
        return 1

    def conductance(self, state):
        return 1e-5 + 9e-5 * state

    def current(self, state, voltage):
        return voltage * self.conductance(state)

    def derivative(self, state, voltage):
        return self.rate * voltage

    def state_at(self, conductance):
        return (conductance - 1e-5) / 9e-5


def test_device_with_plain_numbers():
    time = np.linspace(0.0, 0.1, 11)
    trace = mj.simulate(PlainCell(), np.ones(11), time)
    np.testing.assert_allclose(trace.state, 2.0 * time, atol=1e-6)
    np.testing.assert_allclose(mj.apply_pulse(PlainCell(), 0.0, 1.0, 0.1), 0.2, rtol=1e-6)
    many = mj.devices.population(PlainCell(), KEY, (5,), rate=mj.devices.lognormal(0.1))
    assert np.shape(mj.apply_pulse(many, np.zeros(5), 1.0, 0.1)) == (5,)


def test_window(page):
    fast, slow = mj.devices.LinearIonDrift.technion(window=None), page["slow"]
    x, rate = 0.5, 1.0 - 0.9 * 0.5
    np.testing.assert_allclose(slow.derivative(x, 1.0), rate * fast.derivative(x, 1.0), rtol=1e-6)


def test_effect_remembers_and_reads(page):
    np.testing.assert_allclose(page["y"], 1.0, atol=0.15)
    again = mj.reprogram(page["hardware"], page["chip"], jnp.eye(8), jax.random.key(1))
    for array, memory in page["chip"]["memory"].items():
        kept = again["memory"][array]["AccessTransistor"]["resistance"]
        np.testing.assert_array_equal(kept, memory["AccessTransistor"]["resistance"])
        assert abs(np.std(kept) - 50.0) < 10.0
    with pytest.raises(ValueError, match="must hold an effect that ages"):
        mj.age(page["hardware"], page["chip"], KEY, seconds=1.0)
    assert "aged" not in str(page["hardware"])


def test_effect_closed_form(page):
    """w = G / (1 + G r) in every cell, both of a pair."""
    hardware = mj.Hardware(tile=(8, 8), dac=mj.Dac(), adc=mj.Adc(), effects=(page["AccessTransistor"](500.0),))
    y = mj.matmul(hardware, mj.program(hardware, jnp.eye(8), KEY), jnp.ones((1, 8)))
    behind = lambda g: g / (1 + 500.0 * g)
    np.testing.assert_allclose(y, (behind(1e-4) - behind(1e-5)) / 9e-5, rtol=1e-5)


def test_law(page):
    np.testing.assert_allclose(page["middle"], 0.0, atol=1e-4)  # steps up and down are mirror images
    made = page["law"].make(KEY, (400,))
    np.testing.assert_allclose(np.std(np.log(made["steepness"])), 0.2, rtol=0.15)
    one = page["LogisticStep"]().make(None, (1,))
    up = mj.training.apply_pulses(page["LogisticStep"](), jnp.full(1, 0.5), jnp.ones(1), jnp.zeros(1), one)
    np.testing.assert_allclose(up - 0.5, 0.5 * 1e-3, rtol=1e-3)


def test_mapping(page):
    weights = jax.random.normal(KEY, (20, 9))
    x = jax.random.normal(jax.random.key(1), (3, 20))
    for order in ("plain", "swapped"):
        hardware = mj.Hardware(mapping=page["Quadruple"](order=order), tile=(8, 8), dac=mj.Dac(), adc=mj.Adc())
        y = jax.jit(mj.matmul)(hardware, mj.program(hardware, weights, KEY), x)
        np.testing.assert_allclose(y, x @ weights, atol=2e-5)


def test_converter_error(page):
    """Each column has a phase of its own, kept by the chip; the shift is at most the amplitude."""
    ideal = mj.Hardware(tile=(8, 8), dac=mj.Dac(), adc=mj.Adc(bits=8))
    chip = mj.program(page["rippled"], jnp.eye(8), KEY)
    ((phases,),) = (list(each.values()) for each in chip["adc"].values())
    assert len(np.unique(phases)) == phases.size >= 8
    x = jax.random.uniform(KEY, (50, 8))
    lsb = 1.0 / 127 * np.max(np.asarray(chip["adc_range"])) / (9e-5 * 0.2)
    shift = mj.matmul(page["rippled"], chip, x) - mj.matmul(ideal, mj.program(ideal, jnp.eye(8), KEY), x)
    assert 0 < np.max(np.abs(shift)) < 2.5 * lsb


def test_converter(page):
    """One row tile: the codes -1, 0 and 1 of each vector's own scale, and gradients straight through."""
    hardware = page["ternary"]
    chip = mj.program(hardware, jnp.eye(8), KEY)
    x = jnp.linspace(-1.0, 1.0, 80).reshape(10, 8)
    codes = mj.matmul(hardware, chip, x) / jnp.max(jnp.abs(x), axis=1, keepdims=True)
    np.testing.assert_allclose(np.unique(np.round(codes, 4)), [-1.0, 0.0, 1.0])
    slope = jax.grad(lambda x: mj.matmul(hardware, chip, x)[0])(jnp.full(8, 0.1))
    np.testing.assert_allclose(slope, jnp.eye(8)[0], atol=1e-5)


def test_text_that_is_not_static_is_told():
    class Loose(mj.effects.Reading):
        kind: str = "soft"

        def read(self, conductance, memory, cell):
            return conductance

    with pytest.raises(TypeError, match=r"Loose\.kind must be declared static, since text .* got 'soft'"):
        Loose()
