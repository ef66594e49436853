"""What a graph is: a square matrix whose element [i, j] is the weight of the edge from i to j, zero for no edge."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from scipy import sparse

from memjax import _check

EXPECTED = "a non-empty square matrix of numbers, dense or of scipy.sparse"


class Edges(NamedTuple):
    """The edges of a graph, each once: from a row to a column of the adjacency matrix."""

    row: np.ndarray
    column: np.ndarray
    weight: np.ndarray
    vertices: int

    @property
    def strength(self) -> np.ndarray:
        """Sum of the weights that lead away from each vertex."""
        return np.bincount(self.row, self.weight, self.vertices).astype(self.weight.dtype)

    @property
    def both_ways(self) -> "Edges":
        """Every edge and its opposite, of weight one."""
        ends = np.concatenate([self.row, self.column]), np.concatenate([self.column, self.row])
        row, column = np.unique(np.stack(ends), axis=1)
        return Edges(row, column, np.ones(len(row), self.weight.dtype), self.vertices)


def edges(adjacency: Any, weighted: bool = True) -> Edges:
    """The edges of an adjacency matrix in the precision of JAX; of weight one where they are not `weighted`.

    Raises: TypeError for something else than a matrix of concrete numbers; ValueError for one that is not square, is
        empty or not finite, and for negative weights.
    """
    if isinstance(adjacency, Tracer):
        raise TypeError(
            f"adjacency must be {EXPECTED} that is not traced, since its empty blocks decide how many tiles there are, "
            f"got {_check.shown(adjacency)}: close over it"
        )
    if sparse.issparse(adjacency):
        found = adjacency if adjacency.dtype.kind in "biuf" else None
    else:
        found = _check.concrete(adjacency)
    if found is None:
        raise TypeError(f"adjacency must be {EXPECTED}, got {_check.shown(adjacency)}")
    if found.ndim != 2 or found.shape[0] != found.shape[1] or found.shape[0] == 0:
        raise ValueError(f"adjacency must be {EXPECTED}, got shape {found.shape}")
    matrix = sparse.coo_array(found)
    matrix.sum_duplicates()
    with np.errstate(over="ignore"):
        weight = matrix.data.astype(jax.dtypes.canonicalize_dtype(np.float64))
    _check.finite("adjacency", weight)
    if weighted and weight.size and weight.min() < 0:
        raise ValueError(f"adjacency must have weights in [0, inf), got {weight.min():g}")
    there = weight != 0
    kept = weight[there] if weighted else np.ones(there.sum(), weight.dtype)
    return Edges(matrix.row[there], matrix.col[there], kept, found.shape[0])


def vertex(name: str, value: Any, count: int) -> Any:
    """The number of a vertex, which may be traced.

    Raises: TypeError for no integer; ValueError for a number that is none of the `count` vertices.
    """
    whole = isinstance(value, jax.Array | np.ndarray) and value.ndim == 0 and jnp.issubdtype(value.dtype, jnp.integer)
    if whole and isinstance(value, Tracer):
        return value
    value = int(value) if whole else value
    _check.integer(name, value, 0, count - 1)
    return value
