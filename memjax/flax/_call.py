"""A call of an NNX model as a pure function of its weights and of data, and what the call changed in the model.

An NNX call may change everything: values, attributes, the objects among its arguments. So the call is taken apart
before, and what it has changed is put back into the same objects after, as `nnx.jit` does.
"""

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from flax import nnx

# Variables that calls change by their nature: data, like the arguments.
STATE = (nnx.BatchStat, nnx.Cache, nnx.Intermediate, nnx.RngState)
_TAG = "memjax.flax.Crossbars"

_HOLE = object()  # stands for an NNX object among the arguments

Method = Callable[..., Any] | str | None


class Rewritten(Exception):
    """Weights that a call rewrites, by name: they are data."""

    def __init__(self, names: frozenset[str]):
        super().__init__(f"rewritten by the call: {sorted(names)}")
        self.names = names


class Call(eqx.Module):
    """A call taken apart, but for the weights.

    Attributes:
        data: values of the variables that are no weights, in the order of the graph.
        args, kwargs: arguments, with holes in the place of NNX objects.
        graph: the model and the NNX objects among the arguments, without values.
        names: for each variable its name, if it is a weight.
        method: what is called: a name, or a function of the model.
        code: that of the methods of the modules, which `nnx.capture` replaces while it looks at their results.
    """

    data: list[Any]
    args: tuple
    kwargs: dict[str, Any]
    graph: Any = eqx.field(static=True)
    names: tuple[str | None, ...] = eqx.field(static=True)
    method: Callable[..., Any] | str = eqx.field(static=True)
    code: tuple = eqx.field(static=True)


class Outcome(eqx.Module):
    """What a call returned, and what it left of its objects.

    Attributes:
        result: what it returned.
        changed: values of the variables that are new or have another value.
        kept: for each variable in the new graph which of the old ones it is, if it has the same value.
        graph: the new graph; None: the old one.
    """

    result: Any
    changed: list[Any]
    kept: tuple[int | None, ...] = eqx.field(static=True)
    graph: Any = eqx.field(static=True)


def context() -> AbstractContextManager:
    """Within it a call is taken apart, run, and put back."""
    return nnx.update_context(_TAG)


def take_apart(
    model: nnx.Module, method: Method, args: tuple, kwargs: dict[str, Any], rewritten: frozenset[str]
) -> tuple[dict[str, Any], Call, list[Any]]:
    """(weights by name, the rest of the call, all variables in the order of the graph).

    Args:
        model, method, args, kwargs: the call.
        rewritten: names of variables that are no weights, since calls rewrite them.
    """
    nodes, args, kwargs = _without_nodes(args, kwargs)
    with nnx.split_context(_TAG) as split:
        graph, flat = split.flatten((model, *nodes))
    variables = list(flat.leaves)
    pairs = zip(flat.paths, variables, strict=True)
    names = tuple(_name(path) if _is_weight(path, leaf, rewritten) else None for path, leaf in pairs)
    values = [_value(leaf) for leaf in variables]
    weights = {name: value for name, value in zip(names, values, strict=True) if name is not None}
    data = [value for name, value in zip(names, values, strict=True) if name is None]
    call = Call(data, args, kwargs, graph, names, _method(model, method), _code(model))
    return weights, call, variables


def run(weights: dict[str, Any], call: Call) -> Outcome:
    """The call as a pure function.

    Raises: Rewritten for variables among the weights, other than parameters, that it rewrites.
    """
    data = iter(call.data)
    leaves = [next(data) if name is None else weights[name] for name in call.names]
    with nnx.merge_context(_TAG, inner=True) as merge:
        model, *nodes = merge.unflatten(call.graph, leaves)
    args, kwargs = _with_nodes(nodes, call.args, call.kwargs)
    before = list(nnx.flatten((model, *nodes))[1].leaves)
    states = {id(leaf): (i, _state(leaf)) for i, leaf in enumerate(before)}
    if isinstance(call.method, str):
        result = getattr(model, call.method)(*args, **kwargs)
    else:
        result = call.method(model, *args, **kwargs)
    with nnx.split_context(_TAG) as split:
        graph, flat = split.flatten((model, *nodes))
    kept = tuple(_place(leaf, states) for leaf in flat.leaves)
    lost = (i for i in range(len(before)) if i not in kept)
    rewritten = frozenset(
        name for i in lost if (name := call.names[i]) is not None and not isinstance(before[i], nnx.Param)
    )
    if rewritten:
        raise Rewritten(rewritten)
    changed = [(leaf, i) for leaf, i in zip(flat.leaves, kept, strict=True) if i is None]
    same = graph == call.graph.with_same_outer_index() and all(isinstance(leaf, nnx.Variable) for leaf, _ in changed)
    return Outcome(result, [_value(leaf) for leaf, _ in changed], kept, None if same else graph)


