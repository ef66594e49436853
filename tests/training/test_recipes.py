"""Views of weights for hardware-aware training, and limits of weights."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import memjax as mj

R = mj.training.recipes
KEY = jax.random.key(0)
W = np.array([[0.9, -0.1, 0.02], [-0.6, 0.25, 0.0], [0.31, 0.5, -0.04]], np.float32)
MANY = jax.random.normal(jax.random.key(1), (400, 50))
SIGMAS = 5  # of statistics: one test in two million fails by chance


def view(modifier, weights=W, step=0, key=KEY):
    return np.asarray(R.noisy({"w": weights}, modifier, key, step)["w"])


@pytest.mark.parametrize(
    ("modifier", "deviation"),
    [
        (R.AdditiveNoise(0.06), 0.06 * np.abs(MANY).max()),
        (R.AdditiveNoise(0.06, over="column"), 0.06 * np.abs(MANY).max(0)),
        (R.MultiplicativeNoise(0.2), 0.2 * np.abs(MANY)),
    ],
    ids=["array", "column", "multiplicative"],
)
def test_errors_are_normal_with_their_deviation(modifier, deviation):
    z = (view(modifier, MANY) - MANY) / deviation
    assert abs(z.mean()) < SIGMAS / np.sqrt(z.size)
    assert abs((z**2).mean() - 1) < SIGMAS * np.sqrt(2 / z.size)
    assert abs((z**4).mean() - 3) < SIGMAS * np.sqrt(96 / z.size)
    of_column = (z**2).mean(0)
    assert np.abs(of_column - 1).max() < SIGMAS * np.sqrt(2 / len(z))


def test_dropped_weights_are_zero_and_the_others_stay():
    found = view(R.DropConnect(0.1), MANY)
    dropped = found == 0
    assert abs(dropped.mean() - 0.1) < SIGMAS * np.sqrt(0.1 * 0.9 / dropped.size)
    np.testing.assert_array_equal(found[~dropped], np.asarray(MANY)[~dropped])
    np.testing.assert_array_equal(view(R.DropConnect(0.0)), W)
    assert not view(R.DropConnect(1.0)).any()


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_discretised_weights_are_the_nearest_steps(bits):
    n = max(2 ** (bits - 1) - 1, 1)
    for over, axis in (("array", None), ("column", 0)):
        step = np.abs(W.astype(float)).max(axis) / n
        np.testing.assert_allclose(view(R.Discretised(bits, over)), np.round(W / step) * step, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("bits", [1, 2, 8])
def test_dorefa_is_the_published_formula(bits):
    n, bent = 2**bits - 1, np.tanh(W.astype(float))
    share = bent / (2 * np.abs(bent).max()) + 0.5
    np.testing.assert_allclose(view(R.DoReFa(bits)), 0.9 * (2 * np.round(share * n) / n - 1), rtol=1e-5, atol=1e-6)
    assert set(np.unique(view(R.DoReFa(1)))) == {np.float32(-0.9), np.float32(0.9)}


def test_what_has_no_strength_changes_nothing():
    still = (R.AdditiveNoise(0.0), R.MultiplicativeNoise(0.0), R.DropConnect(0.0))
    np.testing.assert_array_equal(view(still), W)
    for modifier in (R.AdditiveNoise(0.1), R.Discretised(4), R.DoReFa(4)):  # no largest weight to be relative to
        assert np.isfinite(view(modifier, np.zeros((2, 2), np.float32))).all()


def test_strength_follows_its_schedule():
    """Noise that grows in ten steps: at each the error is that of the fixed strength."""
    growing = R.AdditiveNoise(optax.linear_schedule(0.0, 0.1, 10))
    for step in (0, 3, 10, 50):
        fixed = R.AdditiveNoise(0.01 * min(step, 10))
        np.testing.assert_allclose(view(growing, step=step), view(fixed, step=step), rtol=1e-5, atol=1e-7)
    bits = R.Discretised(optax.piecewise_constant_schedule(8.0, {100: 0.5}))
    np.testing.assert_array_equal(view(bits, step=5), view(R.Discretised(8)))
    np.testing.assert_array_equal(view(bits, step=200), view(R.Discretised(4)))


def test_modifiers_act_one_after_the_other_with_draws_of_their_own():
    once, twice = R.AdditiveNoise(0.1), (R.AdditiveNoise(0.1), R.AdditiveNoise(0.1))
    z = [view(modifiers, MANY) - np.asarray(MANY) for modifiers in (once, twice)]
    second = z[1] - z[0]
    assert abs(np.corrcoef(z[0].ravel(), second.ravel())[0, 1]) < SIGMAS / np.sqrt(second.size)
    found = view((R.Discretised(2), R.DropConnect(0.5)))
    assert set(np.unique(np.abs(found))) <= {np.float32(0.0), np.float32(0.9)}


def test_draws_depend_on_step_and_name_alone():
    noise = R.AdditiveNoise(0.1)
    both = R.noisy({"a": W, "b": W, "bias": W[0], "count": np.arange(6).reshape(2, 3)}, noise, KEY, 3)
    assert not np.array_equal(both["a"], both["b"])
    np.testing.assert_array_equal(both["a"], R.noisy({"a": W}, noise, KEY, 3)["a"])
    np.testing.assert_array_equal(both["bias"], W[0])
    np.testing.assert_array_equal(both["count"], np.arange(6).reshape(2, 3))
    assert not np.array_equal(both["a"], R.noisy({"a": W}, noise, KEY, 4)["a"])
    assert not np.array_equal(both["a"], R.noisy({"a": W}, noise, jax.random.key(1), 3)["a"])
    chosen = R.noisy({"a": W, "b": W}, noise, KEY, 3, select=lambda name: name == "b")
    np.testing.assert_array_equal(chosen["a"], W)
    np.testing.assert_array_equal(chosen["b"], both["b"])


@pytest.mark.optimised
def test_jit_and_vmap_give_the_same_numbers():
    modifiers = (R.AdditiveNoise(0.1, over="column"), R.MultiplicativeNoise(0.1), R.DropConnect(0.2))
    see = lambda w, key, step: R.noisy(w, modifiers, key, step)
    keys, steps, w = jax.random.split(KEY, 20), jnp.arange(20), jnp.asarray(W)
    eager = np.stack([see(w, key, int(step)) for key, step in zip(keys, steps, strict=True)])
    np.testing.assert_array_equal(jax.jit(jax.vmap(see, (None, 0, 0)))(w, keys, steps), eager)
    np.testing.assert_array_equal(jax.jit(see)(w, keys[1], steps[1]), eager[1])
    strengths = jnp.array([0.0, 0.1])
    swept = jax.vmap(lambda strength: R.noisy({"w": W}, R.AdditiveNoise(strength), KEY)["w"])(strengths)
    np.testing.assert_array_equal(swept, np.stack([view(R.AdditiveNoise(strength)) for strength in (0.0, 0.1)]))


@pytest.mark.parametrize("modifier", [R.AdditiveNoise(0.1), R.DropConnect(0.5), R.Discretised(3), R.DoReFa(2)])
def test_gradients_pass_straight_through(modifier):
    """At the modified weights, on to those that are kept; forwards and backwards."""
    see = lambda w: R.noisy({"w": w}, modifier, KEY)["w"]
    np.testing.assert_allclose(jax.grad(lambda w: (see(w) ** 2).sum())(jnp.asarray(W)), 2 * view(modifier), rtol=1e-6)
    np.testing.assert_array_equal(jax.jvp(see, (jnp.asarray(W),), (W,))[1], W)


def test_low_precision_sees_the_rounded_view():
    weights = jnp.asarray(W, jnp.bfloat16)
    found = R.noisy({"w": weights}, R.AdditiveNoise(0.1), KEY)["w"]
    assert found.dtype == jnp.bfloat16
    exact = view(R.AdditiveNoise(0.1), weights.astype(jnp.float32))
    np.testing.assert_array_equal(found, jnp.asarray(exact, jnp.bfloat16))


class Smallest(R.AbstractModifier):
    """Weights below a share of the largest are zero: a modifier from outside."""

    share: float = mj.spec.number(low=0.0)

    def modified(self, weights, key, step):
        return jnp.where(jnp.abs(weights) < self.share * jnp.abs(weights).max(), 0.0, weights)


def test_a_modifier_of_ones_own():
    np.testing.assert_array_equal(view(Smallest(0.3)), np.where(np.abs(W) < 0.27, 0.0, W))


def test_states_of_flax_are_trees_as_others():
    state = nnx.state(nnx.Linear(3, 2, rngs=nnx.Rngs(0)), nnx.Param)
    found = R.noisy(state, R.DropConnect(1.0), KEY, select=lambda name: name == "kernel")
    assert not found["kernel"][...].any()
    assert jax.tree.structure(found) == jax.tree.structure(state)
    still = R.noisy(state, R.DropConnect(1.0), KEY, select=lambda name: name == "bias")
    np.testing.assert_array_equal(still["kernel"][...], state["kernel"][...])


def after(tx, gradient, params, state=None):
    """(parameters after an update, the state)."""
    change, state = tx.update(gradient, tx.init(params) if state is None else state, params)
    return optax.apply_updates(params, change), state


@pytest.mark.parametrize(
    ("arguments", "bound"),
    [
        ({}, lambda w: 2.5 * w.std()),
        ({"limit": 1.0}, lambda w: w.std()),
        ({"limit": 1.0, "over": "column"}, lambda w: w.std(0)),
        ({"limit": 0.4, "unit": "weight"}, lambda w: 0.4),
        ({"limit": 0.4, "unit": "weight", "over": "column"}, lambda w: 0.4),
    ],
)
def test_weights_are_limited(arguments, bound):
    params = {"w": jnp.asarray(W), "bias": jnp.array([0.1, -9.0])}
    tx = optax.chain(optax.sgd(0.1), R.clipped(**arguments))
    found, _ = after(tx, jax.tree.map(jnp.ones_like, params), params)
    moved = W.astype(float) - 0.1
    np.testing.assert_allclose(found["w"], np.clip(moved, -bound(moved), bound(moved)), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found["bias"], [0.0, -9.1], atol=1e-7)


def test_a_limit_follows_its_schedule():
    tx = R.clipped(optax.linear_schedule(0.8, 0.2, 3), unit="weight")
    params, state, still = {"w": jnp.asarray(W)}, None, {"w": jnp.zeros_like(W)}
    for limit in (0.8, 0.6, 0.4, 0.2, 0.2):
        params, state = after(tx, still, params, state)
        assert float(jnp.abs(params["w"]).max()) == pytest.approx(limit)
    halves = jnp.asarray(W, jnp.bfloat16)
    assert tx.update(halves, tx.init(halves), halves)[0].dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: R.AdditiveNoise(-0.1), "AdditiveNoise.strength must be finite and in [0, inf], got -0.1"),
        (lambda: R.AdditiveNoise(lambda s: s - 1.0), "AdditiveNoise.strength(0) must be finite and in [0, inf]"),
        (lambda: R.AdditiveNoise(lambda: 1.0), "AdditiveNoise.strength must be a number or a function of the step"),
        (lambda: R.AdditiveNoise([0.1, 0.2]), "AdditiveNoise.strength must be a number in [0, inf], got [0.1, 0.2]"),
        (lambda: R.AdditiveNoise(0.1, "row"), "AdditiveNoise.over must be one of 'array', 'column', got 'row'"),
        (lambda: R.DropConnect(1.5), "DropConnect.rate must be finite and in [0, 1], got 1.5"),
        (lambda: R.Discretised(0), "Discretised.bits must be finite and in [1, 32], got 0"),
        (lambda: R.noisy(W, 0.1, KEY), "modifiers must be a Modifier such as AdditiveNoise(0.06), got 0.1"),
        (lambda: R.noisy(W, (0.1,), KEY), "modifiers[0] must be a Modifier such as AdditiveNoise(0.06), got 0.1"),
        (lambda: R.noisy(W, R.DropConnect(0.1), 0), "key must be a PRNG key"),
        (lambda: R.noisy(W, R.DropConnect(0.1), KEY, -1), "step must be finite and in [0, 2.14748e+09], got -1"),
        (lambda: R.noisy(W, R.DropConnect(0.1), KEY, select="w"), "select must be a function of a name or None"),
        (lambda: R.clipped(0.0), "limit must be finite and in (0, inf], got 0.0"),
        (lambda: R.clipped(unit="sigma"), "unit must be one of 'deviation', 'weight', got 'sigma'"),
        (lambda: R.clipped(over="row"), "over must be one of 'array', 'column', got 'row'"),
        (lambda: R.clipped().update(W, R.clipped().init(W)), "params must be given to the update of clipped, got None"),
    ],
)  # fmt: skip
def test_bad_input(make, message):
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        make()
