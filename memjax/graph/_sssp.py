"""Shortest paths: weights read row by row, added and compared digitally."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax import _check
from memjax._random import fold_name
from memjax.crossbar import Hardware
from memjax.graph._adjacency import edges, vertex
from memjax.graph._blocks import Blocks


def sssp(hardware: Hardware, adjacency: Any, source: Any, key: Array, *, threshold: Any = 0.5) -> Array:
    """Lengths of the shortest paths from a source to each vertex, by the method of Bellman and Ford on one chip.

        d_j <- min(d_j, min_i (d_i + w_ij)),   w_ij as read, infinite where it reads at most threshold * min w

    The cells hold the weights. Every word line is driven alone, once, so that each bit line shows the weight of one
    edge; sums and comparisons are digital. The ADC is given the range of the largest weight (where it has none of its
    own).

    Args:
        hardware: the specification. Weights are mapped by its mapping, the largest one to the full range.
        adjacency: [n, n], length >= 0 of the edge from row to column, zero: none; dense or of scipy.sparse, not traced.
        source: the vertex of distance 0, in [0, n).
        key: PRNG key of the chip and of its reads.
        threshold: what a cell has to exceed to be an edge, in units of the smallest length, in (0, 1).

    Returns: distances [n]; infinite where no path leads.

    Raises: ValueError for a matrix that is not square, empty, not finite, negative, or fills more than 32 768 tiles,
        for a source that is no vertex and a threshold out of its range; TypeError for arguments of another kind.
    """
    graph = edges(adjacency)
    source = vertex("source", source, graph.vertices)
    _check.key("key", key)
    threshold = _check.scalar("threshold", threshold, above=0.0, below=1.0)
    shortest = graph.weight.min() if graph.weight.size else 1.0
    return _sssp(hardware, Blocks.of(hardware, graph), source, key, threshold * shortest)


@jax.jit
def _sssp(hardware: Hardware, blocks: Blocks, source: Any, key: Array, threshold: Any) -> Array:
    ready = blocks.prepare(hardware, blocks.program(hardware, fold_name(key, "write"), at_once=1))
    tiles, rows, _ = blocks.weights.shape
    lines = jnp.broadcast_to(jnp.eye(rows, dtype=ready.gains[0].dtype), (tiles, rows, rows))
    read = blocks.reads(hardware, ready, lines, fold_name(key, "read"))
    lengths = jnp.where(read > threshold, read, jnp.inf)

    def relax(state):
        distance, _ = state
        through = jnp.min(blocks.split(distance, jnp.inf)[..., None] + lengths, axis=1)
        new = jnp.minimum(distance, blocks.smallest(through))
        return new, jnp.any(new < distance)

    start = jnp.where(jnp.arange(blocks.vertices) == source, 0.0, jnp.inf).astype(lengths.dtype)
    return lax.while_loop(lambda state: state[1], relax, (start, jnp.asarray(True)))[0]
