"""What the wires of an array do."""

from typing import TYPE_CHECKING, Any

import numpy as np

from memjax import _check
from memjax.circuit import Solution, Wires, solve, transfer_matrix
from memjax.plot import look
from memjax.plot._axis import counted, si

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def node_voltages(solution: Solution, *, axes: Any = None) -> np.ndarray:
    """Maps of one array: voltages of the word lines and of the bit lines at every cell, and of the cells between them.

    Drivers are on the left, sense terminals at the bottom.

    Args:
        solution: of `memjax.circuit.solve` or `operating_point`, for one array and one vector of voltages.
        axes: three to draw into; a new figure if None.

    Returns: the axes `[3]`, without those of the colour bars.

    Raises: ValueError for solutions of several arrays or inputs, and for traced ones.
    """
    maps = {
        "Word lines": solution.word_line_voltage,
        "Bit lines": solution.bit_line_voltage,
        "Cells": solution.cell_voltage,
    }
    arrays = {name: _one(name, values) for name, values in maps.items()}
    with look.panels_or_new(axes, 3, 3, 9.6, 3.2) as drawn:
        for ax, (name, values) in zip(drawn, arrays.items(), strict=True):
            _map(ax, values, name, "Voltage", "V")
        if axes is None:
            look.inner(drawn, 3)
    return drawn


def current_error(conductance: Any, voltage: Any, wires: Wires, *, axes: Any = None) -> np.ndarray:
    """What wires change of one array of ohmic cells, in percent.

    Left, of every cell: its conductance at the terminals of its lines (`memjax.circuit.transfer_matrix`) against its
    own, in colours from the 2nd to the 98th percentile: detours multiply what cells of little conductance show. Right,
    of every bit line: its current against Ohm's law without wires.

    Args:
        conductance: cells [m, n] [S].
        voltage: drivers [m] [V].
        wires: resistances [ohm].
        axes: two to draw into; a new figure if None.

    Returns: the axes `[2]`, without those of the colour bar.

    Raises: as `memjax.circuit.solve`; ValueError for several arrays, and for traced numbers.
    """
    cells = _one("conductance", conductance)
    if _check.concrete(voltage) is None:
        raise ValueError("voltage must be concrete, got traced values: plot outside jit and vmap")
    seen = np.asarray(transfer_matrix(conductance, wires))
    current = np.asarray(solve(conductance, voltage, wires).current)
    ideal = np.asarray(voltage) @ cells
    percent = lambda now, before: 100.0 * (now / np.where(before == 0, np.nan, before) - 1.0)
    with look.panels_or_new(axes, 2, 2, 7.6, 3.2) as drawn:
        left, right = drawn
        _map(left, percent(seen, cells), "Conductance at the terminals", "Change by the wires", "%", (2, 98))
        right.plot(np.arange(cells.shape[1]), percent(current, ideal), color=look.COLOURS[0])
        right.set_title("Current", loc="left")
        right.set_xlabel("Bit line")
        right.set_ylabel("Change by the wires (%)")
        counted(right.xaxis)
    return drawn


def _one(name: str, values: Any) -> np.ndarray:
    """The numbers of one array [m, n]."""
    array = _check.concrete(values)
    if array is None:
        raise ValueError(f"{name} must be concrete, got traced values: plot outside jit and vmap")
    if array.ndim != 2:
        raise ValueError(f"{name} must be of one array [word lines, bit lines], got shape {array.shape}")
    return array


def _map(
    ax: "Axes", values: np.ndarray, title: str, label: str, unit: str, percentiles: tuple[int, int] | None = None
) -> None:
    """A map of all values, or in colours between two of their percentiles."""
    ax.grid(False)
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, percentiles) if percentiles and known.size else (None, None)
    image = ax.imshow(values, cmap="viridis", interpolation="nearest", aspect="auto", vmin=low, vmax=high)
    bar = look.colour_bar(ax, image, "", shrink=0.9, extend="both" if percentiles else "neither")
    si(bar.yaxis, label, unit)
    ax.set_title(title, loc="left")
    ax.set_xlabel("Bit line")
    ax.set_ylabel("Word line")
    for axis in (ax.xaxis, ax.yaxis):
        counted(axis)
