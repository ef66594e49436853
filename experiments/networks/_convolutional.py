"""Convolutional networks of one path, the survey's VGG-8 and GoogLeNet among them, and dense ones."""

import itertools
from collections.abc import Callable, Sequence

import jax.numpy as jnp
from flax import nnx

from networks._residual import ConvNorm


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


class Plain20(nnx.Module):
    """20 convolutions 3x3 of 8 to 46 channels, no two of one shape, for 16x16x3."""

    shape = (16, 16, 3)

    def __init__(self, rngs: nnx.Rngs):
        pairs = itertools.pairwise((3, *range(8, 48, 2)))
        self.convs = nnx.List([nnx.Conv(a, b, (3, 3), rngs=rngs) for a, b in pairs])

    def __call__(self, x):
        for conv in self.convs:
            x = nnx.relu(conv(x))
        return x


class Inception(nnx.Module):
    """Four branches side by side; the 5x5 convolution is two of 3x3."""

    def __init__(self, inputs: int, branches: Sequence[int], rngs: nnx.Rngs):
        one, reduce_3, three, reduce_5, five, pool = branches
        chains = ((inputs, one), (inputs, reduce_3, three), (inputs, reduce_5, five, five), (inputs, pool))
        self.branches = nnx.List(
            [
                nnx.List([ConvNorm(a, b, 3 if i else 1, rngs) for i, (a, b) in enumerate(itertools.pairwise(chain))])
                for chain in chains
            ]
        )

    def __call__(self, x):
        sources = (x, x, x, nnx.max_pool(x, (3, 3), (1, 1), "SAME"))
        results = []
        for y, branch in zip(sources, self.branches, strict=True):
            for layer in branch:
                y = nnx.relu(layer(y))
            results.append(y)
        return jnp.concatenate(results, -1)


class GoogLeNet(nnx.Module):
    """GoogLeNet of Szegedy et al. (2015) for 32x32x3 and 10 classes: 64 convolutions and a dense layer."""

    shape = (32, 32, 3)

    def __init__(self, rngs: nnx.Rngs):
        stages = (
            [(64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)],
            [
                (192, 96, 208, 16, 48, 64),
                (160, 112, 224, 24, 64, 64),
                (128, 128, 256, 24, 64, 64),
                (112, 144, 288, 32, 64, 64),
                (256, 160, 320, 32, 128, 128),
            ],
            [(256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)],
        )
        self.stem, inputs, made = ConvNorm(3, 192, 3, rngs), 192, []
        for stage in stages:
            blocks = []
            for branches in stage:
                blocks.append(Inception(inputs, branches, rngs))
                inputs = branches[0] + branches[2] + branches[4] + branches[5]
            made.append(nnx.List(blocks))
        self.stages = nnx.List(made)
        self.head = nnx.Linear(inputs, 10, rngs=rngs)

    def __call__(self, x):
        x = nnx.relu(self.stem(x))
        for index, stage in enumerate(self.stages):
            x = nnx.max_pool(x, (3, 3), (2, 2), "SAME") if index else x
            for block in stage:
                x = block(x)
        return self.head(x.mean((1, 2)))
