"""Updates by pulses on word lines and bit lines: cells change where both fire."""

from typing import NamedTuple

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
from memjax.training.pulses._trains import PulseTrains, Trains


class Coincidences(NamedTuple):
    """The writer that sends the coincidences of a mini-batch (see `algorithms._cells.Writer`).

    Attributes:
        law: of the cells.
        outer: inputs and errors, in float32 at least.
        rate: learning rate.
        trains: the pulse trains.
        fidelity: "moments", "batch" or "sequential".
        sign: -1 where pulses go in the reverse direction, in the shape of the parameter; None: nowhere.
    """

    law: AbstractLaw
    outer: Outer
    rate: Array
    trains: PulseTrains
    fidelity: str
    sign: Array | None

    def __call__(self, weight: Array, made: Made, key: Array, see_keys: tuple[Array, ...], counted: bool) -> Sent:
        if self.fidelity != "sequential":
            return self._at_once(weight, made, key, see_keys, counted)
        in_turn = self._slot_by_slot if self.trains.form == "stochastic" else self._sample_by_sample
        return in_turn(weight, made, key, see_keys, counted)

    @property
    def _step(self) -> Array:
        return self.law.granularity.astype(self.outer.x.dtype)

    def _every(self) -> Trains:
        """The trains of all samples."""
        return trains_of(self.outer, self.rate, self._step, self.trains)

    def _at_once(self, weight, made, key, see_keys, counted) -> Sent:
        """Pulses of the mini-batch added up in each direction."""
        outer, how = self.outer, (self.outer, self.rate, self._step, self.trains)
        draw_key, noise_key = jax.random.split(key)
        if self.trains.form == "stochastic" and self.fidelity == "moments":
            moments = jax.tree.map(outer.to_parameter, moments_of(*how))
            up, down = self._towards(moments.up, moments.down)
            writer = send_drawn(self.law, moments._replace(up=up, down=down), draw_key)
        else:
            is_random = self.trains.form == "stochastic"
            counts = counts_of(*how, draw_key) if is_random else counts_of_samples(self._every(), self.trains.form)
            writer = send(self.law, Counts(*self._towards(*jax.tree.map(outer.to_parameter, counts))))
        return writer(weight, made, noise_key, see_keys, counted)

    def _towards(self, up: Array, down: Array) -> tuple[Array, Array]:
        if self.sign is None:
            return up, down
        return jnp.where(self.sign < 0, down, up), jnp.where(self.sign < 0, up, down)

    def _slot_by_slot(self, weight, made, key, see_keys, counted) -> Sent:
        """Random trains, sample after sample."""
        outer, law = self.outer, self.law
        reverse = None if self.sign is None else outer.to_matrix(self.sign).reshape(-1)
        cells = {name: outer.to_matrix(value).reshape(-1) for name, value in made.items()}

        def one(written, pulses):
            after, see, total = written
            cell = pulses.cell
            count = pulses.count if reverse is None else pulses.count * reverse.at[cell].get(mode="clip")
            after = pulse_cells(law, after, cell, count, cells, pulses.z[0])
            see = tuple(put(a, cell, new) for a, new in zip(see, pulses.z[1:], strict=True))
            add = lambda whole, new: whole.at[cell].add(new, mode="drop", unique_indices=True)
            return after, see, None if total is None else Counts(*map(add, total, both_ways(count)))

        start = self._start(outer.to_matrix(weight).reshape(-1), see_keys, counted)
        result = visit(self._every(), jax.random.split(key)[0], 1 + len(see_keys), one, start)
        return self._sent(result)

    def _sample_by_sample(self, weight, made, key, see_keys, counted) -> Sent:
        """Trains without chance, sample after sample."""
        outer, law = self.outer, self.law
        reverse = 1.0 if self.sign is None else outer.to_matrix(self.sign)
        cells = {name: outer.to_matrix(value) for name, value in made.items()}

        def one(written, part):
            after, see, total = written
            index, sample = part
            count = reverse * counts_of_sample(sample, self.trains.form)
            after = apply_net(law, after, count, cells, jax.random.fold_in(key, index))
            fresh = lambda see_key: normal(jax.random.fold_in(see_key, index), after.shape, after.dtype)
            see = tuple(jnp.where(count != 0, fresh(own), z) for own, z in zip(see_keys, see, strict=True))
            total = None if total is None else jax.tree.map(jnp.add, total, both_ways(count))
            return (after, see, total), None

        every = self._every()
        start = self._start(outer.to_matrix(weight), see_keys, counted)
        return self._sent(lax.scan(one, start, (jnp.arange(len(every.length)), every))[0])

    def _start(self, matrix: Array, see_keys: tuple[Array, ...], counted: bool):
        """(weights, numbers for the write noise, pulses so far where they are counted)."""
        none = lambda: jnp.zeros_like(matrix)
        return matrix, tuple(none() for _ in see_keys), Counts(none(), none()) if counted else None

    def _sent(self, result) -> Sent:
        shape = self.outer.contraction.shape
        return Sent(*jax.tree.map(lambda a: self.outer.to_parameter(a.reshape(shape)), result))


def coincide(
    law: AbstractLaw, outer: Outer, rate: Array, trains: PulseTrains, fidelity: str, sign: Array | None = None
) -> Coincidences:
    """The writer that sends the coincidences of a mini-batch, in the reverse direction where `sign` is negative."""
    outer = jax.tree.map(lambda a: a.astype(jnp.promote_types(a.dtype, jnp.float32)), outer)
    return Coincidences(law, outer, rate, trains, fidelity, sign)