def put_back(outcome: Outcome, variables: list[Any]) -> Any:
    """Make the objects of a call what it has made of them; returns its result."""
    changed = iter(outcome.changed)
    if outcome.graph is None:
        for variable, old in zip(variables, outcome.kept, strict=True):
            if old is None:
                variable.set_raw_value(next(changed))
    else:
        leaves = [next(changed) if old is None else variables[old] for old in outcome.kept]
        with nnx.merge_context(_TAG, inner=False) as merge:
            merge.unflatten(outcome.graph, leaves)
    return outcome.result


def state_matrices(model: nnx.Module, rewritten: frozenset[str]) -> dict[str, tuple[tuple[int, ...], str]]:
    """Matrices among the variables that are data: {name: (shape, why)}."""
    found = {}
    flat = nnx.flatten((model,))[1]
    for path, leaf in zip(flat.paths, flat.leaves, strict=True):
        passing = isinstance(leaf, nnx.Intermediate | nnx.RngState)
        shape = getattr(_value(leaf), "shape", ())
        if passing or _is_weight(path, leaf, rewritten) or len(shape) < 2:
            continue
        found[_name(path)] = (shape, f"state of the model ({type(leaf).__name__}), not a weight")
    return found


def _code(model: nnx.Module) -> tuple:
    kinds = dict.fromkeys(type(module) for _, module in nnx.iter_modules(model))
    return tuple(part.__code__ for kind in kinds for part in vars(kind).values() if inspect.isfunction(part))


def _is_node(x: Any) -> bool:
    return isinstance(x, nnx.Variable) or nnx.graphlib.is_graph_node(x)


def _without_nodes(args: tuple, kwargs: dict[str, Any]) -> tuple[list[Any], tuple, dict[str, Any]]:
    """(NNX objects among the arguments, the arguments with a hole for each)."""
    leaves, tree = jax.tree.flatten((args, kwargs), is_leaf=_is_node)
    nodes = [leaf for leaf in leaves if _is_node(leaf)]
    args, kwargs = jax.tree.unflatten(tree, [_HOLE if _is_node(leaf) else leaf for leaf in leaves])
    return nodes, args, kwargs


def _with_nodes(nodes: list[Any], args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
    left = iter(nodes)
    return jax.tree.map(lambda x: next(left) if x is _HOLE else x, (args, kwargs))


def _method(model: nnx.Module, method: Method) -> Callable[..., Any] | str:
    """What to call, apart from the model's values: the name of a method, or a function of the model."""
    if method is None:
        return "__call__"
    if inspect.ismethod(method):
        if method.__self__ is not model:
            raise ValueError(f"method must be one of the model, got {method.__qualname__} of another object")
        return method.__func__
    if not callable(method) and not (isinstance(method, str) and callable(getattr(model, method, None))):
        raise ValueError(f"method must be the name of a method of {type(model).__name__} or a function, got {method!r}")
    return method


def _is_weight(path: tuple, leaf: Any, rewritten: frozenset[str]) -> bool:
    """Whether a variable of the model (not of an argument) is a weight."""
    if path[0] != 0 or isinstance(leaf, STATE) or _name(path) in rewritten:
        return False
    dtypes = (getattr(value, "dtype", None) for value in jax.tree.leaves(_value(leaf)))
    return not any(dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key) for dtype in dtypes)


def _name(path: tuple) -> str:
    return "/".join(map(str, path[1:]))


def _value(leaf: Any) -> Any:
    return leaf.get_raw_value() if isinstance(leaf, nnx.Variable) else leaf


def _state(leaf: Any) -> tuple[list[Any], Any]:
    return jax.tree.flatten(_value(leaf))


def _place(leaf: Any, states: dict[int, tuple[int, tuple[list[Any], Any]]]) -> int | None:
    """Which of the old variables this is, if it still has its value."""
    if id(leaf) not in states:
        return None
    (i, (values, tree)), (now, tree_now) = states[id(leaf)], _state(leaf)
    return i if tree_now == tree and all(a is b for a, b in zip(now, values, strict=True)) else None
