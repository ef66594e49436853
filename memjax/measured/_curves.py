"""Measured current-voltage curves of many cells, and the conduction that they show."""

import os
from typing import Any, NamedTuple

import numpy as np

from memjax import _check, effects
from memjax._table import read_columns

FORMS = ("sinh", "cubic")
# Beyond this k V the current of the largest voltage is 1e8 times Ohm's: no read voltage of a crossbar.
_STEEPEST = 20.0


class Curves(NamedTuple):
    """Currents against voltages of cells, in states that do not change meanwhile, [n] each."""

    cell: np.ndarray
    """Number of the cell (of the curve, where a cell has several)."""
    voltage: np.ndarray
    """[V]."""
    current: np.ndarray
    """[A]."""


def read_curves(path: str | os.PathLike) -> Curves:
    """Read columns `cell`, `voltage` [V] and `current` [A], named in the first line; others are ignored.

    Raises: ValueError, with the line, for missing columns and entries that are no finite numbers; for cells that are no
        whole numbers from 0.
    """
    columns = read_columns(path, "cell", "voltage", "current")
    number = columns["cell"]
    wrong = np.flatnonzero((number < 0) | (number % 1 != 0))
    if wrong.size:
        raise ValueError(
            f"{path}: cell of measurement {wrong[0] + 1} must be a whole number from 0, got {number[wrong[0]]:g}"
        )
    return Curves(number.astype(int), columns["voltage"], columns["current"])


class CurvesFit(NamedTuple):
    """What `fit_curves` found."""

    conduction: effects.Conduction
    """For `Hardware(effects=)`."""
    cells: np.ndarray
    """[C]: numbers of the cells, rising."""
    conductance: np.ndarray
    """[C], S: of each cell: at `v_read` ("sinh"), for small voltages ("cubic")."""
    error: np.ndarray
    """[C]: root mean square error of the current, relative to the largest current of the curve."""


def fit_curves(curves: Curves, *, v_read: float, form: str = "sinh") -> CurvesFit:
    """The relation of current and voltage that fits the curves of all cells best.

    "sinh": I = G v_read sinh(k V) / sinh(k v_read) with one k of all cells and a G of each (`effects.SinhConduction`).
    "cubic": I = G V + c_2 V^2 + c_3 V^3 with c_2, c_3 linear in log10 G (`effects.CubicConduction`): the curvature may
    depend on the state. Least squares of errors relative to each curve's largest current.

    Args:
        curves: measured curves (`read_curves`, or arrays of your own), three points or more for each cell.
        v_read: voltage at which conductances are verified [V].
        form: "sinh" or "cubic".

    Raises: TypeError for what is no `Curves`; ValueError for numbers out of their range, cells with fewer than three
        different voltages that are not zero, and curves without a current or with conductances that are not positive.
    """
    _check.part("curves", curves, Curves, example='read_curves("curves.csv")')
    _check.scalar("v_read", v_read, above=0.0)
    _check.choice("form", form, FORMS)
    cell, voltage, current = (np.asarray(part) for part in curves)
    if not cell.shape == voltage.shape == current.shape or cell.ndim != 1 or not len(cell):
        raise ValueError(
            f"curves must have one cell, voltage and current for each point, got shapes {cell.shape}, {voltage.shape} "
            f"and {current.shape}"
        )
    cells = np.unique(cell)
    parts = [(voltage[cell == number], current[cell == number]) for number in cells]
    for number, (v, i) in zip(cells, parts, strict=True):
        if len(np.unique(v[v != 0])) < 3:
            raise ValueError(
                f"curves: cell {number} needs at least three voltages that are not 0, got {_check.shown(v)}"
            )
        if not np.abs(i).max() > 0:
            raise ValueError(f"curves: cell {number} carries no current: leave it out")
    relative = [(v, i / np.abs(i).max(), np.abs(i).max()) for v, i in parts]
    conduction, conductance, error = _sinh(relative, v_read, cells) if form == "sinh" else _cubic(relative, cells)
    return CurvesFit(conduction, cells, conductance, error)


Part = tuple[np.ndarray, np.ndarray, float]
"""Voltages, currents relative to the largest, the largest [A]."""


def _check_positive(cells: np.ndarray, conductance: np.ndarray) -> None:
    if not (conductance > 0).all():
        worst = int(np.argmin(conductance))
        raise ValueError(f"curves: cell {cells[worst]} must have a positive conductance, got {conductance[worst]:g} S")


def _sinh(parts: list[Part], v_read: float, cells: np.ndarray) -> tuple[effects.Conduction, np.ndarray, np.ndarray]:
    from scipy.optimize import minimize_scalar  # only who fits, waits for its import

    highest = max(np.abs(v).max() for v, _, _ in parts)

    def each(k: float):
        for v, i, scale in parts:
            shape = v if k * highest < 1e-4 else v_read * np.sinh(k * v) / np.sinh(k * v_read)
            g = (shape @ i) / (shape @ shape)
            yield g * scale, np.sqrt(np.mean((g * shape - i) ** 2))

    loss = lambda k: sum(error**2 for _, error in each(k))
    bounds = (0.0, _STEEPEST / max(highest, v_read))
    found: Any = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-9})
    k = min(0.0, float(found.x), key=loss)  # the search stays inside its bounds: ohmic is tried apart
    conductance, error = map(np.array, zip(*each(k), strict=True))
    _check_positive(cells, conductance)
    return effects.SinhConduction(k, v_read), conductance, error


def _cubic(parts: list[Part], cells: np.ndarray) -> tuple[effects.Conduction, np.ndarray, np.ndarray]:
    bases = [np.stack([v, v**2, v**3], 1) for v, _, _ in parts]
    own = np.array([scale * np.linalg.lstsq(b, i)[0] for b, (_, i, scale) in zip(bases, parts, strict=True)])
    conductance = own[:, 0]
    _check_positive(cells, conductance)
    logs = np.log10(conductance)
    degree = 1 if np.ptp(logs) > 0 else 0
    quadratic, cubic = (tuple(map(float, np.polyfit(logs, own[:, term], degree))) for term in (1, 2))
    fitted = np.stack([conductance, np.polyval(quadratic, logs), np.polyval(cubic, logs)], 1)
    error = [
        np.sqrt(np.mean((b @ one / scale - i) ** 2)) for b, one, (_, i, scale) in zip(bases, fitted, parts, strict=True)
    ]
    return effects.CubicConduction(quadratic, cubic), conductance, np.array(error)
