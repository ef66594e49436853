"""Stochastic coincidence updates as an optax transformation."""

from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array

from memjax import _check
from memjax._random import fold_name
from memjax.contraction import Outer
from memjax.training.algorithms import _cells as _arrays
from memjax.training.algorithms._cells import Writer
from memjax.training.algorithms._precision import exact, rounded, working
from memjax.training.algorithms._pulsed import PulsedState, changed, matched, pulsed, witness
from memjax.training.laws import AbstractLaw, Made
from memjax.training.pulses import (
    SLOTS,
    Counts,
    Sign,
    apply_drawn,
    counts_of,
    moments_of,
    pulse_cells,
    put,
    trains_of,
    visit,
)

FIDELITIES = ("moments", "batch", "sequential")


class Writing(eqx.Module):
    """What a write does, apart from the transformation: equal ones share one compiled program."""

    law: AbstractLaw
    length: Any
    management: bool = eqx.field(static=True)
    fidelity: str = eqx.field(static=True)

    @partial(jax.jit, static_argnames="names")
    def __call__(
        self, names: tuple[str, ...], values: list[Array], outers: list[Outer], state: PulsedState, now: Array
    ) -> tuple[list[Array], dict[str, tuple]]:
        """(updates, what is new in the state)."""
        key_now = jax.random.fold_in(state.key, state.count)
        changes, hidden, lost, seen = [], [], [], []
        for index, (name, parameter, outer) in enumerate(zip(names, values, outers, strict=True)):
            made, value = state.cells[index], exact(parameter, state.lost[index])
            stored = state.hidden[index] if state.hidden else None
            writer = coincide(self.law, outer, made, now, self.length, self.management, self.fidelity)
            after, stored = _arrays.write(self.law, made, value, stored, fold_name(key_now, name), writer)
            hidden += [] if stored is None else [stored]
            change, after, left = rounded(parameter, state.lost[index], (after - value).astype(value.dtype))
            changes.append(change)
            lost.append(left)
            seen.append(witness(after))
        return changes, {"hidden": tuple(hidden), "lost": tuple(lost), "seen": tuple(seen)}


def coincidence(
    law: AbstractLaw,
    key: Array,
    rate: float | Callable[[Array], Array],
    *,
    length: Any = 31,
    management: bool = True,
    fidelity: str = "moments",
) -> optax.GradientTransformationExtraArgs:
    """Write gradients by coincidences of random pulse trains: the parallel rank-one update of a crossbar.

    Every sample (for a convolution every patch) changes the weight by -rate d x^T on average, while nothing is clipped.
    Updates are those of `memjax.value_and_outer`, straight from the gradient: word lines and bit lines carry x and d,
    so that no optimiser can act on the product. Parameters are weights in units of the law; those whose gradient is no
    outer product belong elsewhere (`optax.partition`).

    Args:
        law: the update law of the cells.
        key: PRNG key of the cells and of all draws.
        rate: learning rate, or a schedule of the number of updates.
        length: most slots of a train, at most 32.
        management: whether each sample's trains are scaled to its largest |x| and |d|, and shortened where fewer slots
            do (see `manage` in the source).
        fidelity: "sequential": sample after sample, slots drawn bit by bit: the reference, and the fastest for dense
            layers with few pulses; its time grows with the samples, which for a convolution are its patches. "batch":
            the pulses of a mini-batch drawn bit by bit and added up in each direction, then applied together.
            "moments": their numbers drawn from distributions of the same mean and variance, from three matrix products.

    Returns: an optax transformation with the state of `pulsed`.

    Raises: ValueError for numbers out of their range, and for updates that are no outer products; TypeError for
        arguments of the wrong kind.

    Source: Gokmen and Vlasov (Front. Neurosci. 10:333, 2016).
    """
    _check.choice("fidelity", fidelity, FIDELITIES)
    _check.number("length", length, 1, SLOTS)
    if not callable(rate):
        _check.number("rate", rate, 0.0, open_low=True)
    same = pulsed(law, key, rule=Sign())
    write = Writing(law, length, management, fidelity)

    def update(updates: Any, state: Any, params: Any = None, **_: Any) -> tuple[Any, Any]:
        is_outer = lambda node: isinstance(node, Outer)
        for path, node in jax.tree_util.tree_flatten_with_path(updates, is_leaf=is_outer)[0]:
            if not is_outer(node):
                name = jax.tree_util.keystr(path, simple=True, separator="/")
                raise ValueError(
                    f"updates must be outer products from memjax.value_and_outer, got an array for {name!r}: give it "
                    "to another transformation by optax.partition"
                )
        names, values, outers, structure = matched(updates, state.cells, params, is_outer)
        altered = state.altered | changed(names, values, state.seen)
        now = jnp.asarray(rate(state.count) if callable(rate) else rate, jnp.float32)
        changes, new = write(names, values, outers, state, now)
        return jax.tree.unflatten(structure, changes), state._replace(count=state.count + 1, altered=altered, **new)

    return optax.GradientTransformationExtraArgs(same.init, update)


def coincide(
    law: AbstractLaw,
    outer: Outer,
    made: Made,
    rate: Array,
    length: Any,
    management: bool,
    fidelity: str,
    sign: Array | None = None,
) -> Writer:
    """The writer that sends the coincidences of a mini-batch, in the reverse direction where `sign` is negative."""
    outer = jax.tree.map(lambda a: a.astype(working(a.dtype)), outer)
    step = law.granularity.astype(outer.x.dtype)
    cells = {name: outer.to_matrix(value).reshape(-1) for name, value in made.items()}

    def at_once(weight, key, *see_key):
        draw_key, noise_key = jax.random.split(key)
        if fidelity == "moments":
            moments = jax.tree.map(outer.to_parameter, moments_of(outer, rate, step, length, management))
            up, down = reversed_where(moments.up, moments.down)
            return apply_drawn(law, weight, moments._replace(up=up, down=down), made, draw_key, noise_key, *see_key)
        counts = jax.tree.map(outer.to_parameter, counts_of(outer, rate, step, length, management, draw_key))
        return _arrays.send(law, Counts(*reversed_where(*counts)), made)(weight, noise_key, *see_key)

    def reversed_where(up, down):
        return (up, down) if sign is None else (jnp.where(sign < 0, down, up), jnp.where(sign < 0, up, down))

    def in_turn(weight, key, *see_key):
        reverse = None if sign is None else outer.to_matrix(sign).reshape(-1)

        def send(written, pulses):
            after, see = written
            cell = pulses.cell
            count = pulses.count if reverse is None else pulses.count * reverse.at[cell].get(mode="clip")
            after = pulse_cells(law, after, cell, count, cells, pulses.z[0])
            return after, tuple(put(a, cell, new) for a, new in zip(see, pulses.z[1:], strict=True))

        trains = trains_of(outer, rate, step, length, management)
        flat = outer.to_matrix(weight).reshape(-1)
        start = flat, tuple(jnp.zeros_like(flat) for _ in see_key)
        result = visit(trains, jax.random.split(key)[0], 1 + len(see_key), send, start)
        return jax.tree.map(lambda a: outer.to_parameter(a.reshape(outer.contraction.shape)), result)

    return in_turn if fidelity == "sequential" else at_once
