"""Figures of parameter sweeps over simulated chips."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from memjax import _check
from memjax._check import choice, number
from memjax.montecarlo import summary
from memjax.plot import style

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SAMPLE = "sample"
_STATISTICS = ("mean", "std", "worst", "best", "yield")


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
) -> "Figure":
    """Curves of a sweep: a result of many simulated chips against a parameter.

    The line is the mean over the chips, the band one standard deviation to each side, the thin line the worst chip, as
    given by `memjax.montecarlo.summary`; chips that failed (NaN) are left out. The axis of a parameter is logarithmic
    where its values are positive and span three decades or more, and has one place for each value where they are no
    numbers.

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
        percent: show a fraction in percent. The band ends at 0 and 100 % if every value lies between.
        title: text above the axes.

    Returns:
        The figure. The axes are named by the attributes `long_name` (or `description`) and `units`.

    Raises:
        TypeError: `data` is no xarray object or does not hold numbers.
        ValueError: a name or value is not in `data`, or a dimension is left over.
    """
    if target is not None:
        number("target", target)
    hues = _hues(hue)
    chips, (across, *by) = _arrange(data, y, select, {"x": x} | hues, need=("x",))
    across_axis = _axis(chips, across)
    series = _series(chips, by)
    scale = 100 if percent else 1
    fraction = percent and bool(((chips >= 0) & (chips <= 1) | chips.isnull()).all())
    limits = (0.0, 100.0) if fraction else (-np.inf, np.inf)

    with style.axes_or_new(ax, 6.4) as (figure, axes):
        places = np.arange(len(across_axis.values)) if across_axis.categories else across_axis.values
        order = np.argsort(places, kind="stable")
        for i, (label, part) in enumerate(series):
            colour, marker = (cycle[i % len(cycle)] for cycle in (style.COLOURS, style.MARKERS))
            found = summary(part.isel({across_axis.dim: order}))
            mean, std, worst = (scale * found[name].values for name in ("mean", "std", "worst"))
            low, high = (np.clip(mean + side * std, *limits) for side in (-1, 1))
            axes.fill_between(places[order], low, high, color=colour, alpha=0.18, linewidth=0)
            axes.plot(places[order], worst, color=colour, linewidth=0.7, alpha=0.9)
            axes.plot(places[order], mean, color=colour, marker=marker, label=label)
        if target is not None:
            level = f"{target_label} ({_text(float(scale * target))}{' %' if percent else ''})"
            axes.axhline(scale * target, color=style.INK, linestyle="--", linewidth=1, label=level)
        _draw_places(axes, across_axis)
        axes.set_xlabel(across_axis.label)
        axes.set_ylabel(_label(chips, units="%" if percent else None))
        if title is not None:
            axes.set_title(title, loc="left")
        handles = [*axes.get_legend_handles_labels()[0], *_legend_of_lines(chips)]
        if ax is None:
            figure.legend(handles=handles, loc="outside right center")
        else:
            axes.legend(handles=handles)
    return figure


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
) -> "Figure":
    """Map of a sweep: one statistic over the chips, a cell for each pair of values of two parameters.

    Cells are of equal size, in the order of the data; up to 150 of them bear their value.

    Args:
        data, y, select, ax: as in `sweep`.
        x: dimension, or coordinate along one, on the horizontal axis; the first dimension left if None.
        rows: the same for the vertical axis.
        statistic: of `memjax.montecarlo.summary`; chips that failed (NaN) are left out, and lower the yield.
        target: value a chip must reach for the yield, in the unit of `y`.

    Returns:
        The figure, with a colour bar.

    Raises:
        TypeError: as in `sweep`.
        ValueError: as in `sweep`, or `statistic` is unknown, or `target` and the statistic "yield" come without each
            other.
    """
    choice("statistic", statistic, _STATISTICS)
    if (target is None) == (statistic == "yield"):
        raise ValueError(f"target must be given for statistic='yield' only, got {target!r} for {statistic!r}")
    chips, (across, up) = _arrange(data, y, select, {"x": x, "rows": rows}, need=("x", "rows"))
    horizontal, vertical = _axis(chips, across), _axis(chips, up)
    cells = summary(chips, target=target)[statistic].transpose(vertical.dim, horizontal.dim).values

    with style.axes_or_new(ax, 6.4) as (figure, axes):
        axes.grid(False)
        mesh = axes.pcolormesh(cells, cmap="viridis")
        for axis, values in ((axes.xaxis, horizontal), (axes.yaxis, vertical)):
            step = -(-len(values.texts) // 15)
            texts = values.texts[::step]
            slant = _slant(texts) if axis is axes.xaxis else {}
            axis.set_ticks(np.arange(len(values.texts))[::step] + 0.5, texts, **slant)
            axis.set_label_text(values.label)
            axis.set_tick_params(length=0)
        if cells.size <= 150:
            _write_values(axes, mesh, cells)
        bar = figure.colorbar(mesh, ax=axes, label=_statistic_label(chips, statistic, target))
        bar.outline.set_visible(False)
    return figure


class _Axis(NamedTuple):
    dim: str
    values: np.ndarray
    texts: list[str]
    label: str

    @property
    def categories(self) -> bool:
        return self.values.dtype.kind not in "iuf"


def _arrange(
    data, y: str | None, select: Mapping[str, Any] | None, roles: dict[str, Any], need: tuple[str, ...]
) -> "tuple[xarray.DataArray, tuple[Any, ...]]":
    """The variable with `select` applied, and the name for each role: as given, or for those in `need` a free one."""
    chips = _variable(data, y)
    if _SAMPLE not in chips.dims:
        raise ValueError(f"data must have a dimension {_SAMPLE!r}, got {_listed(chips.dims)}")
    for name, value in (select or {}).items():
        chips = _select(chips, name, value)
    dims = {role: _dim(chips, role, name) for role, name in roles.items() if name is not None}
    if len(set(dims.values())) < len(dims):
        raise ValueError(f"{' and '.join(roles)} must be different dimensions, got {_listed(roles.values())}")
    free = [str(dim) for dim in chips.dims if dim != _SAMPLE and dim not in dims.values()]
    names = dict(roles)
    for role in need:
        if names[role] is None:
            if not free:
                raise ValueError(f"{role} must be a dimension, but data has none left besides {_listed(chips.dims)}")
            names[role] = free.pop(0)
    if free:
        left = "; ".join(f"{dim!r}: {', '.join(_axis(chips, dim).texts)}" for dim in free)
        raise ValueError(f"select must fix every dimension that is not drawn; missing are {left}")
    return chips, tuple(names.values())


def _variable(data, y: str | None) -> "xarray.DataArray":
    import xarray

    if not isinstance(data, xarray.DataArray | xarray.Dataset):
        raise TypeError(f"data must be an xarray.Dataset or DataArray, got {type(data).__name__}")
    names = (data.name,) if isinstance(data, xarray.DataArray) else tuple(data.data_vars)
    if y is None and len(names) != 1:
        raise ValueError(f"y must name one of the variables {_listed(names)}")
    if y is not None:
        choice("y", y, names)
    return data if isinstance(data, xarray.DataArray) else data[names[0] if y is None else y]


def _select(chips: "xarray.DataArray", name: str, value: Any) -> "xarray.DataArray":
    axis = _axis(chips, name, "select")
    if not axis.categories:
        number(f"select[{name!r}]", value)
    # The values of a grid are often computed: 0.1 + 0.2 is selected by 0.3.
    same = [v == value for v in axis.values] if axis.categories else np.isclose(axis.values, value, rtol=1e-6, atol=0)
    (index,) = np.nonzero(same)
    if len(index) != 1:
        one = "one of" if len(index) == 0 else "unique along its dimension among"
        raise ValueError(f"select[{name!r}] must be {one} {', '.join(axis.texts)}, got {_check.shown(value)}")
    return chips.isel({axis.dim: index[0]})


def _hues(hue: Any) -> dict[str, str]:
    """Names of the dimensions with a curve for each value, by what they are called in messages."""
    if hue is None:
        return {}
    if isinstance(hue, str) or not isinstance(hue, Sequence):
        return {"hue": hue}
    return {f"hue[{i}]": name for i, name in enumerate(hue)}


def _series(chips: "xarray.DataArray", names: Sequence[str]) -> "list[tuple[str | None, xarray.DataArray]]":
    """The parts of `chips` along some dimensions, with their names in a legend: none where there is one part."""
    series = [("", chips)]
    for name in names:
        series = [(f"{label}, {text}", one) for label, part in series for text, one in _split(part, name)]
    return [(label.removeprefix(", ") or None, part) for label, part in series]


def _split(chips: "xarray.DataArray", name: str) -> "list[tuple[str, xarray.DataArray]]":
    """The parts of `chips` along a dimension, with their names in a legend."""
    axis = _axis(chips, name)
    units = chips[name].attrs.get("units", "1") if name in chips.coords else "1"
    end = "" if units in ("", "1") else f" {units}"
    title = chips[name].attrs.get("long_name", name) if name in chips.coords else name
    return [(f"{title} = {text}{end}", chips.isel({axis.dim: i})) for i, text in enumerate(axis.texts)]


def _dim(chips: "xarray.DataArray", argument: str, name: str) -> str:
    """The dimension that `name`, a dimension or a coordinate along one, stands for."""
    along = {str(n): str(c.dims[0]) for n, c in chips.coords.items() if c.ndim == 1} | {
        str(d): str(d) for d in chips.dims
    }
    choice(argument, name, tuple(n for n, dim in along.items() if dim != _SAMPLE))
    return along[name]


def _axis(chips: "xarray.DataArray", name: str, argument: str = "x") -> _Axis:
    """The values along a dimension: its own, or without those, all of the coordinates that share it."""
    dim = _dim(chips, argument, name)
    shared = [c for c in chips.coords.values() if c.dims == (dim,)]
    coords = [chips.coords[name]] if name in chips.coords else shared
    if not coords:
        values = np.arange(chips.sizes[dim])
        return _Axis(dim, values, [str(v) for v in values], dim)
    values = coords[0].values if len(coords) == 1 else _tuples(zip(*(c.values for c in coords), strict=True))
    return _Axis(dim, values, [_text(v) for v in values], ", ".join(map(_label, coords)))


def _tuples(pairs) -> np.ndarray:
    pairs = list(pairs)
    array = np.empty(len(pairs), object)
    array[:] = pairs
    return array


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def _label(values: "xarray.DataArray", units: str | None = None) -> str:
    name = values.attrs.get("long_name") or values.attrs.get("description") or values.name or "value"
    units = units or values.attrs.get("units", "1")
    return str(name) if units in ("", "1") else f"{name} ({units})"


def _listed(names) -> str:
    return ", ".join(map(repr, names)) or "none"


def _chip_count(chips: "xarray.DataArray") -> str:
    counts = chips.count(_SAMPLE)
    low, high = int(counts.min()), int(counts.max())
    return f"{low} chips" if low == high else f"{low} to {high} chips"


def _statistic_label(chips: "xarray.DataArray", statistic: str, target: float | None) -> str:
    reached = f"fraction of {chips.sizes[_SAMPLE]} chips that reach {target}"
    what = reached if statistic == "yield" else f"{statistic} of {_chip_count(chips)}"
    return f"{_label(chips)}\n{what}"


def _draw_places(axes: "Axes", axis: _Axis) -> None:
    """Ticks and scale of the horizontal axis."""
    from matplotlib.ticker import MaxNLocator

    if axis.categories:
        axes.set_xticks(np.arange(len(axis.texts)), axis.texts, **_slant(axis.texts))
    elif axis.values.min() > 0 and axis.values.max() / axis.values.min() >= 1000:
        axes.set_xscale("log")
    elif axis.values.dtype.kind in "iu":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _slant(texts: list[str]) -> dict[str, Any]:
    """Options of tick labels that are too long to stand side by side."""
    return {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if sum(map(len, texts)) > 60 else {}


def _legend_of_lines(chips: "xarray.DataArray") -> list:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Line2D([], [], color="grey", label=f"mean of {_chip_count(chips)}"),
        Patch(color="grey", alpha=0.3, linewidth=0, label="± 1 std"),
        Line2D([], [], color="grey", linewidth=0.7, label="worst chip"),
    ]


def _write_values(axes: "Axes", mesh: Any, cells: np.ndarray) -> None:
    """The value of each cell in its middle, white on dark colours, in a size that fits the cell."""
    rows, columns = cells.shape
    box = axes.get_window_extent()
    points = 72 / mesh.get_figure(root=True).dpi
    size = min(8, points * box.width / columns / 3.5, points * box.height / rows / 1.3)
    colours = mesh.to_rgba(cells)
    for row, column in np.ndindex(rows, columns):
        value = cells[row, column]
        dark = np.isfinite(value) and colours[row, column, :3] @ (0.299, 0.587, 0.114) < 0.5
        ink = "white" if dark else style.INK
        axes.text(column + 0.5, row + 0.5, f"{value:.3g}", color=ink, fontsize=size, ha="center", va="center")
