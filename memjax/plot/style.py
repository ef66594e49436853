"""One look for all figures: light frame, readable at column width, safe for colour-blind readers and grey printers."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# M. Okabe and K. Ito, Color Universal Design, 2008, without yellow and black.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P")
INK = "#333333"

_RC: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "font.size": 9,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "savefig.dpi": "figure",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


@contextlib.contextmanager
def panels(rows: int, columns: int, width: float, height: float):
    """A grid of empty axes in a new figure: `with panels(1, 3, 9, 3) as (figure, grid): ...`, grid `[rows, columns]`.

    Args:
        rows, columns: of the grid.
        width, height: size of the whole in inches, at 200 pixels an inch.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_RC):
        figure = Figure(figsize=(width, height), dpi=200, layout="constrained")
        yield figure, figure.subplots(rows, columns, squeeze=False)


@contextlib.contextmanager
def axes(width: float = 6.4, height: float = 3.6):
    """One empty pair of axes in a new figure: `with axes() as (figure, ax): ...`, size as in `panels`."""
    with panels(1, 1, width, height) as (figure, grid):
        yield figure, grid[0, 0]


@contextlib.contextmanager
def axes_or_new(ax: "Axes | None", width: float = 4.8, height: float = 3.6) -> "Iterator[tuple[Any, Axes]]":
    """The given axes and their figure, or new ones, size as in `panels`."""
    if ax is None:
        with axes(width, height) as new:
            yield new
    else:
        yield ax.get_figure(root=True), ax


def prefixes(axis: Any) -> None:
    """Tick labels as 20µ, 1m, 3k."""
    from matplotlib.ticker import EngFormatter

    axis.set_major_formatter(EngFormatter(sep=""))
