"""Results of a sweep as frames, chip by chip or point by point, and as a table to read."""

import textwrap
from typing import TYPE_CHECKING, Any

from memjax import _check
from memjax._words import named, parameter, plain, unit_of
from memjax.montecarlo import summary

if TYPE_CHECKING:
    import pandas
    import xarray
    from rich.table import Table

_SAMPLE = "sample"
_WIDTH = 18  # of a line of a head


def per_chip(data: "xarray.DataArray | xarray.Dataset") -> "pandas.DataFrame":
    """A row for each chip of a sweep: the parameters of its point, its number `chip`, and its result.

    Args:
        data: a result with a dimension `sample`, as of `memjax.sweep`; a dataset must have exactly one variable.

    Returns: in the order of the dimensions, the last changing fastest.

    Raises: TypeError and ValueError, as `memjax.montecarlo.summary`.

    Example:
        >>> import memjax as mj
        >>> import jax
        >>> found = mj.sweep(lambda key, a: {"y": a}, {"a": [1, 2]}, key=jax.random.key(0), samples=2, progress=False)
        >>> print(mj.study.per_chip(found).to_string(index=False))
         a  chip  y
         1     0  1
         1     1  1
         2     0  2
         2     1  2
    """
    summary(data)  # for its checks
    chips = _variable(data)
    chips = chips.transpose(..., _SAMPLE).assign_coords({_SAMPLE: range(chips.sizes[_SAMPLE])})
    return _frame(chips.to_dataset(), chips.dims).rename(columns={_SAMPLE: "chip"})


def per_point(data: "xarray.DataArray | xarray.Dataset", target: float | None = None) -> "pandas.DataFrame":
    """A row for each point of a sweep: its parameters, and the statistics of its chips.

    Args:
        data: as in `per_chip`.
        target: value that a chip must reach to count for the yield, in the unit of `data`.

    Returns: columns mean, std, low, high (ends of the 95 % interval of the mean), worst, best, count, and with a target
        yield, yield_low, yield_high, all as defined in `memjax.montecarlo.summary`. `std` is NaN for a single chip.

    Raises: TypeError and ValueError, as `memjax.montecarlo.summary`.

    Example:
        >>> import memjax as mj
        >>> import jax
        >>> found = mj.sweep(lambda key, a: {"y": a}, {"a": [1, 2]}, key=jax.random.key(0), samples=2, progress=False)
        >>> print(mj.study.per_point(found)[["a", "mean", "worst"]].to_string(index=False))
         a  mean  worst
         1   1.0    1.0
         2   2.0    2.0
    """
    found = summary(data, target=target).drop_dims("quantile")
    return _frame(found, found["mean"].dims)


def table(data: "xarray.DataArray | xarray.Dataset", *, percent: bool = False) -> "Table":
    """The points of a sweep as a table for the terminal: their parameters, mean ± std of the chips, the worst chip.

    Args:
        data: as in `per_chip`; columns have its names in words and its units, from the attributes `long_name` (or
            `description`) and `units`, as the figures have.
        percent: show a fraction in percent, and so parameters that are fractions, as in `memjax.plot.sweep`.

    Returns: a `rich.table.Table`; print it with `rich.print`.

    Raises: TypeError and ValueError, as `memjax.montecarlo.summary`; TypeError unless `percent` is True or False.

    Example:
        >>> import memjax as mj
        >>> import jax
        >>> import rich
        >>> found = mj.sweep(lambda key, a: {"y": a}, {"a": [1, 2]}, key=jax.random.key(0), samples=2, progress=False)
        >>> rich.print(mj.study.table(found))
        ┏━━━┳━━━━━━━━━━━━┳━━━━━━━┓
        ┃ A ┃ Mean ± std ┃ Worst ┃
        ┡━━━╇━━━━━━━━━━━━╇━━━━━━━┩
        │ 1 │      1 ± 0 │     1 │
        │ 2 │      2 ± 0 │     2 │
        └───┴────────────┴───────┘
    """
    from rich.table import Table
    from rich.text import Text

    _check.flag("percent", percent)
    points, chips = per_point(data), _variable(data)
    names = list(points.columns[: points.columns.get_loc("mean")])
    shown = (lambda value: f"{100 * value:.2f}") if percent else (lambda value: f"{value:.4g}")
    parameters = [parameter(_column(points, name, chips), percent) for name in names]
    unit = "%" if percent else unit_of(chips)
    result = Table()
    for title in (*(one.head for one in parameters), named("Mean ± std", unit), named("Worst", unit)):
        result.add_column(
            Text(textwrap.fill(plain(title), _WIDTH, break_long_words=False)), justify="right", overflow="fold"
        )
    spreads = ["" if std != std else f" ± {shown(std)}" for std in points["std"]]
    means = [shown(mean) + spread for mean, spread in zip(points["mean"], spreads, strict=True)]
    for row in zip(*(one.entries for one in parameters), means, map(shown, points["worst"]), strict=True):
        result.add_row(*row)
    return result


def _column(points: "pandas.DataFrame", name: Any, chips: "xarray.DataArray") -> "xarray.DataArray":
    """A column of a frame with what is known of that coordinate."""
    import xarray

    return xarray.DataArray(points[name].to_numpy(), dims="point", name=name, attrs=chips[name].attrs)


def _variable(data: Any) -> "xarray.DataArray":
    """The one variable, with a name."""
    import xarray

    if isinstance(data, xarray.DataArray):
        return data.rename(data.name or "value")
    (chips,) = data.data_vars.values()
    return chips


def _frame(data: "xarray.Dataset", dims: tuple[Any, ...]) -> "pandas.DataFrame":
    """A column for each parameter, dimension by dimension, then the results."""
    frame = data.to_dataframe(dim_order=list(dims)).reset_index()
    along = [[name for name, c in data.coords.items() if c.dims == (dim,)] or [dim] for dim in dims]
    return frame.loc[:, [*(name for names in along for name in names), *data.data_vars]]
