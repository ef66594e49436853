"""`pulsed` with what people train with: optax chains and partitions, Linen train states, NNX optimisers."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen, nnx
from flax.training.train_state import TrainState
from laws import P, T

import memjax as mj

KEY = jax.random.key(0)
STEP = 2.0**-10
FINE = T.ConstantStep(P(step=STEP, low=-8.0, high=8.0))
BEFORE = {
    "momentum and schedule": lambda: optax.sgd(optax.linear_schedule(0.1, 0.01, 10), momentum=0.9),
    "clipped Adam": lambda: optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(0.01)),
}


@pytest.mark.parametrize("name", BEFORE)
def test_fine_steps_follow_the_optimiser(name):
    """With symmetric fine steps every weight stays within half a step of what the optimiser alone would make of it."""
    grads = np.random.default_rng(0).normal(size=(20, 12)).astype(np.float32)
    digital, pulsed = (
        BEFORE[name](),
        optax.chain(BEFORE[name](), T.pulsed(FINE, KEY, rule=T.Deterministic(most=10_000))),
    )
    weights, states = [jnp.zeros(12)] * 2, [digital.init(jnp.zeros(12)), pulsed.init(jnp.zeros(12))]
    updates = [jax.jit(tx.update) for tx in (digital, pulsed)]
    for grad in grads:
        for i in range(2):
            change, states[i] = updates[i](grad, states[i], weights[i] if i else weights[1])
            weights[i] = optax.apply_updates(weights[i], change)
        assert np.abs(weights[0] - weights[1]).max() <= 0.5 * STEP + 1e-5
    assert np.abs(weights[0]).min() > STEP
    np.testing.assert_array_equal(np.mod(weights[1], STEP), 0)


def regression():
    random = np.random.default_rng(0)
    x = random.normal(size=(64, 6)).astype(np.float32)
    return jnp.asarray(x), jnp.asarray(x @ random.uniform(-0.4, 0.4, (6, 3)).astype(np.float32) + 0.2)


def test_analog_and_digital_parameters_have_optimisers_of_their_own():
    """Biases stay digital: exactly plain SGD; weights move in whole steps."""
    x, y = regression()
    params = {"kernel": jnp.zeros((6, 3)), "bias": jnp.zeros(3)}
    analog = optax.chain(optax.sgd(0.1), T.pulsed(FINE, KEY))
    tx = optax.partition({"analog": analog, "digital": optax.sgd(0.1)}, {"kernel": "analog", "bias": "digital"})
    loss = lambda p: jnp.mean((x @ p["kernel"] + p["bias"] - y) ** 2)

    @jax.jit
    def step(params, state):
        grads = jax.grad(loss)(params)
        change, state = tx.update(grads, state, params)
        return optax.apply_updates(params, change), state, grads

    state, first = tx.init(params), loss(params)
    for _ in range(60):
        before = params
        params, state, grads = step(params, state)
        np.testing.assert_allclose(params["bias"], before["bias"] - 0.1 * grads["bias"], rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(np.mod(params["kernel"], STEP), 0)
    assert loss(params) < 0.1 * first


def test_linen_train_state():
    x, y = regression()
    model = linen.Dense(3)
    params = model.init(KEY, x)["params"]
    law = mj.training.presets.gokmen_vlasov()
    state = TrainState.create(apply_fn=model.apply, params=params, tx=optax.chain(optax.sgd(0.2), T.pulsed(law, KEY)))
    loss = lambda params: jnp.mean((model.apply({"params": params}, x) - y) ** 2)
    first = loss(jax.tree.map(jnp.zeros_like, params))
    step = jax.jit(lambda state: state.apply_gradients(grads=jax.grad(loss)(state.params)))
    for _ in range(40):
        state = step(state)
    assert loss(state.params) < 0.1 * first
    assert not state.opt_state[1].altered


class Layer(nnx.Module):
    def __init__(self, rngs):
        self.linear = nnx.Linear(6, 3, rngs=rngs)

    def __call__(self, x):
        return self.linear(x)


@pytest.mark.parametrize("name", ["gokmen_vlasov", "ecram"])
def test_conductances_of_a_chip_are_trained_in_place(name):
    """`nnx.Optimizer(model, tx, wrt=Conductance)`: cells know their range; all stay in it, the loss falls."""
    x, y = regression()
    hardware = mj.Hardware(tile=(8, 8))
    model = mj.flax.Crossbars(Layer(nnx.Rngs(0)), hardware, KEY, x)
    law = getattr(mj.training.presets, name)()
    optimizer = nnx.Optimizer(
        model, optax.chain(optax.sgd(0.02, momentum=0.9), T.pulsed(law, KEY)), wrt=mj.flax.Conductance
    )

    @nnx.jit
    def step(model, optimizer):
        loss = lambda model: jnp.mean((model(x) - y) ** 2)
        value, grads = nnx.value_and_grad(loss, argnums=nnx.DiffState(0, mj.flax.Conductance))(model)
        optimizer.update(model, grads)
        return value

    losses = [float(step(model, optimizer)) for _ in range(40)]
    assert losses[-1] < 0.3 * losses[0]
    for conductance in jax.tree.leaves(nnx.as_pure(nnx.state(model, mj.flax.Conductance))):
        assert conductance.min() >= 0
        assert conductance.max() <= 2.5 * float(hardware.cell.g_on)
    bounds = [leaf.shape for leaf in optimizer.opt_state[1].arrays]
    assert bounds == [v.shape for v in jax.tree.leaves(nnx.as_pure(nnx.state(model, mj.flax.Conductance)))]


def test_a_chip_of_traced_hardware_needs_a_range():
    """Its cells do not know their range: it must be given."""
    conductance = mj.flax.Conductance(jnp.full((2, 3), 5e-5), range=None)
    with pytest.raises(ValueError, match=r"range must be the \(low, high\) conductance \[S\] of a cell for 'g'"):
        T.pulsed(FINE, KEY).init({"g": conductance})
    state = T.pulsed(FINE, KEY, range=(1e-5, 1e-4)).init({"g": conductance})
    np.testing.assert_allclose(state.arrays[0].cells.window, (1e-5, 1e-4), rtol=1e-6)
