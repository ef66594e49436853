"""Loops of known length: what changes with the step and depends on weights alone is a weight for each step."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.contraction import merged
from memjax.transform import _jaxpr as ir
from memjax.transform._provenance import Data, Depth, Source, Weight, joined, union
from memjax.transform._walk import MISSING, RULES, Node, Rule, Run, Seen, Walk, analyse, apply, matrices


class Loop(NamedTuple):
    """What is known of a loop.

    Attributes:
        view: the loop.
        fixed: carries that are weights, handed on as they are.
        moving: carries that are weights of their own in each step.
        outputs: slices of the result that are weights.
        varying: crossbars that are others in each step.
    """

    view: ir.Scan
    fixed: tuple[int, ...]
    moving: tuple[int, ...]
    outputs: tuple[int, ...]
    varying: frozenset[str]


def _analyse(walk: Walk, node: Node, index: int, eqn: Any, inputs: list[Source]) -> list[Source]:
    return analyse_loop(walk, node, index, ir.Scan.of(eqn), inputs)


def analyse_loop(walk: Walk, node: Node, index: int, view: ir.Scan, inputs: list[Source]) -> list[Source]:
    """Sources of the results of a loop; its body and what is known of it are noted in `node`."""
    depth, number, is_matrix = Depth(len(walk.lengths)), walk.record.number, walk.record.is_matrix
    if view.length == 0:  # nothing is read
        carries = view.operands(inputs)[1]
        return [*(joined([source], "scan", is_matrix) for source in carries), *[Data()] * view.outputs]
    inner = walk.in_loop(view.length)
    consts, carry, xs = view.operands(inputs)
    sliced = [_slice(walk, view, x) if isinstance(x, Weight) else x for x in xs]
    carried = settled(walk, view, list(carry), lambda now: [*consts, *now, *sliced])
    child, results = analyse(inner, view.body, [*consts, *carried, *sliced])
    unchanged = ir.unchanged(view.body, view.consts, view.carries)
    _, ys = view.results(results)

    def after_loop(i: int) -> Source:
        during = carried[i]
        if i in unchanged:
            return during
        if isinstance(during, Weight):
            return Weight(number("last", during.number), during.paths, _without(during.loops, depth))
        return joined([carry[i], during], "scan", is_matrix)

    def stacked(y: Source) -> Source:
        if not isinstance(y, Weight):
            return y
        pairs = zip(xs, sliced, strict=True)
        whole = next((x for x, s in pairs if isinstance(s, Weight) and s.number == y.number), None)
        if isinstance(whole, Weight):
            return whole
        uniform = frozenset(axis + 1 for axis in y.uniform) | (frozenset() if depth in y.loops else {0})
        return Weight(number("stack", y.number, view.length, depth), y.paths, _without(y.loops, depth), uniform)

    weights = [i for i, source in enumerate(carried) if isinstance(source, Weight)]
    crossbars = walk.record.crossbars
    known = Loop(
        view,
        tuple(i for i in weights if i in unchanged),
        tuple(i for i in weights if i not in unchanged),
        tuple(i for i, y in enumerate(ys) if isinstance(y, Weight)),
        frozenset(s.crossbar for s in child.all_sites() if depth in crossbars[s.crossbar].loops),
    )
    outputs = [*map(after_loop, range(view.carries)), *map(stacked, ys)]
    if child.acts() or any(isinstance(source, Weight) for source in outputs):
        node.children[index], node.notes[index] = (child,), known
    return outputs


def _slice(walk: Walk, view: ir.Scan, stack: Weight) -> Weight:
    """One step's part of a stack of weights."""
    depth = Depth(len(walk.lengths))
    uniform = frozenset(axis - 1 for axis in stack.uniform if axis > 0)
    number = walk.record.number("slice", stack.number, view.length, depth)
    return Weight(number, stack.paths, (*stack.loops, depth), uniform)


