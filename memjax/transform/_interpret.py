"""Evaluation of an analysed program: once for the matrices of its crossbars, and once to run it on them."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.crossbar import Observation, Ready, merge
from memjax.transform import _jaxpr as ir
from memjax.transform._trace import Crossbar, Node, Site

MISSING: Any = object()  # stands for data where only weights are evaluated

# (site, prepared crossbar, data, key) -> (result, what was watched)
Reader = Callable[[Site, Ready, Array, Array | None], tuple[Array, Observation | None]]
Seen = dict[str, Observation]


def matrices(node: Node, crossbars: dict[str, Crossbar], values: Sequence[Any]) -> tuple[dict[str, Array], list[Any]]:
    """Evaluate what depends on weights alone: (matrices by crossbar, outputs or MISSING).

    A matrix is [*loops, *stack, K, N], with an axis for each loop over whose steps it changes.
    """
    env = _environment(node, values)
    found: dict[str, Array] = {}
    for index, eqn in enumerate(node.body.jaxpr.eqns):
        inputs = [ir.look_up(env, atom) for atom in eqn.invars]
        outputs = [MISSING] * len(eqn.outvars)
        if index in node.weights and not any(value is MISSING for value in inputs):
            outputs = ir.run(eqn, node.body.jaxpr, inputs)
        elif index in node.sites:
            site = node.sites[index]
            weight = inputs[site.operand]
            if weight is not MISSING and site.crossbar not in found:
                found[site.crossbar] = crossbars[site.crossbar].contraction.matrix(weight)
        elif index in node.children:
            inner, outputs = _matrices_inside(node.children[index], crossbars, eqn, inputs)
            found = inner | found
        ir.write(env, eqn.outvars, outputs)
    return found, [ir.look_up(env, atom) for atom in node.body.jaxpr.outvars]


def _matrices_inside(children, crossbars, eqn, inputs):
    name = eqn.primitive.name
    outputs = [MISSING] * len(eqn.outvars)
    if name in ir.CALLS:
        return matrices(children[0], crossbars, inputs)
    if name == "scan":
        return _matrices_of_scan(children[0], crossbars, eqn, inputs)
    if name == "while":
        skip, constants = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
        return matrices(children[0], crossbars, inputs[skip:])[0], inputs[skip + constants :]
    found = {}
    for child in children:  # the branches of a `cond`
        found = matrices(child, crossbars, inputs[1:])[0] | found
    return found, outputs


def _matrices_of_scan(child, crossbars, eqn, inputs):
    """Weights that change with the step are evaluated for every step, stacked; the others once."""
    first, second = eqn.params["num_consts"], eqn.params["num_consts"] + eqn.params["num_carry"]
    fixed, slices = inputs[:second], inputs[second:]
    outputs = [*inputs[first:second], *[MISSING] * (len(eqn.outvars) - (second - first))]

    def step(present):
        known = iter(present)
        values = [*fixed, *(MISSING if xs is MISSING else next(known) for xs in slices)]
        found, _ = matrices(child, crossbars, values)
        return {name: matrix for name, matrix in found.items() if child.loop in crossbars[name].loops}

    found, _ = matrices(child, crossbars, [*fixed, *[MISSING] * len(slices)])
    present = [xs for xs in slices if xs is not MISSING]
    if present:
        found |= jax.vmap(step)(present)
    return found, outputs


def apply(
    node: Node,
    crossbars: dict[str, Crossbar],
    values: Sequence[Array],
    ready: dict[str, Ready],
    key: Array | None,
    read: Reader,
) -> tuple[list[Array], Seen]:
    """Evaluate a program with its sites read on prepared crossbars: (outputs, what was watched by crossbar)."""
    env = _environment(node, values)
    seen: Seen = {}
    for index, eqn in enumerate(node.body.jaxpr.eqns):
        inputs = [ir.look_up(env, atom) for atom in eqn.invars]
        if index in node.sites:
            site = node.sites[index]
            site_key = None if key is None else jax.random.fold_in(key, site.salt)
            result, watched = read(site, ready[site.crossbar], inputs[1 - site.operand], site_key)
            outputs = [result.astype(site.dtype)]
            seen = _union(seen, {} if watched is None else {site.crossbar: watched})
        elif index in node.children:
            outputs, inner = _INSIDE[_kind(eqn)](node.children[index], crossbars, eqn, inputs, ready, key, read)
            seen = _union(seen, inner)
        else:
            outputs = ir.run(eqn, node.body.jaxpr, inputs)
        ir.write(env, eqn.outvars, outputs)
    return [ir.look_up(env, atom) for atom in node.body.jaxpr.outvars], seen


def _kind(eqn: Any) -> str:
    name = eqn.primitive.name
    return "remat" if name in ir.REMAT_CALLS else "call" if name in ir.CALLS else name


def _environment(node: Node, values: Sequence[Any]) -> dict:
    env = dict(zip(node.body.jaxpr.invars, values, strict=True))
    env.update(zip(node.body.jaxpr.constvars, node.body.consts, strict=True))
    return env


def _union(a: Seen, b: Seen) -> Seen:
    return a | {name: merge(a[name], seen) if name in a else seen for name, seen in b.items()}


def _apply_call(children, crossbars, eqn, inputs, ready, key, read):
    return apply(children[0], crossbars, inputs, ready, key, read)


def _apply_remat(children, crossbars, eqn, inputs, ready, key, read):
    def body(inputs, ready, key):
        return apply(children[0], crossbars, inputs, ready, key, read)

    prevent_cse, policy = eqn.params["prevent_cse"], eqn.params["policy"]
    return jax.checkpoint(body, prevent_cse=prevent_cse, policy=policy)(inputs, ready, key)


def _apply_scan(children, crossbars, eqn, inputs, ready, key, read):
    p, child = eqn.params, children[0]
    first, second = p["num_consts"], p["num_consts"] + p["num_carry"]
    stacked = {name: entry for name, entry in ready.items() if child.loop in crossbars[name].loops}

    def step(carry, slices):
        xs, entries, index = slices
        step_key = None if key is None else jax.random.fold_in(key, index)
        outputs, seen = apply(child, crossbars, [*inputs[:first], *carry, *xs], ready | entries, step_key, read)
        return outputs[: len(carry)], (outputs[len(carry) :], seen)

    xs = (inputs[second:], stacked, jnp.arange(p["length"]))
    carry, (ys, seen) = lax.scan(step, inputs[first:second], xs, p["length"], p["reverse"], p["unroll"])
    over_time = {name: s if name in stacked else Observation(s.total.sum(0), s.peak.max(0)) for name, s in seen.items()}
    return [*carry, *ys], over_time


def _apply_while(children, crossbars, eqn, inputs, ready, key, read):
    p, child = eqn.params, children[0]
    skip, constants = p["cond_nconsts"], p["body_nconsts"]
    condition = ir.body_of(p["cond_jaxpr"])

    def proceed(state):
        return ir.run_body(condition, [*inputs[:skip], *state[0]])[0]

    def step(state):
        carry, index, seen = state
        step_key = None if key is None else jax.random.fold_in(key, index)
        values = [*inputs[skip : skip + constants], *carry]
        outputs, new = apply(child, crossbars, values, ready, step_key, read)
        return outputs, index + 1, _union(seen, new)

    carry = inputs[skip + constants :]
    _, _, shapes = jax.eval_shape(step, (carry, 0, {}))
    nothing = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    outputs, _, seen = lax.while_loop(proceed, step, (carry, jnp.array(0), nothing))
    return outputs, seen


def _apply_cond(children, crossbars, eqn, inputs, ready, key, read):
    def branch(child, operands):
        return apply(child, crossbars, operands, ready, key, read)

    shapes: Seen = {}
    for child in children:
        shapes |= jax.eval_shape(lambda c=child: branch(c, inputs[1:]))[1]
    nothing = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)

    def complete(child):
        def run(operands):
            outputs, seen = branch(child, operands)
            return outputs, nothing | seen

        return run

    return lax.switch(inputs[0], [complete(child) for child in children], inputs[1:])


_INSIDE = {
    "call": _apply_call,
    "remat": _apply_remat,
    "scan": _apply_scan,
    "while": _apply_while,
    "cond": _apply_cond,
}
