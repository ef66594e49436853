"""Cells of any current-voltage relation in an array with wires."""

import shutil
import subprocess

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax import circuit
from memjax import effects as me

RNG = np.random.default_rng(1)
CONDUCTANCE = RNG.uniform(1e-6, 1e-4, (6, 5))
VOLTAGE = RNG.uniform(-1.2, 1.2, 6)
WIRES = mj.Wires(row=30.0, column=20.0, source=100.0, sense=10.0)
# k V up to 10 and lines that take most of the voltage; and the published cubic fit within its range.
HARD = me.SinhConduction(k=8.0, v_read=0.2)
CUBIC = me.CubicConduction()


def kirchhoff(solution, conduction, conductance=CONDUCTANCE):
    """Largest difference between the currents of the cells and of the terminals, relative to the largest."""
    v = solution.cell_voltage
    parts = zip(conduction.factors(), conduction.conductances(jnp.asarray(conductance)), strict=True)
    cells = v * sum(f(v) * c for f, c in parts)
    scale = jnp.max(jnp.abs(solution.source_current))
    down = jnp.max(jnp.abs(cells.sum(-2) - solution.current))
    across = jnp.max(jnp.abs(cells.sum(-1) - solution.source_current))
    return float(jnp.maximum(down, across) / scale)


@pytest.mark.parametrize(("conduction", "drive"), [(HARD, 1.0), (CUBIC, 0.4), (me.RatioConduction(), 1.0)])
def test_currents_of_cells_are_those_of_the_lines(conduction, drive, precision):
    solution = circuit.solve(CONDUCTANCE, drive * VOLTAGE, WIRES, conduction=conduction)
    assert bool(solution.converged)
    assert kirchhoff(solution, conduction) < (2e-6 if precision == "float32" else 1e-12)
    assert int(solution.iterations) <= 12


@pytest.mark.ngspice
@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")
@pytest.mark.parametrize(("conduction", "drive"), [(HARD, 1.0), (CUBIC, 0.4)])
def test_ngspice_finds_the_same_currents(conduction, drive, tmp_path, precision):
    (tmp_path / "a.cir").write_text(circuit.to_spice(CONDUCTANCE, drive * VOLTAGE, WIRES, conduction=conduction))
    subprocess.run(["ngspice", "-b", "a.cir"], check=True, capture_output=True, timeout=60, cwd=tmp_path)
    reference = circuit.from_spice(tmp_path / "crossbar.raw")
    found = circuit.solve(CONDUCTANCE, drive * VOLTAGE, WIRES, conduction=conduction)
    error = np.linalg.norm(found.current - reference.current) / np.linalg.norm(reference.current)
    # The cubic fit itself, a polynomial of terms that cancel, is good to 5e-6 in float32.
    assert error < (1e-5 if precision == "float32" else 1e-9)


def test_ohmic_limit(x64):
    ohmic = circuit.solve(CONDUCTANCE, VOLTAGE, WIRES)
    found = circuit.solve(CONDUCTANCE, VOLTAGE, WIRES, conduction=me.SinhConduction(k=0.0))
    np.testing.assert_allclose(found.current, ohmic.current, rtol=1e-12)
    assert int(found.iterations) == 1


def test_without_wires_every_cell_is_alone(precision):
    found = circuit.solve(CONDUCTANCE, VOLTAGE, mj.Wires(), conduction=HARD)
    expected = CONDUCTANCE * 0.2 * np.sinh(8 * VOLTAGE[:, None]) / np.sinh(1.6)
    np.testing.assert_allclose(found.current, expected.sum(0), rtol=3e-6 if precision == "float32" else 1e-13)


def test_gradients_are_those_of_finite_differences(x64):
    """With respect to conductances, voltages, wires and the relation itself; forward, reverse and twice."""

    def loss(numbers):
        conductance, voltage, wires, k = numbers
        found = circuit.solve(conductance, voltage, wires, conduction=me.SinhConduction(k=k))
        return jnp.sum(jnp.sin(1e4 * found.current)) + jnp.sum(found.cell_voltage**2)

    at = (jnp.asarray(CONDUCTANCE), jnp.asarray(0.3 * VOLTAGE), jax.tree.map(jnp.asarray, WIRES), jnp.asarray(4.0))
    direction = jax.tree.map(lambda leaf: leaf * jnp.asarray(RNG.normal(size=leaf.shape)), at)
    along = lambda t: loss(jax.tree.map(lambda x, d: x + t * d, at, direction))
    h = 1e-3
    # One program for both modes and their composition: compilation is the time.
    forward_of_reverse = jax.jit(lambda t: jax.jvp(jax.value_and_grad(along), (t,), (1.0,)))
    found = [forward_of_reverse(t) for t in (-2 * h, -h, 0.0, h, 2 * h)]
    values, slopes = zip(*(primal for primal, _ in found), strict=True)
    slope, curvature = found[2][1]
    near, far = (values[3] - values[1]) / (2 * h), (values[4] - values[0]) / (4 * h)
    assert float(slopes[2]) == pytest.approx(float((4 * near - far) / 3), rel=1e-7)
    assert float(slope) == pytest.approx(float(slopes[2]), rel=1e-10)
    assert float(curvature) == pytest.approx(float(slopes[3] - slopes[1]) / (2 * h), rel=1e-4)


def test_batches_are_single_solutions(x64):
    voltages = jnp.asarray(RNG.uniform(-1, 1, (3, 6)))
    many = circuit.solve(CONDUCTANCE, voltages, WIRES, conduction=HARD)
    mapped = jax.vmap(lambda v: circuit.solve(CONDUCTANCE, v, WIRES, conduction=HARD))(voltages)
    for index, voltage in enumerate(voltages):
        single = circuit.solve(CONDUCTANCE, voltage, WIRES, conduction=HARD)
        np.testing.assert_allclose(many.current[index], single.current, rtol=1e-11)
        np.testing.assert_allclose(mapped.current[index], single.current, rtol=1e-11)


def test_fixed_iterations_agree(x64):
    free = circuit.solve(CONDUCTANCE, 0.3 * VOLTAGE, WIRES, conduction=HARD)
    fixed = circuit.solve(CONDUCTANCE, 0.3 * VOLTAGE, WIRES, conduction=HARD, iterations=8)
    np.testing.assert_allclose(fixed.current, free.current, rtol=1e-11)


def test_too_few_steps_are_reported():
    with pytest.warns(UserWarning, match="converge"):
        found = circuit.solve(CONDUCTANCE, VOLTAGE, WIRES, conduction=HARD, max_iterations=1)
    assert not bool(found.converged)
    assert not bool(
        eqx.filter_jit(circuit.solve)(CONDUCTANCE, VOLTAGE, WIRES, conduction=HARD, max_iterations=1).converged
    )


def test_what_is_no_relation_is_refused():
    for fn in (circuit.solve, circuit.to_spice):
        with pytest.raises(TypeError, match="conduction must have the methods"):
            fn(CONDUCTANCE, VOLTAGE, WIRES, conduction=lambda v: v)
