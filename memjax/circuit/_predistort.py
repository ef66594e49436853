"""Conductances whose array, seen through its wires, is the wanted one."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from memjax import _check
from memjax.circuit._transfer import transfer_matrix
from memjax.circuit._wires import Wires


def predistort(target: Any, wires: Wires, low: Any = 0.0, high: Any = jnp.inf, *, steps: int = 2) -> Array:
    """Conductances G in [low, high] with transfer_matrix(G, wires) = target, as far as the range allows.

    The start gives every cell its wanted current while all word lines are at one voltage,

        G_0 = T / (1 - drop(T)),   drop: of the wanted currents T along the wires, for 1 V,

    which is exact for constant inputs. Each step then corrects by what is left for all inputs,

        G <- G T / transfer_matrix(G),

    and gains one to three digits until cells meet their bounds. A cell that should conduct less than what reaches its
    terminals by detours ends at `low`. Differentiable, also in the wires.

    Args:
        target: wanted conductances at the terminals [..., m, n] [S].
        wires: resistances [ohm], without floating lines.
        low, high: bounds of the cells, numbers or arrays like `target` [S].
        steps: number of corrections (static).

    Returns: [..., m, n] [S].

    Raises: ValueError for values out of their range or shapes that do not match.

    Source: the start as the calibration of Hu et al. (DAC 2016), who tune cells to their ideal currents at one input;
    the corrections by algebra.
    """
    _check.integer("steps", steps, 0, 100)
    _check.part("wires", wires, Wires, example="memjax.Wires(row=1.0)")
    target = _check.array("target", target, low=0.0, unit="S")
    low, high = _bound("low", low, target), _bound("high", high, target, infinite=True)
    bottom, top = _check.concrete(low), _check.concrete(high)
    if bottom is not None and top is not None and np.any(bottom > top):
        raise ValueError(f"low must be at most high, got up to {np.max(bottom - top):g} S more")
    if not jnp.issubdtype(target.dtype, jnp.floating):
        target = target.astype(jnp.float32)
    if target.ndim < 2 or 0 in target.shape:
        raise ValueError(f"target must have shape [..., word lines, bit lines], got {target.shape}")
    *_, m, n = target.shape
    wires.check(m, n)
    within = lambda g: jnp.clip(g, low, high)
    left = 1.0 - _drop(target, wires)
    enough = left > 0
    conductance = within(jnp.where(enough, target / jnp.where(enough, left, 1.0), high))
    for _ in range(steps):
        seen = transfer_matrix(conductance, wires)
        conducts = seen > 0
        conductance = within(conductance * jnp.where(conducts, target / jnp.where(conducts, seen, 1.0), 1.0))
    return conductance


def _bound(name: str, value: Any, target: Array, *, infinite: bool = False) -> Array:
    _check.real(name, value, low=0.0, unit="S", infinite=infinite)
    if np.ndim(value) and np.shape(value) != target.shape:
        raise ValueError(f"{name} must be a number or have the shape {target.shape} of target, got {np.shape(value)}")
    with np.errstate(over="ignore"):  # a bound beyond the precision is none
        return jnp.asarray(_check.as_leaf(value), target.dtype)


def _drop(current: Array, wires: Wires) -> Array:
    """Voltage lost along both lines of every cell for currents of the cells [..., m, n], sensed and driven at one end.

    A second drive or sense terminal halves the way: its lines share the current as without cells.
    """
    *_, m, n = current.shape
    links = wires.links(m, n, current.dtype)
    word = _along(jnp.swapaxes(current, -1, -2), links.word.T, links.word_far)
    bit = _along(jnp.flip(current, -2), jnp.flip(links.bit, -2), links.bit_far)
    return jnp.swapaxes(word, -1, -2) + jnp.flip(bit, -2)


def _along(current: Array, resistance: Array, far: Array | None) -> Array:
    """Drop at the nodes of lines along axis -2, from their terminal on."""
    axis = current.ndim - 2
    beyond = lax.cumsum(current, axis, reverse=True)
    if far is not None:  # the part of each current that comes from the other end
        near = jnp.cumsum(jnp.broadcast_to(resistance, current.shape[-2:]), axis=0)
        total = near[-1] + far
        share = jnp.where(total > 0, near / jnp.where(total > 0, total, 1.0), 0.5)
        beyond = beyond - jnp.sum(share * current, axis=axis, keepdims=True)
    return lax.cumsum(resistance * beyond, axis)
