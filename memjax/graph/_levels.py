"""Breadth-first search and connected components: reads that a threshold makes boolean."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax import _check
from memjax._random import fold_name
from memjax.crossbar import Hardware
from memjax.graph._adjacency import edges, vertex
from memjax.graph._blocks import Blocks

UNREACHED = -1


def bfs(hardware: Hardware, adjacency: Any, source: Any, key: Array, *, threshold: Any = 0.5) -> Array:
    """Levels of a breadth-first search on one chip: the number of edges from a source to each vertex.

        reached_j = any over tiles of (sum over i in the tile of A_ij frontier_i > threshold)

    The cells hold 1 for every edge, whatever its weight. A level is one read of all tiles: the word lines of the
    frontier are driven, every tile compares, the answers of the tiles above one another are joined by OR. The ADC is
    given the range of one edge (where it has none of its own): larger sums clip to an answer that is right, and one
    bit, a comparator, is enough.

    Args:
        hardware: the specification.
        adjacency: [n, n], not zero where an edge leads from row to column; dense or of scipy.sparse, not traced.
        source: the vertex of level 0, in [0, n).
        key: PRNG key of the chip and of its reads.
        threshold: what a read has to exceed, in units of an edge, in (0, 1).

    Returns: levels [n], integers; -1 where no path leads.

    Raises: ValueError for a matrix that is not square, empty, not finite, or fills more than 32 768 tiles, for a source
        that is no vertex and a threshold out of its range; TypeError for arguments of another kind.
    """
    graph = edges(adjacency, weighted=False)
    source = vertex("source", source, graph.vertices)
    _check.key("key", key)
    threshold = _check.scalar("threshold", threshold, above=0.0, below=1.0)
    return _bfs(hardware, Blocks.of(hardware, graph), source, key, threshold)


@jax.jit
def _bfs(hardware: Hardware, blocks: Blocks, source: Any, key: Array, threshold: Any) -> Array:
    neighbours = _neighbours(hardware, blocks, key, threshold)

    def step(state):
        depth, level, frontier = state
        new = neighbours(frontier, depth) & (level == UNREACHED)
        return depth + 1, jnp.where(new, depth + 1, level), new

    frontier = jnp.arange(blocks.vertices) == source
    start = jnp.zeros((), int), jnp.where(frontier, 0, UNREACHED), frontier
    return lax.while_loop(lambda state: jnp.any(state[2]), step, start)[1]


def connected_components(hardware: Hardware, adjacency: Any, key: Array, *, threshold: Any = 0.5) -> Array:
    """Connected components of a graph on one chip (weakly connected, where edges have a direction).

    A breadth-first search (see `bfs`) from the first vertex without a component, until all have one, on tiles that hold
    every edge in both directions.

    Args and errors: those of `bfs`.

    Returns: [n], the smallest vertex of the component of each vertex.
    """
    graph = edges(adjacency, weighted=False)
    _check.key("key", key)
    threshold = _check.scalar("threshold", threshold, above=0.0, below=1.0)
    return _components(hardware, Blocks.of(hardware, graph.both_ways), key, threshold)


@jax.jit
def _components(hardware: Hardware, blocks: Blocks, key: Array, threshold: Any) -> Array:
    neighbours = _neighbours(hardware, blocks, key, threshold)
    vertices = jnp.arange(blocks.vertices)

    def step(state):
        reads, label, first, frontier = state
        new = neighbours(frontier, reads) & (label == UNREACHED)
        label = jnp.where(new, first, label)
        free = label == UNREACHED
        over = ~jnp.any(new)
        first = jnp.where(over, jnp.argmax(free), first)
        new = jnp.where(over, free & (vertices == first), new)
        return reads + 1, jnp.where(new, first, label), first, new

    frontier = vertices == 0
    start = jnp.zeros((), int), jnp.where(frontier, 0, UNREACHED), jnp.zeros((), int), frontier
    return lax.while_loop(lambda state: jnp.any(state[3]), step, start)[1]


def _neighbours(hardware: Hardware, blocks: Blocks, key: Array, threshold: Any):
    """(a set of vertices [n], the number of the read) -> the vertices that the read finds next to them [n]."""
    ready = blocks.prepare(hardware, blocks.program(hardware, fold_name(key, "write"), at_once=1))
    noise = fold_name(key, "read")

    def neighbours(frontier: Array, number: Array) -> Array:
        drives = frontier.astype(ready.gains[0].dtype)
        return blocks.any(blocks.products(hardware, ready, drives, jax.random.fold_in(noise, number)) > threshold)

    return neighbours
