"""The convolutional networks of Souto Garnelo et al. (arXiv 2407.13410).

Published: blocks of two 3x3 convolutions with batch normalisation and ReLU, each followed by pooling; dropout, then the
dense layers. MNIST has two blocks of 10 channels and one dense layer, CIFAR-10 three blocks of 16, 32 and 64 channels
and two dense layers, CIFAR-100 three of 32, 64 and 128 and three dense layers. Not published, and chosen here: the
widths of the hidden dense layers, the rate of the dropout and its place, and everything about digits, the stand-in for
machines without those data sets.
"""

import itertools
from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx
from jax import lax


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


class StudyCNN(nnx.Module):
    """Images `[B, height, width, channels]` in [0, 1] to logits `[B, classes]`.

    `rngs` of a call are those of the dropout in training.
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
        return self._classified(x, rngs)

    def folded(self, x):
        """The logits of evaluation, each batch normalisation folded into the kernel before it."""
        for block in self.blocks:
            for conv, norm in zip(block.convs, block.norms, strict=True):
                gain = norm.scale[...] / jnp.sqrt(norm.var[...] + norm.epsilon)
                kernel = conv.kernel[...] * gain
                y = lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
                x = nnx.relu(y + norm.bias[...] - norm.mean[...] * gain)
            x = nnx.max_pool(x, (2, 2), (2, 2))
        return self._classified(x, None)

    def _classified(self, x, rngs):
        x = x.reshape(len(x), -1)
        for layer in self.dense[:-1]:
            x = nnx.relu(layer(self.dropout(x, rngs=rngs)))
        return self.dense[-1](self.dropout(x, rngs=rngs))
