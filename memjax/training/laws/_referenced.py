"""Cells read against a reference: the symmetry point can be made the zero of the weight."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax._field import flag, number, part
from memjax.training.laws._law import AbstractLaw, symmetry_point
from memjax.training.laws._population import Made, Population, spread


class Referenced(AbstractLaw):
    """A law whose weight is that of the cell less a fixed reference of its own.

        w = v - reference,  reference = mean + std z (+ symmetry point of the cell)

    Pulses act on v. With the symmetry point subtracted this is zero-shifting: alternating pulses lead to w = 0.

    Args:
        law: the law of the cell.
        mean, std: of the references over the cells, in units of the weight.
        zero_shift: whether the symmetry point of each cell is subtracted.

    Raises: ValueError for numbers out of their range.

    Source: Kim et al., "Zero-shifting technique for deep neural network training on resistive cross-point arrays"
        (arXiv:1907.10228, 2019).
    """

    law: AbstractLaw = part(AbstractLaw, example="training.presets.reram_es()")
    mean: Any = number(default=0.0)
    std: Any = number(low=0.0, default=0.0)
    zero_shift: bool = flag(default=True)

    def __init__(self, law: AbstractLaw, mean: Any = 0.0, std: Any = 0.0, zero_shift: bool = True):
        self.law, self.mean, self.std, self.zero_shift = law, mean, std, zero_shift

    @property
    def population(self) -> Population:
        return self.law.population

    @property
    def range(self) -> tuple[Any, Any]:
        made = self.make(None, (), jnp.result_type(float))
        return made["low"], made["high"]

    def make(self, key: Array | None, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Made:
        made = self.law.make(key, shape, dtype)
        reference = self.mean + self.std * spread(key, shape, dtype)("reference")
        if self.zero_shift:
            reference = reference + symmetry_point(self.law, made)
        reference = jnp.broadcast_to(reference, shape).astype(dtype)
        own = {name: made[name] - reference for name in ("low", "high", "reset")}
        return {f"cell/{name}": value for name, value in made.items()} | own | {"reference": reference}

    def one(self, weight: Array, up: Array, made: Made) -> Array:
        reference, cell = made["reference"], _cell(made)
        return self.law.one(weight + reference, up, cell) - reference

    def many(self, weight: Array, count: Array, up: Array, made: Made) -> Array | None:
        reference, cell = made["reference"], _cell(made)
        after = self.law.many(weight + reference, count, up, cell)
        return None if after is None else after - reference

    def deviation(self, weight: Array, change: Array, up: Array, made: Made) -> Array:
        return self.law.deviation(weight + made["reference"], change, up, _cell(made))

    def relax(self, weight: Array, made: Made, key: Array) -> Array:
        return self.law.relax(weight + made["reference"], _cell(made), key) - made["reference"]


def _cell(made: Made) -> Made:
    return {name.removeprefix("cell/"): value for name, value in made.items() if name.startswith("cell/")}
