"""ResNet-20, and a network of depthwise convolutions."""

import itertools
from collections.abc import Sequence

import jax.numpy as jnp
from flax import nnx


class ConvNorm(nnx.Module):
    """Convolution and batch normalisation; in `groups`, each of which sees its own channels."""

    def __init__(self, inputs: int, outputs: int, size: int, rngs: nnx.Rngs, stride: int = 1, groups: int = 1):
        self.conv = nnx.Conv(inputs, outputs, (size, size), strides=stride, feature_group_count=groups, rngs=rngs)
        self.norm = nnx.BatchNorm(outputs, rngs=rngs)

    def __call__(self, x):
        return self.norm(self.conv(x))


class ResNet20(nnx.Module):
    """ResNet-20 of He et al. (2016) for 32x32x3: 16, 32, 64 channels, shortcuts filled up with zeros.

    With `groups` (8, for instance) all convolutions but the first are grouped, as those of ResNeXt (Xie et al., 2017).
    Thinner for tests: `width` of the first stage, `blocks` of each.
    """

    shape = (32, 32, 3)

    def __init__(self, rngs: nnx.Rngs, groups: int = 1, width: int = 16, blocks: int = 3):
        widths = (width, *[width] * blocks, *[2 * width] * blocks, *[4 * width] * blocks)
        self.stem = ConvNorm(3, width, 3, rngs)
        pairs = list(itertools.pairwise(widths))
        self.first = nnx.List([ConvNorm(a, b, 3, rngs, 1 if a == b else 2, groups) for a, b in pairs])
        self.second = nnx.List([ConvNorm(b, b, 3, rngs, 1, groups) for _, b in pairs])
        self.head = nnx.Linear(4 * width, 10, rngs=rngs)

    def __call__(self, x):
        x = nnx.relu(self.stem(x))
        for first, second in zip(self.first, self.second, strict=True):
            y = second(nnx.relu(first(x)))
            stride, more = x.shape[1] // y.shape[1], y.shape[-1] - x.shape[-1]
            x = nnx.relu(y + jnp.pad(x[:, ::stride, ::stride], ((0, 0), (0, 0), (0, 0), (more // 2, more // 2))))
        return self.head(x.mean((1, 2)))


class MobileNet(nnx.Module):
    """MobileNet-style for 32x32x3: 3x3 convolutions of single channels, each followed by one of 1x1 over all.

    Source: Howard et al. (arXiv 1704.04861, 2017), with sizes for CIFAR. `layers` are (channels, stride).
    """

    shape = (32, 32, 3)

    def __init__(
        self,
        rngs: nnx.Rngs,
        stem: int = 32,
        layers: Sequence[tuple[int, int]] = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)),
    ):
        self.stem = ConvNorm(3, stem, 3, rngs)
        self.depthwise, self.pointwise, inputs = nnx.List(), nnx.List(), stem
        for outputs, stride in layers:
            self.depthwise.append(ConvNorm(inputs, inputs, 3, rngs, stride, groups=inputs))
            self.pointwise.append(ConvNorm(inputs, outputs, 1, rngs))
            inputs = outputs
        self.head = nnx.Linear(inputs, 10, rngs=rngs)

    def __call__(self, x):
        x = nnx.relu(self.stem(x))
        for depthwise, pointwise in zip(self.depthwise, self.pointwise, strict=True):
            x = nnx.relu(pointwise(nnx.relu(depthwise(x))))
        return self.head(x.mean((1, 2)))
