"""Pulsed updates as the last transformation of an optax chain."""

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
from memjax._random import fold_name
from memjax.training.algorithms import _cells as _arrays
from memjax.training.algorithms._precision import exact, rounded
from memjax.training.laws import AbstractLaw, Made, Range, Window, check_range, to_weight
from memjax.training.pulses import AbstractRule, Counts, Deterministic


class PulsedState(NamedTuple):
    """State of `pulsed`. One entry for each array of the parameters, in their order.

    Attributes:
        key: PRNG key of the noise.
        count: number of updates so far.
        cells: fixed numbers of the cells.
        windows: (low, high) of conductances, or None.
        residue: what was asked for and not sent yet, in units of the law; () where the rule keeps none.
        hidden: hidden weights in units of the law; () without write noise.
        lost: what the rounding of parameters has lost, float32; None where they have that precision themselves.
        seen: some elements of each array as this transformation left them, infinite before the first update.
        altered: whether an array was found changed by something else, such as a transformation after this one.
    """

    key: Array
    count: Array
    cells: tuple[Made, ...]
    windows: tuple[Window | None, ...]
    residue: tuple[Array, ...]
    hidden: tuple[Array, ...]
    lost: tuple[Array | None, ...]
    seen: tuple[Array, ...]
    altered: Array


class Writing(eqx.Module):
    """What a write does, apart from the transformation: equal ones share one compiled program."""

    law: AbstractLaw
    rule: AbstractRule
    every: int = eqx.field(static=True)
    one_by_one: bool = eqx.field(static=True)

    @partial(jax.jit, static_argnames="names")
    def __call__(self, names: tuple[str, ...], values: list[Array], wanted: list[Any], state: PulsedState) -> Any:
        """(updates, what is new in the state)."""
        key_now = jax.random.fold_in(state.key, state.count)
        changes, residue, hidden, lost, seen = [], [], [], [], []
        for index, (name, parameter, want) in enumerate(zip(names, values, wanted, strict=True)):
            made, window = state.cells[index], state.windows[index]
            rule_key, write_key = jax.random.split(fold_name(key_now, name))
            value = exact(parameter, state.lost[index])
            before = to_weight(self.law, window, value)
            if isinstance(want, Counts):
                counts, left = want, state.residue[index] if self.rule.keeps else None
            else:
                want = _arrays.requested(self.law, window, jnp.asarray(want, value.dtype))
                want = want + state.residue[index] if self.rule.keeps else want
                counts, left = self.rule.counts(want, self.law.granularity.astype(value.dtype), rule_key)
                if self.every > 1:
                    now = state.count % self.every == self.every - 1
                    counts, left = jnp.where(now, counts, 0.0), jnp.where(now, left, want)
            residue += [left] if self.rule.keeps else []
            stored = state.hidden[index] if state.hidden else None
            writer = _arrays.send(self.law, counts, made, self.one_by_one)
            lowest = _arrays.least(self.law, window, value.dtype)
            after, stored = _arrays.write(self.law, made, before, stored, write_key, writer, lowest)
            hidden += [] if stored is None else [stored]
            change = _arrays.change(self.law, window, value, after - before)
            change, after, left = rounded(parameter, state.lost[index], change)
            changes.append(change)
            lost.append(left)
            seen.append(witness(after))
        new = {"residue": residue, "hidden": hidden, "lost": lost, "seen": seen}
        return changes, {name: tuple(part) for name, part in new.items()}


