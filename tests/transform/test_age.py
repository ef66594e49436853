"""Ageing of all crossbars of a chip."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import memjax as mj

DRIFT = mj.effects.Drift(nu=0.1, t0=2.0)


def fn(p, x):
    return lax.scan(lambda h, w: (jnp.tanh(h @ w), None), x @ p["first"], p["layers"])[0]


@pytest.fixture
def setup(draw):
    return {"first": draw((5, 6)), "layers": draw((3, 6, 6))}, draw((4, 5))


def test_drift_scales_every_conductance(setup):
    params, x = setup
    analog = mj.crossbarify(fn, mj.Hardware(tile=(16, 16), effects=(DRIFT,)))
    chip = analog.program(params, jax.random.key(0), x)
    aged = analog.age(chip, jax.random.key(1), seconds=100.0)
    factor = (1 + 100 / 2) ** -0.1
    for name, entry in chip.items():
        for array, cells in entry["conductance"].items():
            np.testing.assert_allclose(aged[name]["conductance"][array], factor * cells, rtol=1e-6)
        assert all(np.array_equal(aged[name][k], entry[k]) for k in entry if k not in ("conductance", "memory"))


def test_drift_of_a_linear_function_scales_its_result(draw):
    analog = mj.crossbarify(lambda w, x: x @ w, mj.Hardware(dac=mj.Dac(), adc=mj.Adc(), effects=(DRIFT,)))
    w, x = draw((20, 6)), draw((4, 20))
    aged = analog.age(analog.program(w, jax.random.key(0), x), jax.random.key(1), seconds=100.0)
    np.testing.assert_allclose(analog.apply(aged, w, x), (1 + 100 / 2) ** -0.1 * (x @ w), rtol=1e-4, atol=1e-5)


def test_no_time_no_change_and_vmap_over_time(setup, error):
    params, x = setup
    analog = mj.crossbarify(fn, mj.Hardware(tile=(16, 16), effects=(DRIFT,)))
    chip, key = analog.program(params, jax.random.key(0), x), jax.random.key(1)
    assert error(analog.age(chip, key), chip) <= 1e-7
    times = jnp.array([0.0, 10.0])
    several = jax.vmap(lambda t: analog.age(chip, key, seconds=t))(times)
    assert error(jax.tree.map(lambda a: a[1], several), analog.age(chip, key, seconds=10.0)) <= 1e-6


def test_stuck_cells_stay(setup):
    params, x = setup
    hardware = mj.Hardware(tile=(16, 16), mapping=mj.mapping.Offset(), effects=(mj.effects.StuckAt(lrs=1.0), DRIFT))
    analog = mj.crossbarify(fn, hardware)
    chip = analog.program(params, jax.random.key(0), x)
    aged = analog.age(chip, jax.random.key(1), seconds=1e4)
    without = lambda chip: {name: {k: v for k, v in entry.items() if k != "memory"} for name, entry in chip.items()}
    assert jax.tree.all(jax.tree.map(np.array_equal, without(aged), without(chip)))


def test_hardware_that_does_not_age_is_an_error(setup):
    params, x = setup
    analog = mj.crossbarify(fn, mj.Hardware(tile=(16, 16)))
    chip = analog.program(params, jax.random.key(0), x)
    with pytest.raises(ValueError, match=r"Hardware\.effects must hold an effect that ages"):
        analog.age(chip, jax.random.key(1), seconds=1.0)
