"""Networks that have a recipe, and their weights: in half precision, with recipe and checksum."""

import hashlib
import io
import json
import pathlib
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import memjax as mj
from networks._convolutional import GoogLeNet
from networks._residual import ResNet20
from networks._study import SHAPES, StudyCNN

Model = TypeVar("Model", bound=nnx.Module)
WEIGHTS = pathlib.Path(__file__).parent / "weights"


class Named(NamedTuple):
    """A network that `experiments/train.py` trains."""

    make: Callable[[nnx.Rngs], nnx.Module]
    dataset: str


NAMED = {name: Named(partial(StudyCNN, shape), name) for name, shape in SHAPES.items()}
NAMED |= {"resnet20": Named(ResNet20, "cifar10"), "googlenet": Named(GoogLeNet, "cifar10")}


def untrained(name: str, seed: int = 0):
    """A network of `NAMED` with random weights."""
    return NAMED[name].make(nnx.Rngs(seed))


def arrays(model: nnx.Module) -> dict[str, np.ndarray]:
    """Every parameter and batch statistic by its path, such as `blocks/0/convs/1/kernel`."""
    leaves, _ = jax.tree.flatten_with_path(nnx.state(model))
    return {_name(path): np.asarray(leaf) for path, leaf in leaves}


def save(model: nnx.Module, path: pathlib.Path, recipe: dict) -> None:
    """Writes the weights in half precision, with the recipe that made them and a checksum over all."""
    content = {name: array.astype(np.float16) for name, array in arrays(model).items()}
    buffer = io.BytesIO()
    about = {"recipe": recipe, "checksum": _checksum(content)}
    np.savez_compressed(buffer, about=np.array(json.dumps(about)), **content)
    mj.study.write(path.parent, {path.name: buffer.getvalue()})


def load(name: str, path: pathlib.Path | None = None):
    """(trained network of `NAMED` in evaluation mode, recipe).

    Raises:
        FileNotFoundError: there are no weights of this network yet.
        ValueError: the file is damaged, or it is of another network.
    """
    path = WEIGHTS / f"{name}.npz" if path is None else path
    return restored(lambda: untrained(name), path, f"train them with: python experiments/train.py {name}")


def restored(untrained: Callable[[], Model], path: pathlib.Path, cure: str) -> tuple[Model, dict]:
    """(the network of `untrained` with the weights of a file of `save`, in evaluation mode; recipe).

    Raises: FileNotFoundError and ValueError as `load`, with the cure.
    """
    if not path.exists():
        raise FileNotFoundError(f"there are no weights {str(path)!r}; {cure}")
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            content = {name: archive[name] for name in archive.files}
        about = json.loads(content.pop("about").item())
        intact = about["checksum"] == _checksum(content)
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"weights {str(path)!r} cannot be read ({error}); {cure}") from error
    if not intact:
        raise ValueError(f"weights {str(path)!r} are damaged: their checksum is another; {cure}")
    graphdef, state = nnx.split(nnx.eval_shape(untrained))
    names = jax.tree.map_with_path(lambda at, _: _name(at), state)
    expected = dict(zip(jax.tree.leaves(names), (leaf.shape for leaf in jax.tree.leaves(state)), strict=True))
    if expected != {name: array.shape for name, array in content.items()}:
        raise ValueError(f"weights {str(path)!r} are of another network, whose arrays have other shapes; {cure}")
    model = nnx.merge(graphdef, jax.tree.map(lambda name: jnp.asarray(content[name], jnp.float32), names))
    model.eval()
    return model, about["recipe"]


def _name(path: tuple) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/").removesuffix("/value")


def _checksum(content: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(content):
        digest.update(name.encode() + str(content[name].shape).encode() + content[name].tobytes())
    return digest.hexdigest()
