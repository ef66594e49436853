"""Loops until a condition fails. Where the condition counts steps, the loop is one of known length."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.transform import _jaxpr as ir
from memjax.transform._provenance import Source, Weight, joined
from memjax.transform._scan import Loop, analyse_loop, apply_loop, matrices_of_loop
from memjax.transform._walk import MISSING, RULES, Node, Rule, Run, Seen, Walk, analyse, apply, matrices, together

# Longest loop whose steps are counted before the program runs.
LONGEST = 10_000


def _analyse(walk: Walk, node: Node, index: int, eqn: Any, inputs: list[Source]) -> list[Source]:
    view = ir.While.of(eqn)
    length = _steps(walk, view, inputs)
    if length is not None:
        loop = ir.Scan(view.body, view.consts, len(view.body.jaxpr.outvars), length, False, 1)
        return analyse_loop(walk, node, index, loop, inputs[view.condition_consts :])
    return _analyse_unknown(walk, node, index, view, inputs)


def _analyse_unknown(walk: Walk, node: Node, index: int, view: ir.While, inputs: list[Source]) -> list[Source]:
    """Nobody knows how many steps there are: carries that change are data."""
    inner, is_matrix = walk.in_loop(None), walk.record.is_matrix
    of_condition, consts, carry = view.operands(inputs)
    fixed = ir.unchanged(view.body, view.consts, len(carry))
    now = [s if i in fixed else joined([s], "while", is_matrix) for i, s in enumerate(carry)]
    while True:
        results = analyse(inner.as_trial(), view.body, [*consts, *now])[1]
        pairs = enumerate(zip(now, results, strict=True))
        new = [before if i in fixed else joined([before, after], "while", is_matrix) for i, (before, after) in pairs]
        if new == now:
            break
        now = new
    child, _ = analyse(inner, view.body, [*consts, *now])
    analyse(replace(inner, digital="used in the condition of a `while`"), view.condition, [*of_condition, *now])
    if child.acts() or any(isinstance(source, Weight) for source in now):
        node.children[index] = (child,)
    return now


def _steps(walk: Walk, view: ir.While, inputs: list[Source]) -> int | None:
    """Number of steps of a loop whose condition depends on nothing but constants and counters, or None."""
    if view.condition.jaxpr.outvars[0].aval.shape:  # under `vmap`: a number of steps for each example
        return None
    _, consts, carry = view.operands(inputs)
    wanted = _inputs_of(view.condition, range(len(view.condition.jaxpr.outvars)))
    fixed = [inputs[i] for i in wanted if i < view.condition_consts]
    counters = {i - view.condition_consts for i in wanted if i >= view.condition_consts}
    while True:  # what the counters are counted with
        needed = _inputs_of(view.body, counters)
        more = {i - view.consts for i in needed if i >= view.consts}
        if more <= counters:
            break
        counters |= more
    fixed += [consts[i] for i in needed if i < view.consts]
    sources = [*fixed, *(carry[i] for i in counters)]
    values = [s.constant for s in sources if isinstance(s, Weight) and s.constant is not None]
    if len(values) < len(sources) or any(s.loops for s in sources if isinstance(s, Weight)):
        return None
    return _count(view, inputs, counters)


def _inputs_of(body: ir.Body, outputs: Any) -> set[int]:
    """Positions of the inputs that some outputs of a program depend on."""
    jaxpr = body.jaxpr
    needed = {jaxpr.outvars[i] for i in outputs if not ir.is_literal(jaxpr.outvars[i])}
    for eqn in reversed(jaxpr.eqns):
        if any(var in needed for var in eqn.outvars):
            needed |= {atom for atom in eqn.invars if not ir.is_literal(atom)}
    return {i for i, var in enumerate(jaxpr.invars) if var in needed}


def _count(view: ir.While, inputs: list[Source], counters: set[int]) -> int | None:
    """Run the counters until the condition fails."""

    def known(sources: Sequence[Source]) -> list[Any]:
        fixed = [s.constant if isinstance(s, Weight) else None for s in sources]
        return [MISSING if c is None else c.value for c in fixed]

    of_condition, consts, carry = (known(part) for part in view.operands(inputs))
    carry = [value if i in counters else MISSING for i, value in enumerate(carry)]
    # Everything in these bodies that depends on the counters alone is taken for a weight.
    condition, body = (_all_weights(part) for part in (view.condition, view.body))
    with jax.ensure_compile_time_eval():
        for count in range(LONGEST + 1):
            if not bool(matrices(condition, [*of_condition, *carry])[1][0]):
                return count
            results = matrices(body, [*consts, *carry])[1]
            carry = [results[i] if i in counters else MISSING for i in range(len(carry))]
    return None


def _all_weights(body: ir.Body) -> Node:
    return Node(body, weights=set(range(len(body.jaxpr.eqns))))


def _matrices(children: tuple[Node, ...], loop: Loop | None, eqn: Any, values: list[Any]):
    view = ir.While.of(eqn)
    if loop is not None:
        return matrices_of_loop(children[0], loop, values[view.condition_consts :])
    _, consts, carry = view.operands(values)
    fixed = ir.unchanged(view.body, view.consts, len(carry))
    now = [value if i in fixed else MISSING for i, value in enumerate(carry)]
    return matrices(children[0], [*consts, *now])[0], now


def _apply(
    children: tuple[Node, ...], loop: Loop | None, eqn: Any, values: list[Any], run: Run
) -> tuple[list[Any], Seen]:
    view = ir.While.of(eqn)
    if loop is not None:
        return apply_loop(children[0], loop, values[view.condition_consts :], run)
    of_condition, consts, carry = view.operands(values)

    def going(carry):
        return ir.run_body(view.condition, [*of_condition, *carry])[0]

    def step(state):
        carry, index, seen = state
        key = None if run.key is None else jax.random.fold_in(run.key, index)
        outputs, new = apply(children[0], [*consts, *carry], run.at(run.ready, key))
        return _where(going(carry), outputs, carry), index + 1, together(seen, new)

    _, _, shapes = jax.eval_shape(step, (list(carry), 0, {}))
    nothing = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    outputs, _, seen = lax.while_loop(
        lambda state: jnp.any(going(state[0])), step, (list(carry), jnp.array(0), nothing)
    )
    return outputs, seen


def _where(going: Array, new: Sequence[Any], old: Sequence[Any]) -> list[Any]:
    """The new carries; under `vmap`, where the condition is one for each example, of those that go on."""
    if not going.ndim:
        return list(new)
    return [jnp.where(lax.expand_dims(going, range(going.ndim, y.ndim)), y, x) for y, x in zip(new, old, strict=True)]


RULES["while"] = Rule(_analyse, _matrices, _apply)
