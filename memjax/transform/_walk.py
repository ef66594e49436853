"""Three walks over a program: which values are weights, what the weights are, and the program run with its sites read.

Ordinary equations are treated here. Those that hold programs have a `Rule` in `RULES`, entered by the file that knows
them: `_calls.py`, `_scan.py`, `_while.py`, `_cond.py`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from memjax.contraction import Observation, merge
from memjax.transform import _jaxpr as ir
from memjax.transform._functions import Function, function_of
from memjax.transform._products import CONTRACTING, Product, multiplications, product_of
from memjax.transform._provenance import OFFSET, Constant, Data, Position, Source, Weight, joined, union
from memjax.transform._record import Record, Site
from memjax.transform._uniform import uniform

MISSING: Any = object()  # stands for data where only weights are evaluated

# (site, what was prepared of its crossbar, data, key) -> (result, what was watched)
Reader = Callable[[Site, Any, Array, Array | None], tuple[Array, Any]]
# (name of an activation, the function, its data) -> (result, what was watched)
Activation = Callable[[str, Callable[[Array], Array], Array], tuple[Array, Any]]
Seen = dict[str, Observation]


@dataclass
class Node:
    """A program with what was found in it, by position of the equation.

    Attributes:
        sites: products that are read on crossbars.
        functions: activations.
        children: nodes of the programs inside an equation that is followed.
        weights: equations computed from parameters and constants alone.
        handed: equations whose results are some of their operands as they stand: which.
        notes: what the rule of an equation wants to remember.
    """

    body: ir.Body
    sites: dict[int, Site] = field(default_factory=dict)
    functions: dict[int, Function] = field(default_factory=dict)
    children: dict[int, tuple["Node", ...]] = field(default_factory=dict)
    weights: set[int] = field(default_factory=set)
    handed: dict[int, tuple[int, ...]] = field(default_factory=dict)
    notes: dict[int, Any] = field(default_factory=dict)

    def all_sites(self) -> list[Site]:
        """The sites here and in all programs inside."""
        inner = (site for group in self.children.values() for node in group for site in node.all_sites())
        return [*self.sites.values(), *inner]

    def all_functions(self) -> list[Function]:
        """The activations here and in all programs inside."""
        inner = (one for group in self.children.values() for node in group for one in node.all_functions())
        return [*self.functions.values(), *inner]

    def acts(self) -> bool:
        """Whether anything here or inside is a site or an activation."""
        return bool(self.all_sites() or self.all_functions())


@dataclass(frozen=True)
class Walk:
    """Where the analysis is.

    Attributes:
        record: what is found; its numbers are shared by trials.
        where: position of the program that is walked over.
        lengths: lengths of the enclosing loops, None where unknown.
        trial: whether what is found is thrown away.
        digital: why no product here is read on a crossbar, if none is.
    """

    record: Record
    where: Position = ()
    lengths: tuple[int | None, ...] = ()
    trial: bool = False
    digital: str | None = None

    def inside(self, *index: int) -> "Walk":
        return replace(self, where=(*self.where, *index))

    def in_loop(self, length: int | None) -> "Walk":
        return replace(self, lengths=(*self.lengths, length))

    def as_trial(self) -> "Walk":
        return replace(self, trial=True)


class Run(NamedTuple):
    """What a run needs everywhere.

    Attributes:
        ready: what was prepared of each crossbar.
        key: None: no keys.
        read: how a site is read.
        weights: (crossbar, what was prepared of it) -> the matrix that it stands for, where gradients need one.
        activation: how an activation is evaluated; None: as it is.
    """

    ready: dict[str, Any]
    key: Array | None
    read: Reader
    weights: Callable[[str, Any], Array] | None = None
    activation: Activation | None = None

    def follows(self, children: Sequence[Node]) -> bool:
        """Whether anything in these programs is evaluated otherwise than as it is."""
        return any(node.all_sites() or (self.activation and node.all_functions()) for node in children)

    def at(self, ready: dict[str, Any], key: Array | None) -> "Run":
        return self._replace(ready=ready, key=key)


class Rule(NamedTuple):
    """How an equation that holds programs is treated by each walk.

    Attributes:
        analyse: (walk, node, index, eqn, sources) -> sources of the results; notes children in the node.
        matrices: (children, note, eqn, values or MISSING) -> (matrices by crossbar, values or MISSING).
        apply: (children, note, eqn, values, run) -> (results, what was watched by crossbar).
    """

    analyse: Callable[..., list[Source]]
    matrices: Callable[..., tuple[dict[str, Array], list[Any]]]
    apply: Callable[..., tuple[list[Any], Seen]]


RULES: dict[str, Rule] = {}

# Equations that hand on each operand by itself.
_ONE_BY_ONE = ("optimization_barrier", "device_put", "copy", "copy_p")


def analyse(walk: Walk, body: ir.Body, sources: Sequence[Source]) -> tuple[Node, list[Source]]:
    """Walk over a program whose inputs have the given provenance."""
    node = Node(body)
    env: dict[Any, Source] = dict(zip(body.jaxpr.invars, sources, strict=True))
    for var, const in zip(body.jaxpr.constvars, body.consts, strict=True):
        env[var] = _constant(walk, const)

    def source(atom):
        return _literal(walk, atom) if ir.is_literal(atom) else env[atom]

    for index, eqn in enumerate(body.jaxpr.eqns):
        inputs = [source(atom) for atom in eqn.invars]
        outputs = _analyse_equation(walk, node, index, eqn, inputs)
        ir.write(env, eqn.outvars, outputs)
    return node, [source(atom) for atom in body.jaxpr.outvars]


def _analyse_equation(walk: Walk, node: Node, index: int, eqn: Any, inputs: list[Source]) -> list[Source]:
    name = eqn.primitive.name
    known = [source for source in inputs if isinstance(source, Weight)]
    rule, handed = RULES.get(name), _handed(walk, eqn, inputs)
    if len(known) == len(inputs):
        node.weights.add(index)
        if rule is not None and name in ir.CALLS:
            return rule.analyse(walk.as_trial().inside(index), Node(node.body), index, eqn, inputs)
        return _computed(walk, node, eqn, known) if handed is None else [inputs[i] for i in handed]
    if not walk.trial and walk.digital is None and (found := function_of(eqn, inputs)) is not None:
        node.functions[index] = walk.record.function(*found)
    if rule is not None:
        inside = walk.as_trial() if index in node.functions else walk  # an activation has no other inside
        return rule.analyse(inside.inside(index), node, index, eqn, inputs)
    if handed is not None:
        node.handed[index] = handed
        return [inputs[i] for i in handed]
    after = _met(walk, node, index, eqn, inputs)
    # A number or a vector computed from a matrix (its norm) is no matrix any more.
    pairs = [(_stretched(s, atom), atom) for s, atom in zip(inputs, eqn.invars, strict=True)]
    wide = [s for s, atom in pairs if isinstance(s, Data) or _breadth(s, atom) >= 2]
    data = joined(wide, name, walk.record.is_matrix)
    return [data if after is None else Data(frozenset([after]))] * len(eqn.outvars)


def _handed(walk: Walk, eqn: Any, inputs: list[Source]) -> tuple[int, ...] | None:
    """Which operands the results are as they stand, where they are.

    A choice among equals is no choice: `vmap` of a `cond` chooses between a value and itself without a gradient.
    """
    if eqn.primitive.name in _ONE_BY_ONE:
        return tuple(range(len(inputs)))
    last = inputs[-1] if inputs else None
    if eqn.primitive.name == "select_n" and isinstance(last, Weight):
        same = (last.number, walk.record.number("stop_gradient", (), (last.number,), 0))
        equal = all(isinstance(source, Weight) and source.number in same for source in inputs[1:])
        return (len(inputs) - 1,) if equal else None
    return None


def _constant(walk: Walk, const: Any) -> Weight:
    number = walk.record.number.of_array(const)
    shape = np.shape(const) if hasattr(const, "dtype") else ()
    paths = (walk.record.constant(number, shape),) if len(shape) >= 2 else ()
    return Weight(number, paths, constant=None if isinstance(const, Tracer) else Constant(lambda: const))


def _literal(walk: Walk, atom: Any) -> Weight:
    value = ir.constant_of(atom)
    return Weight(walk.record.number.of_array(value), constant=Constant(lambda: value))


def _computed(walk: Walk, node: Node, eqn: Any, inputs: list[Weight]) -> list[Source]:
    """Provenance of the results of an equation all of whose inputs are weights."""
    key = (eqn.primitive.name, ir.parameters_of(eqn), tuple(w.number for w in inputs))
    paths, loops = union(w.paths for w in inputs), tuple(sorted(set(union(w.loops for w in inputs))))
    axes = uniform(eqn, [w.uniform for w in inputs])
    fixed = [w.constant for w in inputs if w.constant is not None]

    def compute():
        with jax.ensure_compile_time_eval():
            return ir.run(eqn, node.body.jaxpr, [constant.value for constant in fixed])

    values = Constant(compute)

    def one(i: int) -> Weight:
        constant = Constant(lambda: values.value[i]) if len(fixed) == len(inputs) else None
        return Weight(walk.record.number(*key, i), paths, loops, axes if i == 0 else frozenset(), constant)

    return [one(i) for i in range(len(eqn.outvars))]


def _met(walk: Walk, node: Node, index: int, eqn: Any, inputs: list[Source]) -> Position | None:
    """Note what an ordinary equation does with weights and data: the position of a site, or None."""
    record, name = walk.record, eqn.primitive.name
    weights = [source for source in inputs if isinstance(source, Weight)]
    paths = record.parameters(union(w.paths for w in weights))
    place = (*walk.where, index)
    if paths and isinstance(found := product_of(eqn, inputs), Product):
        return place if _site(walk, node, index, eqn, inputs, found) else None
    if walk.trial:
        return None
    times = math.prod(n or 1 for n in walk.lengths)
    if name in CONTRACTING:
        _digital_contraction(record, eqn, inputs, times)
    elif name in ir.OPAQUE or not ir.primitives_inside(eqn).isdisjoint(CONTRACTING):
        every = union([paths, *(pair[:1] for s in inputs if isinstance(s, Data) for pair in sorted(s.mixed))])
        record.product(every, f"enters `{name}`, which is not followed", None, matrix=any(map(record.is_matrix, every)))
    elif name == "mul" and paths:
        macs = times * math.prod(eqn.outvars[0].aval.shape)
        wide = any(_breadth(s, atom) >= 2 for s, atom in zip(inputs, eqn.invars, strict=True) if isinstance(s, Weight))
        record.product(paths, "meets data in `mul`, not in a matrix product", macs, matrix=wide)
    elif paths:
        looked_up = name in ("gather", "dynamic_slice")
        how = (
            f"looked up (`{name}`), not multiplied" if looked_up else f"meets data in `{name}`, not in a matrix product"
        )
        record.stays_digital(paths, how)
    return None


def _stretched(source: Source, atom: Any) -> Source:
    """A source whose axes of one element count as uniform: they are stretched to those of another operand."""
    if isinstance(source, Data):
        return source
    ones = {axis for axis, size in enumerate(atom.aval.shape) if size == 1}
    return source._replace(uniform=source.uniform | ones)


def _breadth(weight: Weight, atom: Any) -> int:
    """Number of axes along which a weight differs."""
    return sum(size > 1 and axis not in weight.uniform for axis, size in enumerate(atom.aval.shape))


def _site(walk: Walk, node: Node, index: int, eqn: Any, inputs: list[Source], found: Product) -> bool:
    """Whether a product is read on a crossbar; one that is not selected is noted."""
    record, parts = walk.record, [inputs[i] for i in found.operands]
    weight = _as_one(walk, eqn, [part for part in parts if isinstance(part, Weight)])
    times = math.prod(n or 1 for n in walk.lengths)
    if walk.trial:  # it does not matter here which crossbar it is
        return True
    if walk.digital is not None:
        record.product(weight.paths, walk.digital, times * found.macs)
        return False
    name = record.crossbar(weight, found.contraction, walk.lengths)
    if name is None:
        record.product(weight.paths, "not selected", times * found.macs, selected=False)
        return False
    after = frozenset().union(*(source.after for source in inputs if isinstance(source, Data)))
    dtype = eqn.outvars[0].aval.dtype
    node.sites[index] = record.site(name, found, dtype, (*walk.where, index), after, walk.lengths)
    return True


def _as_one(walk: Walk, eqn: Any, parts: list[Weight]) -> Weight:
    """The weight that several operands make together."""
    if len(parts) == 1:
        return parts[0]
    number = walk.record.number("made by", eqn.primitive.name, tuple(w.number for w in parts))
    loops = tuple(sorted(set(union(w.loops for w in parts))))
    return Weight(number, union(w.paths for w in parts), loops)


def _digital_contraction(record: Record, eqn: Any, inputs: list[Source], times: int) -> None:
    """Note a contraction that no crossbar computes, with every matrix that is still in its operands."""
    macs = times * multiplications(eqn)
    weights = [source for source in inputs if isinstance(source, Weight)]
    paths = union(w.paths for w in weights)
    mixed = sorted(set().union(*(source.mixed for source in inputs if isinstance(source, Data))))
    if mixed and not weights and all(how == OFFSET for _, how in mixed):
        reason = f"an offset of data that is multiplied with data in `{eqn.primitive.name}`"
        record.product(tuple(path for path, _ in mixed), reason, macs, offset=True)
    elif mixed:
        how = ", ".join(sorted({how if how == OFFSET else f"`{how}`" for _, how in mixed}))
        every = union([record.parameters(paths), *(pair[:1] for pair in mixed)])
        record.product(every, f"mixed with data by {how}, then multiplied in `{eqn.primitive.name}`", macs)
    elif record.parameters(paths):
        why = product_of(eqn, inputs)
        record.product(paths, why if isinstance(why, str) else f"meets data in `{eqn.primitive.name}`", macs)
    else:
        record.other += macs
        record.stays_digital(paths, "closed over by the function, not among its parameters")


def matrices(node: Node, values: Sequence[Any]) -> tuple[dict[str, Array], list[Any]]:
    """Evaluate what depends on weights alone: (matrices by crossbar, outputs or MISSING).

    A matrix is [*loops, *stack, K, N], with an axis for each loop inside over whose steps it changes.
    """
    env = environment(node, values)
    found: dict[str, Array] = {}
    for index, eqn in enumerate(node.body.jaxpr.eqns):
        inputs = [ir.look_up(env, atom) for atom in eqn.invars]
        outputs = [MISSING] * len(eqn.outvars)
        if index in node.weights:
            if not any(value is MISSING for value in inputs):
                outputs = ir.run(eqn, node.body.jaxpr, inputs)
        elif index in node.sites:
            site = node.sites[index]
            present = all(inputs[i] is not MISSING for i in site.product.operands)
            if present and site.crossbar not in found:
                found[site.crossbar] = _in_floats(site.contraction.matrix(site.product.weight(inputs)))
        elif index in node.children:
            rule = RULES[eqn.primitive.name]
            inner, outputs = rule.matrices(node.children[index], node.notes.get(index), eqn, inputs)
            found = inner | found
        elif index in node.handed:
            outputs = [inputs[i] for i in node.handed[index]]
        ir.write(env, eqn.outvars, outputs)
    return found, [ir.look_up(env, atom) for atom in node.body.jaxpr.outvars]


def _in_floats(matrix: Array) -> Array:
    """Weights of any kind of number in single precision, or in double where they have it."""
    return matrix if matrix.dtype == jnp.float64 else matrix.astype(jnp.float32)


def apply(node: Node, values: Sequence[Any], run: Run) -> tuple[list[Any], Seen]:
    """Evaluate a program with its sites read: (outputs, what was watched by crossbar)."""
    env = environment(node, values)
    seen: Seen = {}
    for index, eqn in enumerate(node.body.jaxpr.eqns):
        inputs = [ir.look_up(env, atom) for atom in eqn.invars]
        if index in node.sites:
            outputs, inner = _read(node.sites[index], inputs, run)
        elif index in node.functions and run.activation is not None:
            outputs, inner = _activate(node, index, eqn, inputs, run.activation)
        elif index in node.children and run.follows(node.children[index]):
            rule = RULES[eqn.primitive.name]
            outputs, inner = rule.apply(node.children[index], node.notes.get(index), eqn, inputs, run)
        else:
            outputs, inner = ir.run(eqn, node.body.jaxpr, inputs), {}
        seen = together(seen, inner)
        ir.write(env, eqn.outvars, outputs)
    return [ir.look_up(env, atom) for atom in node.body.jaxpr.outvars], seen


def _read(site: Site, inputs: list[Any], run: Run) -> tuple[list[Array], Seen]:
    key = None if run.key is None else jax.random.fold_in(run.key, site.salt)
    y, watched = run.read(site, run.ready[site.crossbar], site.product.data(inputs), key)
    result = site.product.result(y, inputs)
    whole = jnp.issubdtype(site.dtype, jnp.integer)
    result = (jnp.round(result) if whole else result).astype(site.dtype)
    return [result], {} if watched is None else {site.crossbar: watched}


def _activate(node: Node, index: int, eqn: Any, inputs: list[Any], activation: Activation) -> tuple[list[Array], Seen]:
    name, operand = node.functions[index]
    evaluate = lambda x: ir.run(eqn, node.body.jaxpr, [*inputs[:operand], x, *inputs[operand + 1 :]])[0]
    y, watched = activation(name, evaluate, inputs[operand])
    return [y], {} if watched is None else {name: watched}


def environment(node: Node, values: Sequence[Any]) -> dict:
    """The values of a program's inputs and constants."""
    env = dict(zip(node.body.jaxpr.invars, values, strict=True))
    env.update(zip(node.body.jaxpr.constvars, node.body.consts, strict=True))
    return env


def together(a: Seen, b: Seen) -> Seen:
    """What was watched in two places."""
    return a | {name: merge(a[name], seen) if name in a else seen for name, seen in b.items()}
