"""Training with pairs of cells that are only ever pulsed upwards."""

from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array

from memjax import _check
from memjax._random import fold_name
from memjax.training.algorithms import _cells as _arrays
from memjax.training.algorithms._precision import nothing_lost, rounded
from memjax.training.algorithms._pulsed import changed, matched, unseen, witness
from memjax.training.laws import AbstractLaw, Made
from memjax.training.pulses import AbstractRule, Deterministic


class Side(NamedTuple):
    """One cell of every pair: weights, hidden weights where there is write noise (else None), fixed numbers."""

    weight: Array
    hidden: Array | None
    cells: Made


class OneSidedState(NamedTuple):
    """State of `one_sided`. One entry for each array of the parameters, in their order.

    Attributes:
        key: PRNG key of the noise.
        count: number of updates so far.
        plus, minus: the two sides.
        residue: what was asked for and not sent yet; () where the rule keeps none.
        seen, altered: as in `PulsedState`.
    """

    key: Array
    count: Array
    plus: tuple[Side, ...]
    minus: tuple[Side, ...]
    residue: tuple[Array, ...]
    seen: tuple[Array, ...]
    altered: Array


class Writing(eqx.Module):
    """What a write of pairs does, apart from the transformation: equal ones share one compiled program."""

    law: AbstractLaw
    rule: AbstractRule
    refresh_every: int = eqx.field(static=True)
    upper: Any
    lower: Any

    @partial(jax.jit, static_argnames="names")
    def __call__(self, names: tuple[str, ...], values: list[Array], wanted: list[Any], state: OneSidedState) -> Any:
        """(updates, what is new in the state)."""
        key_now = jax.random.fold_in(state.key, state.count)
        refresh = state.count % self.refresh_every == self.refresh_every - 1
        step = _upward_step(self.law)
        changes, seen, sides, residue = [], [], [], []
        for index, (name, value, want) in enumerate(zip(names, values, wanted, strict=True)):
            rule_key, plus_key, minus_key, refresh_key = jax.random.split(fold_name(key_now, name), 4)
            dtype = state.plus[index].weight.dtype
            want = jnp.asarray(want, dtype)
            want = want + state.residue[index] if self.rule.keeps else want
            counts, left = self.rule.counts(want, step.astype(dtype), rule_key)
            plus = _send(self.law, state.plus[index], jnp.maximum(counts, 0.0), plus_key)
            minus = _send(self.law, state.minus[index], jnp.maximum(-counts, 0.0), minus_key)
            plus, minus = _refreshed(self.law, plus, minus, refresh, self.upper, self.lower, step, refresh_key)
            # Both sides are in the state, so that nothing is lost where parameters are rounded.
            change, after, _ = rounded(value, nothing_lost(value), (plus.weight - minus.weight - value).astype(dtype))
            changes.append(change)
            seen.append(witness(after))
            sides.append((plus, minus))
            residue += [left] if self.rule.keeps else []
        plus, minus = (tuple(part) for part in zip(*sides, strict=True)) if sides else ((), ())
        return changes, {"plus": plus, "minus": minus, "residue": tuple(residue), "seen": tuple(seen)}


