"""Derivatives through the network of wires, against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

M, N = 5, 4
RNG = np.random.default_rng(0)
EACH = RNG.uniform(10, 300, (M, N))
NAMES = ("conductance", "voltage", "sense_voltage", "row", "column", "source", "sense")
ARGUMENTS = (
    RNG.uniform(1e-6, 1e-4, (M, N)) * (np.arange(N) != 2),
    RNG.uniform(-1, 1, M),
    RNG.uniform(-0.1, 0.1, N),
)
WIRES = {
    "numbers": ((100.0, 200.0, 50.0, 20.0), {}),
    "each, both ends": ((EACH, 0.7 * EACH[::-1], EACH[:, 0], EACH[0]), {"double_drive": True, "double_sense": True}),
    "floating": ((EACH[0], EACH[:, 0], np.where(np.arange(M) == 2, np.inf, 30.0), np.r_[np.inf, 40.0, 40.0, 40.0]), {}),
}
WEIGHTS = RNG.normal(size=N) * 1e4, RNG.normal(size=(M, N))


def loss(conductance, voltage, sense_voltage, row, column, source, sense, **ends):
    wires = mj.Wires(row, column, source, sense, **ends)
    s = mj.circuit.solve(conductance, voltage, wires, sense_voltage=sense_voltage)
    return (
        jnp.sum(WEIGHTS[0] * s.current) ** 2
        + jnp.sum(WEIGHTS[1] * s.cell_voltage**2 + s.word_line_voltage * s.bit_line_voltage)
        + 1e4 * s.source_current[1]
    )


def directions(arguments):
    """Relative changes of the elements; infinite resistances and open cells stay."""
    rng = np.random.default_rng(1)
    return [np.where(np.isfinite(a), a, 0.0) * rng.normal(size=np.shape(a)) for a in arguments]


@pytest.mark.parametrize("name", WIRES)
def test_forward_reverse_and_second_derivatives(name, x64):
    resistances, ends = WIRES[name]
    arguments = tuple(jnp.asarray(a, float) for a in (*ARGUMENTS, *resistances))
    both = jax.value_and_grad(lambda *a: loss(*a, **ends), tuple(range(7)))
    along = jax.jit(lambda a, d: jax.jvp(both, a, d))  # one program for everything: compilation is the time
    at = lambda arguments: along(arguments, jax.tree.map(jnp.zeros_like, arguments))[0]
    backward = at(arguments)[1]
    h = 1e-5
    moved = lambda k, d, h: tuple(a + h * d if i == k else a for i, a in enumerate(arguments))
    for k, d in enumerate(directions(arguments)):
        direction = tuple(jnp.asarray(d) if i == k else jnp.zeros_like(a) for i, a in enumerate(arguments))
        forward, second = along(arguments, direction)[1]
        (above, slopes_above), (below, slopes_below) = at(moved(k, d, h)), at(moved(k, d, -h))
        expected = (above - below) / (2 * h)
        np.testing.assert_allclose(forward, expected, rtol=1e-6, err_msg=NAMES[k])
        np.testing.assert_allclose(jnp.sum(backward[k] * d), expected, rtol=1e-6, err_msg=NAMES[k])
        curved = [(p - q) / (2 * h) for p, q in zip(slopes_above, slopes_below, strict=True)]
        for s, c in zip(second, curved, strict=True):
            np.testing.assert_allclose(s, c, rtol=1e-5, atol=1e-6 * np.abs(c).max(), err_msg=NAMES[k])


def test_at_zero_resistance(x64):
    """The slope at no wires at all, where every conductance of a wire would be infinite."""
    g, v = ARGUMENTS[:2]

    def total(r):
        return mj.circuit.solve(g, v, mj.Wires(row=r[0], column=r[1], source=r[2], sense=r[3])).current.sum()

    slope = jax.jit(jax.grad(total))(jnp.zeros(4))
    # One-sided, second order: resistances cannot be negative.
    h = 1e-2
    for k, unit in enumerate(np.eye(4)):
        expected = (4 * total(h * unit) - total(2 * h * unit) - 3 * total(0 * unit)) / (2 * h)
        np.testing.assert_allclose(slope[k], expected, rtol=1e-6)


def test_transfer_matrix(x64):
    g = ARGUMENTS[0] + 1e-6
    d = np.random.default_rng(2).normal(size=g.shape) * g

    def weighted(g, r):
        transfer = mj.circuit.transfer_matrix(g, mj.Wires(row=r, column=0.5 * r))
        return jnp.sum(WEIGHTS[1] * transfer) * 1e4

    value = jax.jit(weighted)
    by_cell, by_wire = jax.jit(jax.grad(weighted, (0, 1)))(g, 100.0)
    h = 1e-5
    np.testing.assert_allclose(
        jnp.sum(by_cell * d), (value(g + h * d, 100.0) - value(g - h * d, 100.0)) / (2 * h), rtol=1e-6
    )
    np.testing.assert_allclose(by_wire, (value(g, 100.01) - value(g, 99.99)) / 0.02, rtol=1e-6)
