"""`Sites`: the products of data with weights in a program. Knows no hardware."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax import Array
from jax.core import Tracer

from memjax import _check
from memjax._names import parameter_name
from memjax.transform import _calls, _cond, _custom, _scan, _while  # noqa: F401  (their rules)
from memjax.transform._jaxpr import Body
from memjax.transform._provenance import Data, Source, Weight
from memjax.transform._record import Crossbar, Digital, Record, SiteRow
from memjax.transform._walk import MISSING, Activation, Node, Reader, Run, Seen, analyse, apply, matrices
from memjax.transform._walk import Walk as _Walk


@dataclass(eq=False)
class Program:
    """A function traced for one set of shapes, and the products found in it.

    Attributes:
        node: the analysed program; its inputs are the array leaves of the parameters, then of the other arguments.
        record: what was found.
        paths: names of the parameters.
        shapes: shapes of the parameters, by name.
        result: tree structure of the result.
    """

    node: Node
    record: Record
    paths: tuple[str, ...]
    shapes: dict[str, tuple[int, ...]]
    result: Any

    @property
    def crossbars(self) -> dict[str, Crossbar]:
        """Every crossbar by name."""
        return self.record.crossbars

    @cached_property
    def table(self) -> tuple[SiteRow, ...]:
        """Every product that is read on a crossbar, in the order of the program."""
        return self.record.table

    @property
    def products(self) -> tuple[Digital, ...]:
        """Every product of a parameter with data that stays digital."""
        return tuple(self.record.products)

    @cached_property
    def digital(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """For every matrix on no crossbar, its shape and why."""
        known, reasons = self._on_crossbars, self.record.reasons
        found = {
            path: (shape, "; ".join(reasons.get(path, ["meets no data"])))
            for path, shape in self.shapes.items()
            if len(shape) >= 2 and path not in known
        }
        return found | {
            name: (shape, "; ".join(reasons[name]))
            for name, shape in self.record.constants.items()
            if name in reasons and any("closed over" in reason for reason in reasons[name])
        }

    @cached_property
    def partly(self) -> dict[str, str]:
        """For every matrix on a crossbar that also meets data elsewhere, how."""
        known, reasons = self._on_crossbars, self.record.reasons
        return {
            p: "; ".join(reasons[p]) for p, shape in self.shapes.items() if len(shape) >= 2 and p in known & {*reasons}
        }

    @cached_property
    def _on_crossbars(self) -> set[str]:
        return {path for found in self.crossbars.values() for path in found.paths}

    @property
    def functions(self) -> tuple[str, ...]:
        """Names of the activations, in the order of the program: relu_0, relu_1, tanh_0.

        An activation is a call (of `jax.nn.relu`, say) that computes a curved function of every number of one array of
        data by itself, or such an equation (`tanh`, `max` with a number) outside of one.
        """
        return tuple(self.record.functions)

    def split(self, leaves: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """(parameters, other arguments) among the array leaves of a call."""
        return list(leaves[: len(self.paths)]), list(leaves[len(self.paths) :])

    def matrices(self, own: Sequence[Any]) -> dict[str, Array]:
        """The matrix of every crossbar, [*leading, K, N], from the parameters alone."""
        data = [MISSING] * (len(self.node.body.jaxpr.invars) - len(self.paths))
        found, _ = matrices(self.node, [*own, *data])
        return {name: found[name] for name in self.crossbars}

    def run(
        self,
        leaves: Sequence[Any],
        prepared: dict[str, Any],
        key: Array | None,
        read: Reader,
        weights: Callable[[str, Any], Array] | None = None,
        activation: Activation | None = None,
    ) -> tuple[list[Array], Seen]:
        """The program with every site read by `read`: (results, what was watched by crossbar).

        Args:
            leaves: array leaves of all arguments.
            prepared: for each crossbar what `read` gets, with the crossbar's leading axes of loops.
            key: folded for each site and step; None: no keys.
            read: (site, prepared, data, key) -> (result, what was watched or None).
            weights: (crossbar, prepared) -> the matrix [*leading, K, N] that it stands for: by it the derivative that a
                call brings along is evaluated. None: the derivative is that of the call's body.
            activation: (name, function, data) -> (result, what was watched or None), for each of `functions`; None:
                they are evaluated as they are. Those inside a call with a derivative of its own that is more than an
                activation always are.
        """
        return apply(self.node, list(leaves), Run(prepared, key, read, weights, activation))


class Sites:
    """The products of data with weights in a function (params, *args, **kwargs).

    Everything computed from `params` and constants alone is a weight, whatever equations it passes; everything else is
    data. A product of both, summed over an axis, is a site.

    Args:
        fn: the function.
        select: which crossbars to use, by name; None: all.
    """

    def __init__(self, fn: Callable, select: Callable[[str], bool] | None = None):
        if not callable(fn):
            raise TypeError(f"fn must be a function of (params, *args), got {_check.shown(fn)}")
        check_select(select)
        self.fn, self.select = fn, select
        self._programs: dict[Any, Program] = {}

    def program(self, params: Any, args: tuple = (), kwargs: dict | None = None) -> tuple[Program, list[Any]]:
        """The function traced for these arguments, and their array leaves in the order of its inputs."""
        dynamic, static = eqx.partition((params, args, kwargs or {}), is_dynamic)
        leaves, treedef = jax.tree.flatten(dynamic)
        for leaf in leaves:
            if isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind in "OSUMm":
                raise TypeError(f"params and data must be arrays of numbers, got {_check.shown(leaf)}")
        avals = tuple(map(_abstract, leaves))
        key = (treedef, static, tuple((a.shape, a.dtype, a.weak_type) for a in avals))
        try:
            known = self._programs.get(key := _hashable(key))
        except TypeError:  # an argument that cannot be hashed: traced anew each time
            known, key = None, None
        if known is None:
            known = self._trace(params, static, treedef, avals)
            holds_tracer = any(isinstance(const, Tracer) for const in known.node.body.consts)
            if key is not None and not holds_tracer:
                self._programs[key] = known
        return known, leaves

    def _trace(self, params: Any, static: Any, treedef: Any, avals: tuple) -> Program:
        def flat(*leaves):
            params, args, kwargs = eqx.combine(jax.tree.unflatten(treedef, leaves), static)
            return self.fn(params, *args, **kwargs)

        closed, result = jax.make_jaxpr(flat, return_shape=True)(*avals)
        paths = parameter_paths(params)
        shapes = {path: aval.shape for path, aval in zip(paths, avals, strict=False)}
        record = Record(self.select, {path: len(shape) for path, shape in shapes.items()})
        weights: list[Source] = [Weight(record.number("parameter", path), (path,)) for path in paths]
        data = [Data()] * (len(avals) - len(paths))
        node, _ = analyse(_Walk(record), Body(closed.jaxpr, closed.consts), [*weights, *data])
        program = Program(node, record, tuple(paths), shapes, jax.tree.structure(result))
        _warn(program)
        return program


def check_select(select: Any) -> None:
    """Raise unless something can choose crossbars."""
    if select is not None and not callable(select):
        raise TypeError(f"select must be a function of a crossbar's name, or None, got {_check.shown(select)}")


def check_selected(program: Program, select: Callable[[str], bool] | None) -> None:
    """Raise where there are crossbars and `select` chooses none of them."""
    candidates = program.record.candidates
    if select is not None and candidates and not any(map(select, candidates)):
        raise ValueError(f"select must choose at least one of the crossbars {candidates}, got none")


def _warn(program: Program) -> None:
    """Once for every matrix that is multiplied digitally although nobody said so."""
    found: dict[str, list[str]] = {}
    select = program.record.select
    unexpected = lambda path: len(program.shapes[path]) >= 2 and (select is None or select(path))
    for product in program.products:
        if product.matrix and product.selected and not product.offset:
            for path in filter(unexpected, product.paths):
                if product.reason not in found.setdefault(path, []):
                    found[path].append(product.reason)
    for path, reasons in found.items():
        warnings.warn(
            f"{path} is multiplied with data digitally: {'; '.join(reasons)}. See `plan`; `select` without it keeps it "
            "digital and silent",
            stacklevel=2,
        )


def is_dynamic(leaf: Any) -> bool:
    """Whether a leaf of the arguments is traced (an array) rather than fixed (a Python number, a flag, a function)."""
    return isinstance(leaf, jax.Array | np.ndarray | np.generic | jax.ShapeDtypeStruct)


def _abstract(leaf: Any) -> jax.ShapeDtypeStruct:
    """Shape and type of an array, or of a `ShapeDtypeStruct`."""
    aval = leaf if isinstance(leaf, jax.ShapeDtypeStruct) else jax.typeof(leaf)
    return jax.ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=aval.weak_type)


def _hashable(key: tuple) -> tuple:
    treedef, static, avals = key
    leaves, structure = jax.tree.flatten(static)
    key = (treedef, structure, tuple((type(leaf), leaf) for leaf in leaves), avals)
    hash(key)
    return key


def parameter_paths(params: Any) -> list[str]:
    """Name of every array leaf of the parameters, in order: "params/Dense_0/kernel"."""
    leaves = jax.tree_util.tree_flatten_with_path(eqx.filter(params, is_dynamic))[0]
    return [parameter_name(path) for path, _ in leaves]
