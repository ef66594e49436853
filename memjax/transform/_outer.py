"""Gradients by weights as the outer products that they are, for updates by coincident pulses."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax import _check, crossbar
from memjax._random import fold_name
from memjax.contraction import Order, Outer
from memjax.crossbar import Hardware
from memjax.transform import _jaxpr as ir
from memjax.transform._chips import matrices, program_chip
from memjax.transform._fleet import Fleet
from memjax.transform._places import Place, places
from memjax.transform._record import Crossbar, Site
from memjax.transform._sites import Program, Sites, check_selected, is_dynamic
from memjax.transform._walk import Node


def value_and_outer(
    loss: Callable,
    *,
    hardware: Hardware | None = None,
    select: Callable[[str], bool] | None = None,
    has_aux: bool = False,
) -> Callable:
    """As `jax.value_and_grad`, with the gradient of every matrix as a `memjax.training.Outer`: inputs and errors apart.

    Args:
        loss: function (params, *args) -> scalar, or (scalar, auxiliary output).
        hardware: None: the contractions are digital; else they are read, forwards and backwards, on crossbars that hold
            the weights of `params`, programmed anew at each call.
        select: which weights, by name; None: all.
        has_aux: whether `loss` returns an auxiliary output.

    Returns: f(params, *args, key=None) -> (value, gradient), or ((value, auxiliary), gradient). Weights that are not
        selected, and parameters that meet no data in a contraction (biases, norms), have their ordinary gradient. `key`
        is needed with `hardware`: that of the chip and of its reads.

    Raises: ValueError for a selected weight whose gradient is not one outer product per sample: one that is used in a
        loop, several times, in groups, or not as it is.
    """
    if not callable(loss):
        raise TypeError(f"loss must be a function of (params, *args), got {_check.shown(loss)}")
    if hardware is not None:
        _check.part("hardware", hardware, Hardware, optional=True)
    _check.flag("has_aux", has_aux)
    sites = Sites(loss, select)

    def value_and_grad(params: Any, *args: Any, key: Array | None = None) -> Any:
        program, leaves = sites.program(params, args)
        check_selected(program, select)
        own, data = program.split(leaves)
        found = _places(program, own)
        entries: dict[str, Any]
        if hardware is None:
            entries = dict(program.matrices(own))
        elif key is None:
            raise ValueError("key must be a PRNG key, since the weights are programmed into hardware, got None")
        else:
            _check.key("key", key)
            fleet = Fleet.of(hardware, {name: name for name in program.crossbars})
            chip = program_chip(program, fleet, matrices(program, fleet, own), fold_name(key, "program"))
            entries = crossbar.prepare_all(hardware, chip)

        def run(own, taps):
            inputs: dict[str, Array] = {}

            def read(site: Site, entry: Any, x: Array, read_key: Array | None):
                inputs[site.crossbar] = site.contraction.data(x)
                y = _contract(hardware, site, entry, x, read_key)
                return (y + site.contraction.result(taps[site.crossbar]) if taps else y), None

            results, _ = program.run([*own, *data], entries, key, read)
            out = jax.tree.unflatten(program.result, results)
            value, aux = out if has_aux else (out, None)
            return value, (aux, inputs)

        standard = jax.eval_shape(lambda: run(own, {})[1][1])
        taps = {name: _zero_result(program, name, x) for name, x in standard.items()}
        both = jax.value_and_grad(run, argnums=(0, 1), has_aux=True, allow_int=True)
        (value, (aux, inputs)), (slopes, errors) = both(own, taps)
        for name, (index, order) in found.items():
            operation = program.crossbars[name].contraction
            slopes[index] = Outer(inputs[name], errors[name], operation, order, tuple(jnp.shape(own[index])))
        gradient = jax.tree.unflatten(jax.tree.structure(eqx.filter(params, is_dynamic)), slopes)
        return ((value, aux) if has_aux else value), gradient

    return value_and_grad


def _contract(hardware: Hardware | None, site: Site, entry: Any, x: Array, key: Array | None) -> Array:
    """The result of a site: digital, with `entry` the matrix, or read on a prepared crossbar."""
    operation = site.contraction
    if hardware is None:
        return operation.result(operation.product(operation.data(x), entry))
    return crossbar.read(hardware, operation, entry, x, key)[0]


def _zero_result(program: Program, name: str, x: Any) -> Array:
    """Zeros of the result of a crossbar, in standard form."""
    operation = program.crossbars[name].contraction
    matrix = jax.ShapeDtypeStruct(operation.shape, x.dtype)
    result = jax.eval_shape(operation.product, x, matrix)
    return jnp.zeros(result.shape, result.dtype)


def _places(program: Program, own: list[Array]) -> dict[str, tuple[int, Order | None]]:
    """For each crossbar the position of its parameter and the order of its elements there.

    Raises: ValueError for a weight whose gradient is not one outer product per sample.
    """
    once = [site.crossbar for site in _evaluated_once(program.node)]
    found = {}
    for name, place in places(program.matrices, own).items():
        reason = _obstacle(once.count(name), program.crossbars[name], place)
        if reason is not None or place is None:
            raise ValueError(
                f"select must leave out {name!r}, whose gradient is not one outer product for each sample: it {reason}"
            )
        order = place.order.reshape(-1)
        same = np.array_equal(order, np.arange(order.size))
        found[name] = (place.source, None if same else Order(order))
    return found


def _obstacle(count: int, found: Crossbar, place: Place | None) -> str | None:
    if found.loops or count == 0:
        return "is used in a loop"
    if count > 1:
        return f"is used {count} times"
    if found.contraction.stack:
        return "is used in groups"
    if len(found.paths) != 1:
        return f"is computed from {', '.join(found.paths)}"
    return None if place is not None else "is not the parameter as it stands, at most transposed or reshaped"


def _evaluated_once(node: Node) -> list[Site]:
    """Every site that is evaluated exactly once."""
    found = list(node.sites.values())
    for index, children in node.children.items():
        name = node.body.jaxpr.eqns[index].primitive.name
        if name in ir.CALLS and name not in ir.REMAT_CALLS:
            found += _evaluated_once(children[0])
    return found
