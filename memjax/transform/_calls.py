"""Calls: plain ones and rematerialised ones."""

from collections.abc import Sequence
from typing import Any

import jax

from memjax.transform import _jaxpr as ir
from memjax.transform._provenance import Source, Weight
from memjax.transform._walk import RULES, Node, Rule, Run, Seen, Walk, analyse, apply, matrices


def _analyse(walk: Walk, node: Node, index: int, eqn: Any, inputs: list[Source]) -> list[Source]:
    call = ir.Call.of(eqn)
    child, outputs = analyse(walk, call.body, [inputs[i] for i in call.operands])
    if child.acts() or any(isinstance(source, Weight) for source in outputs):
        node.children[index] = (child,)
    return outputs


def _matrices(children: tuple[Node, ...], note: Any, eqn: Any, values: list[Any]):
    return matrices(children[0], _operands(eqn, values))


def _operands(eqn: Any, values: Sequence[Any]) -> list[Any]:
    return [values[i] for i in ir.Call.of(eqn).operands]


def _apply(children: tuple[Node, ...], note: Any, eqn: Any, values: list[Any], run: Run) -> tuple[list[Any], Seen]:
    return apply(children[0], _operands(eqn, values), run)


def _apply_remat(children: tuple[Node, ...], note: Any, eqn: Any, values: list[Any], run: Run):
    def body(values, ready, key):
        return apply(children[0], values, run.at(ready, key))

    view = ir.Remat.of(eqn)
    return jax.checkpoint(body, prevent_cse=view.prevent_cse, policy=view.policy)(values, run.ready, run.key)


RULES.update(dict.fromkeys(ir.PLAIN_CALLS, Rule(_analyse, _matrices, _apply)))
RULES.update(dict.fromkeys(ir.REMAT_CALLS, Rule(_analyse, _matrices, _apply_remat)))
