"""A small CNN trained on chips that spoil the forward read, the backward read and the update, each as much as asked."""

from functools import partial
from typing import Any, NamedTuple

import _insitu
import jax
import jax.numpy as jnp
import optax
from jax import Array

import memjax as mj

T = mj.training
OMEGA = 0.5  # the largest initial weight of every kernel, in the range of the devices
CELL = mj.Cell(r_on=20e3, r_off=200e3)
IDEAL_BITS = 16.0  # too many for their rounding to be seen beside float32 sums


class Read(NamedTuple):
    """What spoils a read of the chip. All numbers are traced.

    Attributes:
        adc, dac: bits of the converters.
        segment: resistance of the wires between neighbouring cells [ohm].
        noise: of every cell at every read, relative to its conductance.
    """

    adc: Any = IDEAL_BITS
    dac: Any = IDEAL_BITS
    segment: Any = None
    noise: Any = 0.0


def hardware(forward: Read, backward: Read) -> mj.Hardware:
    """Tiles of 64 x 64 pairs, read from the word lines as `forward` says and from the bit lines as `backward` says."""

    def parts(read: Read) -> dict[str, Any]:
        return {
            "dac": mj.Dac(bits=read.dac),
            "adc": mj.Adc(bits=read.adc),
            "wires": None if read.segment is None else mj.Wires(row=read.segment, column=read.segment),
            "effects": (mj.effects.ReadNoise(read.noise),),
        }

    return mj.Hardware(cell=CELL, tile=(64, 64), backward=mj.Backward(**parts(backward)), **parts(forward))


def untrained(key: Array, shape: tuple[int, ...], classes: int, width: int) -> Any:
    """Kernels and biases of two convolutions 5 x 5 (stride 2) and two dense layers (He et al., uniform)."""
    side = lambda n: (n - 5) // 2 + 1
    flat = side(side(shape[0])) * side(side(shape[1])) * 2 * width
    shapes = {
        "conv1": (25 * shape[2], width),
        "conv2": (25 * width, 2 * width),
        "dense1": (flat, 6 * width),
        "dense2": (6 * width, classes),
    }
    params = {}
    for own, (name, kernel) in zip(jax.random.split(key, len(shapes)), shapes.items(), strict=True):
        limit = (6.0 / kernel[0]) ** 0.5
        bias = jnp.zeros(kernel[-1])
        params[name] = {"kernel": limit * jax.random.uniform(own, kernel, minval=-1.0), "bias": bias}
    return params


def network(params: Any, x: Array) -> Array:
    """Images in [0, 1] to logits."""
    x = 2.0 * x - 1.0
    for name in ("conv1", "conv2"):
        x = jax.nn.relu(_patches(x) @ params[name]["kernel"] + params[name]["bias"])
    x = jax.nn.relu(x.reshape(len(x), -1) @ params["dense1"]["kernel"] + params["dense1"]["bias"])
    return x @ params["dense2"]["kernel"] + params["dense2"]["bias"]


def _patches(x: Array) -> Array:
    """[N, H, W, C] -> 5 x 5 patches, stride 2, [N, h, w, 25 C]: on a CPU faster than a convolution in a loop."""
    h, w = ((n - 5) // 2 + 1 for n in x.shape[1:3])
    at = lambda i, j: x[:, i : i + 2 * h - 1 : 2, j : j + 2 * w - 1 : 2]
    return jnp.concatenate([at(i, j) for i in range(5) for j in range(5)], -1)


def loss(params: Any, x: Array, labels: Array) -> Array:
    return optax.softmax_cross_entropy_with_integer_labels(network(params, x), labels).mean()


def gradient(chip: mj.Hardware | None, params: Any, x: Array, labels: Array, key: Array) -> tuple[Array, Any]:
    """(loss, gradient): products of inputs and errors that a chip has read; `chip` None: digital."""
    if chip is None:
        return jax.value_and_grad(loss)(params, x, labels)
    value, slope = mj.value_and_outer(loss, hardware=chip)(params, x, labels, key=key)
    is_outer = lambda node: isinstance(node, T.Outer)
    return value, jax.tree.map(lambda g: g.gradient if is_outer(g) else g, slope, is_leaf=is_outer)


class Bias(NamedTuple):
    """A gradient beside the true one: cosine of the angle between them, ratio of their norms."""

    cosine: Array
    ratio: Array


def bias(found: Any, true: Any) -> Bias:
    """Of all parameters as one vector; the cosine is 0 where no gradient was found."""
    dot = lambda a, b: sum(jnp.sum(u * v) for u, v in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))
    own, reference = jnp.sqrt(dot(found, found)), jnp.sqrt(dot(true, true))
    return Bias(dot(found, true) / jnp.where(own > 0.0, own * reference, 1.0), own / reference)


