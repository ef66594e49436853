"""Multiply-accumulates of a program, counted by walking through its equations step by step: the oracle of a plan.

Every value carries what it depends on, {"params", "data"}, and its number where it depends on neither; loops are
entered as often as they run.
"""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.extend import core

CALLS = {"jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint", "custom_jvp_call", "linear_call",
         "custom_vjp_call", "custom_vjp_call_jaxpr"}  # fmt: skip
PRODUCTS = {"dot_general", "conv_general_dilated", "ragged_dot_general", "bcoo_dot_general", "bcsr_dot_general"}
Value = tuple[frozenset[str], Any]
NOTHING: frozenset[str] = frozenset()


def counted(fn: Callable, params: Any, *args: Any) -> Counter:
    """Multiply-accumulates with data: "weight" where the other operand is made of parameters alone, else "data"."""
    arrays, static = eqx.partition((params, args), eqx.is_array)

    def run(arrays):
        params, args = eqx.combine(arrays, static)
        return eqx.filter(fn(params, *args), eqx.is_array)

    closed = jax.make_jaxpr(run)(arrays)
    own = len(jax.tree.leaves(arrays[0]))
    kinds = ["params" if i < own else "data" for i in range(len(closed.jaxpr.invars))]
    found: Counter = Counter()
    walk(closed, [(frozenset({kind}), None) for kind in kinds], found, 1)
    return found


def walk(program: Any, inputs: list[Value], found: Counter, times: int) -> list[Value]:
    jaxpr, consts = (program.jaxpr, program.consts) if isinstance(program, core.ClosedJaxpr) else (program, ())
    env = dict(zip(jaxpr.invars, inputs, strict=True))
    env.update((var, (NOTHING, const)) for var, const in zip(jaxpr.constvars, consts, strict=True))
    get = lambda atom: (NOTHING, atom.val) if isinstance(atom, core.Literal) else env[atom]
    for eqn in jaxpr.eqns:
        results = step(eqn, [get(atom) for atom in eqn.invars], found, times)
        env.update(zip(eqn.outvars, results, strict=True))
    return [get(atom) for atom in jaxpr.outvars]


def step(eqn: Any, values: list[Value], found: Counter, times: int) -> list[Value]:
    name, p = eqn.primitive.name, eqn.params
    if name in CALLS:
        return walk(next(p[k] for k in ("jaxpr", "call_jaxpr", "fun_jaxpr", "callee") if k in p), values, found, times)
    if name in INSIDE:
        return INSIDE[name](p, values, found, times)
    if name in ("optimization_barrier", "device_put"):
        return values
    both = frozenset().union(*(kind for kind, _ in values))
    if name in PRODUCTS and "data" in both:
        found["weight" if any(kind == {"params"} for kind, _ in values) else "data"] += times * macs(eqn)
    if both or any(value is None for _, value in values):
        return [(both, None)] * len(eqn.outvars)
    results = eqn.primitive.bind(*(value for _, value in values), **p)
    return [(NOTHING, result) for result in (results if eqn.primitive.multiple_results else [results])]


def macs(eqn: Any) -> int:
    p, first, last = eqn.params, eqn.invars[0].aval.shape, eqn.invars[1].aval.shape
    results = math.prod(eqn.outvars[0].aval.shape)
    if "lhs_spinfo" in p:
        first = p["lhs_spinfo"].shape
    if eqn.primitive.name == "ragged_dot_general":
        return results * first[-1]
    if eqn.primitive.name == "conv_general_dilated":
        return results * math.prod(last) // last[p["dimension_numbers"].rhs_spec[0]]
    (contract, _), _ = p["dimension_numbers"]
    return results * math.prod(first[axis] for axis in contract)


def scan(p: dict, values: list[Value], found: Counter, times: int) -> list[Value]:
    consts, carries = map(len, p["ft_in"].unpack()[:2]) if "ft_in" in p else (p["num_consts"], p["num_carry"])
    start, end = consts, consts + carries
    xs = [(kind, None) for kind, _ in values[end:]]
    body = lambda carry, found: walk(p["jaxpr"], [*values[:start], *carry, *xs], found, times * p["length"])
    return [(kind, None) for kind, _ in body(settled(body, values[start:end]), found)]


def settled(body: Callable, carry: list[Value]) -> list[Value]:
    """What the carries of a loop depend on in every step."""
    while True:
        after = body([(kind, None) for kind, _ in carry], Counter())
        new = [(a | b, None) for (a, _), (b, _) in zip(carry, after[: len(carry)], strict=True)]
        if [kind for kind, _ in new] == [kind for kind, _ in carry]:
            return new
        carry = new


def loop(p: dict, values: list[Value], found: Counter, times: int) -> list[Value]:
    first, second = p["cond_nconsts"], p["cond_nconsts"] + p["body_nconsts"]
    now, steps = values[second:], 0
    while (go := walk(p["cond_jaxpr"], [*values[:first], *now], Counter(), 1)[0][1]) is not None and bool(go):
        now, steps = walk(p["body_jaxpr"], [*values[first:second], *now], Counter(), 1), steps + 1
    times *= 1 if go is None else steps  # of an unknown number of steps one is counted
    body = lambda carry, found: walk(p["body_jaxpr"], [*values[first:second], *carry], found, times)
    carry = settled(body, values[second:])
    body(carry, found)
    if go is not None:
        return [(kind, value) for (kind, _), (_, value) in zip(carry, now, strict=True)]
    return [(kind | {"data"}, None) for kind, _ in carry]


def branch(p: dict, values: list[Value], found: Counter, times: int) -> list[Value]:
    (kind, which), *operands = values
    branches = p["branches"]
    if which is not None:
        return walk(branches[int(np.clip(int(which), 0, len(branches) - 1))], operands, found, times)
    results = [walk(one, operands, found, times) for one in branches]
    return [(kind.union(*(k for k, _ in group)), None) for group in zip(*results, strict=True)]


INSIDE = {"scan": scan, "while": loop, "cond": branch}
