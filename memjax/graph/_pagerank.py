"""PageRank: sums of currents."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from memjax import _check
from memjax._random import fold_name
from memjax.crossbar import Hardware
from memjax.graph._adjacency import edges
from memjax.graph._blocks import Blocks

INT32 = np.iinfo(np.int32)


def pagerank(
    hardware: Hardware,
    adjacency: Any,
    key: Array,
    damping: Any = 0.85,
    *,
    iterations: Any = 100,
    tolerance: Any = 1e-6,
) -> Array:
    """PageRank of the vertices of a graph, by power iteration on one chip.

        r_j <- d (sum_i A_ij r_i / s_i + sum over i with s_i = 0 of r_i / n) + (1 - d) / n,   s_i = sum_j A_ij

    The cells hold A, the word lines are driven with r_i / s_i, the bit lines sum; the rest is digital, s included. An
    iteration is one read of all tiles, after which r is divided by its sum. That changes nothing where reads are exact;
    a gain g that all cells share becomes another damping, d g / (d g + 1 - d), and cannot make r grow.

    Args:
        hardware: the specification. Weights are mapped by its mapping, the largest one to the full range.
        adjacency: [n, n], weight >= 0 of the edge from row to column, zero: none; dense or of scipy.sparse, not traced.
        key: PRNG key of the chip and of its reads.
        damping: d, in [0, 1].
        iterations: how many at most.
        tolerance: stop where r changes by no more (sum of magnitudes); reads with noise may never.

    Returns: r [n].

    Raises: ValueError for a matrix that is not square, empty, not finite, negative, or fills more than 32 768 tiles,
        and for numbers out of their range; TypeError for arguments of another kind.

    Source: Page and Brin (1998), dangling vertices and direction of edges as `networkx.pagerank`.
    """
    graph = edges(adjacency)
    _check.key("key", key)
    damping = _check.scalar("damping", damping, low=0.0, high=1.0)
    iterations = _check.scalar("iterations", iterations, low=1, high=INT32.max, whole=True)
    tolerance = _check.scalar("tolerance", tolerance, low=0.0)
    return _pagerank(hardware, Blocks.of(hardware, graph), graph.strength, key, damping, iterations, tolerance)


@jax.jit
def _pagerank(
    hardware: Hardware, blocks: Blocks, strength: Array, key: Array, damping: Any, iterations: Any, tolerance: Any
) -> Array:
    ready = blocks.prepare(hardware, blocks.program(hardware, fold_name(key, "write")))
    noise = fold_name(key, "read")
    dangling = strength == 0
    shares = jnp.where(dangling, 0.0, 1.0 / jnp.where(dangling, 1.0, strength))

    def step(state):
        count, rank, _ = state
        parts = blocks.products(hardware, ready, rank * shares, jax.random.fold_in(noise, count))
        lost = jnp.sum(jnp.where(dangling, rank, 0.0))
        new = damping * (blocks.added(parts) + lost / blocks.vertices) + (1.0 - damping) / blocks.vertices
        new = (new / jnp.sum(new)).astype(rank.dtype)
        return count + 1, new, jnp.sum(jnp.abs(new - rank))

    uniform = jnp.full(blocks.vertices, 1.0 / blocks.vertices, shares.dtype)
    start = jnp.zeros((), int), uniform, jnp.asarray(jnp.inf, shares.dtype)
    return lax.while_loop(lambda state: (state[0] < iterations) & (state[2] > tolerance), step, start)[1]
