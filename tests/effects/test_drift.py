"""Power-law drift."""

import jax
import numpy as np
import pytest

import memjax as mj

program, age = jax.jit(mj.program), jax.jit(mj.age)
W = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)


@pytest.mark.parametrize("nu", [0.0, 0.05, 0.1])
@pytest.mark.parametrize(("seconds", "t0"), [(0.0, 1.0), (1.0, 1.0), (86_420.0 - 20.0, 20.0), (1e8, 1e-3)])
def test_closed_form(nu, seconds, t0):
    """G (1 + t / t0)^-nu; 0.64 after one day at nu = 0.053 and t0 = 20 s (PCM)."""
    hardware = mj.Hardware(tile=(4, 4), effects=(mj.effects.Drift(nu=nu, t0=t0),))
    chip = program(hardware, W, jax.random.key(0))
    aged = age(hardware, chip, jax.random.key(1), seconds=seconds)
    for name, g in chip["conductance"].items():
        np.testing.assert_allclose(aged["conductance"][name], g * (1 + seconds / t0) ** -nu, rtol=2e-5)


def test_one_day_of_pcm():
    drift = mj.effects.Drift(nu=0.053, t0=20.0)
    stress = mj.effects.Stress(86_400.0, 0.0, 0.0, 300.0)
    assert float(drift.age(np.ones(1, np.float32), {"seconds": np.float32(0)}, None, stress)[0][0]) == pytest.approx(
        0.6416, abs=1e-3
    )


def test_only_conductances_age():
    hardware = mj.Hardware(tile=(4, 4), effects=(mj.effects.Drift(nu=0.1),))
    chip = mj.program(hardware, W, jax.random.key(0))
    before = {name: np.array(g) for name, g in chip["conductance"].items()}
    aged = mj.age(hardware, chip, jax.random.key(1), seconds=10.0)
    for name in set(chip) - {"conductance", "memory"}:
        np.testing.assert_array_equal(aged[name], chip[name])
    for name, g in before.items():  # nothing is mutated
        np.testing.assert_array_equal(chip["conductance"][name], g)


def test_drift_of_a_pair_scales_the_outputs():
    """All cells lose the same fraction, and so does the product; an ideal ADC shows it."""
    hardware = mj.Hardware(tile=(4, 4), dac=mj.Dac(), adc=mj.Adc(), effects=(mj.effects.Drift(nu=0.1),))
    chip = mj.program(hardware, W, jax.random.key(0))
    aged = mj.age(hardware, chip, jax.random.key(1), seconds=1e4)
    x = np.random.default_rng(1).normal(size=(3, 9)).astype(np.float32)
    y = mj.matmul(hardware, chip, x)
    np.testing.assert_allclose(mj.matmul(hardware, aged, x), y * (1 + 1e4) ** -0.1, atol=1e-5)
