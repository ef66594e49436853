"""The frame of algorithms: one of a user's own, counted pulses, rules of both arrays, scales of tiles, refusals."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from laws import P, T

import memjax as mj

KEY = jax.random.key(0)
STEP = 2.0**-8
EXACT = T.ConstantStep(P(step=STEP, low=-4.0, high=4.0))


class Velocity(NamedTuple):
    value: jax.Array

    @property
    def shape(self):
        return self.value.shape


def test_an_algorithm_of_ones_own_is_its_recursion():
    """Momentum inside the frame: a plain function, with noise that depends on the array's name alone."""

    def step(value, want, own, turn):
        velocity = 0.5 * own.value + want
        return turn.rate * velocity + 0.0 * value, Velocity(velocity)

    tx = T.in_situ(KEY, lambda leaf: Velocity(jnp.zeros_like(leaf.value)), step, rate=lambda count: 1.0 + count)
    params = {"a": jnp.ones((2, 3)), "b": jnp.ones(4, jnp.bfloat16)}
    state, total, velocity = tx.init(params), 0.0, 0.0
    for index in range(3):
        change, state = jax.jit(tx.update)(jax.tree.map(lambda w: 2.0**-9 + 0 * w, params), state, params)
        params = optax.apply_updates(params, change)
        velocity = 0.5 * velocity + 2.0**-9
        total += (1.0 + index) * velocity
    np.testing.assert_allclose(params["a"], 1.0 + total, rtol=1e-6)
    # Nothing is lost in a precision whose numbers at one are 2^-7 apart.
    np.testing.assert_allclose(np.asarray(params["b"], np.float64) + state.lost[1], 1.0 + total, rtol=1e-6)
    for wrong, message in (({"start": None}, "start must be a function"), ({"step": 1.0}, "step must be a function")):
        with pytest.raises(TypeError, match=message):
            T.in_situ(KEY, **{"start": Velocity, "step": step} | wrong)
    with pytest.raises(ValueError, match=r"rate must be finite and in \(0, inf\], got -1.0"):
        T.in_situ(KEY, Velocity, step, rate=-1.0)
    with pytest.raises(ValueError, match="'a' was changed since"):
        tx.update(params, state, {"a": params["a"] + 1.0, "b": params["b"]})
    with pytest.raises(ValueError, match=r"arrays from jax.grad .*, got Counts for 'a': give it to another"):
        tx.update({"a": T.Counts(*2 * [params["a"]]), "b": params["b"]}, state, params)


def trained(tx, updates, start):
    """(parameters, state) after updates."""
    params, state = {"w": start}, tx.init({"w": start})
    for update in updates:
        change, state = jax.jit(tx.update)({"w": update}, state, params)
        params = optax.apply_updates(params, change)
    return params, state


def test_pulses_are_counted_cell_by_cell():
    wanted = STEP * np.random.default_rng(0).integers(-3, 4, (6, 4, 3)).astype(np.float32)
    params, state = trained(T.pulsed(EXACT, KEY, counted=True), wanted, jnp.zeros((4, 3)))
    sent = T.pulses_sent(state, params)["w"]
    np.testing.assert_array_equal(sent.up, np.maximum(wanted, 0).sum(0) / STEP)
    np.testing.assert_array_equal(sent.down, np.maximum(-wanted, 0).sum(0) / STEP)
    np.testing.assert_allclose(params["w"], STEP * (sent.up - sent.down), atol=1e-6)

    tx = T.tiki_taka(EXACT, KEY, transfer=T.Direct(rate=1.0), every=2, counted=True)
    params, state = trained(tx, wanted, jnp.zeros((4, 3)))
    both = T.pulses_sent(state)[0]
    fast = np.cumsum(wanted, axis=0)
    np.testing.assert_allclose(both["fast"].up - both["fast"].down, fast[-1] / STEP, atol=1e-4)
    np.testing.assert_allclose(both["slow"].up - both["slow"].down, fast[1::2].sum(0) / STEP, atol=1e-4)

    pair = T.one_sided(T.ConstantStep(P(step=STEP, low=0.0, high=4.0)), KEY, counted=True)
    params, state = trained(optax.chain(optax.scale(1.0), pair), wanted, jnp.zeros((4, 3)))
    sides = T.pulses_sent(state)[0]
    np.testing.assert_array_equal(sides["plus"].down + sides["minus"].down, 0)
    np.testing.assert_allclose(params["w"], STEP * (sides["plus"].up - sides["minus"].up), atol=1e-6)
    with pytest.raises(ValueError, match="counted=True"):
        T.pulses_sent(T.pulsed(EXACT, KEY).init(params))
    with pytest.raises(ValueError, match="params must have the 1 arrays that are counted, got 2"):
        T.pulses_sent(state, {"a": 1.0, "b": 2.0})


