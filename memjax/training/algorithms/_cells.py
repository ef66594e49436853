"""An array of cells under training: what is fixed of it, and how it is written."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from memjax._random import fold_name
from memjax.training.algorithms._in_situ import Leaf
from memjax.training.laws import AbstractLaw, Made, Window, from_weight, to_weight
from memjax.training.pulses import Counts, Sent

Writer = Callable[[Array, Made, Array, tuple[Array, ...], bool], Sent]
"""(weights, cells, key of pulses, keys of write noise, whether pulses are counted) -> what was sent."""


class Cells(NamedTuple):
    """The cells of one array.

    Attributes:
        made: their fixed numbers.
        window: for conductances, the range that the law's own range stands for.
        hidden: weights that pulses act on, in units of the law, where there is write noise.
        sent: pulses that each cell has had so far, where they are counted.
    """

    made: Made
    window: Window | None
    hidden: Array | None
    sent: Counts | None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.made["low"].shape

    def holding(self, law: AbstractLaw, weight: Array) -> "Cells":
        """The cells with a weight in them, for laws that have hidden weights."""
        return self if law.population.write_noise is None else self._replace(hidden=jnp.copy(weight))

    def weight(self, law: AbstractLaw, value: Array) -> Array:
        """Parameters in units of the law."""
        return to_weight(law, self.window, value)

    def change(self, law: AbstractLaw, value: Array, difference: Array) -> Array:
        """The change of parameters `value` for a difference of the weights; no conductance becomes negative."""
        found = from_weight(law, self.window, difference).astype(value.dtype)
        return found if self.window is None else jnp.maximum(found, -value)

    def requested(self, law: AbstractLaw, update: Array) -> Array:
        """An update from an optimiser in units of the law.

        For a conductance G the update is taken as that of the fraction g = (G - low) / (high - low) of its range, so
        that learning rates have their usual size: dL/dg = (high - low) dL/dG.
        """
        if self.window is None:
            return update
        low, high = law.range
        return update * (self.window.high - self.window.low) * (high - low)

    def write(self, law: AbstractLaw, before: Array, key: Array, writer: Writer) -> tuple[Array, "Cells"]:
        """(weights as they are seen after a write and the time to the next one, the cells).

        Args:
            before: the weights as they were seen.
            writer: what happens to the weights.
        """
        pulse_key, relax_key, see_key = jax.random.split(key, 3)
        stored = jnp.clip(before if self.hidden is None else self.hidden, self.made["low"], self.made["high"])
        see_keys = () if self.hidden is None else (see_key,)
        after, z, counts = writer(stored, self.made, pulse_key, see_keys, self.sent is not None)
        touched = after != stored
        if law.population.relaxes:
            after = law.relax(after, self.made, relax_key)
        cells = self if self.sent is None else self._replace(sent=jax.tree.map(jnp.add, self.sent, counts))
        if self.hidden is None:
            return after, cells
        noisy = after + (law.population.write_noise * law.population.step * z[0]).astype(after.dtype)
        lowest = _lowest(law, self.window, after.dtype)
        noisy = noisy if lowest is None else jnp.maximum(noisy, lowest)
        return jnp.where(touched, noisy, before), cells._replace(hidden=after)

    def rows(self, places: Array) -> "Cells":
        """The cells of some rows (word lines), [rows, columns]."""
        return self._each(lambda a: as_matrix(a)[places])

    def put(self, places: Array, rows: "Cells", now: Array) -> "Cells":
        """With other hidden weights and counts in some rows, if `now`."""
        put = lambda whole, new: put_rows(whole, places, new, now)
        return self._replace(
            hidden=jax.tree.map(put, self.hidden, rows.hidden), sent=jax.tree.map(put, self.sent, rows.sent)
        )

    def _each(self, f: Callable[[Array], Array]) -> "Cells":
        return Cells(jax.tree.map(f, self.made), self.window, *jax.tree.map(f, (self.hidden, self.sent)))


class Stored(NamedTuple):
    """An array of cells whose weights are in the state: its weights as they are seen, its cells."""

    weight: Array
    cells: Cells

    def write(self, law: AbstractLaw, key: Array, writer: Writer) -> "Stored":
        return Stored(*self.cells.write(law, self.weight, key, writer))


def fabricate(law: AbstractLaw, key: Array, leaf: Leaf, *, role: str = "cells", counted: bool = False) -> Cells:
    """The cells of an array, which hold its value. They depend on the key, the name and their role alone.

    No cell has a bound at a negative conductance.
    """
    made = law.make(fold_name(fold_name(key, leaf.name), role), leaf.value.shape, leaf.value.dtype)
    lowest = _lowest(law, leaf.window, leaf.value.dtype)
    if lowest is not None:
        made |= {end: jnp.maximum(made[end], lowest) for end in ("low", "high")}
    none = lambda: jnp.zeros_like(leaf.value)
    cells = Cells(made, leaf.window, None, Counts(none(), none()) if counted else None)
    return cells.holding(law, cells.weight(law, leaf.value))


def as_matrix(value: Array) -> Array:
    """An array of cells as rows (word lines) and columns (bit lines)."""
    return value.reshape(matrix_shape(value))


def matrix_shape(value: Array) -> tuple[int, int]:
    """(rows, columns) of an array of cells: its last axis are the bit lines."""
    columns = value.shape[-1] if value.ndim else 1
    return value.size // max(columns, 1), columns


def put_rows(whole: Array, places: Array, rows: Array, now: Array) -> Array:
    """An array of cells with other rows in some places, if `now`."""
    matrix = as_matrix(whole) if whole.ndim != rows.ndim else whole
    return matrix.at[places].set(jnp.where(now, rows, matrix[places])).reshape(whole.shape)


def _lowest(law: AbstractLaw, window: Window | None, dtype) -> Array | None:
    """The weight of a cell without conductance; None where any can be seen."""
    return None if window is None else to_weight(law, window, jnp.zeros((), dtype))
