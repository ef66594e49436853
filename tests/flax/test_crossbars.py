"""`mj.flax.Crossbars`: an NNX model on a chip, everything else as before."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest
from flax import nnx

import memjax as mj
from memjax.flax import Conductance, Crossbars, Periphery

IDEAL = mj.Hardware(dac=mj.Dac(), adc=mj.Adc(), tile=(16, 16))


class Network(nnx.Module):
    def __init__(self, rngs):
        self.conv = nnx.Conv(2, 3, (3, 3), rngs=rngs)
        self.norm = nnx.BatchNorm(3, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.linear = nnx.Linear(48, 4, rngs=rngs)

    def __call__(self, x):
        x = self.dropout(nnx.relu(self.norm(self.conv(x))))
        return self.linear(x.reshape(len(x), -1))


class Mlp(nnx.Module):
    def __init__(self, rngs):
        self.first = nnx.Linear(5, 8, rngs=rngs)
        self.second = nnx.Linear(8, 3, rngs=rngs)

    def __call__(self, x):
        return self.second(jnp.tanh(self.first(x)))


@pytest.fixture(scope="module")
def images():
    return jnp.asarray(np.random.default_rng(0).normal(1.0, 2.0, (6, 4, 4, 2)), jnp.float32)


@pytest.fixture(scope="module")
def vectors():
    return jnp.asarray(np.random.default_rng(1).normal(size=(6, 5)), jnp.float32)


def both(build, x, hardware=IDEAL):
    """A model on a chip, and an equal one beside it that stays digital."""
    analog, digital = build(nnx.Rngs(0)), build(nnx.Rngs(0))
    return Crossbars(analog, hardware, jax.random.key(1), x), digital


def close(a, b, rtol=1e-4):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-5)


def test_training_and_evaluation_are_those_of_the_model(images):
    """Batch-norm statistics move and dropout draws keys exactly as in the digital model; eval() stops both."""
    crossbars, digital = both(Network, images)
    for _ in range(2):
        close(crossbars(images), digital(images))
        close(crossbars.model.norm.mean[...], digital.norm.mean[...])
        close(crossbars.model.norm.var[...], digital.norm.var[...])
    assert (jnp.abs(crossbars.model.norm.mean[...]) > 0.01).all()
    before = crossbars.model.norm.mean[...]
    crossbars.eval()
    digital.eval()
    close(crossbars(images), digital(images))
    assert np.array_equal(crossbars.model.norm.mean[...], before)
    assert np.array_equal(crossbars(images), crossbars(images))


def test_conductances_are_the_chip(vectors):
    crossbars, _ = both(Mlp, vectors)
    cells = nnx.as_pure(nnx.state(crossbars, Conductance))["conductance"]
    assert list(crossbars.chip) == ["first/kernel", "second/kernel"]
    for name, entry in crossbars.chip.items():
        assert entry["conductance"].keys() == cells[name].keys() == {"pos", "neg"}
        assert all(np.array_equal(cells[name][array], entry["conductance"][array]) for array in cells[name])
    graphdef, params = nnx.split(Mlp(nnx.Rngs(0)))
    pure = mj.crossbarify(lambda params, x: nnx.merge(graphdef, params)(x), IDEAL)
    same = pure.program(params, jax.random.key(1), vectors)
    assert jax.tree.all(jax.tree.map(np.array_equal, crossbars.chip, same))
    peripheral = nnx.as_pure(nnx.state(crossbars, Periphery))["periphery"]
    assert peripheral["first/kernel"].keys() == {"scale", "drive"}


def test_changed_conductances_change_the_result(vectors):
    crossbars, _ = both(Mlp, vectors)
    before = crossbars(vectors)
    cells = nnx.state(crossbars, Conductance)
    nnx.update(crossbars, jax.tree.map(jnp.zeros_like, cells))
    close(crossbars(vectors), jnp.broadcast_to(crossbars.model.second.bias[...], before.shape))


def test_plan_select_and_calibration(vectors):
    digital = Mlp(nnx.Rngs(0))
    hardware = mj.Hardware(tile=(16, 16))
    crossbars = Crossbars(
        Mlp(nnx.Rngs(0)), hardware, jax.random.key(1), vectors, select=lambda path: path.startswith("first")
    )
    plan = crossbars.plan(vectors)
    assert [c.name for c in plan.crossbars] == ["first/kernel"]
    assert plan.digital == {"second/kernel": ((8, 3), "not selected")}
    assert "dac_range" not in crossbars.chip["first/kernel"]
    crossbars.calibrate(vectors, percentile=100)
    assert crossbars.chip["first/kernel"]["dac_range"] == pytest.approx(float(jnp.abs(vectors).max()), rel=1e-6)
    np.testing.assert_allclose(crossbars(vectors), digital(vectors), atol=0.05)


@pytest.mark.optimised
def test_an_optimiser_trains_the_conductances(vectors):
    """`nnx.jit` around `nnx.value_and_grad` with respect to the chip; the digital parameters stay as they are."""
    crossbars, _ = both(Mlp, vectors, mj.Hardware(tile=(16, 16)))
    target = jnp.sin(3 * vectors[:, :3])
    optimizer = nnx.Optimizer(crossbars, optax.adam(2e-6), wrt=Conductance)
    kernel, before = crossbars.model.first.kernel[...], crossbars.chip

    @nnx.jit
    def step(crossbars, optimizer):
        def loss(crossbars):
            return jnp.mean((crossbars(vectors) - target) ** 2)

        value, gradient = nnx.value_and_grad(loss, argnums=nnx.DiffState(0, Conductance))(crossbars)
        optimizer.update(crossbars, gradient)
        return value

    losses = [float(step(crossbars, optimizer)) for _ in range(30)]
    assert losses[-1] < 0.5 * losses[0]
    assert np.array_equal(crossbars.model.first.kernel[...], kernel)
    cells = [chip["first/kernel"]["conductance"]["pos"] for chip in (before, crossbars.chip)]
    assert not np.array_equal(*cells)
    assert np.array_equal(before["first/kernel"]["scale"], crossbars.chip["first/kernel"]["scale"])


def test_statistics_move_inside_jit(images):
    crossbars, digital = both(Network, images)
    run = nnx.jit(lambda model, x: model(x))
    close(run(crossbars, images), digital(images))
    close(crossbars.model.norm.mean[...], digital.norm.mean[...])


def test_gradient_with_respect_to_the_input_and_the_biases(vectors):
    crossbars, digital = both(Mlp, vectors)
    loss = lambda model, x: jnp.sum(jnp.sin(model(x)))
    found = nnx.grad(loss, argnums=(nnx.DiffState(0, nnx.Param), 1))(crossbars, vectors)
    expected = nnx.grad(loss, argnums=(nnx.DiffState(0, nnx.Param), 1))(digital, vectors)
    close(found[1], expected[1])
    for layer in ("first", "second"):
        close(found[0]["model"][layer]["bias"][...], expected[0][layer]["bias"][...])
        assert not found[0]["model"][layer]["kernel"][...].any()  # the kernel lives on the chip


def test_many_chips_by_vmap(vectors):
    faults = mj.effects.StuckAt(lrs=0.1, hrs=0.1)
    hardware = mj.Hardware(tile=(16, 16), mapping=mj.mapping.Offset(), effects=(faults,))
    model, keys = nnx.Linear(5, 3, rngs=nnx.Rngs(0)), jax.random.split(jax.random.key(1), 3)

    @nnx.vmap(in_axes=(None, 0), out_axes=0)
    def make(model, key):
        return Crossbars(nnx.clone(model), hardware, key, vectors)

    chips = make(model, keys)
    results = nnx.vmap(lambda chip, x: chip(x), in_axes=(0, None))(chips, vectors)
    for i, key in enumerate(keys):
        close(results[i], Crossbars(nnx.clone(model), hardware, key, vectors)(vectors))
    assert not np.allclose(results[0], results[1])


def test_split_merge_and_checkpoint(images, tmp_path):
    crossbars, _ = both(Network, images, mj.Hardware(tile=(16, 16)))
    crossbars.calibrate(images)
    crossbars.eval()
    graphdef, state = nnx.split(crossbars)
    assert np.array_equal(nnx.merge(graphdef, state)(images), crossbars(images))

    cells = nnx.as_pure(nnx.state(crossbars, Conductance))
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "cells", cells)
        checkpointer.wait_until_finished()
        loaded = checkpointer.restore(tmp_path / "cells", jax.eval_shape(lambda: cells))
    other = nnx.merge(graphdef, jax.tree.map(jnp.copy, state))
    nnx.update(other, jax.tree.map(jnp.zeros_like, nnx.state(other, Conductance)))
    assert not np.array_equal(other(images), crossbars(images))
    nnx.update(other, loaded)
    assert np.array_equal(other(images), crossbars(images))


def test_read_noise_needs_a_key(vectors):
    noise = mj.effects.ReadNoise(relative=0.05)
    hardware = mj.Hardware(tile=(16, 16), mapping=mj.mapping.Offset(), effects=(noise,))
    crossbars, _ = both(Mlp, vectors, hardware)
    first, again, other = (crossbars(vectors, key=jax.random.key(seed)) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    with pytest.raises(ValueError, match="key must be a PRNG key, since Hardware.effects has read noise"):
        crossbars(vectors)


def test_flags_of_the_call(vectors):
    class Flagged(Mlp):
        def __call__(self, x, *, double=False):
            return (2 if double else 1) * super().__call__(x)

    crossbars, digital = both(Flagged, vectors)
    close(crossbars(vectors, double=True), digital(vectors, double=True))
    close(crossbars(vectors), digital(vectors))


def test_a_recurrent_model_and_its_carry(vectors):
    crossbars, digital = both(lambda rngs: nnx.RNN(nnx.GRUCell(5, 4, rngs=rngs), rngs=rngs), vectors[None])
    assert len(crossbars.chip) == 2
    close(crossbars(vectors[None]), digital(vectors[None]))


def test_wrong_arguments(vectors):
    with pytest.raises(TypeError, match="model must be an nnx.Module, got 3"):
        Crossbars(3, IDEAL, jax.random.key(0), vectors)
    with pytest.raises(TypeError, match="hardware must be a Hardware, got None"):
        Crossbars(Mlp(nnx.Rngs(0)), None, jax.random.key(0), vectors)
    with pytest.raises(ValueError, match="select must choose at least one of the crossbars"):
        Crossbars(Mlp(nnx.Rngs(0)), IDEAL, jax.random.key(0), vectors, select=lambda path: False)
    model = Mlp(nnx.Rngs(0))
    model.second.kernel[...] = model.second.kernel[...].at[0, 0].set(jnp.nan)
    with pytest.raises(ValueError, match="got 1 NaN or infinite values in second/kernel"):
        Crossbars(model, IDEAL, jax.random.key(0), vectors)
