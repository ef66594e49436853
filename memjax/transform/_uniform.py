"""Along which axes all elements of a weight are equal: a weight that is broadcast over a batch needs one set of cells.

One rule for each primitive that hands such axes on; results of all others have none.
"""

import math
from collections.abc import Callable
from typing import Any

Axes = frozenset[int]


def uniform(eqn: Any, operands: list[Axes]) -> Axes:
    """The uniform axes of the first result of an equation, from those of its operands."""
    rule = _RULES.get(eqn.primitive.name)
    if rule is not None:
        return rule(eqn, operands)
    shape = eqn.outvars[0].aval.shape
    fits = [len(atom.aval.shape) in (len(shape), 0) for atom in eqn.invars]
    if len(eqn.outvars) == 1 and eqn.primitive.name in ELEMENTWISE and all(fits):
        return _common(eqn, operands)
    return frozenset()


_NAMES = """
abs add add_any and cbrt ceil clamp convert_element_type copy copy_p cos div eq exp exp2 expm1 floor ge gt
integer_pow is_finite le log log1p logistic lt max min mul ne neg not or pow reduce_precision rem round rsqrt
select_n sign sin sqrt square stop_gradient sub tan tanh xor
"""
ELEMENTWISE = frozenset(_NAMES.split())


def _common(eqn: Any, operands: list[Axes]) -> Axes:
    """Axes that are uniform in every operand; a scalar is uniform everywhere, an axis of one element is stretched."""
    shape = eqn.outvars[0].aval.shape
    every = frozenset(range(len(shape)))

    def of(axes: Axes, atom: Any) -> Axes:
        stretched = {axis for axis, size in enumerate(atom.aval.shape) if size == 1 < shape[axis]}
        return axes | stretched if atom.aval.shape else every

    return frozenset.intersection(every, *map(of, operands, eqn.invars))


def _broadcast(eqn: Any, operands: list[Axes]) -> Axes:
    kept = eqn.params["broadcast_dimensions"]
    shape, old = eqn.params["shape"], eqn.invars[0].aval.shape
    new = {axis for axis in range(len(shape)) if axis not in kept}
    stretched = {to for at, to in enumerate(kept) if at in operands[0] or (old[at] == 1 and shape[to] > 1)}
    return frozenset(new | stretched)


def _tile(eqn: Any, operands: list[Axes]) -> Axes:
    shape = eqn.invars[0].aval.shape
    return operands[0] | {axis for axis, times in enumerate(eqn.params["reps"]) if shape[axis] == 1 and times > 1}


def _transpose(eqn: Any, operands: list[Axes]) -> Axes:
    return frozenset(to for to, at in enumerate(eqn.params["permutation"]) if at in operands[0])


def _squeeze(eqn: Any, operands: list[Axes]) -> Axes:
    gone = {axis % len(eqn.invars[0].aval.shape) for axis in eqn.params["dimensions"]}
    left = [axis for axis in range(len(eqn.invars[0].aval.shape)) if axis not in gone]
    return frozenset(to for to, at in enumerate(left) if at in operands[0])


def _reshape(eqn: Any, operands: list[Axes]) -> Axes:
    """An axis stays uniform where it stands alone between the same numbers of elements before and after."""
    old, new = eqn.invars[0].aval.shape, eqn.outvars[0].aval.shape
    places = {(math.prod(old[:axis]), old[axis]): axis for axis in range(len(old)) if old[axis] > 1}
    found = {to: places.get((math.prod(new[:to]), size)) for to, size in enumerate(new)}
    return frozenset(to for to, at in found.items() if at in operands[0])


def _slice(eqn: Any, operands: list[Axes]) -> Axes:
    return operands[0]


def _reduce(eqn: Any, operands: list[Axes]) -> Axes:
    left = [axis for axis in range(len(eqn.invars[0].aval.shape)) if axis not in eqn.params["axes"]]
    return frozenset(to for to, at in enumerate(left) if at in operands[0])


def _concatenate(eqn: Any, operands: list[Axes]) -> Axes:
    return frozenset.intersection(*operands) - {eqn.params["dimension"]}


def _dot(eqn: Any, operands: list[Axes]) -> Axes:
    """Batch axes that are uniform in both operands, and the free uniform axes of each."""
    contract, batch = eqn.params["dimension_numbers"]
    found = {to for to, (a, b) in enumerate(zip(*batch, strict=True)) if a in operands[0] and b in operands[1]}
    at = len(batch[0])
    for side, atom in enumerate(eqn.invars):
        for axis in range(len(atom.aval.shape)):
            if axis not in contract[side] and axis not in batch[side]:
                found |= {at} if axis in operands[side] else set()
                at += 1
    return frozenset(found)


_RULES: dict[str, Callable[[Any, list[Axes]], Axes]] = {
    "broadcast_in_dim": _broadcast,
    "tile": _tile,
    "transpose": _transpose,
    "squeeze": _squeeze,
    "reshape": _reshape,
    "slice": _slice,
    "dot_general": _dot,
    "concatenate": _concatenate,
    **dict.fromkeys(("reduce_sum", "reduce_max", "reduce_min", "reduce_prod"), _reduce),
}
