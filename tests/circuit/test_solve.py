"""Voltages and currents of arrays with resistive wires."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nodal import nodal

import memjax as mj

M, N = 7, 5
RNG = np.random.default_rng(0)
CONDUCTANCE = RNG.uniform(1e-6, 1e-4, (M, N)) * (RNG.random((M, N)) > 0.1)
VOLTAGE = RNG.uniform(-1, 1, M)
SENSE = RNG.uniform(-0.1, 0.1, N)
EACH = {"row": RNG.uniform(0, 300, (M, N)), "column": RNG.uniform(0, 300, (M, N))}
ONE_ROW, ONE_COLUMN = np.where(np.arange(M) == 2, 9.0, np.inf), np.where(np.arange(N) == 1, 8.0, np.inf)
BOTH = {"double_drive": True, "double_sense": True}

WIRES = {
    "equal": mj.Wires(row=2.0, column=2.0),
    "columns alone": mj.Wires(column=2.0),
    "rows alone": mj.Wires(row=100.0, source=50.0),
    "terminals alone": mj.Wires(source=30.0, sense=20.0),
    "none": mj.Wires(),
    "lines": mj.Wires(EACH["row"][0], EACH["column"][:, 0], EACH["row"][:, 1], EACH["column"][1]),
    "segments": mj.Wires(**EACH),
    "harsh": mj.Wires(row=3e4, column=3e4),
    "one cell read": mj.Wires(row=10.0, column=10.0, source=ONE_ROW, sense=ONE_COLUMN),
    "driven twice": mj.Wires(**EACH, source=20.0, double_drive=True),
    "both twice": mj.Wires(**EACH, source=20.0, sense=4.0, **BOTH),
    "twice without segments": mj.Wires(np.r_[0.0, np.full(N - 1, 9.0)], np.r_[np.full(M - 1, 9.0), 0.0], **BOTH),
    "twice without wires": mj.Wires(**BOTH),
    "twice and floating": mj.Wires(10.0, 20.0, ONE_ROW, ONE_COLUMN, **BOTH),
}


def error(x, exact):
    return np.linalg.norm(x - exact) / np.linalg.norm(exact)


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.optimised] * (n == "harsh")) for n in WIRES])
def test_kirchhoff_at_every_node(name, precision):
    dtype, tolerance = np.dtype(precision), {"float64": 1e-11, "float32": 1e-5}[precision]
    g, v, u = (x.astype(dtype) for x in (CONDUCTANCE, VOLTAGE, SENSE))
    for sense in (u, 0.0) if name == "equal" else (u,):
        s, exact = mj.circuit.solve(g, v, WIRES[name], sense_voltage=sense), nodal(g, v, WIRES[name], sense)
        assert s.current.dtype == dtype
        assert error(s.current, exact.current) < tolerance
        assert error(s.source_current, exact.source_current) < tolerance
        assert error(s.word_line_voltage, exact.word) < tolerance
        assert error(s.bit_line_voltage, exact.bit) < tolerance
        np.testing.assert_allclose(s.cell_voltage, s.word_line_voltage - s.bit_line_voltage)
        # What the drivers give, the sense terminals take.
        np.testing.assert_allclose(s.source_current.sum(), s.current.sum(), rtol=10 * tolerance, atol=1e-9 * tolerance)
        assert s.converged


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1), (40, 12)])
def test_arrays_of_any_shape(shape, x64):
    g = np.random.default_rng(1).uniform(1e-6, 1e-4, shape)
    v = np.linspace(0.1, 1.0, shape[0])
    wires = mj.Wires(row=20.0, column=30.0, source=5.0)
    assert error(mj.circuit.solve(g, v, wires).current, nodal(g, v, wires).current) < 1e-11
    transfer = mj.circuit.transfer_matrix(g, wires)
    assert error(v @ transfer, nodal(g, v, wires).current) < 1e-11


def test_six_decades_of_conductance_in_float32():
    g = 10 ** np.random.default_rng(2).uniform(-10, -4, (24, 24)).astype(np.float32)
    v = np.random.default_rng(3).uniform(-1, 1, 24).astype(np.float32)
    wires = mj.Wires(row=50.0, column=50.0)
    assert error(mj.circuit.solve(g, v, wires).current, nodal(g, v, wires).current) < 2e-6


def test_without_wires_it_is_ohms_law_to_the_last_bit():
    g, v = jnp.asarray(CONDUCTANCE, jnp.float32), jnp.asarray(np.outer([1.0, -0.3], VOLTAGE), jnp.float32)
    for wires in (mj.Wires(), mj.Wires(**BOTH)):
        solution = mj.circuit.solve(g, v, wires)
        np.testing.assert_array_equal(solution.current, v @ g)
        assert not solution.iterations.any()
    np.testing.assert_array_equal(mj.circuit.transfer_matrix(g, mj.Wires()), g)


@pytest.mark.parametrize(("chi", "most"), [(0.04, 1), (0.4, 2), (4, 3), (20, 6), (66, 9), (655, 24), (3277, 46)])
def test_iterations(chi, most):
    """Random cells, for chi = r G_max n^2: the counts that were published for the solver, and a quarter for others."""
    n = 64
    g = np.random.default_rng(4).uniform(1e-6, 1e-4, (n, n)).astype(np.float32)
    v = np.random.default_rng(5).uniform(0, 1, n).astype(np.float32)
    r = chi / (1e-4 * n * n)
    wires = mj.Wires(row=r, column=r)
    solution = mj.circuit.solve(g, v, wires)
    assert solution.converged
    assert solution.iterations <= 1.25 * most + 1
    assert error(solution.current, nodal(g, v, wires).current) < (2e-6 if chi <= 655 else 1e-5)


def test_one_batch_from_easy_to_harsh():
    """vmap over the wires, from chi = 0.01 to 3000: each as it is alone, and gradients without NaN."""
    g, v = CONDUCTANCE.astype(np.float32), VOLTAGE.astype(np.float32)
    resistance = jnp.geomspace(0.01, 3000, 6, dtype=jnp.float32) / (1e-4 * M * N)

    def solved(r):
        return mj.circuit.solve(g, v, mj.Wires(row=r, column=r))

    together, slope = jax.jit(jax.vmap(lambda r: (solved(r), jax.grad(lambda r: solved(r).current.sum())(r))))(
        resistance
    )
    assert together.converged.all()
    assert np.isfinite(slope).all()
    for k, r in enumerate(resistance):
        alone = solved(r)
        assert abs(alone.iterations - together.iterations[k]) <= 2
        assert error(together.current[k], alone.current) < 1e-5
        assert error(together.current[k], nodal(g, v, mj.Wires(row=float(r), column=float(r))).current) < 1e-5


def test_leading_axes_broadcast():
    g = np.stack([CONDUCTANCE, 0.5 * CONDUCTANCE])[:, None]
    v = np.stack([VOLTAGE, -VOLTAGE, 0.1 * VOLTAGE])
    wires = mj.Wires(row=20.0, column=20.0)
    solution = mj.circuit.solve(g, v, wires, sense_voltage=SENSE)
    assert solution.current.shape == (2, 3, N)
    assert solution.cell_voltage.shape == (2, 3, M, N)
    assert solution.iterations.shape == (2, 3)
    assert error(solution.current[1, 2], nodal(g[1, 0], v[2], wires, SENSE).current) < 1e-5
    transfer = mj.circuit.transfer_matrix(g, wires)
    assert transfer.shape == (2, 1, M, N)
    assert error(np.einsum("m,mn->n", v[2], transfer[1, 0]), nodal(g[1, 0], v[2], wires).current) < 1e-5


def test_a_given_number_of_iterations():
    wires = mj.Wires(row=300.0, column=300.0)
    exact = nodal(CONDUCTANCE, VOLTAGE, wires).current
    errors = [error(mj.circuit.solve(CONDUCTANCE, VOLTAGE, wires, iterations=k).current, exact) for k in (4, 40)]
    assert max(errors) < 1e-5
    at_rest = jax.grad(lambda v: mj.circuit.solve(CONDUCTANCE, v, wires, iterations=4).current.sum())
    np.testing.assert_allclose(at_rest(0 * VOLTAGE), at_rest(VOLTAGE), rtol=1e-4)


@pytest.mark.parametrize("name", ["segments", "lines", "one cell read", "both twice"])
def test_reciprocity(name, x64):
    wires = WIRES[name]
    transfer = mj.circuit.transfer_matrix(CONDUCTANCE, wires)
    turned = mj.circuit.transfer_matrix(np.flip(CONDUCTANCE.T), wires.turned())
    np.testing.assert_allclose(turned, np.flip(transfer.T), rtol=1e-10, atol=1e-22)
    by_solve = mj.circuit.solve(np.flip(CONDUCTANCE.T), np.eye(N), wires.turned()).current
    np.testing.assert_allclose(by_solve, turned, rtol=1e-10, atol=1e-22)
    exact = np.stack([nodal(CONDUCTANCE, unit, wires).current for unit in np.eye(M)])
    assert error(transfer, exact) < 1e-11


def test_no_convergence_is_told():
    wires = mj.Wires(row=3e4, column=3e4)
    with pytest.warns(UserWarning, match=r"circuit.solve: 1 of 1 solutions did not converge .* after 1 iterations"):
        solution = mj.circuit.solve(CONDUCTANCE, VOLTAGE, wires, max_iterations=1)
    assert not solution.converged
    assert solution.residual > 1e-3
    traced = jax.jit(lambda v: mj.circuit.solve(CONDUCTANCE, v, wires, max_iterations=1).converged)
    assert not traced(VOLTAGE)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mj.Wires(row=-1.0), ValueError, "Wires.row must be finite and in [0, inf] ohm, got -1"),
        (lambda: mj.Wires(column=np.r_[1.0, np.inf]), ValueError, "Wires.column must be"),
        (lambda: mj.Wires(source=np.nan), ValueError, "Wires.source must be"),
        (lambda: mj.Wires(double_drive=1), TypeError, "Wires.double_drive must be True or False, got 1"),
        (lambda: mj.circuit.solve(-CONDUCTANCE, VOLTAGE, mj.Wires()), ValueError, "conductance must be"),
        (lambda: mj.circuit.solve(CONDUCTANCE * np.nan, VOLTAGE, mj.Wires()), ValueError, "conductance must be"),
        (
            lambda: mj.circuit.solve(1j * CONDUCTANCE, VOLTAGE, mj.Wires()),
            TypeError,
            "must be an array of real numbers",
        ),
        (lambda: mj.circuit.solve(CONDUCTANCE[0], VOLTAGE, mj.Wires()), ValueError, "conductance must have shape"),
        (lambda: mj.circuit.solve(CONDUCTANCE, SENSE, mj.Wires()), ValueError, "voltage must have shape [..., 7]"),
        (
            lambda: mj.circuit.solve(CONDUCTANCE, VOLTAGE, mj.Wires(), sense_voltage=VOLTAGE),
            ValueError,
            "sense_voltage must be a number or [..., 5]",
        ),
        (
            lambda: mj.circuit.solve(np.ones((2, M, N)), np.ones((3, M)), mj.Wires()),
            ValueError,
            "leading axes must broadcast",
        ),
        (
            lambda: mj.circuit.solve(CONDUCTANCE, VOLTAGE, mj.Wires(row=np.ones(M))),
            ValueError,
            "Wires.row must have shape () or (5,) or (7, 5) for 7 word lines and 5 bit lines, got (7,)",
        ),
        (
            lambda: mj.circuit.solve(CONDUCTANCE, VOLTAGE, None),
            TypeError,
            "wires must be a Wires such as memjax.Wires(row=1.0), got None",
        ),
        (lambda: mj.circuit.solve(CONDUCTANCE, VOLTAGE, mj.Wires(), tolerance=0.0), ValueError, "tolerance must be"),
        (lambda: mj.circuit.solve(CONDUCTANCE, VOLTAGE, mj.Wires(), iterations=-1), ValueError, "iterations must be"),
        (
            lambda: mj.circuit.transfer_matrix(CONDUCTANCE, mj.Wires(), conduction=mj.effects.SinhConduction(2.0)),
            TypeError,
            "a transfer matrix needs ohmic cells, got SinhConduction",
        ),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert message in str(raised.value)
