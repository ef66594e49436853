"""Pulses sent to an array of which few cells are pulsed: what happens to a cell is computed for those alone.

A training step pulses a few cells in a hundred. On a CPU the noise of all of them costs more than the rest of the step;
here the pulsed ones are gathered in lists. The result is that of `apply_net`: noise depends on the key and on the place
of the cell, so that it can be drawn for any of them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.training.laws import AbstractLaw, Made
from memjax.training.pulses._apply import apply_net, pulse_cells, put
from memjax.training.pulses._noise import has_places, normal, normal_at

CELLS = 512  # in a list
_FEW = 8  # lists where at most one cell in eight is pulsed
_BITS = 32


def apply_listed(
    law: AbstractLaw, weight: Array, count: Array, made: Made, *keys: Array
) -> tuple[Array, tuple[Array, ...]]:
    """(`apply_net` with the first key, standard normal numbers from each further one where a pulse was sent)."""
    traced, fixed = eqx.partition(law, eqx.is_array)
    one = lambda a: jnp.broadcast_to(a, weight.shape).reshape(1, -1)
    arguments = traced, one(weight), one(count), jax.tree.map(one, made), tuple(key[None] for key in keys)

    def dense(traced, weight, count, made, keys):
        return jax.vmap(_all, in_axes=(None, 0, 0, 0, 0))(eqx.combine(traced, fixed), weight, count, made, keys)

    def sparse(traced, weight, count, made, keys):
        found = find(count.reshape(-1))
        listed = lambda traced, *arrays: _listed(eqx.combine(traced, fixed), found, *arrays)
        return lax.cond(found.ends[-1] <= count.size // _FEW, listed, dense, traced, weight, count, made, keys)

    listable = has_places(keys[0], weight.dtype) and weight.size > 0
    here = _with_slope(_for_chips(sparse, dense), dense) if listable else dense
    after, z = lax.platform_dependent(*arguments, cpu=here, default=dense)
    return after.reshape(weight.shape), tuple(a.reshape(weight.shape) for a in z)


def _for_chips(sparse: Callable, dense: Callable) -> Callable:
    """`sparse`, which under vmap takes the arrays [chips, cells] of all chips at once; `dense` if laws differ."""
    f = jax.custom_batching.custom_vmap(sparse)

    @f.def_vmap
    def _(size: int, batched: Any, traced: Any, *arrays: Any) -> tuple[Any, Any]:
        laws, *there = batched
        if any(jax.tree.leaves(laws)):
            axes = jax.tree.map(lambda one: 0 if one else None, batched)
            result = jax.vmap(dense, in_axes=tuple(axes))(traced, *arrays)
        else:
            whole = lambda a, one: a if one else jnp.broadcast_to(a, (size, *a.shape))
            merge = lambda a, one: whole(a, one).reshape(-1, *a.shape[1 + one :])
            result = f(traced, *jax.tree.map(merge, tuple(arrays), tuple(there)))
            result = jax.tree.map(lambda a: a.reshape(size, -1, *a.shape[1:]), result)
        return result, jax.tree.map(lambda _: True, result)

    return f


def _with_slope(sparse: Callable, dense: Callable) -> Callable:
    """`sparse` with the derivatives of `dense`, which has no loops where the law has a closed form."""
    f = jax.custom_jvp(sparse)
    f.defjvp(lambda primals, tangents: jax.jvp(dense, primals, tangents))
    return f


def _all(law, weight, count, made, keys):
    after = apply_net(law, weight, count, made, keys[0])
    return after, tuple(normal(key, weight.shape, weight.dtype) for key in keys[1:])


def _listed(law, found, weight, count, made, keys):
    chips, size = weight.shape
    count = count.reshape(-1)
    made = jax.tree.map(jnp.ravel, made)

    def send(state):
        start, after, z = state
        cell = found.cells(start)
        number = count.at[cell].get(mode="clip").astype(after.dtype)
        first, *further = (normal_at(key, cell // size, cell % size, size) for key in keys)
        after = pulse_cells(law, after, cell, number, made, first)
        return start + CELLS, after, tuple(put(a, cell, new) for a, new in zip(z, further, strict=True))

    flat = weight.reshape(-1)
    state = jnp.int32(0), flat, tuple(jnp.zeros_like(flat) for _ in keys[1:])
    _, after, z = lax.while_loop(lambda state: state[0] < found.ends[-1], send, state)
    return jax.tree.map(lambda a: a.reshape(chips, size), (after, z))


class Found(NamedTuple):
    """The places of an array that are not zero.

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


def find(array: Array) -> Found:
    """The places of a flat array that are not zero."""
    bits = jnp.pad(array != 0, (0, -array.size % _BITS)).reshape(-1, _BITS).astype(jnp.uint32)
    words = jnp.sum(bits << jnp.arange(_BITS, dtype=jnp.uint32), axis=1, dtype=jnp.uint32)
    return Found(words, jnp.cumsum(lax.population_count(words).astype(jnp.int32)), array.size)


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
