"""What stands in the cells of a chip."""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from memjax import _check
from memjax._words import layer, words
from memjax.crossbar import Hardware, cells, check_entry
from memjax.plot import look
from memjax.plot._axis import si

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def conductances(
    chip: dict[str, Any], hardware: Hardware | None = None, *, bins: int = 60, columns: int = 4, axes: Any = None
) -> np.ndarray:
    """Histograms of the conductances of a chip: a panel for each crossbar, a curve for each array of its mapping.

    Padding cells are left out. The number of cells is on a logarithmic axis, since most cells of a pair are at G_off.

    Args:
        chip: of one matrix or a whole model; leading axes (loops, groups, many chips) are taken together.
        hardware: where given, dashed lines mark G_off and G_on of its cells.
        bins: of each histogram, over the conductances of all crossbars.
        columns: panels in a row.
        axes: those to draw into, as many as there are crossbars; a new figure if None.

    Returns: the axes `[crossbars]`.

    Raises: TypeError for what is no chip; ValueError for a chip without crossbars and for traced conductances.
    """
    _check.integer("bins", bins, 1, 10_000)
    _check.integer("columns", columns, 1, 100)
    if hardware is not None and not isinstance(hardware, Hardware):
        raise TypeError(f"hardware must be a Hardware or None, got {_check.shown(hardware)}")
    found = dict(_panels(chip, () if hardware is None else hardware.mapping.arrays))
    marks = () if hardware is None else _ends(hardware)
    every = np.concatenate([values for arrays in found.values() for values in arrays.values()])
    edges = np.histogram_bin_edges(np.append(every, marks), bins)
    columns = min(columns, len(found))
    rows = -(-len(found) // columns)
    width = max(4.8, 2.6 * columns)
    with look.panels_or_new(axes, len(found), columns, width, 0.8 + 2.1 * rows) as drawn:
        for ax, (name, arrays) in zip(drawn, found.items(), strict=True):
            _panel(ax, name, arrays, edges, marks)
        if axes is None:
            look.inner(drawn, columns)
        look.legend(drawn, axes is None, "above", columns=int(width / 1.5))
    return drawn


def _panels(chip: Any, order: Collection[str]) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """The conductances of every crossbar by array, flat; the arrays in `order` first."""
    if not isinstance(chip, dict) or not chip:
        raise ValueError(f"chip must hold at least one crossbar, got {_check.shown(chip)}")
    for name, entry in ({"": chip} if "conductance" in chip else chip).items():
        check_entry(f"chip[{name!r}]" if name else "chip", entry)
        matrices = cells(entry)
        arrays = dict.fromkeys([*filter(matrices.__contains__, order), *matrices])
        values = {array: _check.concrete(matrices[array]) for array in arrays}
        if any(value is None for value in values.values()):
            raise ValueError("chip must hold concrete conductances, got traced ones: plot outside jit and vmap")
        yield name, {array: value.ravel() for array, value in values.items() if value is not None}


def _ends(hardware: Hardware) -> tuple[float, ...]:
    """Conductances [S] of both ends of the cell's range, where they are known."""
    ends = [_check.concrete(g) for g in (hardware.cell.g_off, hardware.cell.g_on)]
    return tuple(float(g) for end in ends if end is not None for g in np.unique(end))


def _panel(ax: "Axes", name: str, arrays: dict[str, np.ndarray], edges: np.ndarray, marks: tuple[float, ...]) -> None:
    for index, (array, values) in enumerate(arrays.items()):
        colour = look.COLOURS[index % len(look.COLOURS)]
        counts, _ = np.histogram(values, edges)
        if len(arrays) <= 2:
            ax.stairs(counts, edges, color=colour, fill=True, alpha=0.25)
        # Arrays beyond the number of colours are told apart by their lines.
        dashes = ("-", "--", ":")[index // len(look.COLOURS) % 3]
        ax.stairs(
            counts, edges, color=colour, linestyle=dashes, linewidth=look.line(0.75), label=f"{words(array)} cells"
        )
    for mark in marks:
        ax.axvline(
            mark,
            color=look.INK,
            linestyle="--",
            linewidth=look.line(0.55),
            label="$G_\\mathrm{off}$ and $G_\\mathrm{on}$",
        )
    ax.set_yscale("log")
    ax.set_ylim(bottom=0.7)
    margin = 0.03 * (edges[-1] - edges[0])
    ax.set_xlim(edges[0] - margin, edges[-1] + margin)
    ax.set_title(layer(name), loc="left")
    ax.set_ylabel("Number of cells")
    si(ax.xaxis, "Conductance", "S")
