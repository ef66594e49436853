"""Conductances that make up for the wires."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.circuit import predistort, transfer_matrix

TARGET = np.random.default_rng(0).uniform(1e-6, 6e-5, (12, 9)).astype(np.float32)
WIRES = mj.Wires(row=10.0, column=20.0, source=40.0, sense=30.0)


@pytest.mark.parametrize("wires", [WIRES, mj.Wires(10.0, 20.0, 40.0, 30.0, double_drive=True, double_sense=True)])
def test_the_start_is_exact_for_constant_inputs(wires):
    conductance = predistort(TARGET, wires, steps=0)
    current = mj.circuit.solve(conductance, jnp.ones(12), wires).current
    np.testing.assert_allclose(current, TARGET.sum(0), rtol=1e-5)
    wrong = np.abs(transfer_matrix(conductance, wires) - TARGET).max() / TARGET.max()
    assert wrong > 2e-5


def test_steps_correct_all_inputs():
    wrong = [
        np.abs(transfer_matrix(predistort(TARGET, WIRES, steps=steps), WIRES) - TARGET).max() / TARGET.max()
        for steps in range(4)
    ]
    assert wrong[1] < 0.1 * wrong[0]
    assert wrong[2] < 0.1 * wrong[1]
    assert wrong[3] < 1e-5


def test_bounds_hold():
    conductance = predistort(TARGET, WIRES, 1e-6, 5e-5)
    assert conductance.min() >= np.float32(1e-6)
    assert conductance.max() <= np.float32(5e-5)


def test_without_wires_nothing_changes():
    np.testing.assert_array_equal(predistort(TARGET, mj.Wires()), TARGET)


def test_gradient_by_the_wires():
    loss = lambda row: jnp.sum(predistort(TARGET64, mj.Wires(row=row, column=3.0)) ** 2) * 1e8
    with jax.enable_x64(True):
        TARGET64 = jnp.asarray(TARGET[:4, :3], jnp.float64)
        h = 1e-3
        np.testing.assert_allclose(jax.grad(loss)(10.0), (loss(10.0 + h) - loss(10.0 - h)) / (2 * h), rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-TARGET, WIRES), "target must be"),
        ((TARGET[0], WIRES), "target must have shape"),
        ((TARGET, WIRES, -1.0), "low must be"),
        ((TARGET, WIRES, np.inf), "low must be finite"),
        ((TARGET, WIRES, 2e-3, 1e-3), "low must be at most high"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        predistort(*arguments)
