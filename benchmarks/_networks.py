"""The networks that are timed, as Flax NNX modules: a linear layer, a LeNet-size CNN, the survey's VGG-8, an MLP."""

import itertools
from collections.abc import Callable, Sequence

from flax import nnx


class Linear(nnx.Module):
    """One dense layer 512 -> 512."""

    shape = (512,)

    def __init__(self, rngs: nnx.Rngs):
        self.layer = nnx.Linear(512, 512, rngs=rngs)

    def __call__(self, x):
        return self.layer(x)


class LeNet(nnx.Module):
    """LeNet-5 sizes: two 5x5 convolutions with pooling, three dense layers, for 28x28 images."""

    shape = (28, 28, 1)

    def __init__(self, rngs: nnx.Rngs):
        self.convs = nnx.List([nnx.Conv(1, 6, (5, 5), rngs=rngs), nnx.Conv(6, 16, (5, 5), padding="VALID", rngs=rngs)])
        self.dense = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in ((400, 120), (120, 84), (84, 10))])

    def __call__(self, x):
        for conv in self.convs:
            x = nnx.max_pool(nnx.relu(conv(x)), (2, 2), (2, 2))
        x = x.reshape(len(x), -1)
        for layer in self.dense[:-1]:
            x = nnx.relu(layer(x))
        return self.dense[-1](x)


class VGG8(nnx.Module):
    """VGG-8 of Lammie et al. (Array 13, 2022): 48, 48 | 96, 96 | 144, 144 channels, dense 384 and 10, for 32x32x3.

    ReLU after every convolution, batch normalisation before the second ReLU of each pair, pooling after each pair.
    Thinner for tests: `channels` and `hidden`.
    """

    shape = (32, 32, 3)

    def __init__(self, rngs: nnx.Rngs, channels: Sequence[int] = (48, 48, 96, 96, 144, 144), hidden: int = 384):
        widths = (3, *channels)
        pairs = itertools.pairwise(widths)
        self.convs = nnx.List([nnx.Conv(a, b, (3, 3), rngs=rngs) for a, b in pairs])
        self.norms = nnx.List([nnx.BatchNorm(b, rngs=rngs) for b in widths[2::2]])
        self.dense = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in ((16 * channels[-1], hidden), (hidden, 10))])

    def __call__(self, x):
        for first, second, norm in zip(self.convs[::2], self.convs[1::2], self.norms, strict=True):
            x = nnx.relu(first(x))
            x = nnx.max_pool(nnx.relu(norm(second(x))), (2, 2), (2, 2))
        return self.dense[1](nnx.relu(self.dense[0](x.reshape(len(x), -1))))


class MLP(nnx.Module):
    """Dense layers, 784 -> 256 -> 128 -> 10 unless told otherwise: images of any shape to logits."""

    shape = (28, 28, 1)

    def __init__(self, rngs: nnx.Rngs, widths: Sequence[int] = (784, 256, 128, 10), activation: Callable = nnx.relu):
        self.layers = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in itertools.pairwise(widths)])
        self.activation = activation

    def __call__(self, x):
        x = x.reshape(len(x), -1)
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


NETWORKS = {"linear 512x512": Linear, "LeNet": LeNet, "VGG-8": VGG8}
