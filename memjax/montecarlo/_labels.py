"""The labelled result of a sweep."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from memjax.montecarlo import _grid

if TYPE_CHECKING:
    import xarray

    from memjax.montecarlo._work import Work

# Names of attributes by which xarray encodes arrays on disk.
TAKEN = ("coordinates", "scale_factor", "add_offset", "dtype", "missing_value", "calendar", "grid_mapping")

Attributes = Mapping[str, Mapping[str, Any]]


def dataset(work: "Work", flat: Mapping[str, np.ndarray], attrs: Attributes) -> "xarray.Dataset":
    """All batches, one after another, as arrays over the grid."""
    import xarray

    dims = (*(axis.dim for axis in work.grid.axes), "sample")
    variables: dict[str, Any] = {}
    for name, values in flat.items():
        event = values.shape[1:]
        whole = np.zeros((*work.grid.shape, work.samples, *event), values.dtype)
        for group, part in zip(
            work.groups, values.reshape(len(work.groups), work.per_group * work.size, *event), strict=True
        ):
            free = tuple(n for n, at in zip(group.shape, group.fixed, strict=True) if at is None)
            whole[group.slices()] = part[: work.items].reshape(*free, work.samples, *event)
        variables[name] = ((*dims, *_extra(name, event)), whole, dict(attrs.get(name, {})))
    coords: dict[str, Any] = {"sample": np.arange(work.samples)}
    for axis in work.grid.axes:
        for name, values in axis.values.items():
            coords[name] = (axis.dim, _text_or_numbers(values), dict(attrs.get(name, {})))
    described = {name: str(value) for name, value in work.identity().items() if name not in ("grid", "dimensions")}
    return xarray.Dataset(variables, coords, described)


def check_names(grid: _grid.Grid, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise for names of results that cannot stand beside the others, or in a file."""
    taken = {"sample", *(name for axis in grid.axes for name in (*axis.names, axis.dim))}
    for name in shapes:
        _grid.check_name("fn must not return", name)
        if name in taken:
            raise ValueError(f"fn must not return {name!r}, which is a parameter of the grid")
    taken |= set(shapes)
    for name, event in shapes.items():
        for extra in _extra(name, event):
            if extra in taken:
                raise ValueError(f"fn must not return {name!r} of shape {event}: its dimension {extra!r} is taken")
            taken.add(extra)


def check_attrs(grid: _grid.Grid, results: Mapping[str, Any], attrs: Attributes) -> None:
    """Raise unless all names are those of parameters or results, and their attributes text, numbers and lists."""
    if not isinstance(attrs, Mapping):
        raise TypeError(f"attrs must map names to attributes, got {attrs!r}")
    valid = ["sample", *(name for axis in grid.axes for name in axis.values), *results]
    for name, each in attrs.items():
        if name not in valid:
            raise ValueError(f"attrs must name parameters or results, {valid}, got {name!r}")
        if not isinstance(each, Mapping) or not all(isinstance(key, str) for key in each):
            raise TypeError(f"attrs[{name!r}] must map names to text or numbers, got {each!r}")
        for key, value in each.items():
            where = f"attrs[{name!r}][{key!r}]"
            if key in TAKEN or key.startswith("_"):
                raise ValueError(f"{where} has a name that xarray keeps for itself, as {', '.join(TAKEN)}")
            try:
                json.dumps(value, default=_numbers)
            except (TypeError, ValueError) as error:
                raise TypeError(f"{where} must be text, a number, or a list of these, got {value!r}") from error


def _numbers(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError


def _extra(name: str, event: tuple[int, ...]) -> tuple[str, ...]:
    """Names of the dimensions of one evaluation."""
    return tuple(f"{name}_{axis}" for axis in range(len(event)))


def _text_or_numbers(values: np.ndarray | tuple) -> np.ndarray:
    """Values along an axis: numbers as they are, everything else as text."""
    if isinstance(values, np.ndarray) and values.ndim == 1:
        return values
    if all(isinstance(value, int | float) for value in values):
        numbers = np.asarray(values)
        one_kind = len({isinstance(value, bool) for value in values}) == 1
        if one_kind and numbers.dtype.kind in "biuf":
            return numbers
    return np.array([str(value) for value in values])
