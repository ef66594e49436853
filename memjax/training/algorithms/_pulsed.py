"""Pulsed updates as the last transformation of an optax chain."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array

from memjax import _check
from memjax.training.algorithms._cells import Cells, fabricate
from memjax.training.algorithms._in_situ import Leaf, Turn, in_situ
from memjax.training.laws import AbstractLaw, Range
from memjax.training.pulses import AbstractRule, Counts, Deterministic, send


class Pulsed(NamedTuple):
    """What `pulsed` remembers of an array.

    Attributes:
        cells: its cells.
        residue: what was asked for and not sent yet, in units of the law; None where the rule keeps none.
    """

    cells: Cells
    residue: Array | None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.cells.shape


class Step(eqx.Module):
    """w <- w + pulses(update + residue)."""

    law: AbstractLaw
    rule: AbstractRule
    every: int = eqx.field(static=True)

    def __call__(self, value: Array, want: Any, own: Pulsed, turn: Turn) -> tuple[Array, Pulsed]:
        cells, law = own.cells, self.law
        rule_key, write_key = jax.random.split(turn.key)
        counts, residue = want, own.residue
        if not isinstance(want, Counts):
            want = cells.requested(law, jnp.asarray(want, value.dtype))
            want = want if residue is None else want + residue
            counts, left = self.rule.counts(want, law.granularity.astype(value.dtype), rule_key)
            if self.every > 1:
                now = turn.count % self.every == self.every - 1
                counts, left = jnp.where(now, counts, 0.0), jnp.where(now, left, want)
            residue = left if self.rule.keeps else None
        before = cells.weight(law, value)
        after, cells = cells.write(law, before, write_key, send(law, counts))
        return cells.change(law, value, after - before), Pulsed(cells, residue)


def pulsed(
    law: AbstractLaw,
    key: Array,
    *,
    rule: AbstractRule | None = None,
    every: int = 1,
    range: Range | None = None,
    counted: bool = False,
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
        counted: whether the pulses that each cell has had are counted (see `pulses_sent`).

    Returns: an optax transformation with the state `InSituState`. Its `update` needs the parameters.

    Raises: TypeError for arguments of the wrong kind; ValueError for missing parameters, for parameters of other shapes
        than those it was initialised with, and (outside jit; inside, the flag `altered` of the state is set) for
        parameters that were changed by something else since the last update, as by a transformation after it.

    Example:
        ```python
        import jax
        import jax.numpy as jnp
        import memjax as mj
        import optax

        law = mj.training.presets.gokmen_vlasov()
        tx = optax.chain(optax.sgd(0.1, momentum=0.9), mj.training.pulsed(law, jax.random.key(0)))
        params = {"w": jnp.zeros((20, 10))}  # in units of the law
        updates, state = tx.update({"w": jnp.ones((20, 10))}, tx.init(params), params)
        params = optax.apply_updates(params, updates)
        ```
    """
    rule = Deterministic() if rule is None else rule
    _check.part("law", law, AbstractLaw, example="SoftBounds()")
    _check.part("rule", rule, AbstractRule, example="Deterministic()")
    _check.integer("every", every, 1, 2**31 - 1)
    if every > 1 and not rule.keeps:
        raise ValueError(f"every must be 1 for the rule {type(rule).__name__}, which keeps no residue, got {every}")
    _check.flag("counted", counted)

    def start(leaf: Leaf) -> Pulsed:
        cells = fabricate(law, key, leaf, counted=counted)
        return Pulsed(cells, jnp.zeros_like(leaf.value) if rule.keeps else None)

    return in_situ(key, start, Step(law, rule, every), range=range, takes=(Array, Counts))
