"""Parameters by name: `k_off`, or `window__p` for a parameter of a part."""

from typing import Any, TypeVar

import jax
from jax import Array

T = TypeVar("T")


def name_of(path) -> str:
    """Name of the leaf at a path of `jax.tree_util.tree_map_with_path`."""
    return jax.tree_util.keystr(path, simple=True, separator="__")


def parameters(device: Any) -> dict[str, Array]:
    """All parameters of a device or update law, by name."""
    return {name_of(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(device)}


def replace(device: T, values: dict[str, Array]) -> T:
    """The same device with some parameters changed."""
    return jax.tree_util.tree_map_with_path(lambda path, leaf: values.get(name_of(path), leaf), device)


def check_names(owner: str, device: Any, names) -> None:
    """Raise ValueError for the first name that is no parameter of it."""
    known = parameters(device)
    for name in names:
        if name not in known:
            raise ValueError(f"{owner}: {type(device).__name__} has no parameter {name!r}; it has {', '.join(known)}")