def one_sided(
    law: AbstractLaw,
    key: Array,
    *,
    rule: AbstractRule | None = None,
    refresh_every: int = 100,
    upper: Any = 0.75,
    lower: Any = 0.25,
) -> optax.GradientTransformationExtraArgs:
    """Write the weight w = g+ - g- by upward pulses alone: on g+ to raise it, on g- to lower it.

    For cells that change gradually in one direction only, such as PCM. Every `refresh_every` updates pairs with the
    larger cell above `upper` and the smaller above `lower` of the range (fractions of the upper bound) are reset, and
    their difference is written anew on one side by pulses. Parameters are weights; the pair stands for
    low - high ... high - low of the law, whose step is that of a pulse upwards at mid-range.

    Args:
        law, key: as in `pulsed`; one key draws the cells of both sides.
        rule: how changes become pulse counts; None: `Deterministic()`.
        refresh_every: updates from one refresh to the next.
        upper, lower: thresholds of the refresh.

    Returns: an optax transformation.

    Raises: as `pulsed`; ValueError for thresholds outside [0, 1].

    Source: Nandakumar et al. (Front. Neurosci. 14:406, 2020); the one-sided unit cell of Rasch et al. (AICAS 2021).
    """
    rule = Deterministic() if rule is None else rule
    _check.part("law", law, AbstractLaw, example="SoftBounds()")
    _check.part("rule", rule, AbstractRule, example="Deterministic()")
    _check.key("key", key)
    _check.integer("refresh_every", refresh_every, 1, 2**31 - 1)
    _check.scalar("upper", upper, low=0.0, high=1.0)
    _check.scalar("lower", lower, low=0.0, high=1.0)
    write_pairs = Writing(law, rule, refresh_every, upper, lower)

    def side(leaf: _arrays.Leaf, role: str, weight: Array) -> Side:
        made = _arrays.make(law, key, leaf, role)
        weight = jnp.clip(weight, made["low"], made["high"])
        return Side(weight, jnp.copy(weight) if law.population.write_noise is not None else None, made)

    def init(params: Any) -> Any:
        arrays = [leaf._replace(window=None) for leaf in _arrays.leaves(params)]
        base = law.range[0]
        return OneSidedState(
            key=fold_name(key, "writes"),
            count=jnp.zeros((), jnp.int32),
            plus=tuple(side(leaf, "plus", base + jnp.maximum(leaf.value, 0.0)) for leaf in arrays),
            minus=tuple(side(leaf, "minus", base + jnp.maximum(-leaf.value, 0.0)) for leaf in arrays),
            residue=tuple(jnp.zeros_like(leaf.value) for leaf in arrays) if rule.keeps else (),
            seen=tuple(unseen(leaf.value) for leaf in arrays),
            altered=jnp.array(False),
        )

    def update(updates: Any, state: Any, params: Any = None, **_: Any) -> tuple[Any, Any]:
        cells = tuple(one.cells for one in state.plus)
        names, values, wanted, structure = matched(updates, cells, params, lambda node: False)
        altered = state.altered | changed(names, values, state.seen)
        changes, new = write_pairs(names, values, wanted, state)
        return jax.tree.unflatten(structure, changes), state._replace(count=state.count + 1, altered=altered, **new)

    return optax.GradientTransformationExtraArgs(init, update)


def _upward_step(law: AbstractLaw) -> Array:
    low, high = (jnp.asarray(end, jnp.float32) for end in law.range)
    middle = 0.5 * (low + high)
    return law.one(middle, jnp.array(True), law.make(None, ())) - middle


def _send(law: AbstractLaw, side: Side, counts: Array, key: Array) -> Side:
    writer = _arrays.send(law, counts, side.cells)
    weight, hidden = _arrays.write(law, side.cells, side.weight, side.hidden, key, writer)
    return Side(weight, hidden, side.cells)


def _refreshed(law, plus: Side, minus: Side, now: Array, upper, lower, step: Array, key: Array) -> tuple[Side, Side]:
    """Both sides after a refresh of the pairs that need one."""
    larger, smaller = jnp.maximum(plus.weight, minus.weight), jnp.minimum(plus.weight, minus.weight)
    high = jnp.asarray(law.range[1], larger.dtype)
    worn = now & (larger > upper * high) & (smaller > lower * high)
    difference = plus.weight - minus.weight
    keys = jax.random.split(key)

    def renew(side, sign, one_key):
        counts = jnp.where(worn, jnp.round(jnp.maximum(sign * difference, 0.0) / step), 0.0)
        again = _arrays.send(law, counts, side.cells)
        writer = lambda _, *keys: again(jnp.clip(side.cells["reset"], *_ends(side)), *keys)
        weight, hidden = _arrays.write(law, side.cells, side.weight, side.hidden, one_key, writer)
        weight = jnp.where(worn, weight, side.weight)
        return Side(weight, None if hidden is None else jnp.where(worn, hidden, side.hidden), side.cells)

    return renew(plus, 1.0, keys[0]), renew(minus, -1.0, keys[1])


def _ends(side: Side) -> tuple[Array, Array]:
    return side.cells["low"], side.cells["high"]
