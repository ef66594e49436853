"""One of several branches: the only one that can be taken, where that is known; else all of them are followed."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from memjax.transform import _jaxpr as ir
from memjax.transform._provenance import Source, Weight, joined, union
from memjax.transform._walk import MISSING, RULES, Node, Rule, Run, Seen, Walk, analyse, apply, matrices


def _analyse(walk: Walk, node: Node, index: int, eqn: Any, inputs: list[Source]) -> list[Source]:
    branches, (which, *operands) = ir.Cond.of(eqn).branches, inputs
    chosen = _choice(which, len(branches))
    if chosen is not None:
        child, outputs = analyse(walk, branches[chosen], operands)
        children = (child,)
    else:
        pairs = [analyse(walk.inside(i), body, operands) for i, body in enumerate(branches)]
        children = tuple(child for child, _ in pairs)
        outputs = [_either(walk, which, results) for results in zip(*(out for _, out in pairs), strict=True)]
    if any(child.acts() for child in children) or any(isinstance(source, Weight) for source in outputs):
        node.children[index], node.notes[index] = children, chosen
    return outputs


def _choice(which: Source, count: int) -> int | None:
    """The branch that is taken, where it depends on nothing but constants."""
    if not isinstance(which, Weight) or which.constant is None or which.loops:
        return None
    return int(np.clip(int(which.constant.value), 0, count - 1))


def _either(walk: Walk, which: Source, results: tuple[Source, ...]) -> Source:
    """One of several results: a weight where all of them are, and the choice does not depend on data."""
    weights = [source for source in results if isinstance(source, Weight)]
    if len(weights) < len(results):
        return joined([*results, which], "cond", walk.record.is_matrix)
    if len({w.number for w in weights}) == 1:
        return weights[0]
    if not isinstance(which, Weight):
        return joined([*results, which], "cond", walk.record.is_matrix)
    every = [which, *weights]
    number = walk.record.number("one of", tuple(w.number for w in every))
    uniform = frozenset.intersection(*(w.uniform for w in weights))
    return Weight(number, union(w.paths for w in every), tuple(sorted(set(union(w.loops for w in every)))), uniform)


def _matrices(children: tuple[Node, ...], chosen: int | None, eqn: Any, values: list[Any]):
    which, *operands = values
    found, branches = {}, []
    for child in children:
        inner, results = matrices(child, operands)
        found = inner | found
        branches.append(results)
    if len(branches) == 1:
        return found, branches[0]

    def pick(results):
        if any(value is MISSING for value in results):
            return MISSING
        if which is MISSING:  # equal in all branches, or no weight at all
            return results[0]
        return lax.select_n(jnp.clip(which, 0, len(results) - 1), *results)

    return found, [pick(results) for results in zip(*branches, strict=True)]


def _apply(children: tuple[Node, ...], chosen: int | None, eqn: Any, values: list[Any], run: Run):
    which, *operands = values
    if chosen is not None:
        return apply(children[0], operands, run)

    shapes: Seen = {}
    for child in children:
        shapes |= jax.eval_shape(lambda c=child: apply(c, operands, run))[1]
    nothing = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)

    def complete(child):
        def branch(operands):
            outputs, seen = apply(child, operands, run)
            return outputs, nothing | seen

        return branch

    return lax.switch(which, [complete(child) for child in children], operands)


RULES["cond"] = Rule(_analyse, _matrices, _apply)
