"""Layers as stages of a pipeline: cycles in closed form, and how often each layer is built to keep up."""

from collections.abc import Sequence
from typing import NamedTuple

from memjax import _check

MOST = 10**12


def pipeline_cycles(*, layers: int, inputs: int, batch: int = 1, training: bool = False, pipelined: bool = True) -> int:
    """Cycles of a network whose layers take one cycle each, as in PipeLayer.

    With L layers, N inputs and batches of B,

        testing     L N                  one after another;   N + L - 1            pipelined
        training    (2 L + 1) N + N / B  one after another;   (N / B) (2 L + B + 1)  pipelined.

    In training an input passes L layers forwards, the error of the output, and L layers backwards; at the end of a
    batch one more cycle updates the weights, for which the pipeline runs empty. Testing knows no batches.

    Args:
        layers: number of layers L.
        inputs: number of inputs N; in training a multiple of `batch`.
        batch: inputs B between two updates.
        training: whether the network learns.
        pipelined: whether an input enters every cycle, or when the one before it is through.

    Raises: TypeError, ValueError for what are no positive integers, and for inputs that are no whole batches.

    Source: L. Song et al., PipeLayer, HPCA 2017.
    """
    for name, value in {"layers": layers, "inputs": inputs, "batch": batch}.items():
        _check.integer(name, value, 1, MOST)
    _check.flag("training", training)
    _check.flag("pipelined", pipelined)
    layers, inputs, batch = int(layers), int(inputs), int(batch)
    if not training:
        return inputs + layers - 1 if pipelined else layers * inputs
    if inputs % batch:
        raise ValueError(f"inputs must be a multiple of batch={batch} in training, got {inputs}")
    batches = inputs // batch
    return batches * (2 * layers + batch + 1) if pipelined else (2 * layers + 1) * inputs + batches


def pipeline_buffers(layers: int) -> tuple[int, ...]:
    """Vectors that each layer keeps while a batch is trained in a pipeline: 2 (L - l) + 1 for layer l = 1 to L.

    What a layer computes is used again when the error comes back to it, 2 (L - l) + 1 cycles later; a new vector comes
    every cycle.

    Source: L. Song et al., PipeLayer, HPCA 2017.
    """
    _check.integer("layers", layers, 1, 10**6)
    return tuple(2 * (layers - one) + 1 for one in range(1, layers + 1))


class Replicas(NamedTuple):
    """How often each layer is built.

    Attributes:
        copies: of each layer, at least 1.
        cycles: of the slowest layer.
        tiles: of all copies.
    """

    copies: tuple[int, ...]
    cycles: int
    tiles: int


def replicate(
    vectors: Sequence[int], tiles: Sequence[int], budget: int, cycles: Sequence[int] | None = None
) -> Replicas:
    """The copies of each layer that make the slowest one as fast as a number of tiles allows.

        minimise over G: max over l of cycles_l ceil(vectors_l / G_l), with sum over l of tiles_l G_l <= budget,

    exactly: to be done in T cycles layer l needs ceil(vectors_l / floor(T / cycles_l)) copies and no more, so that
    bisection over T finds the least. Of all such choices it is the one with fewest tiles.

    Args:
        vectors: that each layer reads for an input, as the positions of a convolution.
        tiles: of one copy of each layer.
        budget: number of tiles.
        cycles: of one vector of each layer; None: the same for all, and one.

    Raises: ValueError for a budget that does not hold each layer once.

    Source: the parallelism granularity G of L. Song et al., PipeLayer, HPCA 2017; bisection by algebra.
    """
    counts = _integers("vectors", vectors)
    sizes = _integers("tiles", tiles, len(counts))
    each = [1] * len(counts) if cycles is None else _integers("cycles", cycles, len(counts))
    _check.integer("budget", budget, 1, MOST)
    if sum(sizes) > budget:
        missing = sum(sizes) - budget
        raise ValueError(f"budget must be at least {sum(sizes)} tiles, got {budget}: {missing} tiles are missing")
    layers = list(zip(counts, each, strict=True))
    copies_for = lambda slowest: tuple(-(-count // (slowest // one)) for count, one in layers)
    used = lambda copies: sum(size * count for size, count in zip(sizes, copies, strict=True))
    low, high = max(each) - 1, max(count * one for count, one in layers)  # too few cycles, enough cycles
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if used(copies_for(middle)) <= budget else (middle, high)
    copies = copies_for(high)
    slowest = max(one * -(-count // built) for (count, one), built in zip(layers, copies, strict=True))
    return Replicas(copies, slowest, used(copies))


def _integers(name: str, values: Sequence[int], count: int | None = None) -> list[int]:
    """Positive integers: so many of them, or at least one."""
    if not isinstance(values, list | tuple) or not values:
        raise TypeError(f"{name} must be a list of positive integers, got {_check.shown(values)}")
    for index, value in enumerate(values):
        _check.integer(f"{name}[{index}]", value, 1, MOST)
    if count not in (None, len(values)):
        raise ValueError(f"{name} must have an entry for each of the {count} layers, got {len(values)}")
    return [int(value) for value in values]
