"""Parameters by name: of a device `k_off`, or `window__p` for a parameter of a part; of a model `Dense_0/kernel`."""

from collections.abc import Mapping
from typing import Any, TypeVar

import jax
from jax import Array

from memjax import _check

T = TypeVar("T")


def name_of(path) -> str:
    """Name of the leaf at a path of `jax.tree_util.tree_map_with_path`."""
    return jax.tree_util.keystr(path, simple=True, separator="__")


def parameter_name(path) -> str:
    """Name of a parameter of a model, from its path: on it depend keys, and selections by users."""
    return jax.tree_util.keystr(path, simple=True, separator="/").removesuffix("/value")


def parameters(device: Any) -> dict[str, Array]:
    """All parameters of a device or update law, by name."""
    return {name_of(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(device)}


def replace(device: T, values: dict[str, Array]) -> T:
    """The same device with some parameters changed."""
    return jax.tree_util.tree_map_with_path(lambda path, leaf: values.get(name_of(path), leaf), device)


def check_names(owner: str, device: Any, names) -> None:
    """Raise ValueError for the first name that is no parameter of it, TypeError where there are no names."""
    if not isinstance(names, Mapping):
        raise TypeError(f"{owner} must be a dict of parameters by name, got {_check.shown(names)}")
    known = parameters(device)
    for name in names:
        if name not in known:
            raise ValueError(f"{owner}: {type(device).__name__} has no parameter {name!r}; it has {', '.join(known)}")


def check_bounds(owner: str, device: Any, bounds: Any) -> None:
    """Raise unless `bounds` are {name of a parameter: (low, high)} with finite ends."""
    if not isinstance(bounds, Mapping):
        raise TypeError(f"{owner}: bounds must be a dict {{name: (low, high)}}, got {_check.shown(bounds)}")
    if not bounds:
        raise ValueError(f"{owner}: bounds must name at least one parameter, got none")
    check_names(owner, device, bounds)
    for name, ends in bounds.items():
        if not isinstance(ends, tuple | list) or len(ends) != 2:
            raise TypeError(f"{owner}: bounds[{name!r}] must be (low, high), got {_check.shown(ends)}")
        for end, value in zip(("low", "high"), ends, strict=True):
            _check.scalar(f"bounds[{name!r}].{end}", value)
