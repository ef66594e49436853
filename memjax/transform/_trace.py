"""Which contractions of a program meet a weight: provenance analysis of its jaxpr.

Everything computed from parameters and constants alone is a *weight*: it is what a crossbar is programmed with.
Everything else is *data*. A contraction of data with a weight is a *site*: it is read on a crossbar. Weights are
numbered by value (equal numbers, equal values), so that two sites with the same weight and layout share a crossbar.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax.numpy as jnp

from memjax._random import salt
from memjax.contraction import Convolution, Dot
from memjax.transform import _jaxpr as ir

Contraction = Dot | Convolution


class Weight(NamedTuple):
    """Provenance of a value computed from parameters and constants alone.

    Attributes:
        number: equal for equal values.
        paths: the parameters it is computed from.
        loops: the scans over whose steps it changes.
    """

    number: int
    paths: tuple[str, ...]
    loops: tuple[int, ...]


class Site(NamedTuple):
    """A contraction that is read on a crossbar."""

    crossbar: str
    contraction: Contraction
    operand: int  # which of the two operands is the weight
    salt: int  # folds the key of a read, different at each site
    dtype: Any


@dataclass(frozen=True)
class Crossbar:
    """A weight that is programmed, once for each step of `loops`, whose lengths are `steps`."""

    name: str
    paths: tuple[str, ...]
    contraction: Contraction
    loops: tuple[int, ...]
    steps: tuple[int, ...]

    @property
    def leading(self) -> tuple[int, ...]:
        """Leading axes of the crossbar's arrays: one for each loop, and one for a stack."""
        return (*self.steps, *self.contraction.stack)


@dataclass
class Node:
    """A jaxpr with what was found in it, by position of the equation.

    Attributes:
        sites: contractions that are read on crossbars.
        children: nodes of the jaxprs inside a followed equation.
        weights: equations computed from parameters and constants alone.
        loop: identity, for the body of a scan.
    """

    body: ir.Body
    sites: dict[int, Site] = field(default_factory=dict)
    children: dict[int, tuple["Node", ...]] = field(default_factory=dict)
    weights: set[int] = field(default_factory=set)
    loop: int = -1

    def has_sites(self) -> bool:
        return bool(self.sites) or any(n.has_sites() for group in self.children.values() for n in group)


class Analysis:
    """What the walk over a program collects."""

    def __init__(self, select: Callable[[str], bool] | None, ranks: dict[str, int]):
        self.select = select
        self.ranks = ranks
        self.crossbars: dict[str, Crossbar] = {}
        self.digital: dict[str, list[str]] = {}
        self.candidates: list[str] = []
        self._numbers: dict[Any, int] = {}
        self._known: dict[Any, str | None] = {}
        self._taken: dict[str, int] = {}
        self._uses: dict[str, int] = {}
        self._lengths: list[int] = []

    def number(self, key: Any) -> int:
        try:
            return self._numbers.setdefault(key, len(self._numbers))
        except TypeError:  # an equation parameter that cannot be hashed: a value of its own
            return self._numbers.setdefault(object(), len(self._numbers))

    def new_loop(self, length: int) -> int:
        self._lengths.append(length)
        return len(self._lengths) - 1

    def stays_digital(self, weight: Weight, reason: str) -> None:
        for path in weight.paths:
            if reason not in self.digital.setdefault(path, []):
                self.digital[path].append(reason)

    def crossbar(self, weight: Weight, contraction: Contraction) -> str | None:
        """Name of the crossbar for a weight in a layout, or None where it is not selected."""
        identity = (weight.number, weight.loops, contraction.layout, contraction.shape, contraction.stack)
        if identity not in self._known:
            base = _name(weight.paths, self.ranks)
            self.candidates.append(base)
            self._known[identity] = None
            if self.select is None or self.select(base):
                count = self._taken[base] = self._taken.get(base, 0) + 1
                name = base if count == 1 else f"{base}#{count - 1}"
                steps = tuple(self._lengths[loop] for loop in weight.loops)
                self.crossbars[name] = Crossbar(name, weight.paths, contraction, weight.loops, steps)
                self._known[identity] = name
        return self._known[identity]

    def salt(self, name: str) -> int:
        """A number for the reads at one site: its crossbar and how many sites of it came before."""
        count = self._uses[name] = self._uses.get(name, 0) + 1
        return salt(f"{name}/{count}")


