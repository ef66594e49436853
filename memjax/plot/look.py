"""One look for all figures: light frame, readable at column width, safe for colour-blind readers and grey printers.

Axes of your own have the same look inside `with panels(...)` and `with axes(...)`. The sizes are those of a notebook
and change with `memjax.plot.style`.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from memjax import _check

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# M. Okabe and K. Ito, Color Universal Design, 2008, without yellow and black.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P")
INK = "#333333"

_COLUMN, _PAGE = 3.5, 7.16  # in: width of one and of two columns of an IEEE page
_SLIDE = (13.3, 7.5)  # in: a slide of 16:9


class _Medium(NamedTuple):
    size: Callable[[float, float], tuple[float, float]]
    """Width and height [in] of a figure from those in a notebook."""
    font: float  # pt
    line: float  # pt
    dpi: int
    beside: bool
    """Whether there is room for a legend beside the axes."""


def _printed(width: float, height: float) -> tuple[float, float]:
    """One column or two."""
    return (_COLUMN, height * _COLUMN / 4.8) if width <= 6.4 else (_PAGE, height * _PAGE / width)


def _projected(width: float, height: float) -> tuple[float, float]:
    """As large as a slide allows."""
    scale = min(1.6, _SLIDE[0] / width, _SLIDE[1] / height)
    return scale * width, scale * height


_MEDIA = {
    "notebook": _Medium(lambda width, height: (width, height), font=9, line=1.6, dpi=200, beside=True),
    "paper": _Medium(_printed, font=7.5, line=1.1, dpi=300, beside=False),
    "slides": _Medium(_projected, font=15, line=2.6, dpi=150, beside=True),
}
# Of this thread or task, and only inside `with style(...)`.
_medium: ContextVar[_Medium] = ContextVar("medium", default=_MEDIA["notebook"])


@contextlib.contextmanager
def style(name: Literal["paper", "slides", "notebook"]) -> Iterator[None]:
    """Sizes and fonts of the figures that are made inside a block: `with mj.plot.style("paper"): ...`.

    A call alone changes nothing: figures of other programs in the same process keep their look. Matplotlib's own
    figures get these fonts and lines too inside the block. Save inside it: PDFs then hold fonts as publishers ask.

    Args:
        name: "paper", 3.5 in or 7.16 in wide (one or two columns), fonts of 7.5 pt, 300 dpi, legends below; "slides",
            up to 13.3 in by 7.5 in, 15 pt, 150 dpi; "notebook", the sizes without a style, 9 pt, 200 dpi.

    Raises: ValueError for another name.

    Example:
        >>> import memjax as mj
        >>> import jax.numpy as jnp
        >>> with mj.plot.style("paper"):
        ...     ax = mj.plot.conductance_against_pulses(jnp.linspace(1e-6, 5e-5, 20))
        >>> float(ax.figure.get_figwidth())
        3.5
    """
    _check.choice("name", name, tuple(_MEDIA))
    import matplotlib

    token = _medium.set(_MEDIA[name])
    try:
        with matplotlib.rc_context(_rc()):
            yield
    finally:
        _medium.reset(token)


def _rc() -> dict[Any, Any]:
    from cycler import cycler

    medium = _medium.get()
    return {
        "axes.axisbelow": True,
        "axes.edgecolor": INK,
        "axes.grid": True,
        "axes.labelcolor": INK,
        "axes.labelsize": medium.font,
        "axes.linewidth": medium.line / 2,
        "axes.prop_cycle": cycler(color=COLOURS),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": medium.font + 1,
        "figure.dpi": medium.dpi,
        "figure.titlesize": medium.font + 1,
        "font.size": medium.font,
        "grid.color": "#e6e6e6",
        "grid.linewidth": 0.38 * medium.line,
        "legend.fontsize": medium.font - 1,
        "legend.frameon": False,
        "lines.linewidth": medium.line,
        "lines.markersize": 2.8 * medium.line,
        "pdf.fonttype": 42,
        "savefig.dpi": "figure",
        "text.color": INK,
        "xtick.color": INK,
        "xtick.labelsize": medium.font,
        "ytick.color": INK,
        "ytick.labelsize": medium.font,
    }


@contextlib.contextmanager
def panels(rows: int, columns: int, width: float, height: float):
    """A grid of empty axes in a new figure: `with panels(1, 3, 9, 3) as (figure, grid): ...`, grid `[rows, columns]`.

    Args:
        rows, columns: of the grid.
        width, height: size of the whole in inches in a notebook, which `memjax.plot.style` scales.
    """
    import matplotlib
    from matplotlib.figure import Figure

    medium = _medium.get()
    with matplotlib.rc_context(_rc()):
        figure = Figure(figsize=medium.size(width, height), dpi=medium.dpi, layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        for ax in grid.flat:
            _fix_ticks(ax)
        yield figure, grid


def _fix_ticks(ax: "Axes") -> None:
    """Matplotlib makes ticks when it draws them, in the look of that moment, unless it is told before."""
    ax.tick_params(which="both", color=INK, labelcolor=INK, labelsize=_medium.get().font)


@contextlib.contextmanager
def axes(width: float = 6.4, height: float = 3.6):
    """One empty pair of axes in a new figure: `with axes() as (figure, ax): ...`, size as in `panels`."""
    with panels(1, 1, width, height) as (figure, grid):
        yield figure, grid[0, 0]


@contextlib.contextmanager
def axes_or_new(ax: "Axes | None", width: float = 4.8, height: float = 3.6) -> "Iterator[Axes]":
    """The given axes, or new ones, size as in `panels`."""
    if ax is None:
        with axes(width, height) as (_, new):
            yield new
    else:
        (one,) = _given("ax", ax, 1)
        yield one


@contextlib.contextmanager
def panels_or_new(given: Any, count: int, columns: int, width: float, height: float) -> "Iterator[np.ndarray]":
    """So many axes `[count]`: the given ones, or new ones in rows of `columns`, size as in `panels`."""
    if given is not None:
        yield _given("axes", given, count)
        return
    with panels(-(-count // columns), columns, width, height) as (_, grid):
        for ax in grid.flat[count:]:
            ax.set_axis_off()
        yield grid.ravel()[:count]


def _given(name: str, given: Any, count: int) -> np.ndarray:
    from matplotlib.axes import Axes

    found = np.ravel(np.asarray(given, dtype=object))
    wrong = [ax for ax in found if not isinstance(ax, Axes)]
    if wrong:
        raise TypeError(f"{name} must be Matplotlib's Axes or None, got {_check.shown(wrong[0])}")
    if len(found) != count:
        raise ValueError(f"{name} must be as many Axes as there are panels, {count}, got {len(found)}")
    return found


def inner(axes: np.ndarray, columns: int) -> None:
    """Drops the labels of the axes within a grid with rows of `columns`: the outer ones say the same."""
    for index, ax in enumerate(axes):
        if index % columns:
            ax.set_ylabel("")
        if index < len(axes) - columns:
            ax.set_xlabel("")


def legend(axes: np.ndarray, own: bool, place: str, handles: list | None = None, columns: int = 1) -> None:
    """One legend of what any of the axes names: of the whole figure where that is our `own`, else in the first axes.

    Args:
        axes: `[panels]`.
        own: whether the figure was made here.
        place: "beside", where the medium has room for that, or "above" or "below".
        handles: what it shows, if not all of the axes.
        columns: of a legend above or below in a notebook.
    """
    if handles is None:
        found = {text: one for ax in axes for one, text in zip(*ax.get_legend_handles_labels(), strict=True)}
        handles = list(found.values())
    if not handles:
        return
    if not own:
        axes[0].legend(handles=handles)
        return
    figure = axes[0].get_figure(root=True)
    if place == "beside" and _medium.get().beside:
        figure.legend(handles=handles, loc="outside right center")
        return
    if place == "beside":  # what it takes below is added, so that the axes keep their size
        columns = max(1, min(4, int(72 * figure.get_figwidth() / _length(handles))))
        lines = -(-len(handles) // columns)
        figure.set_figheight(figure.get_figheight() + lines * 1.5 * _medium.get().font / 72)
    figure.legend(handles=handles, loc=f"outside {'upper' if place == 'above' else 'lower'} center", ncols=columns)


def _length(handles: list) -> float:
    """Points that the longest entry of a legend takes, roughly."""
    texts = [re.sub(r"\\math\w+|[${}_]", "", str(handle.get_label())) for handle in handles]
    return _medium.get().font * (4 + 0.55 * max(map(len, texts)))


def line(share: float) -> float:
    """Width of a line that is thinner than a curve [pt]."""
    from matplotlib import rcParams

    return share * rcParams["lines.linewidth"]


def title(axes: np.ndarray, own: bool, text: str | None) -> None:
    """A title of the whole figure where that is our `own`, else of the first axes."""
    if text is None:
        return
    if own:
        axes[0].get_figure(root=True).suptitle(text, x=0.01, ha="left")
    else:
        axes[0].set_title(text, loc="left")


def colour_bar(ax: "Axes", shown: Any, label: str, **options: Any) -> "Axes":
    """A colour bar beside axes."""
    figure: Any = ax.get_figure(root=True)
    bar = figure.colorbar(shown, ax=ax, label=label, **options)
    bar.outline.set_visible(False)
    _fix_ticks(bar.ax)
    return bar.ax
