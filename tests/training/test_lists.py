"""Pulses sent by lists of cells are those sent to whole arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from memjax import training as T
from memjax.training.pulses import Counts, _few, _lists
from memjax.training.pulses._noise import normal, normal_at

LAWS = {
    "constant": T.ConstantStep(T.Population(step=0.02, step_spread=0.3, high_spread=0.3, noise=0.5)),
    "soft bounds": T.SoftBounds(T.Population(step=0.02, step_spread=0.3, noise=0.5, write_noise=2.0)),
    "exponential": T.presets.reram_es(),
    "referenced": T.Referenced(T.presets.reram_sb()),
}
SHAPE = (97, 61)


def given(share, seed=0):
    """Weights and signed pulse counts, a share of them not zero."""
    rng = np.random.default_rng(seed)
    count = rng.integers(-4, 5, SHAPE) * (rng.random(SHAPE) < share)
    return jnp.asarray(rng.uniform(-0.5, 0.5, SHAPE), jnp.float32), jnp.asarray(count, jnp.float32)


@pytest.mark.parametrize(("size", "share"), [(5, 0.5), (31, 1.0), (2000, 0.03), (5000, 0.6), (700, 0.0), (4096, 1.0)])
def test_found_places_are_those_that_are_not_zero(size, share):
    array = (np.random.default_rng(size).random(size) < share).astype(np.float32)
    found = _few.find(jnp.asarray(array))
    lists = [np.asarray(found.cells(jnp.int32(start))) for start in range(0, size + 1, _few.CELLS)]
    np.testing.assert_array_equal(np.concatenate(lists)[: int(array.sum())], np.flatnonzero(array))
    assert np.all(np.concatenate(lists)[int(array.sum()) :] >= size)
    assert all(len(set(one)) == _few.CELLS for one in lists)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_numbers_drawn_by_place_are_those_of_the_whole_array(size):
    keys = jax.random.split(jax.random.key(size), 3)
    whole = jax.vmap(lambda key: normal(key, (size,), jnp.float32))(keys)
    which, place = jnp.arange(30) % 3, jnp.arange(30) % size
    np.testing.assert_array_equal(normal_at(keys, which, place, size), whole[which, place])
    np.testing.assert_array_equal(normal_at(keys[:1], 0 * which, place, size), whole[0, place])


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.9])
def test_few_pulses_give_the_weights_that_whole_arrays_get(name, share):
    law, (weight, count) = LAWS[name], given(share)
    key, see_key = jax.random.split(jax.random.key(1))
    made = law.make(jax.random.key(2), SHAPE)
    after, (z,) = jax.jit(lambda *a: _lists.apply_listed(law, *a))(weight, count, made, key, see_key)
    flat = jax.tree.map(jnp.ravel, made)
    expected = jax.jit(lambda *a: T.apply_net(law, *a))(weight.ravel(), count.ravel(), flat, key).reshape(SHAPE)
    np.testing.assert_allclose(after, expected, rtol=1e-5, atol=1e-6)
    pulsed = np.asarray(count) != 0
    np.testing.assert_array_equal(np.asarray(after)[~pulsed], np.asarray(weight)[~pulsed])
    np.testing.assert_allclose(z[pulsed], normal(see_key, (weight.size,), weight.dtype).reshape(SHAPE)[pulsed])


@pytest.mark.parametrize("name", ["soft bounds", "exponential"])
@pytest.mark.parametrize("share", [0.01, 0.1])
def test_few_pulses_in_both_directions_give_the_weights_that_whole_arrays_get(name, share):
    law, (weight, count) = LAWS[name], given(share)
    counts = Counts(jnp.where(count == 3, 0.0, jnp.abs(count)), jnp.where(count == 3, 3.0, jnp.maximum(-count, 0.0)))
    key, made = jax.random.key(1), law.make(jax.random.key(2), SHAPE)
    after, _ = jax.jit(lambda *a: _lists.apply_listed(law, *a))(weight, counts, made, key)
    expected = jax.jit(lambda *a: T.apply_pulses(law, *a))(weight, *counts, made, key)
    np.testing.assert_allclose(after, expected, rtol=1e-5, atol=1e-6)
    assert np.any((np.asarray(counts.up) != 0) & (np.asarray(counts.down) != 0))


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_chips_at_once_are_single_chips(share):
    """Also in a vmap of a vmap, and with laws of their own."""
    law = LAWS["soft bounds"]
    weight, count = (jnp.stack(a).reshape(2, 3, *SHAPE) for a in zip(*[given(share, s) for s in range(6)], strict=True))
    keys = jax.random.split(jax.random.key(3), (2, 3))
    made = law.make(jax.random.key(2), SHAPE)  # the same cells for all
    one = lambda law, weight, count, key: _lists.apply_listed(law, weight, count, made, key)[0]
    single = jax.jit(one)
    axes = jax.tree.map(lambda _: None, law)
    together = jax.jit(jax.vmap(jax.vmap(one, in_axes=(axes, 0, 0, 0)), in_axes=(axes, 0, 0, 0)))(
        law, weight, count, keys
    )
    for i in range(2):
        for j in range(3):
            np.testing.assert_allclose(together[i, j], single(law, weight[i, j], count[i, j], keys[i, j]), atol=1e-6)

    steps = jnp.array([0.01, 0.03])
    with_step = lambda step: T.SoftBounds(T.Population(step=step, noise=0.5))
    of_its_own = jax.vmap(lambda step, *a: one(with_step(step), *a))
    for i, after in enumerate(of_its_own(steps, weight[0, :2], count[0, :2], keys[0, :2])):
        np.testing.assert_allclose(after, one(with_step(steps[i]), weight[0, i], count[0, i], keys[0, i]), atol=1e-6)


def test_gradients_through_an_update_are_those_of_finite_differences():
    weight, count = given(0.05)
    made = LAWS["constant"].make(jax.random.key(2), SHAPE)

    def loss(noise, weight):
        law = T.SoftBounds(T.Population(step=0.02, noise=noise, low=-2.0, high=2.0))
        after, _ = _lists.apply_listed(law, weight, count, made, jax.random.key(4))
        return jnp.sum(after**2)

    slope = jax.jit(jax.grad(loss, argnums=(0, 1)))(0.5, weight)
    by_noise = (loss(0.6, weight) - loss(0.4, weight)) / 0.2
    np.testing.assert_allclose(slope[0], by_noise, rtol=0.02)
    along = jnp.sign(slope[1])
    by_weight = (loss(0.5, weight + 1e-2 * along) - loss(0.5, weight - 1e-2 * along)) / 2e-2
    np.testing.assert_allclose(jnp.sum(slope[1] * along), by_weight, rtol=0.01)
    each = jax.jit(jax.vmap(jax.grad(loss), in_axes=(0, None)))(jnp.array([0.5, 0.7]), weight)
    np.testing.assert_allclose(each[0], slope[0], rtol=1e-4)


def test_keys_of_another_generator_do():
    law, (weight, count) = LAWS["constant"], given(0.02)
    made = law.make(None, SHAPE)
    key = jax.random.key(0, impl="rbg")
    after, _ = _lists.apply_listed(law, weight, count, made, key)
    assert np.all((np.asarray(after) != np.asarray(weight))[np.asarray(count) != 0])


@pytest.mark.parametrize(
    "name", ["pulsed", "agad", "one_sided", "coincidence", pytest.param("tiki_taka_v2", marks=pytest.mark.slow)]
)
def test_states_can_be_donated(name):
    """No two arrays of parameters and state share their memory, so that a step may reuse all of it."""
    law, key = LAWS["soft bounds"], jax.random.key(0)
    tx = {
        "pulsed": lambda: T.pulsed(law, key),
        "tiki_taka_v2": lambda: T.tiki_taka_v2(T.Referenced(law), key),
        "agad": lambda: T.agad(law, key),
        "one_sided": lambda: T.one_sided(law, key),
        "coincidence": lambda: T.coincidence(law, key, 0.1),
    }[name]()
    params = {"w": jnp.full((7, 5), 0.1)}
    leaves = [a for a in jax.tree.leaves((params, tx.init(params))) if a.size > 1]
    places = [jax.random.key_data(a) if jnp.issubdtype(a.dtype, jax.dtypes.prng_key) else a for a in leaves]
    assert len({a.unsafe_buffer_pointer() for a in places}) == len(places)
    if name == "coincidence":
        return

    @jax.jit
    def step(params, state):
        updates, state = tx.update({"w": jnp.full((7, 5), 0.05)}, state, params)
        return optax.apply_updates(params, updates), state

    donating = jax.jit(step, donate_argnums=(0, 1))
    expected = step(params, tx.init(params))[0]["w"]
    np.testing.assert_array_equal(donating(params, tx.init(params))[0]["w"], expected)
