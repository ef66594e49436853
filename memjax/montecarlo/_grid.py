"""The grid of a sweep: which values every parameter takes, and which of them are traced."""

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

RESERVED = ("sample", "key")
LONGEST = 200  # bytes that every file system has for a name, and some for what stands beside it


class Axis(NamedTuple):
    """One dimension of the grid: one parameter, or several that change together."""

    names: tuple[str, ...]
    values: dict[str, Any]
    """Of every name: an array [n, ...] where it is traced, a tuple of n objects where it is static."""
    size: int

    @property
    def dim(self) -> str:
        """Name of the dimension."""
        return "_".join(self.names)

    @property
    def static(self) -> bool:
        """Whether its points are compiled one by one."""
        return any(isinstance(values, tuple) for values in self.values.values())


class Grid(NamedTuple):
    """All axes, in the order in which they were given."""

    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values along each axis."""
        return tuple(axis.size for axis in self.axes)

    def groups(self) -> Iterator["Group"]:
        """Everything that is compiled together: one for each combination of static values."""
        statics = [range(axis.size) if axis.static else (None,) for axis in self.axes]
        for fixed in itertools.product(*statics):
            yield Group(self, fixed)


class Group(NamedTuple):
    """The points of the grid that share their static values."""

    grid: Grid
    fixed: tuple[int | None, ...]
    """Index along each axis, None along those that are traced."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points along each axis; 1 where it is fixed."""
        return tuple(axis.size if at is None else 1 for axis, at in zip(self.grid.axes, self.fixed, strict=True))

    @property
    def points(self) -> int:
        """Number of points."""
        return int(np.prod(self.shape, dtype=int))

    @property
    def static(self) -> dict[str, Any]:
        """The static parameters."""
        return {
            name: values[at]
            for axis, at in zip(self.grid.axes, self.fixed, strict=True)
            for name, values in axis.values.items()
            if isinstance(values, tuple) and at is not None
        }

    def traced(self, points: np.ndarray) -> dict[str, np.ndarray]:
        """The traced parameters `[B, ...]` of points `[B]`."""
        found = {}
        for axis, at, index in zip(self.grid.axes, self.fixed, np.unravel_index(points, self.shape), strict=True):
            chosen = index if at is None else np.full_like(index, at)
            found |= {name: v[chosen] for name, v in axis.values.items() if not isinstance(v, tuple)}
        return found

    def slices(self) -> tuple[int | slice, ...]:
        """Where the group stands in an array over the whole grid."""
        return tuple(slice(None) if at is None else at for at in self.fixed)


def parse(grid: Mapping[str | tuple[str, ...], Any], static: Collection[str]) -> Grid:
    """Check and sort the grid of `sweep`.

    Raises: TypeError for what is not a mapping from names to values; ValueError for empty, ragged or repeated ones.
    """
    if not isinstance(grid, Mapping):
        raise TypeError(f"grid must map names to values, got {type(grid).__name__}")
    if isinstance(static, str) or hasattr(static, "dtype") or not isinstance(static, Collection):
        raise TypeError(f"static must be a list of names, got {static!r}")
    axes = []
    for names, values in grid.items():
        together = names if isinstance(names, tuple) else (names,)
        if not together or not all(isinstance(name, str) and name.isidentifier() for name in together):
            raise TypeError(f"grid must have names, or tuples of names that change together, got {names!r}")
        columns = _columns(names, values)
        parsed = {n: _traced_or_static(n, c, n in static) for n, c in zip(together, columns, strict=True)}
        axes.append(Axis(together, parsed, len(columns[0])))
    found = [name for axis in axes for name in {*axis.names, axis.dim}]
    for name in found:
        check_name("grid must not use the name", name)
        if found.count(name) > 1:
            raise ValueError(f"grid must name every parameter once, got {name!r} twice")
        if name in RESERVED:
            raise ValueError(f"grid must not use the name {name!r}, which every result has")
    found = [name for axis in axes for name in axis.names]
    for name in static:
        if name not in found:
            raise ValueError(f"static must name parameters of the grid, {found}, got {name!r}")
    return Grid(tuple(axes))