def pulsed(
    law: AbstractLaw,
    key: Array,
    *,
    rule: AbstractRule | None = None,
    every: int = 1,
    range: Range | None = None,
    one_by_one: bool = False,
) -> optax.GradientTransformationExtraArgs:
    """Write updates by pulses on simulated devices: last in a chain.

    What comes before it (momentum, schedules, clipping, Adam) emits the change that is asked for; this emits the change
    that the devices make of it. Parameters are weights in the units of the law (most presets have the range -1 to 1;
    weights beyond a cell's bounds are brought inside by the first update), or conductances: those of
    `memjax.flax.Crossbars` know their range, for others give it. For conductances the update is taken as that of the
    fraction of the range, so that learning rates keep their usual size. Leaves of the updates may also be `Counts`:
    these pulses are sent as they are.

    Parameters in bfloat16 or float16, whose spacing exceeds most pulses, are the rounded view of weights in float32:
    what rounding loses is in the state, so that the sum of all pulses is that of float32 parameters. Cells, residues
    and hidden weights are float32 too.

    Args:
        law: the update law of the cells.
        key: PRNG key of the cells and of their noise. Cells depend on it and on the name of their parameter.
        rule: how changes become pulse counts; None: `Deterministic()`.
        every: updates from one write to the next; the residue adds up what is asked for in between.
        range: (low, high) of the parameters that the law's range stands for, such as the conductances (G_off, G_on) [S]
            of a cell; None: parameters are in units of the law.
        one_by_one: whether equal pulses are applied one after another, even where the law has a closed form for them.

    Returns: an optax transformation. Its `update` needs the parameters.

    Raises: TypeError for arguments of the wrong kind; ValueError for missing parameters, for parameters of other shapes
        than those it was initialised with, and (outside jit; inside, the flag `altered` of the state is set) for
        parameters that were changed by something else since the last update, as by a transformation after it.
    """
    rule = Deterministic() if rule is None else rule
    _check.part("law", law, AbstractLaw, example="SoftBounds()")
    _check.part("rule", rule, AbstractRule, example="Deterministic()")
    _check.integer("every", every, 1, 2**31 - 1)
    if every > 1 and not rule.keeps:
        raise ValueError(f"every must be 1 for the rule {type(rule).__name__}, which keeps no residue, got {every}")
    _check.key("key", key)
    check_range(range)
    write = Writing(law, rule, every, one_by_one)

    def init(params: Any) -> Any:
        arrays = _arrays.leaves(params, range)
        cells = tuple(_arrays.make(law, key, leaf) for leaf in arrays)
        zeros = tuple(jnp.zeros_like(leaf.value) for leaf in arrays)
        hidden = tuple(jnp.copy(to_weight(law, leaf.window, leaf.value)) for leaf in arrays)
        return PulsedState(
            key=fold_name(key, "writes"),
            count=jnp.zeros((), jnp.int32),
            cells=cells,
            windows=tuple(leaf.window for leaf in arrays),
            residue=zeros if rule.keeps else (),
            hidden=() if law.population.write_noise is None else hidden,
            lost=tuple(leaf.lost for leaf in arrays),
            seen=tuple(unseen(leaf.value) for leaf in arrays),
            altered=jnp.array(False),
        )

    def update(updates: Any, state: Any, params: Any = None, **_: Any) -> tuple[Any, Any]:
        names, values, wanted, structure = matched(updates, state.cells, params, lambda node: isinstance(node, Counts))
        altered = state.altered | changed(names, values, state.seen)
        changes, new = write(names, values, wanted, state)
        return jax.tree.unflatten(structure, changes), state._replace(count=state.count + 1, altered=altered, **new)

    return optax.GradientTransformationExtraArgs(init, update)


def matched(
    updates: Any, cells: tuple, params: Any, is_leaf: Callable[[Any], bool]
) -> tuple[tuple[str, ...], list[Array], list[Any], Any]:
    """(names, parameters, updates, structure of the parameters), leaf by leaf.

    Raises: ValueError for missing parameters and for shapes that do not fit the cells.
    """
    if params is None:
        raise ValueError(
            "params must be given to the update of a pulsed transformation, got None: the change that a pulse makes "
            "depends on the weight; call tx.update(grads, state, params)"
        )
    paths, structure = jax.tree_util.tree_flatten_with_path(params)
    names = tuple(jax.tree_util.keystr(path, simple=True, separator="/").removesuffix("/value") for path, _ in paths)
    values = [jnp.asarray(value) for _, value in paths]
    wanted = jax.tree.leaves(updates, is_leaf=is_leaf)
    if len(wanted) != len(values) or len(cells) != len(values):
        raise ValueError(
            f"params must have the {len(cells)} arrays that the state was initialised with, got {len(values)} arrays "
            f"and {len(wanted)} updates"
        )
    for name, value, want, made in zip(names, values, wanted, cells, strict=True):
        for part in want if isinstance(want, Counts) else (want,):
            if isinstance(part, jax.Array | np.ndarray) and part.shape != value.shape:
                raise ValueError(
                    f"updates must have the shapes of their parameters, {value.shape} for {name!r}, got {part.shape}"
                )
        if made["low"].shape != value.shape:
            raise ValueError(
                f"params must have the shapes that the state was initialised with, {made['low'].shape} for {name!r}, "
                f"got {value.shape}: a checkpoint of another network?"
            )
    return names, values, wanted, structure


def witness(value: Array) -> Array:
    """Some elements of an array, by which it is seen whether it is still as it was."""
    stride = (value.size // 1024) | 1  # odd, so that they are of all columns
    return value.reshape(-1)[::stride]


def unseen(value: Array) -> Array:
    """The witness of an array that may be anything."""
    return jnp.full_like(witness(value), jnp.inf)


def changed(names: tuple[str, ...], values: list[Array], seen: tuple[Array, ...]) -> Array:
    """Whether any array is not as it was left; raises outside jit."""
    flags = []
    for name, value, before in zip(names, values, seen, strict=True):
        narrow = value.dtype != before.dtype  # its rounding is foreseen, but for the last bit
        rounding = (2.0 if narrow else 64.0) * jnp.finfo(value.dtype).eps * jnp.max(jnp.abs(before), initial=0.0)
        off = jnp.any(jnp.abs(witness(value) - before) > rounding)
        known = _check.concrete(off)
        if known is not None and np.any(known):
            raise ValueError(
                f"params must be as the last pulsed update left them, but {name!r} was changed since: a pulsed "
                "transformation must be the last of its chain"
            )
        flags.append(off)
    return jnp.any(jnp.stack(flags)) if flags else jnp.array(False)
