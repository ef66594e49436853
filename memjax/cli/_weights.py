"""The trained network of a sweep, kept beside its store: training need not give the same bits on another machine."""

import pathlib
from typing import Any

import jax

from memjax import study
from memjax.cli._config import Config

FILE = "weights.npz"


def save(folder: pathlib.Path, config: Config, params: Any) -> None:
    """Writes the parameters, and what they depend on."""
    study.write(folder, {FILE: study.packed(_origin(config), params)})


def load(folder: pathlib.Path, config: Config, like: Any) -> Any:
    """The parameters in a folder, as a pytree like another.

    Raises: ValueError for a file that is something else, or comes from other settings.
    """
    path = folder / FILE
    leaves, treedef = jax.tree.flatten(like)
    try:
        found, arrays = study.unpacked(path)
    except ValueError as error:
        cure = "restore it, or remove it together with sweep.zarr to start again"
        raise ValueError(f"{path} must hold the trained network, to resume: {error}: {cure}") from error
    origin = _origin(config)
    if found != origin:
        changed = [
            f"{name} was {found.get(name)} and is {now}" for name, now in origin.items() if found.get(name) != now
        ]
        raise ValueError(f"{path} was trained otherwise: {', '.join(changed)}. Choose another folder by --out")
    if [array.shape for array in arrays] != [leaf.shape for leaf in leaves]:
        raise ValueError(f"{path} must hold the trained network, to resume: it has other shapes")
    return jax.tree.unflatten(treedef, [jax.numpy.asarray(array) for array in arrays])


def _origin(config: Config) -> dict[str, Any]:
    """What the parameters depend on."""
    return {"data": config.dataset, "network": config.network, "steps": config.steps, "seed": config.seed}
