"""The benchmark's networks in PyTorch; as a script: digital PyTorch, the peer that simulates nothing.

Kernels come as JAX has them (height, width, in, out; dense: in, out) with images last in channels, and are turned here
once. Runs on Python 3.8, since MemTorch does.
"""

from __future__ import annotations

import numpy as np
import torch
from _peer_worker import Built, serve


def dense(kernel: np.ndarray, bias: np.ndarray, flat) -> torch.nn.Module:
    if flat is not None:  # features were flattened in the order height, width, channel
        kernel = kernel.reshape(*flat, -1).transpose(2, 0, 1, 3).reshape(len(kernel), -1)
    layer = torch.nn.Linear(*kernel.shape)
    layer.weight.data, layer.bias.data = torch.from_numpy(kernel.T.copy()), torch.from_numpy(bias)
    return layer


def convolution(kernel: np.ndarray, bias: np.ndarray, padding: int) -> torch.nn.Module:
    height, width, inputs, outputs = kernel.shape
    layer = torch.nn.Conv2d(inputs, outputs, (height, width), padding=padding)
    layer.weight.data, layer.bias.data = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy()), torch.from_numpy(bias)
    return layer


def norm(scale: np.ndarray, bias: np.ndarray, mean: np.ndarray, var: np.ndarray) -> torch.nn.Module:
    layer = torch.nn.BatchNorm2d(len(scale))
    layer.weight.data, layer.bias.data = torch.from_numpy(scale), torch.from_numpy(bias)
    layer.running_mean, layer.running_var = torch.from_numpy(mean), torch.from_numpy(var)
    return layer


def network(layers, data, levels: bool = False) -> torch.nn.Sequential:
    """The network that `_peer_data.network` describes, with the weights that cells of few levels hold."""
    made = []
    for index, layer in enumerate(layers):
        kind, arrays = layer["kind"], {name: data[f"{index}.{name}"] for name in layer["arrays"]}
        if "held" in arrays:
            rounded = arrays.pop("held")
            arrays["kernel"] = rounded if levels else arrays["kernel"]
        if kind == "dense":
            made.append(dense(flat=layer["flat"], **arrays))
        elif kind == "conv":
            made.append(convolution(padding=layer["padding"], **arrays))
        elif kind == "norm":
            made.append(norm(**arrays))
        else:
            made.append(
                {"relu": torch.nn.ReLU, "pool": lambda: torch.nn.MaxPool2d(2), "flatten": torch.nn.Flatten}[kind]()
            )
    return torch.nn.Sequential(*made)


def images(x: np.ndarray) -> torch.Tensor:
    """Images with channels first; anything else as it is."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1) if x.ndim == 4 else x))


def matrices(model: torch.nn.Sequential, x: torch.Tensor) -> list:
    """(place in the network, layer, its input in the digital network) of every layer with a matrix."""
    found = []
    with torch.no_grad():
        for index, layer in enumerate(model.eval()):
            if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d)):
                found.append((index, layer, x))
            x = layer(x)
    return found


def deviation(layer, x: torch.Tensor, tile: int) -> float:
    """Standard deviation of the current of a column of a tile, were weights and inputs independent.

    In units of the current of the largest weight at the largest input.
    """
    weight = layer.weight.detach().flatten(1)
    relative = lambda a: float(a.square().mean().sqrt() / a.abs().max())
    return min(tile, weight.shape[1]) ** 0.5 * relative(weight) * relative(x)


def inference(model: torch.nn.Module, x: torch.Tensor):
    """A function that makes a forward pass."""
    model.eval()

    def run():
        with torch.no_grad():
            return model(x).numpy()

    return run


def training(model: torch.nn.Module, optimiser, data, batch: int):
    """(a function that makes the next step, one that gives the loss of the first images now)."""
    x, y = images(data["images"]), torch.from_numpy(data["labels"].astype(np.int64))
    entropy = torch.nn.functional.cross_entropy
    place = 0
    model.train()

    def step():
        nonlocal place
        part = slice(place, place + batch)
        place = place + batch if place + 2 * batch <= len(y) else 0
        optimiser.zero_grad()
        loss = entropy(model(x[part]), y[part])
        loss.backward()
        optimiser.step()
        return float(loss.detach())

    def loss():
        with torch.no_grad():
            return float(entropy(model(x[: 4 * batch]), y[: 4 * batch]))

    return step, loss


def digital_training(job, data):
    model = network(job["layers"], data)
    optimiser = torch.optim.SGD(model.parameters(), lr=job["rate"])
    return training(model, optimiser, data, job["batch"])


def forward(job, data) -> Built:
    run = inference(network(job["layers"], data), images(data["x"]))
    return Built(run, ideal=run)


def trained(job, data) -> Built:
    step, loss = digital_training(job, data)
    return Built(step, loss=loss)


if __name__ == "__main__":
    serve({"inference": forward, "training": trained}, ("torch",))
