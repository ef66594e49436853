"""Training with a fast and a slow array: Tiki-Taka in its versions, as optax transformations."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array

from memjax import _check
from memjax._field import check_scalars
from memjax.contraction import Outer
from memjax.training.algorithms._cells import Cells, Stored, as_matrix, fabricate, matrix_shape, put_rows
from memjax.training.algorithms._in_situ import Leaf, Turn, in_situ
from memjax.training.algorithms._transfer import (
    AbstractTransfer,
    Buffered,
    Buffers,
    Chopped,
    Direct,
    Dynamic,
    Reading,
    filling,
    forgetting,
)
from memjax.training.laws import AbstractLaw, Range
from memjax.training.pulses import AbstractRule, PulseTrains, Stochastic, coincide, normal, send


class FastAndSlow(NamedTuple):
    """What the Tiki-Taka transformations remember of an array.

    Attributes:
        fast: the fast array.
        slow: the cells of the slow one, whose weights are the parameters.
        buffers: digital buffers of the transfer, [K, N] or [K] with K the rows of the array.
        residue: what was asked of the fast array and not sent yet; None where its rule keeps none.
        peak: running mean of the largest update; None without `auto_scale`.
    """

    fast: Stored
    slow: Cells
    buffers: Buffers
    residue: Array | None
    peak: Array | None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.slow.shape


class Step(eqx.Module):
    """A <- A + pulses(fast_rate update);  C <- C + transfer(A), some rows at a time;  W = gamma A + C."""

    law: AbstractLaw
    slow: AbstractLaw
    transfer: AbstractTransfer
    rule: AbstractRule
    trains: PulseTrains
    fast_rate: Any
    auto_scale: Any
    gamma: Any
    read_noise: Any
    every: int = eqx.field(static=True)
    rows: int | None = eqx.field(static=True)
    fidelity: str = eqx.field(static=True)
    corrected: bool = eqx.field(static=True)

    def __call__(self, value: Array, want: Any, own: FastAndSlow, turn: Turn) -> tuple[Array, FastAndSlow]:
        update_key, transfer_key = jax.random.split(turn.key)
        before = own.slow.weight(self.slow, value)
        after = self._learnt(want, own, turn, update_key, value.dtype)
        gain = 1.0
        if self.corrected and not isinstance(want, Outer):  # of outer products fast_rate is the learning rate
            gain = self.fast_rate if after.peak is None else self.fast_rate * self._factor(after.peak)
        weight = before if self.gamma is None else before - self.gamma * own.fast.weight
        weight, after = self._transferred(weight, after, gain, turn, transfer_key)
        visible = weight if self.gamma is None else weight + self.gamma * after.fast.weight
        return after.slow.change(self.slow, value, visible - before), after

    def _learnt(self, want: Any, own: FastAndSlow, turn: Turn, key: Array, dtype: Any) -> FastAndSlow:
        """With the fast array after an update, in units of its law."""
        sign = self.transfer.sign(own.buffers)
        sign = jnp.broadcast_to(sign, matrix_shape(own.fast.weight)).reshape(own.shape)
        pulse_key, write_key = jax.random.split(key)
        if isinstance(want, Outer):
            rate = jnp.asarray(self.fast_rate, own.fast.weight.dtype)
            writer = coincide(self.law, want, rate, self.trains, self.fidelity, sign)
            return own._replace(fast=own.fast.write(self.law, write_key, writer))
        want = own.slow.requested(self.slow, jnp.asarray(want, dtype))
        want, peak = self._scaled(want, own.peak, turn.count)
        want = self.fast_rate * want if own.residue is None else self.fast_rate * want + own.residue
        counts, left = self.rule.counts(sign * want, self.law.granularity.astype(want.dtype), pulse_key)
        fast = own.fast.write(self.law, write_key, send(self.law, counts))
        return own._replace(fast=fast, residue=sign * left if self.rule.keeps else None, peak=peak)

    def _scaled(self, want: Array, peak: Array | None, count: Array) -> tuple[Array, Array | None]:
        """An update whose running largest element is `auto_scale` steps of the fast array."""
        if peak is None:
            return want, None
        now = jnp.max(jnp.abs(want), initial=0.0).astype(peak.dtype)
        peak = jnp.where(count == 0, now, 0.9 * peak + 0.1 * now)
        return want * self._factor(peak).astype(want.dtype), peak

    def _factor(self, peak: Array) -> Array:
        """What brings updates to the size that is wanted of the largest."""
        return self.auto_scale * self.law.granularity / (self.fast_rate * jnp.where(peak > 0, peak, 1.0))

    def _transferred(
        self, weight: Array, own: FastAndSlow, gain: Any, turn: Turn, key: Array
    ) -> tuple[Array, FastAndSlow]:
        """(slow weights as they are seen, what is remembered) after a transfer, if there is one now."""
        total = as_matrix(weight).shape[0]
        size = total if self.rows is None else min(self.rows, total)
        places = ((turn.count // self.every) * size + jnp.arange(size)) % total
        keys = jax.vmap(lambda place: jax.random.fold_in(key, place))(places)
        step = (self.slow.granularity * gain).astype(weight.dtype)  # reads count in steps of the slow array
        window = own.slow.window

        def one(fast, before, cells, buffers, row_key):
            noise_key, rule_key, write_key = jax.random.split(row_key, 3)
            read = fast
            if self.read_noise is not None:
                read = fast + self.read_noise * normal(noise_key, fast.shape, fast.dtype)
            pulses, buffers = self.transfer.row(buffers, Reading(read, step, rule_key))
            cells = cells._replace(window=window)
            after, cells = cells.write(self.slow, before, write_key, send(self.slow, pulses))
            return after, cells._replace(window=None), buffers

        some = {name: value[places] for name, value in own.buffers.items()}
        rows = own.slow._replace(window=None).rows(places)
        # All rows at once: none depends on another, and each has random numbers of its own.
        after, cells, some = jax.vmap(one)(
            as_matrix(own.fast.weight)[places], as_matrix(weight)[places], rows, some, keys
        )
        now = turn.count % self.every == self.every - 1
        buffers = {name: put_rows(own.buffers[name], places, value, now) for name, value in some.items()}
        return put_rows(weight, places, after, now), own._replace(
            slow=own.slow.put(places, cells, now), buffers=buffers
        )


def tiki_taka(
    law: AbstractLaw,
    key: Array,
    *,
    slow: AbstractLaw | None = None,
    transfer: AbstractTransfer | None = None,
    fast_rate: Any = 1.0,
    auto_scale: Any = None,
    corrected: bool = False,
    every: int = 1,
    rows: int | None = None,
    gamma: Any = 0.0,
    read_noise: Any = None,
    range: Range | None = None,
    rule: AbstractRule | None = None,
    trains: PulseTrains | None = None,
    fidelity: str = "moments",
    counted: bool = False,
) -> optax.GradientTransformationExtraArgs:
    """Train on pairs of arrays: a fast one A takes the updates, a slow one C what is read from it.

        A <- A + fast_rate update (pulses);   every `every` updates, some rows:  C <- C + transfer(A);   W = gamma A + C

    A relaxes to its symmetry point where the gradient has no preference, so that C is not driven by the asymmetry of
    the cells. It starts at zero, which should be its symmetry point: see `Referenced`, or use `agad`. Updates are as
    in `pulsed`, from an optax chain that this is the end of, or as in `coincidence` (then `fast_rate` is the learning
    rate).

    Args:
        law: update law of the fast array.
        key: PRNG key of the cells and of all draws.
        slow: update law of the slow array; None: the same.
        transfer: `Direct`, `Buffered`, `Chopped` or `Dynamic`; None: `Direct()`.
        fast_rate: factor of the updates of the fast array.
        auto_scale: pulses that the largest update of each array asks for, by its running mean over ten updates: updates
            of any size fill the range of the fast array; None: the size of the updates counts. Not for `Outer` updates,
            whose trains are limited by update management.
        corrected: whether reads are divided by what updates were multiplied with on their way to the fast array (by
            `fast_rate` and `auto_scale`), so that the learning rate before it is that of the slow array.
        every: updates from one transfer to the next.
        rows: rows (word lines) of each array that are read in a transfer, in turn; None: all.
        gamma: share of the fast array in the weight.
        read_noise: standard deviation of a read of the fast array, in units of its weight; None: reads are exact.
        range: as in `pulsed`.
        rule: how updates become pulses on the fast array; None: `Stochastic()`, which keeps no digital copy of it.
        trains: pulse trains of `Outer` updates on the fast array; None: `PulseTrains()`.
        fidelity: of the pulses of `Outer` updates, as in `coincidence`.
        counted: as in `pulsed`, for both arrays.

    Returns: an optax transformation with the state `InSituState`.

    Raises: as `pulsed`; ValueError for a fast array whose weights have one sign alone.

    Source: see the transfer rules.
    """
    slow = law if slow is None else slow
    transfer = Direct() if transfer is None else transfer
    rule = Stochastic() if rule is None else rule
    trains = PulseTrains() if trains is None else trains
    _check.part("law", law, AbstractLaw, example="SoftBounds()")
    _check.part("slow", slow, AbstractLaw, example="SoftBounds()")
    _check.part("transfer", transfer, AbstractTransfer, example="Buffered()")
    _check.part("rule", rule, AbstractRule, example="Stochastic()")
    _check.part("trains", trains, PulseTrains, example="PulseTrains(length=31)")
    check_scalars("trains", trains)
    trains.check_fidelity(fidelity)
    _check_signs(law)
    _check.integer("every", every, 1, 2**31 - 1)
    if rows is not None:
        _check.integer("rows", rows, 1, 2**31 - 1)
    fast_rate = _check.scalar("fast_rate", fast_rate, above=0.0)
    if auto_scale is not None:
        auto_scale = _check.scalar("auto_scale", auto_scale, above=0.0)
    gamma = _check.scalar("gamma", gamma, low=0.0)
    if _check.concrete(gamma) == 0.0:  # two passes over the array less
        gamma = None
    if read_noise is not None:
        read_noise = _check.scalar("read_noise", read_noise, low=0.0)
    _check.flag("corrected", corrected)
    _check.flag("counted", counted)
    step = Step(
        law, slow, transfer, rule, trains, fast_rate, auto_scale, gamma, read_noise, every, rows, fidelity, corrected
    )

    def start(leaf: Leaf) -> FastAndSlow:
        zero = jnp.zeros_like(leaf.value)
        fast = fabricate(law, key, leaf._replace(value=zero, window=None), role="fast", counted=counted)
        return FastAndSlow(
            fast=Stored(zero, fast),
            slow=fabricate(slow, key, leaf, counted=counted),
            buffers=transfer.start(matrix_shape(zero), zero.dtype),
            residue=jnp.copy(zero) if rule.keeps else None,
            peak=None if auto_scale is None else jnp.zeros((), jnp.float32),
        )

    return in_situ(key, start, step, range=range, takes=(Array, Outer))


def tiki_taka_v2(law: AbstractLaw, key: Array, **options: Any) -> optax.GradientTransformationExtraArgs:
    """`tiki_taka` with the buffered transfer.

    Without `transfer` all constants are chosen for the law: `Buffered.chosen(law)`, updates scaled to the fast array
    (`auto_scale` from `filling`) and reads corrected. Where a device remembers updates for more than 25 times as long
    as H adds them up (constant steps remember for ever), all that answers the gradient comes from the slow array, too
    late, and training swings ever further. There the weight is W = A + C (`gamma=1`), and updates are as large on A as
    they are asked for. With `rows` give the transfer, whose reads of a row are then further apart. Where the numbers of
    the law are traced its kind is not known when the transformation is made: it is taken for one that forgets.
    """
    if options.get("transfer") is not None:
        return tiki_taka(law, key, **options)
    every = options.get("every", 1)
    transfer = Buffered.chosen(law, every)
    known = _check.concrete(forgetting(law))
    swings = known is not None and known < 0.02 / 25.0
    if swings:
        return tiki_taka(law, key, **_with_default(options, transfer=transfer, gamma=1.0))
    scale = filling(law, every / transfer.rate)
    return tiki_taka(law, key, **_with_default(options, transfer=transfer, auto_scale=scale, corrected=True))


def chopped_tiki_taka(law: AbstractLaw, key: Array, **options: Any) -> optax.GradientTransformationExtraArgs:
    """`tiki_taka` with the chopped transfer, and updates scaled to the fast array."""
    return tiki_taka(law, key, **_with_default(options, transfer=Chopped(), auto_scale=10.0))


def agad(law: AbstractLaw, key: Array, **options: Any) -> optax.GradientTransformationExtraArgs:
    """`tiki_taka` with the dynamic transfer, and updates scaled to the fast array.

    Analog gradient accumulation with dynamic reference. Without `transfer` it is `Dynamic.chosen(law)`, updates are
    scaled by `filling` for its period, and reads are corrected.
    """
    if options.get("transfer") is not None:
        return tiki_taka(law, key, **_with_default(options, auto_scale=10.0))
    transfer = Dynamic.chosen(law)
    scale = filling(law, options.get("every", 1) * transfer.period)
    return tiki_taka(law, key, **_with_default(options, transfer=transfer, auto_scale=scale, corrected=True))


def _with_default(options: dict[str, Any], **defaults: Any) -> dict[str, Any]:
    return defaults | {name: value for name, value in options.items() if name != "transfer" or value is not None}


def _check_signs(law: AbstractLaw) -> None:
    """Raise for a fast array that could not stand at zero and move both ways."""
    low, high = map(_check.concrete, law.range)
    if low is not None and high is not None and not (low < 0 < high).all():
        raise ValueError(
            f"law must have weights of both signs for the fast array, which starts at zero, got the range {low} to "
            f"{high} of {type(law).__name__}: cells that are only ever raised train by one_sided"
        )
