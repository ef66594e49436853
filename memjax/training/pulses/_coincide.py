"""Updates by pulses on word lines and bit lines: cells change where both fire."""

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.contraction import Outer
from memjax.training.laws import AbstractLaw, Made
from memjax.training.pulses._apply import apply_net, pulse_cells
from memjax.training.pulses._deterministic import counts_of_sample, counts_of_samples
from memjax.training.pulses._few import put
from memjax.training.pulses._noise import normal
from memjax.training.pulses._outer import counts_of, moments_of, trains_of
from memjax.training.pulses._rules import Counts
from memjax.training.pulses._send import Sent, both_ways, send, send_drawn
from memjax.training.pulses._slots import visit
from memjax.training.pulses._trains import PulseTrains


def coincide(
    law: AbstractLaw, outer: Outer, rate: Array, trains: PulseTrains, fidelity: str, sign: Array | None = None
):
    """The writer that sends the coincidences of a mini-batch, in the reverse direction where `sign` is negative."""
    outer = jax.tree.map(lambda a: a.astype(jnp.promote_types(a.dtype, jnp.float32)), outer)
    step = law.granularity.astype(outer.x.dtype)

    def towards(up: Array, down: Array) -> tuple[Array, Array]:
        return (up, down) if sign is None else (jnp.where(sign < 0, down, up), jnp.where(sign < 0, up, down))

    def at_once(weight: Array, made: Made, key: Array, see_keys: tuple[Array, ...], counted: bool) -> Sent:
        draw_key, noise_key = jax.random.split(key)
        if trains.form == "stochastic" and fidelity == "moments":
            moments = jax.tree.map(outer.to_parameter, moments_of(outer, rate, step, trains))
            up, down = towards(moments.up, moments.down)
            writer = send_drawn(law, moments._replace(up=up, down=down), draw_key)
        elif trains.form == "stochastic":
            counts = jax.tree.map(outer.to_parameter, counts_of(outer, rate, step, trains, draw_key))
            writer = send(law, Counts(*towards(*counts)))
        else:
            counts = counts_of_samples(trains_of(outer, rate, step, trains), trains.form)
            writer = send(law, Counts(*towards(*jax.tree.map(outer.to_parameter, counts))))
        return writer(weight, made, noise_key, see_keys, counted)

    def slot_by_slot(weight: Array, made: Made, key: Array, see_keys: tuple[Array, ...], counted: bool) -> Sent:
        reverse = None if sign is None else outer.to_matrix(sign).reshape(-1)
        cells = {name: outer.to_matrix(value).reshape(-1) for name, value in made.items()}

        def one(written, pulses):
            after, see, total = written
            cell = pulses.cell
            count = pulses.count if reverse is None else pulses.count * reverse.at[cell].get(mode="clip")
            after = pulse_cells(law, after, cell, count, cells, pulses.z[0])
            see = tuple(put(a, cell, new) for a, new in zip(see, pulses.z[1:], strict=True))
            add = lambda whole, new: whole.at[cell].add(new, mode="drop", unique_indices=True)
            return after, see, None if total is None else Counts(*map(add, total, both_ways(count)))

        flat = outer.to_matrix(weight).reshape(-1)
        none = lambda: jnp.zeros_like(flat)
        start = flat, tuple(none() for _ in see_keys), Counts(none(), none()) if counted else None
        key = jax.random.split(key)[0]
        result = visit(trains_of(outer, rate, step, trains), key, 1 + len(see_keys), one, start)
        return Sent(*jax.tree.map(lambda a: outer.to_parameter(a.reshape(outer.contraction.shape)), result))

    def sample_by_sample(weight: Array, made: Made, key: Array, see_keys: tuple[Array, ...], counted: bool) -> Sent:
        reverse = 1.0 if sign is None else outer.to_matrix(sign)
        cells = {name: outer.to_matrix(value) for name, value in made.items()}

        def one(written, part):
            after, see, total = written
            index, sample = part
            count = reverse * counts_of_sample(sample, trains.form)
            after = apply_net(law, after, count, cells, jax.random.fold_in(key, index))
            fresh = lambda see_key: normal(jax.random.fold_in(see_key, index), after.shape, after.dtype)
            see = tuple(jnp.where(count != 0, fresh(one), z) for one, z in zip(see_keys, see, strict=True))
            total = None if total is None else jax.tree.map(jnp.add, total, both_ways(count))
            return (after, see, total), None

        every = trains_of(outer, rate, step, trains)
        none = lambda: jnp.zeros(outer.contraction.shape, weight.dtype)
        start = outer.to_matrix(weight), tuple(none() for _ in see_keys), Counts(none(), none()) if counted else None
        result = lax.scan(one, start, (jnp.arange(len(every.length)), every))[0]
        return Sent(*jax.tree.map(outer.to_parameter, result))

    if fidelity != "sequential":
        return at_once
    return slot_by_slot if trains.form == "stochastic" else sample_by_sample
