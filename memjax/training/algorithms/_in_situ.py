"""The frame of all algorithms of in-situ training: what an array remembers, and what an update makes of it."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from memjax import _check
from memjax._names import parameter_name
from memjax._random import fold_name
from memjax.contraction import Outer
from memjax.training.algorithms._precision import exact, nothing_lost, rounded, working
from memjax.training.laws import Range, Window, check_range
from memjax.training.pulses import Counts

FORMS = {
    Array: ("arrays from jax.grad or an optimiser", "an array"),
    Counts: ("Counts of pulses", "Counts"),
    Outer: ("outer products from memjax.value_and_outer", "an outer product"),
}
"""Kinds of updates: where they come from, what one is called."""


class Leaf(NamedTuple):
    """An array of the parameters.

    Attributes:
        name: its path.
        value: in float32 at least.
        window: for a conductance, the range of the cell.
    """

    name: str
    value: Array
    window: Window | None


class Turn(NamedTuple):
    """The update of one array.

    Attributes:
        key: PRNG key of this array in this update.
        count: number of updates before it.
        rate: the learning rate of the algorithm in it; None where it has none.
    """

    key: Array
    count: Array
    rate: Any


class InSituState(NamedTuple):
    """State of every transformation of in-situ training. One entry for each array of the parameters, in their order.

    Attributes:
        key: PRNG key of everything that is random after the start.
        count: number of updates so far.
        arrays: what the algorithm remembers of each array.
        lost: what the rounding of parameters has lost, float32; None where they have that precision themselves.
        seen: some elements of each array as this transformation left them, infinite before the first update.
        altered: whether an array was found changed by something else, such as a transformation after this one.
    """

    key: Array
    count: Array
    arrays: tuple[Any, ...]
    lost: tuple[Array | None, ...]
    seen: tuple[Array, ...]
    altered: Array


def in_situ(
    key: Array,
    start: Callable[[Leaf], Any],
    step: Callable[[Array, Any, Any, Turn], tuple[Array, Any]],
    *,
    rate: float | Callable[[Array], Array] | None = None,
    range: Range | None = None,
    takes: tuple[Any, ...] = (Array,),
) -> optax.GradientTransformationExtraArgs:
    """An algorithm of in-situ training as an optax transformation, last in a chain: its recursion for one array.

    Args:
        key: PRNG key of everything random after the start.
        start: leaf -> what the algorithm remembers of an array, arrays in a tuple with the property `shape` of the
            parameter.
        step: (value, update, remembered, turn) -> (change of the value, remembered). `value` are the parameters in
            float32 at least; the change is of the exact sum of all changes, of which parameters of less precision are
            the rounded view. Compiled once for each kind of step: an `equinox.Module` whose numbers are traced, so that
            transformations that differ in numbers alone share it, or a function.
        rate: a learning rate, or a schedule of the number of updates, for algorithms that have one: it is in the turn.
        range: (low, high) of the parameters, where they are conductances that do not know their own.
        takes: kinds of updates: `jax.Array`, `Counts`, `Outer`.

    Returns: an optax transformation with the state `InSituState`. Its `update` needs the parameters.

    Raises: TypeError for arguments of the wrong kind; ValueError for a rate that is not positive. Its functions raise
        ValueError for missing parameters, for parameters of other shapes than those it was initialised with, for
        updates of a kind that it does not take, and (outside jit; inside, the flag `altered` of the state is set) for
        parameters that were changed by something else since the last update.
    """
    _check.key("key", key)
    for name, function in (("start", start), ("step", step)):
        if not callable(function):
            raise TypeError(f"{name} must be a function, got {_check.shown(function)}")
    if rate is not None and not callable(rate):
        rate = _check.scalar("rate", rate, above=0.0)
    check_range(range)
    numbers, rest = eqx.partition(step, eqx.is_array_like)

    def init(params: Any) -> Any:
        found = [_leaf(name, value, own) for name, value, own in _arrays(params, range)]
        return InSituState(
            key=fold_name(key, "writes"),
            count=jnp.zeros((), jnp.int32),
            arrays=tuple(start(leaf) for leaf, _ in found),
            lost=tuple(lost for _, lost in found),
            seen=tuple(jnp.full_like(_witness(leaf.value), jnp.inf) for leaf, _ in found),
            altered=jnp.array(False),
        )

    def update(updates: Any, state: Any, params: Any = None, **_: Any) -> tuple[Any, Any]:
        names, values, wanted, structure = _matched(updates, state.arrays, params, takes)
        altered = state.altered | _changed(names, values, state.seen)
        now = rate(state.count) if callable(rate) else rate  # out here: a schedule is another function each time
        now = None if now is None else jnp.asarray(now, jnp.float32)
        changes, new = _written(numbers, rest, names, values, wanted, state, now)
        return jax.tree.unflatten(structure, changes), state._replace(count=state.count + 1, altered=altered, **new)

    return optax.GradientTransformationExtraArgs(init, update)


@partial(jax.jit, static_argnames=("rest", "names"))
def _written(
    numbers: Any,
    rest: Any,
    names: tuple[str, ...],
    values: list[Array],
    wanted: list[Any],
    state: InSituState,
    rate: Array | None,
) -> tuple[list[Array], dict[str, tuple]]:
    """(updates, what is new in the state)."""
    step = eqx.combine(numbers, rest)
    key = jax.random.fold_in(state.key, state.count)
    changes, arrays, lost, seen = [], [], [], []
    for name, parameter, want, own, left in zip(names, values, wanted, state.arrays, state.lost, strict=True):
        change, own = step(exact(parameter, left), want, own, Turn(fold_name(key, name), state.count, rate))
        change, after, left = rounded(parameter, left, change)
        changes.append(change)
        arrays.append(own)
        lost.append(left)
        seen.append(_witness(after))
    return changes, {"arrays": tuple(arrays), "lost": tuple(lost), "seen": tuple(seen)}


def _arrays(params: Any, range: Range | None) -> list[tuple[str, Array, Range | None]]:
    """(name, value, range of the conductance) of the arrays among parameters.

    Variables with the metadata "range" are conductances, such as `memjax.flax.Conductance`.

    Raises: ValueError for a conductance whose range is not known, and for parameters that are not real numbers.
    """
    found = []
    is_variable = lambda node: hasattr(node, "get_metadata")
    for path, node in jax.tree_util.tree_flatten_with_path(params, is_leaf=is_variable)[0]:
        name = parameter_name(path)
        facts = node.get_metadata() if is_variable(node) else {}
        if "range" in facts and facts["range"] is None and range is None:
            raise ValueError(
                f"range must be the (low, high) conductance [S] of a cell for {name!r}, whose hardware was traced "
                "when it was made, got None"
            )
        for value in jax.tree.leaves(node):
            if not jnp.issubdtype(jnp.result_type(value), jnp.floating):
                raise ValueError(f"params must be real arrays, got {jnp.result_type(value)} in {name!r}")
            found.append((name, value, facts.get("range") if range is None else range))
    return found


def _leaf(name: str, value: Array, range: Range | None) -> tuple[Leaf, Array | None]:
    """(a leaf, what its own precision has lost of it: nothing yet)."""
    kept = value.astype(working(value.dtype))
    window = None if range is None else Window(*(jnp.asarray(end, kept.dtype) for end in range))
    return Leaf(name, kept, window), nothing_lost(value)


def _matched(
    updates: Any, arrays: tuple, params: Any, takes: tuple[Any, ...]
) -> tuple[tuple[str, ...], list[Array], list[Any], Any]:
    """(names, parameters, updates, structure of the parameters), leaf by leaf.

    Raises: ValueError for missing parameters, for shapes that do not fit and for updates of another kind.
    """
    if params is None:
        raise ValueError(
            "params must be given to the update of a pulsed transformation, got None: the change that a pulse makes "
            "depends on the weight; call tx.update(grads, state, params)"
        )
    paths, structure = jax.tree_util.tree_flatten_with_path(params)
    names = tuple(parameter_name(path) for path, _ in paths)
    values = [jnp.asarray(value) for _, value in paths]
    wanted = jax.tree.leaves(updates, is_leaf=lambda node: isinstance(node, Counts | Outer))
    if len(wanted) != len(values) or len(arrays) != len(values):
        raise ValueError(
            f"params must have the {len(arrays)} arrays that the state was initialised with, got {len(values)} arrays "
            f"and {len(wanted)} updates"
        )
    for name, value, want, own in zip(names, values, wanted, arrays, strict=True):
        _check_form(name, want, takes)
        for part in want if isinstance(want, Counts) else (want,):
            if isinstance(part, jax.Array | np.ndarray) and part.shape != value.shape:
                raise ValueError(
                    f"updates must have the shapes of their parameters, {value.shape} for {name!r}, got {part.shape}"
                )
        if own.shape != value.shape:
            raise ValueError(
                f"params must have the shapes that the state was initialised with, {own.shape} for {name!r}, "
                f"got {value.shape}: a checkpoint of another network?"
            )
    return names, values, wanted, structure


def _check_form(name: str, want: Any, takes: tuple[Any, ...]) -> None:
    form = type(want) if isinstance(want, Counts | Outer) else Array
    if form not in takes:
        wanted = " or ".join(FORMS[one][0] for one in takes)
        cure = "give it to another transformation by optax.partition"
        raise ValueError(f"updates must be {wanted}, got {FORMS[form][1]} for {name!r}: {cure}")


def _witness(value: Array) -> Array:
    """Some elements of an array, by which it is seen whether it is still as it was."""
    stride = (value.size // 1024) | 1  # odd, so that they are of all columns
    return value.reshape(-1)[::stride]


def _changed(names: tuple[str, ...], values: list[Array], seen: tuple[Array, ...]) -> Array:
    """Whether any array is not as it was left; raises outside jit."""
    flags = []
    for name, value, before in zip(names, values, seen, strict=True):
        narrow = value.dtype != before.dtype  # its rounding is foreseen, but for the last bit
        rounding = (2.0 if narrow else 64.0) * jnp.finfo(value.dtype).eps * jnp.max(jnp.abs(before), initial=0.0)
        off = jnp.any(jnp.abs(_witness(value) - before) > rounding)
        known = _check.concrete(off)
        if known is not None and np.any(known):
            raise ValueError(
                f"params must be as the last pulsed update left them, but {name!r} was changed since: a pulsed "
                "transformation must be the last of its chain"
            )
        flags.append(off)
    return jnp.any(jnp.stack(flags)) if flags else jnp.array(False)
