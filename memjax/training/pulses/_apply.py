"""Applying pulses: counts in, weights out."""

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.training.laws import AbstractLaw, Made
from memjax.training.pulses._few import at, put
from memjax.training.pulses._noise import normal
from memjax.training.pulses._rules import Counts


def apply_pulses(
    law: AbstractLaw,
    weight: Array,
    up: Array,
    down: Array,
    made: Made,
    key: Array | None = None,
    *,
    one_by_one: bool = False,
) -> Array:
    """The weights after `up` pulses upwards and `down` downwards, evenly mixed.

    Laws with a closed form for equal pulses take all of a direction at once: half of the upward ones, the downward
    ones, the other half (exact where only one direction is present, else to second order in the change); other laws
    take the mean of pulse after pulse. Noise is one draw of the standard deviation that the pulses have together,
    deviation(change / n) sqrt(n). With `one_by_one` every pulse has noise of its own and is stopped at the bounds.

    Args:
        law: the update law.
        weight: in the law's units.
        up, down: numbers of pulses, not negative; the shape of `weight`.
        made: the cells, from `law.make`.
        key: PRNG key of the noise; None: no noise.
    """
    weight = jnp.asarray(weight)
    up, down = (jnp.asarray(count, weight.dtype) for count in (up, down))
    if one_by_one:
        return _in_turn(law, weight, up, down, made, key)
    return _both(law, weight, up, down, made, None if key is None else normal(key, weight.shape, weight.dtype))


def apply_net(
    law: AbstractLaw, weight: Array, count: Array, made: Made, key: Array | None = None, *, one_by_one: bool = False
) -> Array:
    """As `apply_pulses` for |count| pulses, upwards where `count` is positive: half the work."""
    weight = jnp.asarray(weight)
    size, up = jnp.abs(count).astype(weight.dtype), count > 0
    if one_by_one:
        return _steps(law, weight, size, up, made, key)
    return block(law, weight, size, up, made, None if key is None else normal(key, weight.shape, weight.dtype))


def block(law: AbstractLaw, weight: Array, count: Array, up: Array, made: Made, z: Array | None) -> Array:
    """`count` equal pulses with the noise that they have together, z standard deviations; None: no noise."""
    after = law.many(weight, count, up, made)
    if after is None:  # only the last pulse may pass the bounds, before its noise is added
        after = law.one(_steps(law, weight, count - 1.0, up, made, None), up, made).astype(weight.dtype)
    if z is not None:
        change = (after - weight) / jnp.where(count > 0, count, 1.0)  # a block may be half a pulse
        after = after + law.deviation(weight, change, up, made) * jnp.sqrt(count) * z
    return jnp.where(count > 0, jnp.clip(after, made["low"], made["high"]), weight)


def pulse_cells(law: AbstractLaw, weight: Array, cell: Array, count: Array | Counts, made: Made, z: Array) -> Array:
    """Flat weights after signed or two-way pulses at some cells, none of them twice; places beyond the end drop."""
    own = {name: at(value, cell) for name, value in made.items()}
    before = at(weight, cell)
    if isinstance(count, Counts):
        return put(weight, cell, _both(law, before, *count, own, z))
    return put(weight, cell, block(law, before, jnp.abs(count), count > 0, own, z))


def _both(law, weight, up, down, made, z):
    """Pulses in both directions, evenly mixed, with the noise that they have together; z None: no noise."""
    closed = law.many(weight, up, jnp.ones(weight.shape, bool), made) is not None
    after = _at_once(law, weight, up, down, made) if closed else _in_turn(law, weight, up, down, made, None)
    return after if z is None else _scattered(law, weight, after, up, down, made, z)


def _at_once(law, weight, up, down, made):
    """The mean of both directions by closed forms: half of the upward pulses, the downward ones, the other half."""
    true = jnp.ones(weight.shape, bool)
    for count, sign in ((0.5 * up, true), (down, ~true), (0.5 * up, true)):
        weight = block(law, weight, count, sign, made, None)
    return weight


def _scattered(law, weight, after, up, down, made, z):
    """Weights after pulses in both directions with their noise, that of single pulses midway."""
    middle = 0.5 * (weight + after)
    variance = jnp.zeros_like(weight)
    for count, sign in ((up, True), (down, False)):
        sign = jnp.full(weight.shape, sign)
        change = law.one(middle, sign, made) - middle
        variance = variance + count * jnp.square(law.deviation(middle, change, sign, made))
    noisy = after + jnp.sqrt(variance) * z
    return jnp.where(up + down > 0, jnp.clip(noisy, made["low"], made["high"]), weight)


def _steps(law, weight, count, up, made, key):
    """`count` pulses in one direction, one after another."""

    def step(state):
        index, weight = state
        noise = None if key is None else jax.random.fold_in(key, index)
        return index + 1, jnp.where(index < count, _pulse(law, weight, up, made, noise), weight)

    return lax.while_loop(lambda state: state[0] < jnp.max(count, initial=0), step, (0, weight))[1]


def _in_turn(law, weight, up, down, made, key):
    """Pulses of both directions in turn until each has had its number."""
    true = jnp.ones(weight.shape, bool)

    def step(state):
        index, weight = state
        for salt, count, sign in ((0, up, true), (1, down, ~true)):
            noise = None if key is None else jax.random.fold_in(key, 2 * index + salt)
            weight = jnp.where(index < count, _pulse(law, weight, sign, made, noise), weight)
        return index + 1, weight

    most = jnp.maximum(jnp.max(up, initial=0), jnp.max(down, initial=0))
    return lax.while_loop(lambda state: state[0] < most, step, (0, weight))[1]


def _pulse(law, weight, up, made, key):
    after = law.one(weight, up, made)
    if key is not None:
        after = after + law.deviation(weight, after - weight, up, made) * normal(key, weight.shape, weight.dtype)
    return jnp.clip(after, made["low"], made["high"]).astype(weight.dtype)


def response(law: AbstractLaw, pulses: Array, weight: Array, made: Made, key: Array | None = None) -> Array:
    """The weight after each pulse of a sequence, [T, *cells]: a pulse-response measurement, differentiable.

    Args:
        law: the update law.
        pulses: signs [T], 1 up, -1 down, 0 none.
        weight: start, [*cells].
        made: the cells.
        key: PRNG key of the noise; None: no noise.
    """
    weight = jnp.broadcast_to(jnp.asarray(weight), made["low"].shape).astype(made["low"].dtype)

    def step(weight, pulse):
        index, sign = pulse
        noise = None if key is None else jax.random.fold_in(key, index)
        up = jnp.broadcast_to(sign > 0, weight.shape)
        weight = jnp.where(sign == 0, weight, _pulse(law, weight, up, made, noise))
        return weight, weight

    pulses = jnp.asarray(pulses)
    return lax.scan(step, weight, (jnp.arange(len(pulses)), pulses))[1]
