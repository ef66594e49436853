"""Work on arrays of which few places matter: these are gathered in lists, and nothing is computed for the others.

A training step pulses a few cells in a hundred. On a CPU the random numbers of all of them cost more than the rest of
the step. Whatever is done by lists must give what is done to whole arrays, place by place.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax import Array, lax

Carry = TypeVar("Carry")

CELLS = 1024  # in a list
_BITS = 32


class Found(NamedTuple):
    """The places of an array that matter.

    Attributes:
        words: which they are, as bits, 32 places in a word.
        ends: how many there are up to the end of each word.
        size: of the array.
    """

    words: Array
    ends: Array
    size: int

    def cells(self, start: Array) -> Array:
        """`CELLS` of the places from number `start` on, in order; beyond the end of the array where there are none."""
        number = start + jnp.arange(CELLS, dtype=jnp.int32)
        word = jnp.searchsorted(self.ends, number, side="right").astype(jnp.int32)
        bits = self.words.at[word].get(mode="clip")
        end = self.ends.at[word].get(mode="clip")
        before = end - lax.population_count(bits).astype(jnp.int32)
        place = _BITS * word + _place(bits, number - before)
        beyond = self.size + jnp.arange(CELLS, dtype=jnp.int32)
        return jnp.where(number < self.ends[-1], place, beyond)

    def visit(self, body: Callable[[Carry, Array], Carry], carry: Carry) -> Carry:
        """carry = body(carry, cells) for all of them, list after list.

        The next list is found a turn ahead: what a loop carries is in memory, while XLA's CPU compiler would find the
        cells again in every kernel that reads them, several times the work.
        """

        def step(state):
            start, cells, carry = state
            return start + CELLS, self.cells(start + CELLS), body(carry, cells)

        start = jnp.int32(0)
        return lax.while_loop(lambda state: state[0] < self.ends[-1], step, (start, self.cells(start), carry))[2]


def find(there: Array) -> Found:
    """The places of a flat array that are not zero."""
    bits = jnp.pad(there != 0, (0, -there.size % _BITS)).reshape(-1, _BITS).astype(jnp.uint32)
    words = jnp.sum(bits << jnp.arange(_BITS, dtype=jnp.uint32), axis=1, dtype=jnp.uint32)
    return Found(words, jnp.cumsum(lax.population_count(words).astype(jnp.int32)), there.size)


def by_lists(
    share: float, there: Callable[..., Array], listed: Callable[..., Any], dense: Callable[..., Any]
) -> Callable[..., Any]:
    """f(shared, *arrays) = dense(shared, *arrays), by lists where few places matter.

    Every leaf of `arrays` is [chips, ...], as are the results: under vmap all chips are done at once, or densely where
    the leaves of `shared` differ between them.

    Args:
        share: of the places, up to which lists are faster.
        there: (*arrays) -> which places matter, [chips, cells].
        listed: (shared, found, *arrays) -> the same as `dense`, given these places.
        dense: the work on whole arrays.
    """

    @jax.custom_batching.custom_vmap
    def f(shared, *arrays):
        which = there(*arrays)
        found = find(which.reshape(-1))
        few = found.ends[-1] <= int(share * which.size)
        return lax.cond(few, lambda shared, *arrays: listed(shared, found, *arrays), dense, shared, *arrays)

    @f.def_vmap
    def _(size: int, batched: Any, shared: Any, *arrays: Any) -> tuple[Any, Any]:
        own, *differ = batched
        if any(jax.tree.leaves(own)):
            axes = jax.tree.map(lambda one: 0 if one else None, batched)
            result = jax.vmap(dense, in_axes=tuple(axes))(shared, *arrays)
        else:
            whole = lambda a, one: a if one else jnp.broadcast_to(a, (size, *a.shape))
            merge = lambda a, one: whole(a, one).reshape(-1, *a.shape[1 + one :])
            result = f(shared, *jax.tree.map(merge, tuple(arrays), tuple(differ)))
            result = jax.tree.map(lambda a: a.reshape(size, -1, *a.shape[1:]), result)
        return result, jax.tree.map(lambda _: True, result)

    return f


def put(array: Array, cell: Array, value: Array) -> Array:
    """A flat array with other values at some cells, none of them twice; places beyond the end drop."""
    return array.at[cell].set(value, mode="drop", unique_indices=True)


def at(array: Array, cell: Array) -> Array:
    """The values of a flat array at some cells; anything for places beyond the end."""
    return array.at[cell].get(mode="clip")


def _place(word: Array, number: Array) -> Array:
    """Place of the set bit of a word that has `number` set bits below it, by halving."""
    place = jnp.zeros_like(number)
    for width in (16, 8, 4, 2, 1):
        low = lax.population_count(word & jnp.uint32((1 << width) - 1)).astype(jnp.int32)
        above = number >= low
        number = number - jnp.where(above, low, 0)
        word = jnp.where(above, word >> width, word)
        place = place + jnp.where(above, width, 0)
    return place
