import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax import plot

G = np.random.default_rng(0).uniform(1e-5, 1e-4, (6, 4)).astype(np.float32)
V = jnp.full(6, 0.2)
WIRES = mj.Wires(row=20.0, column=10.0)


def test_maps_show_the_solution():
    solution = mj.circuit.solve(G, V, WIRES)
    axes = plot.node_voltages(solution)
    maps = solution.word_line_voltage, solution.bit_line_voltage, solution.cell_voltage
    for ax, values in zip(axes, maps, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), values)


def test_errors_are_against_ohms_law():
    left, right = plot.current_error(G, V, WIRES)
    (image,) = left.images
    seen = mj.circuit.transfer_matrix(G, WIRES)
    np.testing.assert_allclose(image.get_array(), 100 * (np.asarray(seen) / G - 1), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(image.get_clim(), np.percentile(np.asarray(image.get_array()), (2, 98)))
    (line,) = right.lines
    np.testing.assert_allclose(line.get_ydata(), 100 * (V @ seen / (V @ G) - 1), rtol=1e-3)
    assert (line.get_ydata() < 0).all()


def test_several_arrays_and_traced_ones():
    with pytest.raises(ValueError, match="must be of one array"):
        plot.node_voltages(mj.circuit.solve(np.stack([G, G]), V, WIRES))
    with pytest.raises(ValueError, match="got traced values"):
        jax.jit(lambda g: plot.node_voltages(mj.circuit.solve(g, V, WIRES)) and g)(G)
    with pytest.raises(ValueError, match="voltage must be concrete"):
        jax.jit(lambda v: plot.current_error(G, v, WIRES) and v)(V)


def test_open_cells_have_no_error():
    left, _ = plot.current_error(np.zeros((6, 4)), V, WIRES)
    (image,) = left.images
    assert image.get_array().mask.all()
    left.figure.draw_without_rendering()
