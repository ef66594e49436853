"""Parameters in bfloat16 and float16: what their rounding loses is kept, whatever the algorithm."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from laws import P, T

import memjax as mj
from memjax.training.algorithms._precision import exact, nothing_lost, rounded

KEY = jax.random.key(0)
FINE = T.ConstantStep(P(step=5e-4))
SOFT = T.SoftBounds(P(step=1e-3, noise=0.3, write_noise=1.0))
NARROW = pytest.mark.parametrize("dtype", [jnp.bfloat16, pytest.param(jnp.float16, marks=pytest.mark.slow)])

ALGORITHMS = {
    "pulsed": lambda: T.pulsed(FINE, KEY),
    "conductances": lambda: T.pulsed(SOFT, KEY, range=(-1.0, 1.0)),
    "mixed precision": lambda: T.mixed_precision(FINE, KEY, every=3),
    "Tiki-Taka": lambda: T.tiki_taka(SOFT, KEY, gamma=0.1),
    "WAGE": lambda: T.neurosim_wage(KEY),
    "several steps": lambda: optax.MultiSteps(T.pulsed(FINE, KEY), 2),
}


def trained(tx, dtype, wanted, updates=30):
    """Weights after equal updates that are the same numbers in every precision."""
    step = jax.jit(lambda state, params: tx.update({"w": jnp.full((4, 8), wanted, dtype)}, state, params))
    params = {"w": jnp.full((4, 8), 0.5, dtype)}
    state = tx.init(params)
    for _ in range(updates):
        change, state = step(state, params)
        assert change["w"].dtype == dtype
        params = optax.apply_updates(params, change)
    return np.asarray(params["w"], np.float64)


@NARROW
@pytest.mark.parametrize("name", ALGORITHMS)
def test_training_is_that_of_float32_parameters_seen_rounded(name, dtype):
    """2^-11 is a quarter of the spacing of bfloat16 at 0.5: by rounding every update would be lost."""
    tx = ALGORITHMS[name]()
    full, narrow = trained(tx, jnp.float32, 2.0**-11), trained(tx, dtype, 2.0**-11)
    assert np.abs(full - 0.5).max() > 4e-3
    np.testing.assert_allclose(narrow, full, atol=2 * float(jnp.finfo(dtype).eps) * np.abs(full).max())


@NARROW
def test_rounding_is_exact_bookkeeping(dtype):
    """Parameter plus loss is the exact weight after every change, subnormal numbers of float16 included."""
    scale = jnp.array([1.0, 1e-3, 1e-5, 3e-7])
    value = jax.random.normal(KEY, (50, 4)).astype(dtype) * scale.astype(dtype)
    lost, total = nothing_lost(value), np.asarray(value, np.float64)

    @jax.jit
    def step(value, lost, change):
        update, seen, lost = rounded(value, lost, change)
        return optax.apply_updates(value, update), seen, lost

    for index in range(20):
        change = 0.01 * scale * jax.random.normal(jax.random.fold_in(KEY, index), (50, 4))
        value, seen, lost = step(value, lost, change)
        total = total + np.asarray(change, np.float64)
        np.testing.assert_array_equal(np.asarray(value, np.float32), seen)
    np.testing.assert_allclose(np.asarray(exact(value, lost), np.float64), total, rtol=1e-4, atol=1e-11)


@NARROW
def test_an_alteration_is_noticed(dtype):
    tx = T.pulsed(FINE, KEY)
    params = jnp.full(8, 0.5, dtype)
    change, state = tx.update(jnp.full(8, 0.01, dtype), tx.init(params), params)
    tx.update(jnp.zeros(8, dtype), state, params + change)
    with pytest.raises(ValueError, match="was changed since"):
        tx.update(jnp.zeros(8, dtype), state, params + 0.05)


POLICIES = {
    "float32": (jnp.float32, jnp.float32),
    "float32, computed in bfloat16": (jnp.float32, jnp.bfloat16),
    "bfloat16": (jnp.bfloat16, jnp.bfloat16),
}


def accuracies(tx, parameters, compute, chips=4):
    """Of an MLP on digits after five epochs on `chips` chips, each with cells, start and noise of its own."""
    data = mj.data.load("digits")
    x, test = (images.reshape(len(images), -1) for images in (data.train_images, data.test_images))
    batches = jnp.asarray(x[:1408].reshape(-1, 32, 64)), jnp.asarray(data.train_labels[:1408].reshape(-1, 32))

    def logits(params, x):
        first, second, biases = jax.tree.map(lambda w: w.astype(compute), params)
        return jax.nn.relu(x.astype(compute) @ first + biases[0]) @ second + biases[1]

    def loss(params, x, y):
        return optax.softmax_cross_entropy_with_integer_labels(logits(params, x).astype(jnp.float32), y).mean()

    def one(key):
        kernels = (0.2 * jax.random.normal(jax.random.fold_in(key, i), s) for i, s in enumerate(((64, 32), (32, 10))))
        params = jax.tree.map(lambda w: w.astype(parameters), (*kernels, (jnp.zeros(32), jnp.zeros(10))))
        rule = optax.partition({"d": optax.chain(optax.sgd(0.1), tx(key)), "b": optax.sgd(0.1)}, ("d", "d", ("b", "b")))

        def step(state, batch):
            params, opt = state
            change, opt = rule.update(jax.grad(loss)(params, *batch), opt, params)
            return (optax.apply_updates(params, change), opt), None

        epoch = lambda state, _: (jax.lax.scan(step, state, batches)[0], None)
        params = jax.lax.scan(epoch, (params, rule.init(params)), None, 5)[0][0]
        return jnp.mean(logits(params, jnp.asarray(test)).argmax(-1) == data.test_labels)

    return np.asarray(jax.jit(lambda keys: jax.lax.map(one, keys))(jax.random.split(KEY, chips)), np.float64)


@pytest.mark.slow
def test_a_network_in_bfloat16_trains_like_one_in_float32():
    """Steps are a twentieth of the spacing of bfloat16 at one; means agree within 4 standard errors and a point."""
    law = T.SoftBounds(P(step=4e-4, noise=0.3, step_spread=0.2))
    found = {name: accuracies(lambda key: T.pulsed(law, key), *policy) for name, policy in POLICIES.items()}
    full = found["float32"]
    assert full.mean() > 0.85
    for some in found.values():
        error = np.sqrt((some.var(ddof=1) + full.var(ddof=1)) / len(full))
        assert abs(some.mean() - full.mean()) < 4 * error + 0.01