def settled(walk: Walk, view: ir.Scan, carry: list[Source], operands: Any) -> list[Source]:
    """Provenance of the carries in every step.

    What a step hands on as it is stays what it was. A carry computed from weights alone, such as a counter, is a weight
    that changes with the step. Found by trials: a carry taken for a weight whose next value is data is data.
    """
    depth, number, is_matrix = Depth(len(walk.lengths)), walk.record.number, walk.record.is_matrix
    inside = walk.in_loop(view.length).as_trial()
    fixed = ir.unchanged(view.body, view.consts, view.carries)
    # Weights whose value in a step is not known yet, by position; two of them are never equal.
    now = [
        source
        if i in fixed or isinstance(source, Data)
        else Weight(number("carried", depth, i), source.paths, tuple(sorted({*source.loops, depth})))
        for i, source in enumerate(carry)
    ]
    while True:
        results = analyse(inside, view.body, operands(now))[1][: view.carries]
        new = [
            before if i in fixed else _next(before, after, is_matrix)
            for i, (before, after) in enumerate(zip(now, results, strict=True))
        ]
        if new == now:
            break
        now = new
    moving = [i for i, source in enumerate(now) if isinstance(source, Weight) and i not in fixed]
    # What the moving carries are depends on where all of them start and on how all of them go on.
    ends = [(carry[i], results[i]) for i in moving]
    whole = tuple(tuple(end.number for end in pair if isinstance(end, Weight)) for pair in ends)
    return [
        source._replace(number=number("carry", i, whole, view.length, view.reverse, depth)) if i in moving else source
        for i, source in enumerate(now)
    ]


def _next(before: Source, after: Source, is_matrix: Any) -> Source:
    """A carry in every step, from its value in one step and in the next."""
    if isinstance(before, Weight) and isinstance(after, Weight):
        loops = tuple(sorted({*before.loops, *after.loops}))
        return before._replace(paths=union([before.paths, after.paths]), loops=loops)
    return joined([before, after], "scan", is_matrix)


def _without(loops: tuple[int, ...], depth: int) -> tuple[int, ...]:
    return tuple(loop for loop in loops if loop != depth)


def _matrices(children: tuple[Node, ...], loop: Loop, eqn: Any, values: list[Any]):
    return matrices_of_loop(children[0], loop, values)


def matrices_of_loop(child: Node, loop: Loop, values: Sequence[Any]) -> tuple[dict[str, Array], list[Any]]:
    """Weights that change with the step are evaluated step by step, stacked; the others once."""
    view = loop.view
    consts, carry, xs = view.operands(values)
    slices = {i: x for i, x in enumerate(xs) if x is not MISSING}
    start = {i: carry[i] for i in loop.moving if carry[i] is not MISSING}

    def step(state, parts):
        now = [carry[i] if i in loop.fixed else state.get(i, MISSING) for i in range(view.carries)]
        found, results = matrices(child, [*consts, *now, *(parts.get(i, MISSING) for i in range(len(xs)))])
        after, ys = view.results(results)
        return {i: after[i] for i in state}, (found, {i: ys[i] for i in loop.outputs if ys[i] is not MISSING})

    def stacking(state, parts):
        state, (found, ys) = step(state, parts)
        return state, ({name: matrix for name, matrix in found.items() if name in loop.varying}, ys)

    while True:  # a carry that needs a missing one is missing
        after, (first, same) = step(start, {i: x[0] for i, x in slices.items()})
        if all(value is not MISSING for value in after.values()):
            break
        start = {i: value for i, value in start.items() if after[i] is not MISSING}
    if start:
        last, (found, ys) = lax.scan(stacking, start, slices, view.length, view.reverse)
    elif slices:
        last, (found, ys) = {}, jax.vmap(lambda parts: stacking({}, parts)[1])(slices)
    else:
        last, found, ys = {}, {}, {i: jnp.broadcast_to(y, (view.length, *jnp.shape(y))) for i, y in same.items()}
    results = [carry[i] if i in loop.fixed else last.get(i, MISSING) for i in range(view.carries)]
    results += [ys.get(i, MISSING) for i in range(view.outputs)]
    return {name: matrix for name, matrix in first.items() if name not in loop.varying} | found, results


def _apply(children: tuple[Node, ...], loop: Loop, eqn: Any, values: list[Any], run: Run) -> tuple[list[Any], Seen]:
    return apply_loop(children[0], loop, values, run)


def apply_loop(child: Node, loop: Loop, values: Sequence[Any], run: Run) -> tuple[list[Any], Seen]:
    """The loop, with crossbars that are others in each step handed to their step."""
    view = loop.view
    consts, carry, xs = view.operands(values)
    stacked = {name: run.ready[name] for name in loop.varying}

    def step(carry, slices):
        parts, ready, index = slices
        key = None if run.key is None else jax.random.fold_in(run.key, index)
        outputs, seen = apply(child, [*consts, *carry, *parts], run.at(run.ready | ready, key))
        carry, ys = view.results(outputs)
        return list(carry), (ys, seen)

    over = (list(xs), stacked, jnp.arange(view.length))
    carry, (ys, seen) = lax.scan(step, list(carry), over, view.length, view.reverse, view.unroll)
    return [*carry, *ys], {name: s if name in stacked else merged(s) for name, s in seen.items()}


RULES["scan"] = Rule(_analyse, _matrices, _apply)
