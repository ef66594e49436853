"""The networks of Souto Garnelo et al. in ordinary Flax NNX, and their trained weights.

Published: blocks of two 3x3 convolutions with batch normalisation and ReLU, each followed by pooling; dropout, then the
dense layers. MNIST has two blocks of 10 channels and one dense layer, CIFAR-10 three blocks of 16, 32 and 64 channels
and two dense layers, CIFAR-100 three of 32, 64 and 128 and three dense layers. Not published, and chosen here: the
widths of the hidden dense layers, the rate of the dropout and its place, and everything about digits, the stand-in for
machines without those data sets.
"""

import hashlib
import io
import itertools
import json
import pathlib
import zipfile
import zlib
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from memjax.cli import _files

Model = TypeVar("Model", bound=nnx.Module)
WEIGHTS = pathlib.Path(__file__).parent / "weights"


class Shape(NamedTuple):
    """What tells one network from another."""

    image: tuple[int, int, int]
    channels: tuple[int, ...]  # of each block
    hidden: tuple[int, ...]  # widths of the hidden dense layers
    classes: int
    dropout: float


SHAPES = {
    "digits": Shape((8, 8, 1), (8,), (), 10, 0.0),
    "mnist": Shape((28, 28, 1), (10, 10), (), 10, 0.0),
    "cifar10": Shape((32, 32, 3), (16, 32, 64), (128,), 10, 0.2),
    "cifar100": Shape((32, 32, 3), (32, 64, 128), (512, 256), 100, 0.3),
}


class Block(nnx.Module):
    """Two 3x3 convolutions with batch normalisation and ReLU, and pooling: half the height and width."""

    def __init__(self, inputs: int, outputs: int, rngs: nnx.Rngs):
        # No bias: the normalisation that follows would take it away.
        self.convs = nnx.List([nnx.Conv(n, outputs, (3, 3), use_bias=False, rngs=rngs) for n in (inputs, outputs)])
        self.norms = nnx.List([nnx.BatchNorm(outputs, momentum=0.9, rngs=rngs) for _ in range(2)])

    def __call__(self, x):
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = nnx.relu(norm(conv(x)))
        return nnx.max_pool(x, (2, 2), (2, 2))


class Network(nnx.Module):
    """Images `[B, height, width, channels]` in [0, 1] to logits `[B, classes]`.

    `rngs` are those of the dropout in training.
    """

    def __init__(self, shape: Shape, rngs: nnx.Rngs):
        height, width, colours = shape.image
        channels = (colours, *shape.channels)
        self.blocks = nnx.List([Block(a, b, rngs) for a, b in itertools.pairwise(channels)])
        down = 2 ** len(shape.channels)
        widths = ((height // down) * (width // down) * channels[-1], *shape.hidden, shape.classes)
        self.dense = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in itertools.pairwise(widths)])
        self.dropout = nnx.Dropout(shape.dropout)

    def __call__(self, x, rngs: nnx.Rngs | None = None):
        for block in self.blocks:
            x = block(x)
        x = x.reshape(len(x), -1)
        for layer in self.dense[:-1]:
            x = nnx.relu(layer(self.dropout(x, rngs=rngs)))
        return self.dense[-1](self.dropout(x, rngs=rngs))


def untrained(dataset: str, seed: int = 0) -> Network:
    """The network of a data set with random weights."""
    return Network(SHAPES[dataset], nnx.Rngs(seed))


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
    path.parent.mkdir(parents=True, exist_ok=True)
    _files.write(path.parent, {path.name: buffer.getvalue()})


def load(dataset: str, path: pathlib.Path | None = None) -> tuple[Network, dict]:
    """(trained network in evaluation mode, recipe).

    Raises:
        FileNotFoundError: there are no weights for this data set yet.
        ValueError: the file is damaged, or it is of another network.
    """
    path = WEIGHTS / f"{dataset}.npz" if path is None else path
    cure = f"train them with: python experiments/souto_garnelo/train.py --dataset {dataset}"
    return restored(lambda: untrained(dataset), path, cure)


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