def _name(paths: Sequence[str], ranks: dict[str, int]) -> str:
    """Name of the crossbar for a weight computed from parameters: the matrices among them, common folder first."""
    matrices = [p for p in paths if ranks.get(p, 0) >= 2] or list(paths)
    if len(matrices) == 1:
        return matrices[0]
    parts = [p.split("/") for p in matrices]
    shared = 0
    while all(len(p) > shared + 1 and p[shared] == parts[0][shared] for p in parts):
        shared += 1
    rest = "+".join("/".join(p[shared:]) for p in parts)
    return "/".join([*parts[0][:shared], rest])


def analyse(analysis: Analysis, body: ir.Body, sources: Sequence[Weight | None]) -> tuple[Node, list[Weight | None]]:
    """Walk over a jaxpr whose inputs have the given provenance (None: data)."""
    node = Node(body)
    env: dict[Any, Weight | None] = dict(zip(body.jaxpr.invars, sources, strict=True))
    for var, const in zip(body.jaxpr.constvars, body.consts, strict=True):
        env[var] = Weight(analysis.number(("const", id(const))), (), ())

    def source(atom):
        if ir.is_literal(atom):
            return Weight(analysis.number(("literal", str(atom.aval), repr(atom.val))), (), ())
        return env[atom]

    for index, eqn in enumerate(body.jaxpr.eqns):
        inputs = [source(atom) for atom in eqn.invars]
        weights = [w for w in inputs if w is not None]
        if len(weights) == len(inputs):
            node.weights.add(index)
            outputs = _computed(analysis, eqn, weights)
        elif not any(w.paths for w in weights):
            outputs = [None] * len(eqn.outvars)
        elif (found := _contraction(eqn, inputs)) is not None:
            operand, weight, contraction = found
            name = analysis.crossbar(weight, contraction)
            if name is None:
                analysis.stays_digital(weight, "not selected")
            else:
                dtype = eqn.outvars[0].aval.dtype
                node.sites[index] = Site(name, contraction, operand, analysis.salt(name), dtype)
            outputs = [None]
        else:
            outputs = _follow(analysis, node, index, eqn, inputs)
        ir.write(env, eqn.outvars, outputs)
    return node, [source(atom) for atom in body.jaxpr.outvars]


def _computed(analysis: Analysis, eqn: Any, inputs: list[Weight]) -> list[Weight | None]:
    """Provenance of the outputs of an equation all of whose inputs are weights."""
    try:
        params = tuple(sorted(eqn.params.items()))
        hash(params)
    except TypeError:
        params = (object(),)
    key = (eqn.primitive.name, params, tuple(w.number for w in inputs))
    paths = tuple(dict.fromkeys(path for w in inputs for path in w.paths))
    loops = tuple(sorted({loop for w in inputs for loop in w.loops}))
    return [Weight(analysis.number((*key, i)), paths, loops) for i in range(len(eqn.outvars))]


def _contraction(eqn: Any, inputs: list[Weight | None]) -> tuple[int, Weight, Contraction] | None:
    """(operand that is the weight, the weight, contraction) of an equation that a crossbar can compute."""
    name = eqn.primitive.name
    if name not in ("dot_general", "conv_general_dilated"):
        return None
    operand = 0 if name == "dot_general" and inputs[0] is not None else 1
    weight = inputs[operand]
    if weight is None or not all(jnp.issubdtype(atom.aval.dtype, jnp.floating) for atom in eqn.invars):
        return None
    contraction = _dot(eqn, operand) if name == "dot_general" else _convolution(eqn)
    return None if contraction is None else (operand, weight, contraction)


def _dot(eqn: Any, operand: int) -> Dot | None:
    contract, batch = eqn.params["dimension_numbers"]
    if not contract[0]:
        return None
    weight, data = eqn.invars[operand].aval.shape, eqn.invars[1 - operand].aval.shape
    return Dot(data, weight, contract[1 - operand], contract[operand], batch[1 - operand], batch[operand], operand == 0)