def _is_key(value: Any) -> bool:
    return isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)


def check_name(must: str, name: str) -> None:
    """Raise for the name of a parameter or result that cannot be one in a store, where it names a folder."""
    if name in ("", ".", "..", "batches", "zarr.json") or name.startswith("__"):
        why = "which a store keeps for itself" if name.strip(".") else "which names nothing"
    elif any(letter in "/\\" or not letter.isprintable() for letter in name):
        why = "which has characters that no name of a folder has"
    elif len(name.encode(errors="replace")) > LONGEST:
        why = f"which is longer than {LONGEST} bytes"
    else:
        return
    raise ValueError(f"{must} {name!r}, {why}: choose another name")


def _columns(names: str | tuple[str, ...], values: Any) -> list[Sequence]:
    """The values of every name of an axis."""
    rows = hasattr(values, "__len__") and hasattr(values, "__getitem__") and getattr(values, "ndim", 1) > 0
    if not rows or isinstance(values, str | bytes | Mapping):
        raise TypeError(f"grid[{names!r}] must be a sequence of values, got {values!r}")
    if _is_key(values) or (isinstance(values, list | tuple) and any(map(_is_key, values))):
        raise TypeError(f"grid[{names!r}] must have no PRNG keys: all randomness comes from the argument key")
    if len(values) == 0:
        raise ValueError(f"grid[{names!r}] must have at least one value, got none")
    if isinstance(names, str):
        return [values]
    for row in values:
        if isinstance(row, str) or not hasattr(row, "__len__") or len(row) != len(names):
            raise ValueError(f"grid[{names!r}] must have {len(names)} values in every row, got {row!r}")
    return [[row[i] for row in values] for i in range(len(names))]


def _traced_or_static(name: str, values: Sequence, static: bool) -> Any:
    """An array where every value is a number, or an array of numbers of one shape; else a tuple."""
    if static or any(isinstance(value, str | tuple) or value is None for value in values):
        return tuple(values)
    switches = [isinstance(value, bool | np.bool_) for value in values]
    if any(switches) and not all(switches):
        raise ValueError(f"grid[{name!r}] must have switches or numbers, got both: name it in static=(...)")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"grid[{name!r}] must have values of one shape, got {values!r}") from error
    long = array.dtype.kind == "O" and all(isinstance(value, int | float) for value in values)
    if array.dtype.kind not in "biuf" and not long:
        return tuple(values)
    _check_kept(name, values, array)
    return np.asarray(array.tolist()) if long else array


def _check_kept(name: str, values: Sequence, array: np.ndarray) -> None:
    """Raise for values that JAX would replace by others: too large, too small, or equal once they are rounded."""
    whole = array.dtype.kind in "biu"
    kind = jax.dtypes.canonicalize_dtype(array.dtype if array.dtype.kind != "O" else float)
    with np.errstate(over="ignore", under="ignore"):
        try:
            held = array.astype(kind)
        except OverflowError:  # an integer of hundreds of digits
            held = np.full(array.shape, np.inf, kind)
    for value, given, kept in zip(values, array, held, strict=True):
        if isinstance(value, int):
            lost = not np.isfinite(kept) or int(kept) != value
        elif whole:
            lost = kept != given
        else:
            vanished = (np.abs(kept) < np.finfo(kind).tiny) & (given != 0)
            lost = vanished | (np.isinf(kept) & ~np.isinf(given))
        if np.any(lost):
            shown = value if not isinstance(value, int) or abs(value) < 10**60 else "an integer of more than 60 digits"
            raise ValueError(f"grid[{name!r}] must have values that {kind} holds, got {shown}: name it in static=(...)")
    if len(np.unique(held, axis=0)) < len(np.unique(array, axis=0)):
        raise ValueError(f"grid[{name!r}] must have values that differ in {kind}, got {values!r}")
