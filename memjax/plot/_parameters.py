"""The dimensions of a sweep as the axes and curves of a figure."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from memjax import _check
from memjax._check import choice, number
from memjax._words import Parameter, parameter, quantity, words

if TYPE_CHECKING:
    import xarray

SAMPLE = "sample"


class Axis(NamedTuple):
    """What lies along a dimension. Where parameters share it, `values` are tuples, unless one of them was named."""

    dim: str
    values: np.ndarray
    parameters: tuple[Parameter, ...]
    """The named one first."""

    @property
    def categories(self) -> bool:
        return self.values.dtype.kind not in "iuf"

    @property
    def places(self) -> np.ndarray:
        """Where the values stand on an axis."""
        return np.arange(len(self.values)) if self.categories else self.parameters[0].values

    @property
    def texts(self) -> list[str]:
        """The values as `select` takes them."""
        return [_text(value) for value in self.values]

    @property
    def ticks(self) -> list[str]:
        """A line for each parameter; units that take a prefix stand beside the numbers, the others in `label`."""
        return ["\n".join(of) for of in zip(*(p.entries for p in self.parameters), strict=True)]

    @property
    def label(self) -> str:
        """Of an axis with `ticks`."""
        return "\n".join(p.head for p in self.parameters)

    @property
    def entries(self) -> list[str]:
        """Of a legend."""
        parts = [[f"{p.label} = {quantity(v, p.unit)}" for v in p.values] for p in self.parameters]
        return [", ".join(of) for of in zip(*parts, strict=True)]


def arrange(
    data, y: str | None, select: Mapping[str, Any] | None, roles: dict[str, Any], need: tuple[str, ...]
) -> "tuple[xarray.DataArray, tuple[Any, ...]]":
    """The variable with `select` applied, and the name for each role: as given, or for those in `need` a free one."""
    chips = _variable(data, y)
    if SAMPLE not in chips.dims:
        raise ValueError(f"data must have a dimension {SAMPLE!r}, got {_listed(chips.dims)}")
    for name, value in (select or {}).items():
        chips = _select(chips, name, value)
    dims = {role: _dim(chips, role, name) for role, name in roles.items() if name is not None}
    if len(set(dims.values())) < len(dims):
        raise ValueError(f"{' and '.join(roles)} must be different dimensions, got {_listed(roles.values())}")
    free = [str(dim) for dim in chips.dims if dim != SAMPLE and dim not in dims.values()]
    names = dict(roles)
    for role in need:
        if names[role] is None:
            if not free:
                raise ValueError(f"{role} must be a dimension, but data has none left besides {_listed(chips.dims)}")
            names[role] = free.pop(0)
    if free:
        left = "; ".join(f"{dim!r}: {', '.join(axis_of(chips, dim).texts)}" for dim in free)
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
    axis = axis_of(chips, name, "select")
    if not axis.categories:
        number(f"select[{name!r}]", value)
    # The values of a grid are often computed: 0.1 + 0.2 is selected by 0.3.
    same = [v == value for v in axis.values] if axis.categories else np.isclose(axis.values, value, rtol=1e-6, atol=0)
    (index,) = np.nonzero(same)
    if len(index) != 1:
        one = "one of" if len(index) == 0 else "unique along its dimension among"
        raise ValueError(f"select[{name!r}] must be {one} {', '.join(axis.texts)}, got {_check.shown(value)}")
    return chips.isel({axis.dim: index[0]})


def hues(hue: Any) -> dict[str, str]:
    """Names of the dimensions with a curve for each value, by what they are called in messages."""
    if hue is None:
        return {}
    if isinstance(hue, str) or not isinstance(hue, Sequence):
        return {"hue": hue}
    return {f"hue[{i}]": name for i, name in enumerate(hue)}


def series(
    chips: "xarray.DataArray", names: Sequence[str], percent: bool
) -> "list[tuple[str | None, xarray.DataArray]]":
    """The parts of `chips` along some dimensions, with their names in a legend: none where there is one part."""
    parts = [("", chips)]
    for name in names:
        parts = [(f"{label}, {text}", one) for label, part in parts for text, one in _split(part, name, percent)]
    return [(label.removeprefix(", ") or None, part) for label, part in parts]


def _split(chips: "xarray.DataArray", name: str, percent: bool) -> "list[tuple[str, xarray.DataArray]]":
    """The parts of `chips` along a dimension, with their names in a legend."""
    axis = axis_of(chips, name, percent=percent)
    return [(entry, chips.isel({axis.dim: i})) for i, entry in enumerate(axis.entries)]


def _dim(chips: "xarray.DataArray", argument: str, name: str) -> str:
    """The dimension that `name`, a dimension or a coordinate along one, stands for."""
    along = {str(n): str(c.dims[0]) for n, c in chips.coords.items() if c.ndim == 1} | {
        str(d): str(d) for d in chips.dims
    }
    choice(argument, name, tuple(n for n, dim in along.items() if dim != SAMPLE))
    return along[name]


def axis_of(chips: "xarray.DataArray", name: str, argument: str = "x", percent: bool = False) -> Axis:
    """What lies along the dimension that `name` stands for: that coordinate first, then those that share it.

    With `percent`, fractions (floats from 0 to 1 whose `units` are "1") are in percent.
    """
    dim = _dim(chips, argument, name)
    shared = [c for c in chips.coords.values() if c.dims == (dim,)]
    own = [c for c in shared if c.name == name]
    coords = own + [c for c in shared if c.name != name]
    if not coords:
        values = np.arange(chips.sizes[dim])
        return Axis(dim, values, (Parameter(words(dim), "", values),))
    parameters = tuple(parameter(c, percent) for c in coords)
    values = coords[0].values if own or len(coords) == 1 else _tuples(zip(*(c.values for c in coords), strict=True))
    return Axis(dim, values, parameters)


def _tuples(pairs) -> np.ndarray:
    pairs = list(pairs)
    array = np.empty(len(pairs), object)
    array[:] = pairs
    return array


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def _listed(names) -> str:
    return ", ".join(map(repr, names)) or "none"