def _convolution(eqn: Any) -> Convolution | None:
    p, (data, weight) = eqn.params, (atom.aval.shape for atom in eqn.invars)
    if p["batch_group_count"] != 1:
        return None
    numbers = p["dimension_numbers"]
    return Convolution(
        data,
        weight,
        tuple(numbers.lhs_spec),
        tuple(numbers.rhs_spec),
        tuple(numbers.out_spec),
        tuple(p["window_strides"]),
        tuple(map(tuple, p["padding"])),
        tuple(p["lhs_dilation"]),
        tuple(p["rhs_dilation"]),
        p["feature_group_count"],
    )


def _follow(analysis: Analysis, node: Node, index: int, eqn: Any, inputs: list[Weight | None]) -> list[Weight | None]:
    """Look into an equation that mixes weights with data."""
    name = eqn.primitive.name
    outputs: list[Weight | None] = [None] * len(eqn.outvars)
    if name in ir.CALLS:
        child, results = analyse(analysis, ir.called(eqn), inputs)
        children, outputs = (child,), results if name in ir.PLAIN_CALLS else outputs
        if name in ir.CUSTOM_CALLS and child.has_sites():
            warnings.warn(
                f"the custom derivative rule of {ir.name_of(eqn)!r} ({name}) is not used, because a crossbar is "
                "inside: the gradient is that of its body. Keep its weights digital with `select` to keep the rule",
                stacklevel=2,
            )
    elif name == "scan":
        children, outputs = _scan(analysis, eqn, inputs)
    elif name == "while":
        children, outputs = _while(analysis, eqn, inputs)
    elif name == "cond":
        children = tuple(analyse(analysis, ir.body_of(b), inputs[1:])[0] for b in eqn.params["branches"])
    else:
        children = ()
        followed = not ir.contracts_inside(eqn)
        for weight in filter(None, inputs):
            analysis.stays_digital(weight, _reason(name) if followed else f"enters `{name}`, which is not followed")
        matrices = sorted({p for w in inputs if w for p in w.paths if analysis.ranks.get(p, 0) >= 2})
        if matrices and not followed:
            warnings.warn(
                f"`{name}` cannot be followed: what it computes with {', '.join(matrices)} stays digital", stacklevel=2
            )
    if any(child.has_sites() for child in children) or any(outputs):
        node.children[index] = children
    return outputs


def _reason(primitive: str) -> str:
    if primitive == "gather":
        return "looked up (`gather`), not multiplied"
    if primitive in ("dot_general", "conv_general_dilated"):
        return f"`{primitive}` in a form that no crossbar computes"
    return f"meets data in `{primitive}`, not in a matrix product"


def _scan(analysis: Analysis, eqn: Any, inputs: list[Weight | None]):
    """Constants of a scan stay what they are; slices are weights that change with the step; carries are data."""
    first, second = eqn.params["num_consts"], eqn.params["num_consts"] + eqn.params["num_carry"]
    body = ir.body_of(eqn.params["jaxpr"])
    loop = analysis.new_loop(eqn.params["length"])
    carried = _unchanged(body.jaxpr, range(first, second), 0)
    sliced = [
        w and Weight(analysis.number(("slice", w.number, loop)), w.paths, (*w.loops, loop)) for w in inputs[second:]
    ]
    kept = [w if position in carried else None for position, w in enumerate(inputs[first:second], first)]
    child, _ = analyse(analysis, body, [*inputs[:first], *kept, *sliced])
    child.loop = loop
    return (child,), [*kept, *[None] * (len(eqn.outvars) - len(kept))]


def _while(analysis: Analysis, eqn: Any, inputs: list[Weight | None]):
    """The body of a loop of unknown length: constants are weights, carries are data. Its condition stays digital."""
    skip, constants = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    body = ir.body_of(eqn.params["body_jaxpr"])
    carried = _unchanged(body.jaxpr, range(constants, len(body.jaxpr.invars)), 0)
    carries = inputs[skip + constants :]
    kept = [w if position in carried else None for position, w in enumerate(carries, constants)]
    child, _ = analyse(analysis, body, [*inputs[skip : skip + constants], *kept])
    for weight in filter(None, inputs[:skip]):
        analysis.stays_digital(weight, "used in the condition of a `while`")
    return (child,), kept


def _unchanged(jaxpr: Any, positions: range, first_output: int) -> set[int]:
    """Positions among the inputs of a loop body whose value every step hands on as it is."""
    return {p for i, p in enumerate(positions) if jaxpr.outvars[first_output + i] is jaxpr.invars[p]}
