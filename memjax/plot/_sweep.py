"""Figures of parameter sweeps over simulated chips."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from memjax._check import choice, number
from memjax._words import capital, label_of, named, quantity, unit_of
from memjax.montecarlo import summary
from memjax.plot import look
from memjax.plot._axis import si
from memjax.plot._parameters import SAMPLE, Axis, arrange, axis_of, hues, series

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes

_STATISTICS = ("mean", "std", "worst", "best", "yield")
_WORDS = {"mean": "Mean", "std": "Standard deviation", "worst": "Worst", "best": "Best"}


def sweep(
    data: "xarray.Dataset | xarray.DataArray",
    y: str | None = None,
    x: str | None = None,
    hue: str | Sequence[str] | None = None,
    *,
    select: Mapping[str, Any] | None = None,
    ax: "Axes | None" = None,
    target: float | None = None,
    target_label: str = "target",
    percent: bool = False,
    title: str | None = None,
) -> "Axes":
    """Curves of a sweep: a result of many simulated chips against a parameter.

    The line is the mean over the chips, the band one standard deviation to each side, the thin line the worst chip, as
    given by `memjax.montecarlo.summary`; chips that failed (NaN) are left out. The axis of a parameter is logarithmic
    where its values are positive and span three decades or more, has one place for each value where they are no
    numbers, and one tick for each where they are few whole numbers. Parameters that were swept together stand on it
    below one another.

    Args:
        data: with a dimension `sample`, one entry for each chip `[..., sample, ...]`.
        y: variable of `data`; the only one if None.
        x: dimension, or coordinate along one, on the horizontal axis; the first dimension left if None.
        hue: dimension, or coordinate along one, with a curve for each value; of several, a curve for each combination
            of their values; a single curve if None.
        select: one value for every other dimension, as in `{"bits": 8}`.
        ax: axes to draw into; a new figure if None.
        target: level drawn as a dashed line, in the unit of `y`.
        target_label: what the level is called in the legend, before its number, such as "digital model".
        percent: show a fraction in percent, and so parameters that are fractions: floats from 0 to 1 whose `units` are
            "1". The band ends at 0 and 100 % if every value lies between.
        title: text above the axes.

    Returns:
        The axes, named by the attributes `long_name` (or `description`) and `units`: `mj.sweep(attrs=...)` gives them.

    Raises:
        TypeError: `data` is no xarray object or does not hold numbers.
        ValueError: a name or value is not in `data`, or a dimension is left over.
    """
    if target is not None:
        number("target", target)
    roles = hues(hue)
    chips, (across, *by) = arrange(data, y, select, {"x": x} | roles, need=("x",))
    axis = axis_of(chips, across, percent=percent)
    scale = 100 if percent else 1
    fraction = percent and bool(((chips >= 0) & (chips <= 1) | chips.isnull()).all())
    limits = (0.0, 100.0) if fraction else (-np.inf, np.inf)

    with look.axes_or_new(ax, 6.4) as axes:
        order = np.argsort(axis.places, kind="stable")
        places = axis.places[order]
        for i, (label, part) in enumerate(series(chips, by, percent)):
            colour, marker = (cycle[i % len(cycle)] for cycle in (look.COLOURS, look.MARKERS))
            found = summary(part.isel({axis.dim: order}))
            mean, std, worst = (scale * found[name].values for name in ("mean", "std", "worst"))
            low, high = (np.clip(mean + side * std, *limits) for side in (-1, 1))
            axes.fill_between(places, low, high, color=colour, alpha=0.18, linewidth=0)
            axes.plot(places, worst, color=colour, linewidth=look.line(0.45), alpha=0.9)
            axes.plot(places, mean, color=colour, marker=marker, label=label)
        if target is not None:
            level = f"{target_label} ({_level(chips, target, percent)})"
            axes.axhline(scale * target, color=look.INK, linestyle="--", linewidth=look.line(0.6), label=level)
        _draw_places(axes, axis)
        si(axes.yaxis, capital(label_of(chips)), "%" if percent else unit_of(chips))
        if title is not None:
            axes.set_title(title, loc="left")
        handles = [*axes.get_legend_handles_labels()[0], *_legend_of_lines(chips)]
        look.legend(np.array([axes]), ax is None, "beside", handles)
    return axes


def heatmap(
    data: "xarray.Dataset | xarray.DataArray",
    y: str | None = None,
    x: str | None = None,
    rows: str | None = None,
    *,
    statistic: Literal["mean", "std", "worst", "best", "yield"] = "mean",
    select: Mapping[str, Any] | None = None,
    ax: "Axes | None" = None,
    target: float | None = None,
    percent: bool = False,
) -> "Axes":
    """Map of a sweep: one statistic over the chips, a cell for each pair of values of two parameters.

    Cells are of equal size, in the order of the data; up to 150 of them bear their value.

    Args:
        data, y, select, ax, percent: as in `sweep`.
        x: dimension, or coordinate along one, on the horizontal axis; the first dimension left if None.
        rows: the same for the vertical axis.
        statistic: of `memjax.montecarlo.summary`; chips that failed (NaN) are left out, and lower the yield.
        target: value a chip must reach for the yield, in the unit of `y`.

    Returns:
        The axes; their figure has those of a colour bar too.

    Raises:
        TypeError: as in `sweep`.
        ValueError: as in `sweep`, or `statistic` is unknown, or `target` and the statistic "yield" come without each
            other.
    """
    choice("statistic", statistic, _STATISTICS)
    if (target is None) == (statistic == "yield"):
        raise ValueError(f"target must be given for statistic='yield' only, got {target!r} for {statistic!r}")
    chips, (across, up) = arrange(data, y, select, {"x": x, "rows": rows}, need=("x", "rows"))
    horizontal, vertical = (axis_of(chips, name, percent=percent) for name in (across, up))
    cells = summary(chips, target=target)[statistic].transpose(vertical.dim, horizontal.dim).values
    cells = 100 * cells if percent else cells

    with look.axes_or_new(ax, 6.4) as axes:
        axes.grid(False)
        ends = (0.0, 100.0 if percent else 1.0) if statistic == "yield" else (None, None)
        mesh = axes.pcolormesh(cells, cmap="viridis", vmin=ends[0], vmax=ends[1])
        for axis, values in ((axes.xaxis, horizontal), (axes.yaxis, vertical)):
            step = -(-len(values.ticks) // 15)
            texts = values.ticks[::step]
            slant = _slant(texts) if axis is axes.xaxis else {}
            axis.set_ticks(np.arange(len(values.ticks))[::step] + 0.5, texts, **slant)
            axis.set_label_text(values.label)
            axis.set_tick_params(length=0)
        if cells.size <= 150:
            _write_values(axes, mesh, cells)
        look.colour_bar(axes, mesh, _statistic_label(chips, statistic, target, percent))
    return axes


def _counted(chips: "xarray.DataArray") -> str:
    counts = chips.count(SAMPLE)
    low, high = int(counts.min()), int(counts.max())
    return f"{low} chips" if low == high else f"{low} to {high} chips"


def _level(chips: "xarray.DataArray", value: float, percent: bool) -> str:
    """A result with its unit."""
    return quantity(100 * value, "%", 4) if percent else quantity(value, unit_of(chips), 4)


def _statistic_label(chips: "xarray.DataArray", statistic: str, target: float | None, percent: bool) -> str:
    label = capital(label_of(chips))
    if target is not None:
        share = named(f"Yield of {chips.sizes[SAMPLE]} chips", "%" if percent else "")
        return f"{share}\n{label} ≥ {_level(chips, target, percent)}"
    return f"{named(label, '%' if percent else unit_of(chips))}\n{_WORDS[statistic]} of {_counted(chips)}"


def _draw_places(axes: "Axes", axis: Axis) -> None:
    """Ticks, scale and label of the horizontal axis."""
    from matplotlib.ticker import FixedLocator, MaxNLocator

    places, across = axis.places, axis.parameters[0]
    if not axis.categories and places.min() > 0 and places.max() / places.min() >= 1000:
        axes.set_xscale("log")
    if axis.categories or len(axis.parameters) > 1:
        shown = _apart(places, axes.get_xscale() == "log")
        texts = [axis.ticks[i] for i in shown]
        axes.set_xticks(places[shown], texts, **_slant(texts))
        axes.set_xticks([], minor=True)
        axes.set_xlabel(axis.label)
        return
    si(axes.xaxis, capital(across.label), across.unit)
    if axes.get_xscale() == "linear" and across.values.dtype.kind in "iu":
        few = len(_apart(places, False)) == len(places)
        ticks = FixedLocator(np.sort(places).tolist()) if few else MaxNLocator("auto", integer=True)
        axes.xaxis.set_major_locator(ticks)


def _apart(places: np.ndarray, log: bool) -> list[int]:
    """Those of the places that are far enough from one another for ticks of their own, from left to right."""
    seen = np.log(places) if log else np.asarray(places, float)
    kept: list[int] = []
    for index in np.argsort(seen, kind="stable"):
        if not kept or seen[index] - seen[kept[-1]] >= np.ptp(seen) / 12:
            kept.append(int(index))
    return kept


def _slant(texts: list[str]) -> dict[str, Any]:
    """Options of tick labels that are too long to stand side by side."""
    length = sum(max(map(len, text.split("\n"))) for text in texts)
    return {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if length > 60 else {}


def _legend_of_lines(chips: "xarray.DataArray") -> list:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Line2D([], [], color="grey", label=f"mean of {_counted(chips)}"),
        Patch(color="grey", alpha=0.3, linewidth=0, label="± 1 std"),
        Line2D([], [], color="grey", linewidth=look.line(0.45), label="worst chip"),
    ]


def _write_values(axes: "Axes", mesh: Any, cells: np.ndarray) -> None:
    """The value of each cell in its middle, white on dark colours, in a size that fits the cell."""
    from matplotlib import rcParams

    rows, columns = cells.shape
    box = axes.get_window_extent()
    points = 72 / mesh.get_figure(root=True).dpi
    size = min(rcParams["font.size"] - 1, points * box.width / columns / 3.5, points * box.height / rows / 1.3)
    colours = mesh.to_rgba(cells)
    for row, column in np.ndindex(rows, columns):
        value = cells[row, column]
        dark = np.isfinite(value) and colours[row, column, :3] @ (0.299, 0.587, 0.114) < 0.5
        ink = "white" if dark else look.INK
        axes.text(column + 0.5, row + 0.5, f"{value:.3g}", color=ink, fontsize=size, ha="center", va="center")
