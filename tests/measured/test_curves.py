"""Current-voltage relations of generated curves, found again."""

import numpy as np
import pytest

import memjax as mj

V = np.linspace(-0.4, 0.5, 19)
CONDUCTANCE = np.array([1e-6, 1e-5, 5e-5, 2e-4])


def curves(current) -> mj.measured.Curves:
    cell = np.repeat(np.arange(len(CONDUCTANCE)), len(V))
    return mj.measured.Curves(cell, np.tile(V, len(CONDUCTANCE)), np.concatenate([current(g) for g in CONDUCTANCE]))


@pytest.mark.parametrize("k", [0.0, 0.3, 4.0, 11.0])
def test_sinh(k):
    shape = V if k == 0 else 0.2 * np.sinh(k * V) / np.sinh(k * 0.2)
    found = mj.measured.fit_curves(curves(lambda g: g * shape), v_read=0.2)
    assert float(found.conduction.k) == pytest.approx(k, abs=1e-5)
    np.testing.assert_allclose(found.conductance, CONDUCTANCE, rtol=1e-6)
    assert found.error.max() < 1e-6


def test_cubic_with_a_curvature_that_depends_on_the_state():
    quadratic, cubic = (2e-5, 1.4e-4), (1e-5, 8e-5)
    current = lambda g: g * V + np.polyval(quadratic, np.log10(g)) * V**2 + np.polyval(cubic, np.log10(g)) * V**3
    found = mj.measured.fit_curves(curves(current), v_read=0.2, form="cubic")
    np.testing.assert_allclose(found.conduction.quadratic, quadratic, rtol=1e-6)
    np.testing.assert_allclose(found.conduction.cubic, cubic, rtol=1e-6)
    assert found.error.max() < 1e-9


def test_noise_shows_as_error_and_hardly_moves_the_fit():
    rng = np.random.default_rng(0)
    noisy = lambda g: g * 0.2 * np.sinh(3 * V) / np.sinh(0.6) * (1 + 0.02 * rng.normal(size=V.shape))
    found = mj.measured.fit_curves(curves(noisy), v_read=0.2)
    assert float(found.conduction.k) == pytest.approx(3.0, abs=0.2)
    assert 0.002 < found.error.mean() < 0.02


def test_file(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("cell,voltage,current\n0,0.1,1e-6\n0,0.2,2e-6\n0,0.3,3e-6\n")
    found = mj.measured.fit_curves(mj.measured.read_curves(path), v_read=0.2)
    np.testing.assert_allclose(found.conductance, [1e-5], rtol=1e-6)
    path.write_text("cell,voltage,current\n0,0.1,1e-6\n-1,0.2,2e-6\n")
    with pytest.raises(ValueError, match="cell of measurement 2 must be a whole number from 0, got -1"):
        mj.measured.read_curves(path)


@pytest.mark.parametrize(
    ("cell", "voltage", "current", "message"),
    [
        ([3, 3, 3], [0.1, 0.2, 0.2], [1.0, 2.0, 2.0], "cell 3 needs at least three voltages"),
        ([3, 3, 3], [0.1, 0.2, 0.3], [0.0, 0.0, 0.0], "cell 3 carries no current"),
        ([3, 3, 3], [0.1, 0.2, 0.3], [-1.0, -2.0, -3.0], "cell 3 must have a positive conductance"),
        ([3, 3], [0.1, 0.2, 0.3], [1.0, 2.0, 3.0], "one cell, voltage and current for each point"),
    ],
)
@pytest.mark.parametrize("form", ["sinh", "cubic"])
def test_curves_that_are_wrong(cell, voltage, current, message, form):
    with pytest.raises(ValueError, match=message):
        mj.measured.fit_curves(mj.measured.Curves(*map(np.array, (cell, voltage, current))), v_read=0.2, form=form)
