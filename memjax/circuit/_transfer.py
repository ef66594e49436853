"""The effective conductances of arrays with resistive wires."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax import _check
from memjax.circuit._control import Control, checked_control, warn
from memjax.circuit._network import Sources, network
from memjax.circuit._solve import checked_array
from memjax.circuit._wires import Wires

# Cells times inputs solved at once: more leave the cache of a core.
_AT_ONCE = 2**15


def transfer_matrix(conductance: Any, wires: Wires, *, conduction: None = None) -> Array:
    """Effective conductances of arrays with resistive wires, with which a read is one product.

        current = voltage @ transfer

    Differentiable in conductances and wire resistances, in forward and reverse mode. Without wires it is `conductance`,
    exactly.

    Args:
        conductance: ohmic cells [..., m, n] [S]; 0 is an open cell.
        wires: resistances [ohm].
        conduction: there is no such matrix for cells that are not ohmic.

    Returns: [..., m, n] [S].

    Raises: ValueError as `solve`; TypeError for cells that are not ohmic.
    Warns: UserWarning where the iteration did not converge, outside jit.

    Source: `solve` for every unit vector of the fewer of inputs and outputs, which reciprocity allows. The direct
    method (a recursion of admittances over the word lines) is slower for easy wires, and for harsh ones, from about
    r G n^2 = 40 for 16 x 16 cells and 600 for 64 x 64, two to seven times as fast in a trial without far terminals.
    """
    if conduction is not None:
        raise TypeError(f"a transfer matrix needs ohmic cells, got {_check.shown(conduction)}: use circuit.solve")
    conductance = checked_array(conductance, wires)
    control = checked_control(None, 500, None, conductance.dtype)
    transfer, count, residual = _transfer(conductance, wires, control)
    warn("transfer_matrix", control, count, residual)
    return transfer


@partial(jax.jit, static_argnames="control")
def _transfer(conductance: Array, wires: Wires, control: Control) -> tuple[Array, Array, Array]:
    *leading, m, n = conductance.shape
    if n < m:
        turned, count, residual = _transfer(_turned(conductance), wires.turned(), control)
        return _turned(turned), count, residual
    links = wires.links(m, n, conductance.dtype)

    def one(conductance):
        units = jnp.eye(m, dtype=conductance.dtype)
        nodes = _chunked(lambda unit: network(conductance, links, Sources(unit), control), units, m * n)
        return nodes.current, nodes.iterations, nodes.residual

    if not leading:
        return one(conductance)
    current, count, residual = _chunked(one, conductance.reshape(-1, m, n), m * m * n)
    return current.reshape(conductance.shape), count, residual


def _chunked(f: Callable, x: Array, size: int) -> Any:
    """`f` over the first axis of `x`, as many at once as fit where each takes `size` numbers."""
    return lax.map(f, x, batch_size=max(1, _AT_ONCE // size))


def _turned(x: Array) -> Array:
    """An array of [..., m, n] as seen from its bit lines, [..., n, m] (`Wires.turned`)."""
    return jnp.flip(x.mT, (-2, -1))