@partial(jax.jit, static_argnums=(3,))
def measured(chip: mj.Hardware, weights: Any, data: "Data", batch: int, seed: Any) -> dict[str, Array]:
    """Cosine and ratio of norms of the gradient of one chip and batch, and the cosine of the first layer's alone."""
    pick, own = jax.random.split(jax.random.key(seed))
    at = jax.random.choice(pick, len(data.labels), (batch,), replace=False)
    args = (weights, data.images[at], data.labels[at], own)
    found, true = gradient(chip, *args)[1], gradient(None, *args)[1]
    every, first = bias(found, true), bias(found["conv1"], true["conv1"])
    return {"cosine": every.cosine, "ratio": every.ratio, "first": first.cosine}


class Data(NamedTuple):
    images: Array
    labels: Array
    test_images: Array
    test_labels: Array


class Schedule(NamedTuple):
    """Static numbers of a training."""

    epochs: int
    batch: int
    width: int
    classes: int


class Trained(NamedTuple):
    accuracy: Array  # on the test images, fraction
    loss: Array  # mean over the last epoch
    params: Any  # weights on the devices
    scale: Any  # what the network sees is params * scale


@partial(jax.jit, static_argnums=0)
def train(
    schedule: Schedule, chip: mj.Hardware | None, law: T.AbstractLaw | None, rate: Any, data: Data, key: Array
) -> Trained:
    """SGD with reads of `chip` (None: digital), written into devices of `law` by stochastic pulses (None: digital).

    A new chip with the weights of the moment is programmed for each step, as the cells are those of `law`. The test
    images are read by the forward read of the same chip.
    """
    start, order, cells, reads = jax.random.split(key, 4)
    params = untrained(start, data.images.shape[1:], schedule.classes, schedule.width)
    scale = _insitu.factors(params, OMEGA)
    params = jax.tree.map(jnp.divide, params, scale)
    steps = len(data.labels) // schedule.batch
    falling = lambda count: rate * (1.0 - count / (schedule.epochs * steps))
    tx = _insitu.in_situ(law, cells, "stochastic", falling, 0.0, params)

    def differentiated(weights, rest, x, y, k):
        value, slope = gradient(chip, weights, x, y, k)
        return (value, rest), slope

    step = _insitu.step(differentiated, tx, scale)

    def epoch(carry, index):
        own = jax.random.fold_in(order, index)
        picks = jax.random.permutation(own, len(data.labels))[: steps * schedule.batch].reshape(steps, -1)
        keys = jax.random.split(jax.random.fold_in(reads, index), steps)
        return jax.lax.scan(lambda c, at: step(c, data.images[at[0]], data.labels[at[0]], at[1]), carry, (picks, keys))

    (params, _, _), losses = jax.lax.scan(epoch, (params, None, tx.init(params)), jnp.arange(schedule.epochs))
    found = accuracy(chip, jax.tree.map(jnp.multiply, params, scale), data, reads)
    return Trained(found, losses[-1].mean(), params, scale)


def accuracy(chip: mj.Hardware | None, weights: Any, data: Data, key: Array) -> Array:
    """Fraction of the test images that are recognised, 100 at a time."""
    read = network
    if chip is not None:
        analog = mj.crossbarify(network, chip)
        ready = analog.prepare(analog.program(weights, key, data.test_images[:100]))
        read = lambda weights, x: analog.apply(ready, weights, x, key=key)
    right = lambda part: read(weights, part[0]).argmax(-1) == part[1]
    parts = (data.test_images.reshape(-1, 100, *data.test_images.shape[1:]), data.test_labels.reshape(-1, 100))
    return jnp.mean(jax.lax.map(right, parts))


WINDOW = (0.1, 1.0)  # conductances of the range -1 to 1 of a device, relative


def drifted(weight: Array, mode: str, factor: Any, key: Array) -> Array:
    """Weights of devices whose conductance has drifted by a factor, read against a middle that stays.

    Args:
        weight: in [-1, 1], one device each, of a window of 10; none leaves it.
        mode: "up": times the factor; "down": divided by it; "middle": either, towards the middle of the window and not
            beyond; "random": either, by a coin for each device.
        factor: at least 1.
        key: of the coins.
    """
    low, high = WINDOW
    middle = 0.5 * (low + high)
    g = low + 0.5 * (jnp.clip(weight, -1.0, 1.0) + 1.0) * (high - low)
    up, down = jnp.minimum(g * factor, high), jnp.maximum(g / factor, low)
    after = {
        "up": up,
        "down": down,
        "middle": jnp.where(g < middle, jnp.minimum(up, middle), jnp.maximum(down, middle)),
        "random": jnp.where(jax.random.bernoulli(key, shape=g.shape), up, down),
    }[mode]
    return 2.0 * (after - low) / (high - low) - 1.0


@partial(jax.jit, static_argnums=1)
def aged_accuracy(trained: Trained, mode: str, factor: Any, data: Data, key: Array) -> Array:
    """Accuracy of a network whose kernels have drifted; its reads are ideal."""

    keys = dict(zip(trained.params, jax.random.split(key, len(trained.params)), strict=True))
    params = {
        name: layer | {"kernel": drifted(layer["kernel"], mode, factor, keys[name])}
        for name, layer in trained.params.items()
    }
    return accuracy(None, jax.tree.map(jnp.multiply, params, trained.scale), data, key)
