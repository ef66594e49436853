"""What all peers are given: networks as lists of layers with arrays, inputs, and the reference outputs."""

import functools
from typing import Any

import jax
import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from _networks import MLP, NETWORKS, VGG8, LeNet, Linear
from flax import nnx
from inference import as_function
from training import images
from training import network as trainable

Arrays = dict[str, np.ndarray]
LEVELS = 6


def held(weights: np.ndarray) -> np.ndarray:
    """What pairs of cells of LEVELS conductances hold, equally spaced from 0 to the largest weight.

    Simulators that know no levels are given these.
    """
    step = np.abs(weights).max() / (LEVELS - 1)
    return (np.round(weights / step) * step).astype(weights.dtype)


class Described:
    """Layers in the order of their calls, each with its kind, settings and the names of its arrays."""

    def __init__(self):
        self.layers: list[dict[str, Any]] = []
        self.arrays: Arrays = {}

    def add(self, kind: str, arrays: dict[str, Any] | None = None, **how: Any) -> None:
        values = {name: np.asarray(value[...]) for name, value in (arrays or {}).items()}
        if "kernel" in values:
            values["held"] = held(values["kernel"])
        self.arrays |= {f"{len(self.layers)}.{name}": value for name, value in values.items()}
        self.layers.append({"kind": kind, "arrays": list(values), **how})

    def dense(self, layer: nnx.Linear, flat: tuple[int, ...] | None = None) -> None:
        """A dense layer; `flat`: the (height, width, channels) that were flattened in front of it."""
        self.add("dense", {"kernel": layer.kernel, "bias": layer.bias}, flat=flat)

    def conv(self, layer: nnx.Conv) -> None:
        padding = (layer.kernel_size[0] - 1) // 2 if layer.padding == "SAME" else 0
        self.add("conv", {"kernel": layer.kernel, "bias": layer.bias}, padding=padding)

    def norm(self, layer: nnx.BatchNorm) -> None:
        self.add("norm", {"scale": layer.scale, "bias": layer.bias, "mean": layer.mean, "var": layer.var})

    def head(self, layers: Any, flat: tuple[int, ...]) -> None:
        """Dense layers with activations between them, on flattened images."""
        self.add("flatten")
        for index, layer in enumerate(layers):
            if index:
                self.add("relu")
            self.dense(layer, None if index else flat)


@functools.singledispatch
def network(model: Any) -> Described:
    """The layers of a network."""
    raise TypeError(f"no description of a {type(model).__name__}")


@network.register
def _(model: Linear) -> Described:
    described = Described()
    described.dense(model.layer)
    return described


@network.register
def _(model: LeNet) -> Described:
    described = Described()
    for conv in model.convs:
        described.conv(conv)
        described.add("relu")
        described.add("pool")
    described.head(model.dense, (5, 5, 16))
    return described


@network.register
def _(model: VGG8) -> Described:
    described = Described()
    for first, second, norm in zip(model.convs[::2], model.convs[1::2], model.norms, strict=True):
        described.conv(first)
        described.add("relu")
        described.conv(second)
        described.norm(norm)
        described.add("relu")
        described.add("pool")
    channels = model.norms[-1].num_features
    described.head(model.dense, (4, 4, channels))
    return described


@network.register
def _(model: MLP) -> Described:
    described = Described()
    described.head(model.layers, model.shape)
    return described


def inference(name: str, batch: int) -> tuple[list[dict[str, Any]], Arrays]:
    """(layers, arrays) of a forward pass: x, and the digital outputs of JAX, also with the weights of LEVELS levels."""
    described = network(NETWORKS[name](nnx.Rngs(0)))
    x = np.asarray(jax.random.normal(jax.random.key(0), (batch, *NETWORKS[name].shape)))
    fn, state = as_function(NETWORKS[name])
    is_kernel = lambda path: "kernel" in jax.tree_util.keystr(path)
    rounded = jax.tree.map_with_path(lambda path, a: held(np.asarray(a)) if is_kernel(path) else a, state)
    outputs = {"reference": np.asarray(fn(state, x)), "levels": np.asarray(fn(rounded, x))}
    return described.layers, described.arrays | outputs | {"x": x}


def training(name: str) -> tuple[list[dict[str, Any]], Arrays]:
    """(layers, arrays) of a training: images and labels."""
    described = network(trainable(name))
    x, y = images(name)
    return described.layers, described.arrays | {"images": np.asarray(x, np.float32), "labels": np.asarray(y)}


def wires(n: int, ohm: float) -> Arrays:
    """Conductances of 1 to 100 µS, voltages up to 1 V, and the currents of the whole network of nodes."""
    rng = np.random.default_rng(n)
    g, v = (a.astype(np.float32) for a in (rng.uniform(1e-6, 1e-4, (n, n)), rng.uniform(0, 1, n)))
    return {"conductance": g, "voltage": v, "reference": currents(g.astype(float), v.astype(float), ohm)}


def currents(conductance: np.ndarray, voltage: np.ndarray, ohm: float) -> np.ndarray:
    """Currents [A] into the grounded ends of the bit lines, by Kirchhoff's law at all 2 m n nodes (float64, sparse LU).

    A driver is one segment in front of the first column, ground one segment behind the last row.
    """
    m, n = conductance.shape
    cells = np.arange(m * n).reshape(m, n)
    word, bit = cells, cells + m * n
    r = np.full(m * n, 1 / ohm).reshape(m, n)
    ends = [(word, bit, conductance), (word[:, 1:], word[:, :-1], r[:, 1:]), (bit[1:], bit[:-1], r[1:])]
    a, b, g = (np.concatenate([np.ravel(part[i]) for part in ends]) for i in range(3))
    edges = ((a, a, g), (b, b, g), (a, b, -g), (b, a, -g), (word[:, 0], word[:, 0], r[:, 0]), (bit[-1], bit[-1], r[-1]))
    rows, columns, values = (np.concatenate([edge[i] for edge in edges]) for i in range(3))
    matrix = scipy.sparse.csc_matrix((values, (rows, columns)), shape=(2 * m * n, 2 * m * n))
    injected = np.zeros(2 * m * n)
    injected[word[:, 0]] = voltage / ohm
    return scipy.sparse.linalg.spsolve(matrix, injected)[bit[-1]] / ohm
