"""How what a fast array has learnt is carried over to a slow one: the recursions of the Tiki-Taka family.

A transfer reads one row of the fast array (the cells of one word line) and says how many pulses the same row of the
slow array gets. Everything is written for one row; buffers have the shape of the array.

The recursions are momentum: what the fast array has learnt acts on until it is forgotten, and a device of constant
steps forgets nothing. Constants that suit a law are chosen by `Buffered.chosen` and `Dynamic.chosen`.
"""

from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from memjax import _check
from memjax._field import Spec, number, part
from memjax.training.laws import AbstractLaw, symmetry_point
from memjax.training.pulses import AbstractRule, Stochastic

Buffers = dict[str, Array]


class Reading(eqx.Module):
    """A row of the fast array as it is read, and what the controller knows of the cells.

    Attributes:
        weight: the read weights of the row.
        step: nominal step of the slow array.
        key: PRNG key of this transfer.
    """

    weight: Array
    step: Array
    key: Array


def forgetting(law: AbstractLaw) -> Array:
    """Share of its distance from the symmetry point that the nominal cell loses with each pulse.

        -1/2 d(dw+ + dw-)/dw  at the symmetry point

    0 for constant steps; the step divided by the bound for soft bounds that are symmetric.
    """
    _check.part("law", law, AbstractLaw, example="SoftBounds()")
    dtype = jnp.result_type(float)
    made = law.make(None, (), dtype)
    excess = lambda weight: sum(law.one(weight, jnp.array(sign), made) - weight for sign in (True, False))
    point = jnp.asarray(symmetry_point(law, made), dtype)
    _, slope = jax.jvp(excess, (point,), (jnp.ones_like(point),))
    return -0.5 * slope


def filling(law: AbstractLaw, updates: Any) -> Array:
    """Pulses that the largest update should ask for, so that the fast array has room for what some updates teach it.

        min(10, 10 room / updates),   room = (high - low) / (2 step)

    An ordinary update, taken as a tenth of the largest, then fills half the range if it is repeated so often; with ten
    pulses as in the source where the states are many.

    Source: Rasch, Carta, Fagbohungbe and Gokmen (Nat. Commun. 15:7133, 2024).
    """
    _check.part("law", law, AbstractLaw, example="SoftBounds()")
    updates = _check.scalar("updates", updates, above=0.0)
    low, high = (jnp.asarray(end, jnp.result_type(float)) for end in law.range)
    return jnp.minimum(10.0, 10.0 * 0.5 * (high - low) / law.granularity / updates)


class AbstractTransfer(Spec):
    """A transfer rule: digital buffers and what a read does to them."""

    @abstractmethod
    def start(self, shape: tuple[int, int], dtype: Any) -> Buffers:
        """Buffers of an array [K, N]: [K, N], or [K] for one number per row."""

    @abstractmethod
    def sign(self, buffers: Buffers) -> Array | float:
        """Sign with which the updates of each row enter the fast array, [K, 1], or 1."""

    @abstractmethod
    def row(self, buffers: Buffers, reading: Reading) -> tuple[Array, Buffers]:
        """(signed pulse counts of the slow row, its new buffers)."""


class Direct(AbstractTransfer):
    """Tiki-Taka, first version: what is read is written.

        C <- C + rate A,   by pulses of a rule: unless told otherwise a random number that is right on average

    Source: Gokmen and Haensch, "Algorithm for training neural networks on resistive device arrays" (Front. Neurosci.
        14:103, 2020).
    """

    rate: Any = number(above=0.0, default=0.1)
    rule: AbstractRule = part(AbstractRule, example="Stochastic()", default=Stochastic())

    def start(self, shape: tuple[int, int], dtype: Any) -> Buffers:
        return {"residue": jnp.zeros(shape, dtype)} if self.rule.keeps else {}

    def sign(self, buffers: Buffers) -> Array | float:
        return 1.0

    def row(self, buffers: Buffers, reading: Reading) -> tuple[Array, Buffers]:
        want = self.rate * reading.weight
        want = want + buffers["residue"] if self.rule.keeps else want
        counts, left = self.rule.counts(want, reading.step, reading.key)
        return counts, {"residue": left} if self.rule.keeps else {}


class Buffered(AbstractTransfer):
    """Tiki-Taka, second version: reads are added up digitally, and written when they exceed a step.

        H <- H + rate A,   n = clip(trunc(H / (threshold step)), -most, most)
        H <- momentum H   where n is not zero

    Source: Gokmen, "Enabling training of neural networks on noisy hardware" (Front. Artif. Intell. 4:699148, 2021).
    """

    rate: Any = number(above=0.0, default=0.1)
    threshold: Any = number(above=0.0, default=1.0)
    momentum: Any = number(low=0.0, high=1.0, default=0.1)
    most: Any = number(low=1.0, whole=True, default=1)

    @classmethod
    def chosen(cls, law: AbstractLaw, every: Any = 1.0) -> "Buffered":
        """The constants for a fast array of a law whose updates are scaled and whose reads are corrected.

            rate = max(1 / 50, every forgetting)

        An update stays in the array for 1 / `forgetting` pulses and is added to H all that time: the slow array learns
        at the learning rate where both are equal. Devices of many states would make that slower than training can wait
        for; there H averages over 50 reads.

        Args:
            law: of the fast array.
            every: updates from one read of a row to the next, a pulse in each.
        """
        every = _check.scalar("every", every, above=0.0)
        return cls(rate=jnp.maximum(1.0 / 50.0, every * forgetting(law)))

    def start(self, shape: tuple[int, int], dtype: Any) -> Buffers:
        return {"sum": jnp.zeros(shape, dtype)}

    def sign(self, buffers: Buffers) -> Array | float:
        return 1.0

    def row(self, buffers: Buffers, reading: Reading) -> tuple[Array, Buffers]:
        unit = self.threshold * reading.step
        count, total = _fire((buffers["sum"] + self.rate * reading.weight) / unit, self.momentum, self.most)
        return count, {"sum": total * unit}


