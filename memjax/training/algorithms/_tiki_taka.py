"""Training with a fast and a slow array: Tiki-Taka in its versions, as optax transformations."""

from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array, lax

from memjax import _check
from memjax._random import fold_name
from memjax.contraction import Outer
from memjax.training.algorithms import _cells as _arrays
from memjax.training.algorithms._coincidence import FIDELITIES, coincide
from memjax.training.algorithms._precision import exact, rounded
from memjax.training.algorithms._pulsed import changed, matched, unseen, witness
from memjax.training.algorithms._transfer import AbstractTransfer, Buffered, Buffers, Chopped, Direct, Dynamic, Reading
from memjax.training.laws import AbstractLaw, Made, Range, Window, check_range, to_weight
from memjax.training.pulses import Stochastic, normal


class Fast(NamedTuple):
    """A fast array: its weights, the hidden ones where there is write noise (else None), its cells."""

    weight: Array
    hidden: Array | None
    cells: Made


class Slow(NamedTuple):
    """A slow array, whose weights are the parameters: hidden ones, cells, range of a conductance; None where absent."""

    hidden: Array | None
    cells: Made
    window: Window | None


class TikiTakaState(NamedTuple):
    """State of the Tiki-Taka transformations. One entry for each array of the parameters, in their order.

    Attributes:
        key: PRNG key of everything that is random after the start.
        count: number of updates so far.
        fast, slow: the arrays.
        buffers: digital buffers of the transfer, [K, N] or [K] with K the rows of the array.
        peak: running mean of the largest update; () without `auto_scale`.
        lost: as in `PulsedState`.
        seen, altered: as in `PulsedState`.
    """

    key: Array
    count: Array
    fast: tuple[Fast, ...]
    slow: tuple[Slow, ...]
    buffers: tuple[Buffers, ...]
    peak: tuple[Array, ...]
    lost: tuple[Array | None, ...]
    seen: tuple[Array, ...]
    altered: Array


