"""Cells of any current-voltage relation: Newton's method round the network of ohmic cells.

At cell voltages v the cells are replaced by their tangents, conductances g = di/dv with current sources i - g v beside
them. The network of these gives the next voltages. It stops when the tangents gave the currents that the cells carry.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax import _check
from memjax.circuit._control import Control
from memjax.circuit._network import Nodes, Sources, network
from memjax.circuit._wires import Links

Current = Callable[[Any, Array], Array]
"""Elementwise current [A] of cells: of their parameters (a pytree) and their voltages [V]."""


def newton(
    current: Current, parameters: Any, links: Links, sources: Sources, control: Control, start: Array | None = None
) -> Nodes:
    """Voltages and currents of one array of cells with i = current(parameters, v), increasing in v.

    `start` are the voltages of the cells [m, n] to begin with, 0 V if None. Iterations are Newton's; the residual is
    the largest difference between a cell's current and its tangent's, relative to the largest of |i| and g |v|.
    Derivatives of any order and in any mode are those of the solution, and cost two ohmic networks: `current` must take
    all numbers it depends on as parameters.
    """
    if start is None:
        start = jnp.zeros((links.bit.shape[0], links.word.shape[1]), sources.drive.dtype)
    start = lax.stop_gradient(start)
    return _newton(parameters, links, sources, start, current=current, control=control)


def check_conduction(conduction: Any) -> None:
    """Raise unless `conduction` is None or has the methods of a relation between voltage and current."""
    if conduction is not None and not (hasattr(conduction, "factors") and hasattr(conduction, "conductances")):
        raise TypeError(
            "conduction must have the methods factors and conductances of effects.Conduction, got "
            f"{_check.shown(conduction)}"
        )


def device_current(parameters: Any, v: Array) -> Array:
    """Current of devices, of `(device, state)`."""
    device, state = parameters
    return device.current(state, v)


def conducted(parameters: Any, v: Array) -> Array:
    """Current v sum f(v) c of `(conduction, branches c)`."""
    conduction, branches = parameters
    return v * sum(f(v) * c for f, c in zip(conduction.factors(), branches, strict=True))


@eqx.filter_custom_jvp
def _newton(parameters, links, sources, start, *, current, control) -> Nodes:
    def step(state):
        v, before = state
        nodes = _tangent_network(parameters, links, sources, v, current=current, control=control)
        new = nodes.word - nodes.bit
        (i, g), (reached, slope) = _tangent(current, parameters, v), _tangent(current, parameters, new)
        scale = jnp.max(jnp.maximum(jnp.abs(reached), g * jnp.abs(new)))
        miss = jnp.max(jnp.abs(reached - (i + g * (new - v))))
        residual = jnp.where(scale > 0, miss / jnp.where(scale > 0, scale, 1.0), 0.0)
        return _shortened(v, new, g, slope), nodes._replace(iterations=before.iterations + 1, residual=residual)

    def unfinished(state):
        return (state[1].residual > control.tolerance) & (state[1].iterations < control.max_iterations)

    shapes = jax.eval_shape(
        lambda: _tangent_network(parameters, links, sources, start, current=current, control=control)
    )
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    first = start, nothing._replace(residual=jnp.full_like(nothing.residual, jnp.inf))
    if control.iterations is None:
        return lax.while_loop(unfinished, step, first)[1]
    return lax.fori_loop(0, control.iterations, lambda _, state: step(state), first)[1]


@_newton.def_jvp
def _derivative(primals, tangents, *, current, control):
    """At the solution a step of the method does not depend on where it starts: so its other derivatives are all."""
    nodes = _newton(*primals, current=current, control=control)
    v = nodes.word - nodes.bit

    def step(parameters, links, sources):
        return _tangent_network(parameters, links, sources, v, current=current, control=control)

    return nodes, eqx.filter_jvp(step, primals[:3], tangents[:3])[1]


def _tangent_network(parameters, links, sources, v, *, current, control) -> Nodes:
    i, g = _tangent(current, parameters, v)
    return network(g, links, sources._replace(cell=i - g * v), control)


def _tangent(current: Current, parameters: Any, v: Array) -> tuple[Array, Array]:
    """Current [A] and slope [S] of each cell; a negative slope counts as none: the network has no place for it."""
    i, g = jax.jvp(lambda v: current(parameters, v), (v,), (jnp.ones_like(v),))
    return i, jnp.maximum(g, 0.0)


def _shortened(v: Array, new: Array, g: Array, slope: Array) -> Array:
    """The next voltages: a step on which the slope grows by more than e^2 counts those powers by their logarithm.

    A whole step from a shallow tangent up an exponential ends where the current is without bound.
    """
    floor = jnp.maximum(1e-6 * jnp.max(g), jnp.finfo(v.dtype).tiny)
    powers = jnp.maximum(jnp.log(jnp.maximum(slope, floor) / jnp.maximum(g, floor)) / 2, 1.0)
    return v + (new - v) * (1 + jnp.log(powers)) / powers