class Chopped(AbstractTransfer):
    """Chopped Tiki-Taka: updates and reads of a row change sign together at random, which averages offsets away.

        A <- A + c update,   H <- H + c rate A / step,   n = clip(trunc(H), -most, most) pulses, H <- momentum H
        after a transfer:    c <- -c with the probability `chop`

    The mean time 1 / chop between switches must be longer than the memory of the fast array (the updates that it takes
    to forget, about the inverse of steps per update times step size), or what was learnt before a switch is taken back.

    Source: Rasch, Carta, Fagbohungbe and Gokmen, "Fast and robust analog in-memory deep neural network training" (Nat.
        Commun. 15:7133, 2024).
    """

    rate: Any = number(above=0.0, default=0.02)
    momentum: Any = number(low=0.0, high=1.0, default=0.1)
    most: Any = number(low=1.0, whole=True, default=31)
    chop: Any = number(low=0.0, high=1.0, default=0.005)

    def start(self, shape: tuple[int, int], dtype: Any) -> Buffers:
        return {"sum": jnp.zeros(shape, dtype), "chopper": jnp.ones(shape[:1], dtype)}

    def sign(self, buffers: Buffers) -> Array | float:
        return buffers["chopper"][:, None]

    def row(self, buffers: Buffers, reading: Reading) -> tuple[Array, Buffers]:
        chopper = buffers["chopper"]
        total = buffers["sum"] + chopper * self.rate * reading.weight / reading.step
        count, total = _fire(total, self.momentum, self.most)
        flip = jax.random.uniform(reading.key) < self.chop
        return count, {"sum": total, "chopper": jnp.where(flip, -chopper, chopper)}


class Dynamic(AbstractTransfer):
    """AGAD: as chopped Tiki-Taka, with the reference of the fast array estimated while it runs.

        m <- m + tail (A - m),   H <- H + c rate (A - mu) / step,   n = clip(trunc(H), -most, most) pulses
        H <- momentum H where n is not zero
        where the chopper switches (every `period` transfers of the row):   mu <- m,   c <- -c

    m follows the reads of one chopper period, mu is its value at the end of the one before. No pulses are sent in the
    first period, when there is no reference yet. Needs no symmetry point: any offset of A is in mu.

    Source: Rasch, Carta, Fagbohungbe and Gokmen (Nat. Commun. 15:7133, 2024).
    """

    rate: Any = number(above=0.0, default=0.02)
    momentum: Any = number(low=0.0, high=1.0, default=0.1)
    most: Any = number(low=1.0, whole=True, default=31)
    period: Any = number(low=1.0, whole=True, default=50)
    tail: Any = number(low=0.0, high=1.0, default=0.5)

    @classmethod
    def chosen(cls, law: AbstractLaw) -> "Dynamic":
        """The constants for a fast array of a law whose updates are scaled and whose reads are corrected.

            period T = max(10, write noise / step),   rate = 2 / (T + 1 - 2 lag),   lag = 1 / tail - 1

        Updates u that are asked for again and again add up to u, 2u, ... T u in a period, and m lags behind A by `lag`
        of them: with this rate the slow array moves by u an update, it learns at the learning rate, however many
        updates there are between two reads. Ten reads are the published switching probability of 0.1. Write noise is in
        every reference once: longer periods have fewer.
        """
        _check.part("law", law, AbstractLaw, example="SoftBounds()")
        noise = law.population.write_noise
        period = jnp.maximum(10.0, 0.0 if noise is None else jnp.round(noise))
        return cls(rate=2.0 / (period - 1.0), period=period, tail=0.5)

    def start(self, shape: tuple[int, int], dtype: Any) -> Buffers:
        sums = {name: jnp.zeros(shape, dtype) for name in ("sum", "mean", "reference")}
        return sums | {"chopper": jnp.ones(shape[:1], dtype), "age": jnp.zeros(shape[:1], dtype)}

    def sign(self, buffers: Buffers) -> Array | float:
        return buffers["chopper"][:, None]

    def row(self, buffers: Buffers, reading: Reading) -> tuple[Array, Buffers]:
        chopper, age, reference = buffers["chopper"], buffers["age"], buffers["reference"]
        place = age % self.period
        mean = jnp.where(place == 0, reading.weight, buffers["mean"] + self.tail * (reading.weight - buffers["mean"]))
        change = chopper * self.rate * (reading.weight - reference) / reading.step
        total = buffers["sum"] + jnp.where(age >= self.period, change, 0.0)
        count, total = _fire(total, self.momentum, self.most)
        switch = place == self.period - 1
        return count, {
            "sum": total,
            "mean": mean,
            "reference": jnp.where(switch, mean, reference),
            "chopper": jnp.where(switch, -chopper, chopper),
            "age": age + 1.0,
        }


def _fire(total: Array, momentum: Any, most: Any) -> tuple[Array, Array]:
    """(whole pulses in a buffer, what stays in it)."""
    count = jnp.clip(jnp.trunc(total), -most, most)
    return count, jnp.where(count != 0, momentum * total, total)
