"""Gradients by weights as the outer products that they are, for updates by coincident pulses."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax import crossbar
from memjax._random import fold_name
from memjax.contraction import Order, Outer
from memjax.crossbar import Hardware
from memjax.transform import _jaxpr as ir
from memjax.transform._analog import Analog, Trace, is_dynamic, parameter_paths
from memjax.transform._interpret import apply
from memjax.transform._trace import Crossbar, Node, Site


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
    analog = Analog(loss, Hardware() if hardware is None else hardware, select)

    def value_and_grad(params: Any, *args: Any, key: Array | None = None) -> Any:
        trace, leaves = analog.trace(params, args, {})
        own, data = leaves[: trace.parameters], leaves[trace.parameters :]
        places = _places(trace, params, own)
        entries: dict[str, Any]
        if hardware is None:
            entries = dict(trace.matrices(own))
        elif key is None:
            raise ValueError("key must be a PRNG key, since the weights are programmed into hardware, got None")
        else:
            chip = trace.program(hardware, own, fold_name(key, "program"))
            entries = {name: trace.ready(hardware, name, entry) for name, entry in chip.items()}

        def run(own, taps):
            inputs: dict[str, Array] = {}

            def read(site: Site, entry: Any, x: Array, read_key: Array | None):
                inputs[site.crossbar] = site.contraction.data(x)
                y = _contract(hardware, site, entry, x, read_key)
                return (y + site.contraction.result(taps[site.crossbar]) if taps else y), None

            results, _ = apply(trace.node, trace.crossbars, [*own, *data], entries, key, read)
            out = jax.tree.unflatten(trace.result, results)
            value, aux = out if has_aux else (out, None)
            return value, (aux, inputs)

        standard = jax.eval_shape(lambda: run(own, {})[1][1])
        taps = {name: _zero_result(trace, name, x) for name, x in standard.items()}
        both = jax.value_and_grad(run, argnums=(0, 1), has_aux=True, allow_int=True)
        (value, (aux, inputs)), (slopes, errors) = both(own, taps)
        for name, (index, order) in places.items():
            operation = trace.crossbars[name].contraction
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


def _zero_result(trace: Trace, name: str, x: Any) -> Array:
    """Zeros of the result of a crossbar, in standard form."""
    operation = trace.crossbars[name].contraction
    matrix = jax.ShapeDtypeStruct(operation.shape, x.dtype)
    result = jax.eval_shape(operation.product, x, matrix)
    return jnp.zeros(result.shape, result.dtype)


def _places(trace: Trace, params: Any, own: list[Array]) -> dict[str, tuple[int, Order | None]]:
    """For each crossbar the position of its parameter and the order of its elements there.

    Raises: ValueError for a weight whose gradient is not one outer product per sample.
    """
    paths = parameter_paths(params)
    sites = _sites(trace.node)
    indices = _indices(trace, own)
    places = {}
    for name, found in trace.crossbars.items():
        reason = _obstacle(sites.count(name), found, indices[name], own, paths)
        if reason is not None:
            raise ValueError(
                f"select must leave out {name!r}, whose gradient is not one outer product for each sample: it {reason}"
            )
        index, of_matrix = paths.index(found.paths[0]), indices[name].reshape(-1)
        same = np.array_equal(of_matrix, np.arange(of_matrix.size))
        places[name] = (index, None if same else Order(of_matrix))
    return places


def _obstacle(count: int, found: Crossbar, indices: np.ndarray, own: list[Array], paths: list[str]) -> str | None:
    if found.loops or count == 0:
        return "is used in a loop"
    if count > 1:
        return f"is used {count} times"
    if found.contraction.stack:
        return "is used in groups"
    if len(found.paths) != 1:
        return f"is computed from {', '.join(found.paths)}"
    size = np.size(own[paths.index(found.paths[0])])
    if indices.size != size or not np.array_equal(np.sort(indices, axis=None), np.arange(size)):
        return "is not the parameter as it stands, at most transposed or reshaped"
    return None


def _sites(node: Node) -> list[str]:
    """The crossbar of every site that is evaluated exactly once."""
    found = [site.crossbar for site in node.sites.values()]
    for index, children in node.children.items():
        name = node.body.jaxpr.eqns[index].primitive.name
        if name in ir.CALLS and name not in ir.REMAT_CALLS:
            found += _sites(children[0])
    return found


# Places are found by sending numbers through the program; those that a float holds exactly.
_DIGIT = 4096


def _indices(trace: Trace, own: list[Array]) -> dict[str, np.ndarray]:
    """For each crossbar the place in its parameter that every element of its matrix comes from."""
    numbers = [np.arange(np.size(leaf)).reshape(np.shape(leaf)) for leaf in own]
    with jax.ensure_compile_time_eval():
        low, high = (
            trace.matrices([jnp.asarray(digit, leaf.dtype) for digit, leaf in zip(digits, own, strict=True)])
            for digits in ([n % _DIGIT for n in numbers], [n // _DIGIT for n in numbers])
        )
        whole = {name: np.asarray(high[name], np.float64) * _DIGIT + np.asarray(low[name], np.float64) for name in low}
    return {
        name: np.rint(np.nan_to_num(value, nan=-1.0, posinf=-1.0, neginf=-1.0)).astype(int)
        for name, value in whole.items()
    }
