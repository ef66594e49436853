"""Pulses sent to an array of which few cells are pulsed.

The result is that of `apply_net` or `apply_pulses`: noise depends on the key and on the place of the cell, so that it
can be drawn for any of them.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.training.laws import AbstractLaw, Made
from memjax.training.pulses._apply import apply_net, apply_pulses, pulse_cells
from memjax.training.pulses._few import Found, at, by_lists, put
from memjax.training.pulses._moments import Moments, bits_of, drawn, drawn_at, may_be_pulsed
from memjax.training.pulses._noise import has_places, normal, normal_at
from memjax.training.pulses._rules import Counts

Result = tuple[Array, tuple[Array, ...]]

SHARE = 0.15  # of the cells: at most so many are pulsed one by one
DRAWN_SHARE = 0.4  # and where their counts are drawn too


def apply_listed(law: AbstractLaw, weight: Array, count: Array | Counts, made: Made, *keys: Array) -> Result:
    """(weights after signed or two-way pulses, with the noise of the first key; standard normal numbers from each
    further key, where a pulse was sent)."""
    there = lambda count: count.up + count.down != 0 if isinstance(count, Counts) else count != 0
    numbers = lambda count, cell, size: jax.tree.map(lambda a: at(a, cell), count)
    every = lambda count: count
    source = jax.tree.map(lambda a: _row(a, weight), count)
    return _apply(law, weight, source, made, keys, SHARE, there, numbers, every)


def apply_drawn(law: AbstractLaw, weight: Array, moments: Moments, made: Made, key: Array, *keys: Array) -> Result:
    """As `apply_listed` for the counts that `draw` makes of the moments and the first key."""
    bits = bits_of(key, weight.size)
    source = jax.tree.map(lambda a: _row(a, weight), moments), jax.tree.map(lambda a: a[None], bits)
    there = lambda source: may_be_pulsed(source[0], source[1].octet)
    numbers = lambda source, cell, size: drawn_at(source[0], source[1], cell, size)
    every = lambda source: drawn(source[0], source[1])
    return _apply(law, weight, source, made, keys, DRAWN_SHARE, there, numbers, every)


def _row(a: Array, weight: Array) -> Array:
    return jnp.broadcast_to(a, weight.shape).reshape(1, -1)


def _apply(
    law: AbstractLaw,
    weight: Array,
    source: Any,
    made: Made,
    keys: tuple[Array, ...],
    share: float,
    there: Callable[[Any], Array],
    numbers: Callable[[Any, Array, int], Array | Counts],
    every: Callable[[Any], Array | Counts],
) -> Result:
    """Pulses whose counts come from `source`, [chips, ...]: which cells may have any, those of some cells (flat, of all
    chips), those of all cells of one chip."""
    traced, fixed = eqx.partition(law, eqx.is_array)
    made = jax.tree.map(lambda a: _row(a, weight), made)
    arguments = traced, _row(weight, weight), source, made, tuple(key[None] for key in keys)

    def one_chip(law, weight, source, made, keys):
        key, *further = keys
        count = every(source)
        if isinstance(count, Counts):
            after = apply_pulses(law, weight, count.up, count.down, made, key)
        else:
            after = apply_net(law, weight, count, made, key)
        return after, tuple(normal(key, weight.shape, weight.dtype) for key in further)

    def dense(traced, *arrays):
        return jax.vmap(one_chip, in_axes=(None, 0, 0, 0, 0))(eqx.combine(traced, fixed), *arrays)

    def listed(traced, found, *arrays):
        return _listed(eqx.combine(traced, fixed), found, numbers, *arrays)

    listable = has_places(keys[0], weight.dtype) and weight.size > 0
    sparse = by_lists(share, lambda weight, source, made, keys: there(source), listed, dense)
    here = _with_slope(sparse, dense) if listable else dense
    after, z = lax.platform_dependent(*arguments, cpu=here, default=dense)
    return after.reshape(weight.shape), tuple(a.reshape(weight.shape) for a in z)


def _with_slope(sparse: Callable, dense: Callable) -> Callable:
    """`sparse` with the derivatives of `dense`, which has no loops where the law has a closed form."""
    f = jax.custom_jvp(sparse)
    f.defjvp(lambda primals, tangents: jax.jvp(dense, primals, tangents))
    return f


def _listed(law, found: Found, numbers, weight, source, made, keys):
    chips, size = weight.shape
    source, made = jax.tree.map(jnp.ravel, (source, made))

    def send(written, cell):
        after, z = written
        count = jax.tree.map(lambda a: a.astype(after.dtype), numbers(source, cell, size))
        first, *further = (normal_at(key, cell // size, cell % size, size) for key in keys)
        after = pulse_cells(law, after, cell, count, made, first)
        return after, tuple(put(a, cell, new) for a, new in zip(z, further, strict=True))

    flat = weight.reshape(-1)
    written = found.visit(send, (flat, tuple(jnp.zeros_like(flat) for _ in keys[1:])))
    return jax.tree.map(lambda a: a.reshape(chips, size), written)
