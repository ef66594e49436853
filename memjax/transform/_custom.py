"""Calls with a derivative of their own: the value is read on crossbars, the derivative is the one they bring along.

The rule is evaluated digitally at the weights that the chip stands for, so that its gradient by a weight is one by
conductances. That needs weights that enter the call as they are, at most transposed or reshaped; gradients by others
are those of the call's body.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from memjax.converters import replace_value
from memjax.transform import _jaxpr as ir
from memjax.transform._places import Place, places
from memjax.transform._provenance import Source, Weight
from memjax.transform._walk import MISSING, RULES, Node, Rule, Run, Seen, Walk, analyse, apply, matrices


class Custom(NamedTuple):
    """What is known of a call.

    Attributes:
        jaxpr: the program that it is part of.
        weights: operands that are weights.
        held: those that crossbars inside are made of.
    """

    jaxpr: Any
    weights: tuple[int, ...]
    held: tuple[int, ...]


def _analyse(walk: Walk, node: Node, index: int, eqn: Any, inputs: list[Source]) -> list[Source]:
    call = ir.Call.of(eqn)
    child, outputs = analyse(walk, call.body, [inputs[i] for i in call.operands])
    if child.all_sites() or any(isinstance(source, Weight) for source in outputs):
        inside = {path for site in child.all_sites() for path in walk.record.crossbars[site.crossbar].paths}
        weights = tuple(i for i, source in enumerate(inputs) if isinstance(source, Weight))
        held = tuple(i for i in weights if not inside.isdisjoint(getattr(inputs[i], "paths", ())))
        node.children[index], node.notes[index] = (child,), Custom(node.body.jaxpr, weights, held)
    return outputs


def _matrices(children: tuple[Node, ...], custom: Custom, eqn: Any, values: list[Any]):
    return matrices(children[0], [values[i] for i in ir.Call.of(eqn).operands])


def _apply(children: tuple[Node, ...], custom: Custom, eqn: Any, values: list[Any], run: Run) -> tuple[list, Seen]:
    child, operands = children[0], ir.Call.of(eqn).operands
    if run.weights is None:
        return apply(child, [values[i] for i in operands], run)
    names = list(dict.fromkeys(site.crossbar for site in child.all_sites()))
    found = _places(child, custom, eqn, values)
    held = {i: lax.stop_gradient(values[i]) for i in custom.held}
    taken: set[str] = set()
    for name in names:
        place = found.get(name)
        if place is not None:
            operand = _as_operand(run.weights(name, run.ready[name]), place, values[place.source])
            held |= {i: operand for i in custom.held if eqn.invars[i] is eqn.invars[place.source]}
            taken.add(name)
    ready = {name: lax.stop_gradient(entry) if name in taken else entry for name, entry in run.ready.items()}
    still = lax.stop_gradient(values)
    outputs, seen = apply(child, [still[i] for i in operands], run.at(ready, run.key))
    by_rule = ir.run(eqn, custom.jaxpr, [held.get(i, value) for i, value in enumerate(values)])
    # The slope is that of both: by the rule, and by what is in no crossbar that the rule knows of.
    pairs = zip(by_rule, outputs, strict=True)
    return [y if rule is None else replace_value(rule + y, y) if _slopes(y) else y for rule, y in pairs], seen


def _slopes(y: Any) -> bool:
    return jnp.issubdtype(jnp.result_type(y), jnp.inexact)


def _places(child: Node, custom: Custom, eqn: Any, values: list[Any]) -> dict[str, Place]:
    """For each crossbar inside the operand that its matrix is, where it is one."""
    sources = [i for i in custom.held if jnp.issubdtype(jnp.result_type(values[i]), jnp.floating)]
    operands = ir.Call.of(eqn).operands

    def make(numbers: list[Array]) -> dict[str, Array]:
        known = dict(zip(sources, numbers, strict=True))
        fixed = [known.get(i, values[i] if ir.is_literal(eqn.invars[i]) else MISSING) for i in range(len(values))]
        return matrices(child, [fixed[i] for i in operands])[0]

    shapes = [jax.ShapeDtypeStruct(jnp.shape(values[i]), jnp.result_type(values[i])) for i in sources]
    found = places(make, shapes)
    return {name: place._replace(source=sources[place.source]) for name, place in found.items() if place is not None}


def _as_operand(matrix: Array, place: Place, like: Array) -> Array:
    """A matrix in the shape of the operand that it was made of."""
    inverse = np.argsort(place.order, axis=None)
    return matrix.reshape(-1)[inverse].reshape(jnp.shape(like)).astype(jnp.result_type(like))


RULES.update(dict.fromkeys(ir.CUSTOM_CALLS, Rule(_analyse, _matrices, _apply)))
