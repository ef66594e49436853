"""Pulses sent to an array of which few cells are pulsed.

The result is that of `apply_net` or `apply_pulses`: noise depends on the key and on the place of the cell, so that it
can be drawn for any of them.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.training.laws import AbstractLaw, Made
from memjax.training.pulses._apply import apply_net, apply_pulses, pulse_cells
from memjax.training.pulses._few import Found, at, by_lists, put
from memjax.training.pulses._noise import has_places, normal, normal_at
from memjax.training.pulses._rules import Counts

SHARE = 0.15  # of the cells: at most so many are pulsed one by one


def apply_listed(
    law: AbstractLaw, weight: Array, count: Array | Counts, made: Made, *keys: Array
) -> tuple[Array, tuple[Array, ...]]:
    """(weights after signed or two-way pulses, with the noise of the first key; standard normal numbers from each
    further key, where a pulse was sent)."""
    traced, fixed = eqx.partition(law, eqx.is_array)
    one = lambda a: jnp.broadcast_to(a, weight.shape).reshape(1, -1)
    arguments = traced, one(weight), *jax.tree.map(one, (count, made)), tuple(key[None] for key in keys)

    def there(weight, count, made, keys):
        return jnp.logical_or(count.up != 0, count.down != 0) if isinstance(count, Counts) else count != 0

    def dense(traced, weight, count, made, keys):
        return jax.vmap(_all, in_axes=(None, 0, 0, 0, 0))(eqx.combine(traced, fixed), weight, count, made, keys)

    def listed(traced, found, *arrays):
        return _listed(eqx.combine(traced, fixed), found, *arrays)

    listable = has_places(keys[0], weight.dtype) and weight.size > 0
    here = _with_slope(by_lists(SHARE, there, listed, dense), dense) if listable else dense
    after, z = lax.platform_dependent(*arguments, cpu=here, default=dense)
    return after.reshape(weight.shape), tuple(a.reshape(weight.shape) for a in z)


def _with_slope(sparse: Callable, dense: Callable) -> Callable:
    """`sparse` with the derivatives of `dense`, which has no loops where the law has a closed form."""
    f = jax.custom_jvp(sparse)
    f.defjvp(lambda primals, tangents: jax.jvp(dense, primals, tangents))
    return f


def _all(law, weight, count, made, keys):
    key, *further = keys
    both = isinstance(count, Counts)
    after = apply_pulses(law, weight, *count, made, key) if both else apply_net(law, weight, count, made, key)
    return after, tuple(normal(key, weight.shape, weight.dtype) for key in further)


def _listed(law, found: Found, weight, count, made, keys):
    chips, size = weight.shape
    count, made = jax.tree.map(jnp.ravel, (count, made))

    def send(written, cell):
        after, z = written
        number = jax.tree.map(lambda a: at(a, cell).astype(after.dtype), count)
        first, *further = (normal_at(key, cell // size, cell % size, size) for key in keys)
        after = pulse_cells(law, after, cell, number, made, first)
        return after, tuple(put(a, cell, new) for a, new in zip(z, further, strict=True))

    flat = weight.reshape(-1)
    written = found.visit(send, (flat, tuple(jnp.zeros_like(flat) for _ in keys[1:])))
    return jax.tree.map(lambda a: a.reshape(chips, size), written)
