"""Kirchhoff's current law at every node, assembled as one sparse matrix in float64: an oracle for circuit.solve.

Nodes that a zero resistance joins are merged first, so that any resistance may be zero.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve


class Nodal(NamedTuple):
    """Voltages [m, n] and currents into the sense terminals [n] and out of the drivers [m]."""

    word: np.ndarray
    bit: np.ndarray
    current: np.ndarray
    source_current: np.ndarray


def nodal(conductance, voltage, wires, sense_voltage=0.0) -> Nodal:
    """The voltages and currents of one array, with `wires` as in memjax.Wires (numbers or arrays)."""
    g = np.asarray(conductance, np.float64)
    m, n = g.shape
    cells = np.arange(m * n).reshape(m, n)
    word, bit = cells, cells + m * n
    drivers, grounds = 2 * m * n + np.arange(m), 2 * m * n + m + np.arange(n)
    row = np.broadcast_to(np.asarray(wires.row, np.float64), (m, n))
    column = np.asarray(wires.column, np.float64)
    column = np.broadcast_to(column[:, None] if column.ndim == 1 else column, (m, n))
    first = np.asarray(wires.source, np.float64) + row[:, 0]
    last = np.asarray(wires.sense, np.float64) + column[-1]
    links = [
        (drivers, word[:, 0], first),
        (word[:, :-1], word[:, 1:], row[:, 1:]),
        (bit[:-1], bit[1:], column[:-1]),
        (bit[-1], grounds, last),
    ]
    if wires.double_drive:
        links.append((drivers, word[:, -1], first))
    if wires.double_sense:
        links.append((bit[0], grounds, last))
    a, b, r = (np.concatenate([np.ravel(link[k]) for link in links]) for k in range(3))
    size = 2 * m * n + m + n
    short = r == 0
    joined = sparse.coo_matrix((np.ones(short.sum()), (a[short], b[short])), (size, size))
    _, node = connected_components(joined, directed=False)
    a, b = np.concatenate([a, word.ravel()]), np.concatenate([b, bit.ravel()])
    y = np.concatenate([1.0 / np.where(short, np.inf, r), g.ravel()])
    a, b = node[a], node[b]
    count = node.max() + 1
    matrix = sparse.coo_matrix(
        (np.concatenate([y, y, -y, -y]), (np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a]))), (count, count)
    ).tocsr()
    known = np.zeros(count, bool)
    x = np.zeros(count)
    for terminals, v in ((drivers, voltage), (grounds, sense_voltage)):
        known[node[terminals]] = True
        x[node[terminals]] = v
    free = ~known & (matrix.diagonal() > 0)
    if free.any():
        x[free] = spsolve(matrix[free][:, free].tocsc(), -matrix[free][:, known] @ x[known])
    w, v = x[node[word]], x[node[bit]]
    i = g * (w - v)
    return Nodal(w, v, i.sum(0), i.sum(1))
