"""Currents and voltages beside those of badcrossbar (needs pycairo)."""

import numpy as np
import pytest

import memjax as mj

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("low", [1e-6, 1e-9])
@pytest.mark.parametrize(
    ("shape", "row", "column"), [((32, 32), 1.0, 1.0), ((20, 45), 30.0, 5.0), ((64, 64), 0.1, 0.2)]
)
def test_badcrossbar(shape, row, column, low, precision):
    badcrossbar = pytest.importorskip("badcrossbar")
    rng = np.random.default_rng(0)
    g = (10 ** rng.uniform(np.log10(low), -4, shape)).astype(precision)
    v = rng.uniform(-1, 1, (shape[0], 3)).astype(precision)
    theirs = badcrossbar.compute(v.astype(float), 1.0 / g.astype(float), r_i_word_line=row, r_i_bit_line=column)
    ours = mj.circuit.solve(g, v.T, mj.Wires(row=row, column=column))
    tolerance = {"float64": 1e-11, "float32": 1e-5}[precision]
    assert np.linalg.norm(ours.current - theirs.currents.output) < tolerance * np.linalg.norm(theirs.currents.output)
    for x, y in (
        (ours.word_line_voltage, theirs.voltages.word_line),
        (ours.bit_line_voltage, theirs.voltages.bit_line),
    ):
        y = np.moveaxis(y, -1, 0)
        assert np.linalg.norm(x - y) < tolerance * np.linalg.norm(y)


@pytest.mark.parametrize(("row", "column"), [(5.0, 0.0), (0.0, 5.0), (5.0, 5.0)])
def test_open_cells_and_lines_without_resistance(row, column, x64):
    badcrossbar = pytest.importorskip("badcrossbar")
    rng = np.random.default_rng(1)
    g, v = rng.uniform(1e-6, 1e-4, (12, 9)), rng.uniform(-1, 1, (12, 1))
    g[rng.random(g.shape) < 0.2] = 0.0
    with np.errstate(divide="ignore"):
        theirs = badcrossbar.compute(v, 1.0 / g, r_i_word_line=row, r_i_bit_line=column).currents.output[0]
    ours = mj.circuit.solve(g, v[:, 0], mj.Wires(row=row, column=column)).current
    assert np.linalg.norm(ours - theirs) < 1e-11 * np.linalg.norm(theirs)
