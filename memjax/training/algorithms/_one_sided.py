"""OneSidedPairs of cells that are pulsed in one direction only."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array

from memjax import _check
from memjax.training.algorithms._cells import Stored, fabricate
from memjax.training.algorithms._in_situ import Leaf, Turn, in_situ
from memjax.training.laws import AbstractLaw
from memjax.training.pulses import AbstractRule, Deterministic, send


class OneSidedPairs(NamedTuple):
    """What `one_sided` remembers of an array.

    Attributes:
        plus, minus: the two sides.
        residue: what was asked for and not sent yet; None where the rule keeps none.
    """

    plus: Stored
    minus: Stored
    residue: Array | None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.plus.weight.shape


class Step(eqx.Module):
    """w = g+ - g-, each only ever raised; worn pairs are reset and written anew."""

    law: AbstractLaw
    rule: AbstractRule
    refresh_every: int = eqx.field(static=True)
    upper: Any
    lower: Any

    def __call__(self, value: Array, want: Any, own: OneSidedPairs, turn: Turn) -> tuple[Array, OneSidedPairs]:
        rule_key, plus_key, minus_key, refresh_key = jax.random.split(turn.key, 4)
        step = _upward_step(self.law)
        want = jnp.asarray(want, value.dtype)
        want = want if own.residue is None else want + own.residue
        counts, left = self.rule.counts(want, step.astype(value.dtype), rule_key)
        plus = own.plus.write(self.law, plus_key, send(self.law, jnp.maximum(counts, 0.0)))
        minus = own.minus.write(self.law, minus_key, send(self.law, jnp.maximum(-counts, 0.0)))
        now = turn.count % self.refresh_every == self.refresh_every - 1
        plus, minus = self._refreshed(plus, minus, now, step, refresh_key)
        return plus.weight - minus.weight - value, OneSidedPairs(plus, minus, left if self.rule.keeps else None)

    def _refreshed(self, plus: Stored, minus: Stored, now: Array, step: Array, key: Array) -> tuple[Stored, Stored]:
        """Both sides after a refresh of the pairs that need one."""
        larger, smaller = jnp.maximum(plus.weight, minus.weight), jnp.minimum(plus.weight, minus.weight)
        high = jnp.asarray(self.law.range[1], larger.dtype)
        worn = now & (larger > self.upper * high) & (smaller > self.lower * high)
        difference = plus.weight - minus.weight
        keys = jax.random.split(key)

        def renew(side: Stored, sign: float, one_key: Array) -> Stored:
            again = send(self.law, jnp.where(worn, jnp.round(jnp.maximum(sign * difference, 0.0) / step), 0.0))
            made = side.cells.made
            fresh = jnp.clip(made["reset"], made["low"], made["high"])
            writer = lambda _, *rest: again(fresh, *rest)
            after = side.write(self.law, one_key, writer)
            kept = lambda new, old: jnp.where(worn, new, old)
            hidden = jax.tree.map(kept, after.cells.hidden, side.cells.hidden)
            return Stored(kept(after.weight, side.weight), after.cells._replace(hidden=hidden))

        return renew(plus, 1.0, keys[0]), renew(minus, -1.0, keys[1])


def one_sided(
    law: AbstractLaw,
    key: Array,
    *,
    rule: AbstractRule | None = None,
    refresh_every: int = 100,
    upper: Any = 0.75,
    lower: Any = 0.25,
    counted: bool = False,
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
        counted: as in `pulsed`; a reset is not counted.

    Returns: an optax transformation with the state `InSituState`.

    Raises: as `pulsed`; ValueError for thresholds outside [0, 1].

    Source: Nandakumar et al. (Front. Neurosci. 14:406, 2020); the one-sided unit cell of Rasch et al. (AICAS 2021).
    """
    rule = Deterministic() if rule is None else rule
    _check.part("law", law, AbstractLaw, example="SoftBounds()")
    _check.part("rule", rule, AbstractRule, example="Deterministic()")
    _check.integer("refresh_every", refresh_every, 1, 2**31 - 1)
    _check.scalar("upper", upper, low=0.0, high=1.0)
    _check.scalar("lower", lower, low=0.0, high=1.0)
    _check.flag("counted", counted)

    def side(leaf: Leaf, role: str, sign: float) -> Stored:
        weight = law.range[0] + jnp.maximum(sign * leaf.value, 0.0)
        cells = fabricate(law, key, leaf, role=role, counted=counted)
        weight = jnp.clip(weight, cells.made["low"], cells.made["high"])
        return Stored(weight, cells.holding(law, weight))

    def start(leaf: Leaf) -> OneSidedPairs:
        leaf = leaf._replace(window=None)
        residue = jnp.zeros_like(leaf.value) if rule.keeps else None
        return OneSidedPairs(side(leaf, "plus", 1.0), side(leaf, "minus", -1.0), residue)

    return in_situ(key, start, Step(law, rule, refresh_every, upper, lower))


def _upward_step(law: AbstractLaw) -> Array:
    low, high = (jnp.asarray(end, jnp.float32) for end in law.range)
    middle = 0.5 * (low + high)
    return law.one(middle, jnp.array(True), law.make(None, ())) - middle
