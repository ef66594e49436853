"""What the wires of an array do."""

from typing import TYPE_CHECKING, Any

import numpy as np

from memjax import _check
from memjax.circuit import Solution, Wires, solve, transfer_matrix
from memjax.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def node_voltages(solution: Solution) -> "Figure":
    """Maps of one array: voltages of the word lines and of the bit lines at every cell, and of the cells between them.

    Drivers are on the left, sense terminals at the bottom.

    Args:
        solution: of `memjax.circuit.solve` or `operating_point`, for one array and one vector of voltages.

    Returns: the figure.

    Raises: ValueError for solutions of several arrays or inputs, and for traced ones.
    """
    maps = {
        "Word lines (V)": solution.word_line_voltage,
        "Bit lines (V)": solution.bit_line_voltage,
        "Cells (V)": solution.cell_voltage,
    }
    arrays = {name: _one(name, values) for name, values in maps.items()}
    with style.panels(1, 3, 9.6, 3.2) as (figure, grid):
        for ax, (name, values) in zip(grid.flat, arrays.items(), strict=True):
            _map(figure, ax, values, name)
    return figure


def current_error(conductance: Any, voltage: Any, wires: Wires) -> "Figure":
    """What wires change of one array of ohmic cells, in percent.

    Left, of every cell: its conductance at the terminals of its lines (`memjax.circuit.transfer_matrix`) against its
    own, in colours from the 2nd to the 98th percentile: detours multiply what cells of little conductance show. Right,
    of every bit line: its current against Ohm's law without wires.

    Args:
        conductance: cells [m, n] [S].
        voltage: drivers [m] [V].
        wires: resistances [ohm].

    Returns: the figure.

    Raises: as `memjax.circuit.solve`; ValueError for several arrays, and for traced numbers.
    """
    cells = _one("conductance", conductance)
    if _check.concrete(voltage) is None:
        raise ValueError("voltage must be concrete, got traced values: plot outside jit and vmap")
    seen = np.asarray(transfer_matrix(conductance, wires))
    current = np.asarray(solve(conductance, voltage, wires).current)
    ideal = np.asarray(voltage) @ cells
    percent = lambda now, before: 100.0 * (now / np.where(before == 0, np.nan, before) - 1.0)
    with style.panels(1, 2, 7.6, 3.2) as (figure, grid):
        _map(figure, grid[0, 0], percent(seen, cells), "Change of the conductance at the terminals (%)", (2, 98))
        ax = grid[0, 1]
        ax.plot(np.arange(cells.shape[1]), percent(current, ideal), color=style.COLOURS[0])
        ax.set_xlabel("Bit line")
        ax.set_ylabel("Change of the current (%)")
    return figure


def _one(name: str, values: Any) -> np.ndarray:
    """The numbers of one array [m, n]."""
    array = _check.concrete(values)
    if array is None:
        raise ValueError(f"{name} must be concrete, got traced values: plot outside jit and vmap")
    if array.ndim != 2:
        raise ValueError(f"{name} must be of one array [word lines, bit lines], got shape {array.shape}")
    return array


def _map(
    figure: "Figure", ax: "Axes", values: np.ndarray, title: str, percentiles: tuple[int, int] | None = None
) -> None:
    """A map of all values, or in colours between two of their percentiles."""
    ax.grid(False)
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, percentiles) if percentiles and known.size else (None, None)
    image = ax.imshow(values, cmap="viridis", interpolation="nearest", aspect="auto", vmin=low, vmax=high)
    figure.colorbar(image, ax=ax, shrink=0.9, extend="both" if percentiles else "neither")
    ax.set_title(title, loc="left")
    ax.set_xlabel("Bit line")
    ax.set_ylabel("Word line")
