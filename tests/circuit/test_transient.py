"""Arrays of devices driven by waveforms."""

import shutil
import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax import circuit
from memjax import devices as md

# Smooth at the bounds, which ngspice needs.
DEVICE = md.VTEAM(
    k_off=2e-3, k_on=-5e-3, v_off=0.4, v_on=-0.5, alpha_off=1.5, alpha_on=2.0, r_on=200.0, r_off=4e3,
    window=md.windows.Kvatinsky(a_up=0.8, a_down=0.2, w_c=0.1),
)  # fmt: skip
WIRES = mj.Wires(row=5.0, column=5.0, source=10.0, sense=10.0)
RNG = np.random.default_rng(3)
TIME = np.linspace(0, 2e-6, 101)
STATE = RNG.uniform(0.2, 0.8, (8, 8))
VOLTAGE = np.sin(np.pi * 1e6 * TIME)[:, None] * RNG.uniform(1.0, 1.5, 8)


@pytest.mark.parametrize(
    ("device", "method"),
    [
        (DEVICE, "rk4"),
        (DEVICE, "heun"),
        (DEVICE, "euler"),
        (md.Series(DEVICE, 50.0), "rk4"),
    ],
)
def test_without_wires_each_cell_is_alone(device, method, x64):
    time, volts = 1e-3 * TIME[:21], 1e-1 * VOLTAGE[:21, :3] + 0.6
    found = circuit.transient(
        device, STATE[:3, :2], volts, time, mj.Wires(), sense_voltage=0.1, method=method, substeps=2
    )
    alone = mj.simulate(device, np.repeat(volts[..., None], 2, -1) - 0.1, time, STATE[:3, :2], method, 2)
    np.testing.assert_allclose(found.state, alone.state, atol=1e-11)
    np.testing.assert_allclose(found.current, alone.current.sum(1), rtol=1e-9)
    np.testing.assert_allclose(found.cell_voltage, alone.voltage, rtol=1e-9)
    assert found.converged.all()


@pytest.mark.ngspice
@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")
def test_ngspice_moves_the_cells_alike(tmp_path, precision):
    (tmp_path / "a.cir").write_text(circuit.to_spice(None, VOLTAGE, WIRES, time=TIME, device=DEVICE, state=STATE))
    subprocess.run(["ngspice", "-b", "a.cir"], check=True, capture_output=True, timeout=120, cwd=tmp_path)
    reference = circuit.from_spice(tmp_path / "crossbar.raw", TIME)
    found = circuit.transient(DEVICE, STATE, VOLTAGE, TIME, WIRES, substeps=2)
    assert np.ptp(reference.state, axis=0).min() > 0.05
    # The wires matter: cells far from driver and ground have lost a good part of the voltage.
    assert np.abs(found.cell_voltage[25]).min() < 0.8 * VOLTAGE[25].min()
    np.testing.assert_allclose(found.state, reference.state, atol=1e-4)
    for name in ("current", "source_current"):
        expected = getattr(reference, name)
        np.testing.assert_allclose(getattr(found, name), expected, atol=2e-4 * np.abs(expected).max())


def test_gradients_are_those_of_finite_differences(x64):
    """Of the last states with respect to states, voltages, the device and the wires."""

    def loss(numbers):
        state, voltage, device, wires = numbers
        return jnp.sum(circuit.transient(device, state, voltage, 4 * TIME[:11], wires).state[-1] ** 2)

    at = (STATE[:3, :2], 1.5 * VOLTAGE[:11, :3], DEVICE, WIRES)
    at = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), at)
    direction = jax.tree.map(lambda leaf: 0.1 * leaf * RNG.normal(size=leaf.shape), at)
    along = lambda t: loss(jax.tree.map(lambda x, d: x + t * d, at, direction))
    value = jax.jit(jax.value_and_grad(along))
    h = 1e-3
    near, far = (value(h)[0] - value(-h)[0]) / (2 * h), (value(2 * h)[0] - value(-2 * h)[0]) / (4 * h)
    assert float(value(0.0)[1]) == pytest.approx(float((4 * near - far) / 3), rel=1e-6)


def test_vmap_over_arrays(x64):
    scales = jnp.array([0.5, 1.0])
    run = lambda scale: circuit.transient(DEVICE, STATE[:3, :2], scale * VOLTAGE[:11, :3], TIME[:11], WIRES)
    many = jax.vmap(run)(scales)
    np.testing.assert_allclose(many.state[1], run(1.0).state, rtol=1e-12)
    assert many.current.shape == (2, 11, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(state=STATE + 1), "state"),
        (dict(state=STATE[0]), r"state must have shape \[m, n\]"),
        (dict(voltage=VOLTAGE[:, :5]), r"voltage must have shape \(101, 8\)"),
        (dict(time=TIME[::-1]), "time must increase"),
        (dict(sense_voltage=np.zeros(5)), "sense_voltage"),
        (dict(method="exponential"), "method"),
        (dict(substeps=0), "substeps"),
        (dict(wires=mj.Wires(row=np.ones(5))), r"Wires\.row"),
    ],
)
def test_bad_input(change, message):
    arguments = dict(device=DEVICE, state=STATE, voltage=VOLTAGE, time=TIME, wires=WIRES) | change
    with pytest.raises(ValueError, match=message):
        circuit.transient(**arguments)


def test_unsolved_networks_are_reported():
    arguments = md.StanfordPKU.needs(), STATE[:3, :2], VOLTAGE[:11, :3], TIME[:11], WIRES
    with pytest.warns(UserWarning, match="did not converge"):
        found = circuit.transient(*arguments, max_iterations=1)
    assert not found.converged[:-1].any()
