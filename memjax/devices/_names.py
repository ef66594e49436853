"""Parameters by name: `k_off`, or `window__p` for a parameter of a part."""

import jax
from jax import Array

from memjax.devices._base import AbstractDevice


def name_of(path) -> str:
    """Name of the leaf at a path of `jax.tree_util.tree_map_with_path`."""
    return "__".join(part.name for part in path)


def parameters(device: AbstractDevice) -> dict[str, Array]:
    """All parameters of a device, by name."""
    return {name_of(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(device)}


def replace(device: AbstractDevice, values: dict[str, Array]) -> AbstractDevice:
    """The same device with some parameters changed."""
    return jax.tree_util.tree_map_with_path(lambda path, leaf: values.get(name_of(path), leaf), device)


def check_names(owner: str, device: AbstractDevice, names) -> None:
    """Raise ValueError for the first name that is no parameter of the device."""
    known = parameters(device)
    for name in names:
        if name not in known:
            raise ValueError(f"{owner}: {type(device).__name__} has no parameter {name!r}; it has {', '.join(known)}")
