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