def test_counted_pulses_wear_the_cells_that_had_them():
    """Conductances trained on a chip; cells with more pulses than the threshold fail, and no others."""
    worn = mj.effects.Endurance(lrs=(1.0, 0.0, 0.0, 0.0), hrs=(1.0, 0.0, 0.0, 0.0), r_lrs=5e4, r_hrs=5e4)
    hardware = mj.Hardware(cell=mj.Cell(r_on=1e4, r_off=1e5), tile=(8, 8), effects=(worn,))
    model = mj.flax.Crossbars(nnx.Linear(6, 5, rngs=nnx.Rngs(0)), hardware, KEY, jnp.ones((2, 6)))
    tx = T.pulsed(T.SoftBounds(P(step=0.02)), KEY, counted=True)
    optimizer = nnx.Optimizer(model, tx, wrt=mj.flax.Conductance)
    x = jax.random.normal(KEY, (8, 6))
    for _ in range(3):
        gradient = nnx.grad(lambda m: jnp.mean(m(x) ** 2), argnums=nnx.DiffState(0, mj.flax.Conductance))(model)
        optimizer.update(model, jax.tree.map(lambda g: -1e5 * g, gradient))
    params = nnx.as_pure(nnx.state(model, mj.flax.Conductance))
    sent = T.pulses_sent(nnx.as_pure(optimizer.opt_state), params)["conductance"]
    is_counts = lambda node: isinstance(node, T.Counts)
    cycles = jax.tree.map(lambda count: 0.5 * (count.up + count.down), sent, is_leaf=is_counts)
    before, after = model.chip, model.analog.age(model.chip, KEY, cycles=cycles)
    for name, arrays in cycles.items():
        for array, number in arrays.items():
            changed = np.asarray(after[name]["conductance"][array] != before[name]["conductance"][array])
            np.testing.assert_array_equal(changed, number > 1)
            assert changed.any()
            assert not changed.all()
    with pytest.raises(ValueError, match="must be a number for each cell"):
        model.analog.age(model.chip, KEY, cycles={name: {"pos": jnp.ones(3)} for name in cycles})


def test_both_arrays_of_tiki_taka_have_rules_of_their_own():
    """Residues: a quarter of a step is sent by every fourth update, on the fast array and in its transfer."""
    quarter = np.full((8, 2, 3), 0.25 * STEP, np.float32)
    keeping = T.Deterministic(truncate=True)
    tx = T.tiki_taka(EXACT, KEY, rule=keeping, transfer=T.Direct(rate=0.25, rule=keeping))
    params, state = trained(tx, quarter, jnp.zeros((2, 3)))
    fast = np.floor(np.arange(1, 9) / 4) * STEP
    np.testing.assert_allclose(state.arrays[0].fast.weight, fast[-1], atol=1e-7)
    np.testing.assert_allclose(params["w"], np.floor(0.25 * fast.sum() / STEP) * STEP, atol=1e-7)
    with pytest.raises(ValueError, match="law must have weights of both signs for the fast array.*range 0.0 to 2.0"):
        T.agad(T.presets.pcm(), KEY)
    with pytest.raises(TypeError, match="trains must be"):
        T.tiki_taka(EXACT, KEY, trains=31)


def test_scales_of_tiles_fill_the_range_and_leave_learning_rates_alone():
    weight = jax.random.normal(KEY, (5, 7)) * jnp.linspace(0.01, 1.0, 7)
    params = {"w": weight, "b": jnp.ones(7)}
    scales = T.tile_scales(params, 0.5, tile=(2, 3))
    device = jax.tree.map(jnp.divide, params, scales)
    for row in range(0, 5, 2):
        for column in range(0, 7, 3):
            tile = np.s_[row : row + 2, column : column + 3]
            np.testing.assert_allclose(np.abs(device["w"][tile]).max(), 0.5, rtol=1e-6)
            assert len(np.unique(scales["w"][tile])) == 1
    np.testing.assert_array_equal(scales["b"], 1)
    np.testing.assert_allclose(T.tile_scales(params, 0.5)["w"], jnp.abs(weight).max() / 0.5, rtol=1e-6)

    loss = lambda params: jnp.sum(jnp.sin(params["w"])) + jnp.sum(params["b"] ** 2)
    through = lambda device: loss(jax.tree.map(jnp.multiply, device, scales))
    tx = optax.chain(T.per_tile(scales), optax.sgd(0.1))
    change, _ = tx.update(jax.grad(through)(device), tx.init(device), device)
    expected = jax.tree.map(lambda g: -0.1 * g, jax.grad(loss)(params))
    moved = jax.tree.map(jnp.multiply, change, scales)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7), moved, expected)

    x = jnp.ones((3, 5))
    outer = mj.value_and_outer(lambda p, x: jnp.sum((x @ p["w"]) ** 2))(params, x)[1]
    one = T.tile_scales(params, 0.5)
    scaled = T.per_tile({"w": one["w"]}).update({"w": outer["w"]}, optax.EmptyState())[0]["w"]
    np.testing.assert_allclose(scaled.gradient, outer["w"].gradient / one["w"] ** 2, rtol=1e-5)
    with pytest.raises(ValueError, match=r"one number for an array with outer products, got the shape \(5, 7\)"):
        T.per_tile({"w": scales["w"]}).update({"w": outer["w"]}, optax.EmptyState())
    with pytest.raises(ValueError, match="omega must be"):
        T.tile_scales(params, 0.0)