class Writing(eqx.Module):
    """What an update does, apart from the transformation: equal ones share one compiled program."""

    law: AbstractLaw
    slow: AbstractLaw
    transfer: AbstractTransfer
    fast_rate: Any
    auto_scale: Any
    every: int = eqx.field(static=True)
    rows: int | None = eqx.field(static=True)
    gamma: Any
    read_noise: Any
    fidelity: str = eqx.field(static=True)
    in_turn: bool = eqx.field(static=True)

    @partial(jax.jit, static_argnames="names")
    def __call__(self, names: tuple[str, ...], values: list[Array], wanted: list[Any], state: TikiTakaState) -> Any:
        """(updates, what is new in the state)."""
        key_now = jax.random.fold_in(state.key, state.count)
        changes, lost, seen, new, peaks = [], [], [], [], []
        for index, (parameter, want, name) in enumerate(zip(values, wanted, names, strict=True)):
            fast, slow_array, buffers = state.fast[index], state.slow[index], state.buffers[index]
            value = exact(parameter, state.lost[index])
            if not isinstance(want, Outer):
                want = _arrays.requested(self.slow, slow_array.window, jnp.asarray(want, value.dtype))
            if self.auto_scale is not None and not isinstance(want, Outer):
                want, peak = self._scaled(want, state.peak[index], state.count)
                peaks.append(peak)
            elif self.auto_scale is not None:
                peaks.append(state.peak[index])
            update_key, transfer_key = jax.random.split(fold_name(key_now, name))
            before = to_weight(self.slow, slow_array.window, value)
            fast_after = self._learn(fast, want, buffers, update_key)
            weight = before - self.gamma * fast.weight
            weight, hidden, buffers = self._transfer(fast_after, weight, slow_array, buffers, state.count, transfer_key)
            visible = weight + self.gamma * fast_after.weight
            change = _arrays.change(self.slow, slow_array.window, value, visible - before)
            change, after, left = rounded(parameter, state.lost[index], change)
            changes.append(change)
            lost.append(left)
            seen.append(witness(after))
            new.append((fast_after, slow_array._replace(hidden=hidden), buffers))
        fasts, slows, all_buffers = (tuple(part) for part in zip(*new, strict=True)) if new else ((), (), ())
        parts = {"fast": fasts, "slow": slows, "buffers": all_buffers}
        return changes, parts | {"peak": tuple(peaks), "lost": tuple(lost), "seen": tuple(seen)}

    def _scaled(self, want: Array, peak: Array, count: Array) -> tuple[Array, Array]:
        """An update whose running largest element is `auto_scale` steps of the fast array."""
        assert self.auto_scale is not None
        now = jnp.max(jnp.abs(want), initial=0.0).astype(peak.dtype)
        peak = jnp.where(count == 0, now, 0.9 * peak + 0.1 * now)
        factor = self.auto_scale * self.law.granularity / (self.fast_rate * jnp.where(peak > 0, peak, 1.0))
        return want * factor.astype(want.dtype), peak

    def _learn(self, fast: Fast, want: Any, buffers: Buffers, key: Array) -> Fast:
        """The fast array after an update, in units of the law."""
        sign = self.transfer.sign(buffers)
        sign = jnp.broadcast_to(sign, _matrix_shape(fast.weight)).reshape(fast.weight.shape)
        pulse_key, write_key = jax.random.split(key)
        if isinstance(want, Outer):
            rate = jnp.asarray(self.fast_rate, fast.weight.dtype)
            writer = coincide(self.law, want, fast.cells, rate, 31, True, self.fidelity, sign)
        else:
            asked = sign * self.fast_rate * want
            step = self.law.granularity.astype(asked.dtype)
            counts = Stochastic().counts(asked, step, pulse_key)[0]
            writer = _arrays.send(self.law, counts, fast.cells)
        weight, hidden = _arrays.write(self.law, fast.cells, fast.weight, fast.hidden, write_key, writer)
        return Fast(weight, hidden, fast.cells)

    def _transfer(self, fast: Fast, weight: Array, array: Slow, buffers: Buffers, count: Array, key: Array):
        """(slow weights as they are seen, hidden ones, buffers) after a transfer, if there is one now."""
        total = _matrix_shape(weight)[0]
        size = total if self.rows is None else min(self.rows, total)
        first = (count // self.every) * size
        places = (first + jnp.arange(size)) % total
        fast_rows, cells = _matrix(fast.weight)[places], {n: _matrix(v)[places] for n, v in array.cells.items()}
        step = self.slow.granularity.astype(weight.dtype)
        keys = jax.vmap(lambda place: jax.random.fold_in(key, place))(places)

        def one(part):
            row, seen_before, hidden_before, made, own, row_key = part
            noise_key, rule_key, write_key = jax.random.split(row_key, 3)
            read = row if self.read_noise is None else row + self.read_noise * normal(noise_key, row.shape, row.dtype)
            pulses, own = self.transfer.row(own, Reading(read, step, rule_key))
            writer = _arrays.send(self.slow, pulses, made)
            lowest = _arrays.least(self.slow, array.window, weight.dtype)
            after, hidden = _arrays.write(self.slow, made, seen_before, hidden_before, write_key, writer, lowest)
            return after, hidden, own

        hidden = None if array.hidden is None else _matrix(array.hidden)
        part = (
            fast_rows,
            _matrix(weight)[places],
            None if hidden is None else hidden[places],
            cells,
            {name: value[places] for name, value in buffers.items()},
            keys,
        )
        now = count % self.every == self.every - 1
        after, hidden_after, own = (lax.map if self.in_turn else _at_once)(one, part)
        put = lambda whole, new: whole.at[places].set(jnp.where(now, new, whole[places]))
        weight = put(_matrix(weight), after).reshape(weight.shape)
        hidden = None if hidden is None else put(hidden, hidden_after).reshape(weight.shape)
        return weight, hidden, {name: put(buffers[name], value) for name, value in own.items()}


def tiki_taka(
    law: AbstractLaw,
    key: Array,
    *,
    slow: AbstractLaw | None = None,
    transfer: AbstractTransfer | None = None,
    fast_rate: Any = 1.0,
    auto_scale: Any = None,
    every: int = 1,
    rows: int | None = None,
    gamma: Any = 0.0,
    read_noise: Any = None,
    range: Range | None = None,
    fidelity: str = "moments",
    in_turn: bool = False,
) -> optax.GradientTransformationExtraArgs:
    """Train on pairs of arrays: a fast one A takes the updates, a slow one C what is read from it.

        A <- A + fast_rate update (pulses);   every `every` updates, some rows:  C <- C + transfer(A);   W = gamma A + C

    A relaxes to its symmetry point where the gradient has no preference, so that C is not driven by the asymmetry of
    the cells. It starts at zero, which should be its symmetry point: see `Referenced`, or use `agad`. Updates are as
    in `pulsed`, from an optax chain that this is the end of, or as in `coincidence` (then `fast_rate` is the learning
    rate). Pulses on A are drawn at random with the mean that is asked for, so that no digital copy of it is kept.

    Args:
        law: update law of the fast array.
        key: PRNG key of the cells and of all draws.
        slow: update law of the slow array; None: the same.
        transfer: `Direct`, `Buffered`, `Chopped` or `Dynamic`; None: `Direct()`.
        fast_rate: factor of the updates of the fast array.
        auto_scale: pulses that the largest update of each array asks for, by its running mean over ten updates: updates
            of any size fill the range of the fast array; None: the size of the updates counts. Not for `Outer` updates,
            whose trains are limited by update management.
        every: updates from one transfer to the next.
        rows: rows (word lines) of each array that are read in a transfer, in turn; None: all.
        gamma: share of the fast array in the weight.
        read_noise: standard deviation of a read of the fast array, in units of its weight; None: reads are exact.
        range: as in `pulsed`.
        fidelity: of the pulses of `Outer` updates, as in `coincidence`.
        in_turn: whether the rows of a transfer are read and written one after another (the sequential form) or at once;
            the numbers are the same, since no row depends on another and each has random numbers of its own.

    Returns: an optax transformation.

    Raises: as `pulsed`.

    Source: see the transfer rules.
    """
    slow = law if slow is None else slow
    transfer = Direct() if transfer is None else transfer
    _check.part("law", law, AbstractLaw, example="SoftBounds()")
    _check.part("slow", slow, AbstractLaw, example="SoftBounds()")
    _check.part("transfer", transfer, AbstractTransfer, example="Buffered()")
    _check.integer("every", every, 1, 2**31 - 1)
    _check.choice("fidelity", fidelity, FIDELITIES)
    if rows is not None:
        _check.integer("rows", rows, 1, 2**31 - 1)
    fast_rate = _check.scalar("fast_rate", fast_rate, above=0.0)
    if auto_scale is not None:
        auto_scale = _check.scalar("auto_scale", auto_scale, above=0.0)
    gamma = _check.scalar("gamma", gamma, low=0.0)
    if read_noise is not None:
        read_noise = _check.scalar("read_noise", read_noise, low=0.0)
    _check.key("key", key)
    check_range(range)
    write = Writing(law, slow, transfer, fast_rate, auto_scale, every, rows, gamma, read_noise, fidelity, in_turn)

    def init(params: Any) -> Any:
        arrays = _arrays.leaves(params, range)
        fasts, slows, buffers = [], [], []
        for leaf in arrays:
            zero = jnp.zeros_like(leaf.value)
            hidden = jnp.zeros_like(zero) if law.population.write_noise is not None else None
            fasts.append(Fast(zero, hidden, _arrays.make(law, key, leaf._replace(window=None), "fast")))
            start = to_weight(slow, leaf.window, leaf.value)
            hidden = jnp.copy(start) if slow.population.write_noise is not None else None
            slows.append(Slow(hidden, _arrays.make(slow, key, leaf), leaf.window))
            buffers.append(transfer.start(_matrix_shape(zero), zero.dtype))
        none = tuple(unseen(leaf.value) for leaf in arrays)
        writes, count = fold_name(key, "writes"), jnp.zeros((), jnp.int32)
        peak = () if auto_scale is None else tuple(jnp.zeros((), jnp.float32) for _ in arrays)
        lost = tuple(leaf.lost for leaf in arrays)
        return TikiTakaState(
            writes, count, tuple(fasts), tuple(slows), tuple(buffers), peak, lost, none, jnp.array(False)
        )

    def update(updates: Any, state: Any, params: Any = None, **_: Any) -> tuple[Any, Any]:
        cells = tuple(array.cells for array in state.slow)
        is_outer = lambda node: isinstance(node, Outer)
        names, values, wanted, structure = matched(updates, cells, params, is_outer)
        altered = state.altered | changed(names, values, state.seen)
        changes, new = write(names, values, wanted, state)
        return jax.tree.unflatten(structure, changes), state._replace(count=state.count + 1, altered=altered, **new)

    return optax.GradientTransformationExtraArgs(init, update)


def tiki_taka_v2(law: AbstractLaw, key: Array, **options: Any) -> optax.GradientTransformationExtraArgs:
    """`tiki_taka` with the buffered transfer."""
    return tiki_taka(law, key, **_with_default(options, transfer=Buffered()))


def chopped_tiki_taka(law: AbstractLaw, key: Array, **options: Any) -> optax.GradientTransformationExtraArgs:
    """`tiki_taka` with the chopped transfer, and updates scaled to the fast array."""
    return tiki_taka(law, key, **_with_default(options, transfer=Chopped(), auto_scale=10.0))


def agad(law: AbstractLaw, key: Array, **options: Any) -> optax.GradientTransformationExtraArgs:
    """`tiki_taka` with the dynamic transfer, and updates scaled to the fast array.

    Analog gradient accumulation with dynamic reference.
    """
    return tiki_taka(law, key, **_with_default(options, transfer=Dynamic(), auto_scale=10.0))


def _with_default(options: dict[str, Any], **defaults: Any) -> dict[str, Any]:
    return defaults | options


def _at_once(f, parts):
    return jax.vmap(f)(parts)


def _matrix_shape(value: Array) -> tuple[int, int]:
    """(rows, columns) of an array of cells: its last axis are the bit lines."""
    columns = value.shape[-1] if value.ndim else 1
    return (value.size // max(columns, 1), columns)


def _matrix(value: Array) -> Array:
    return value.reshape(_matrix_shape(value))
