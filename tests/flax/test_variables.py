"""Which variables of an NNX model are weights, and which are data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import memjax as mj
from memjax.flax import Conductance, Crossbars

IDEAL = mj.Hardware(dac=mj.Dac(), adc=mj.Adc(), tile=(16, 16))


@pytest.fixture(scope="module")
def x():
    return jnp.asarray(np.random.default_rng(0).normal(size=(3, 4)), jnp.float32)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


class Frozen(nnx.Variable):
    pass


class Kinds(nnx.Module):
    """A frozen matrix, a low-rank one, a plain array, and integers with their scales in one variable."""

    def __init__(self, rngs):
        self.frozen = Frozen(jax.random.normal(rngs(), (4, 5)))
        self.lora = nnx.LoRA(4, 2, 5, rngs=rngs)
        self.lora.lora_b[...] = jax.random.normal(rngs(), (2, 5))
        self.plain = jax.random.normal(rngs(), (5, 5))
        self.quantised = Frozen({"int": jnp.arange(-10, 10, dtype=jnp.int8).reshape(5, 4), "scale": jnp.full(4, 0.1)})

    def __call__(self, x):
        hidden = jnp.tanh(x @ self.frozen + self.lora(x)) @ self.plain
        codes = self.quantised.get_value()
        return hidden @ (codes["int"] * codes["scale"])


class Recurrent(nnx.Module):
    """Its hidden state and its counter are variables of its own kinds."""

    def __init__(self, rngs):
        self.kernel = nnx.Param(jax.random.normal(rngs(), (4, 4)))
        self.hidden = Frozen(jnp.ones((3, 4)))
        self.count = nnx.Variable(jnp.array(0))

    def look(self, x):
        return x @ self.hidden[...].T

    def __call__(self, x):
        self.hidden[...] = jnp.tanh(self.hidden @ self.kernel + x)
        self.count[...] += 1
        return self.hidden[...]


def test_variables_of_every_kind_are_weights(x):
    crossbars = Crossbars(Kinds(nnx.Rngs(0)), IDEAL, jax.random.key(1), x)
    close(crossbars(x), Kinds(nnx.Rngs(0))(x))
    assert set(crossbars.chip) == {"frozen", "lora/lora_a", "lora/lora_b", "plain", "quantised/int"}
    assert crossbars.plan(x).digital == {}
    assert crossbars.plan(x).analog == 1.0


def test_what_a_call_rewrites_is_data(x):
    crossbars, digital = Crossbars(Recurrent(nnx.Rngs(0)), IDEAL, jax.random.key(1), x), Recurrent(nnx.Rngs(0))
    for _ in range(3):
        close(crossbars(x), digital(x))
    assert list(crossbars.chip) == ["kernel"]
    assert crossbars.model.count[...] == 3
    assert crossbars.plan(x).digital == {"hidden": ((3, 4), "state of the model (Frozen), not a weight")}
    close(crossbars(x, method="look"), digital.look(x))


def test_what_another_method_rewrites_becomes_data(x):
    """A matrix that the first method only reads is on the chip until a call is seen to rewrite it."""

    class Memory(nnx.Module):
        def __init__(self, rngs):
            self.kernel, self.table = nnx.Param(jnp.eye(4)), Frozen(jax.random.normal(rngs(), (4, 5)))

        def store(self, value):
            self.table[...] += value

        def __call__(self, x):
            return x @ self.kernel @ self.table

    crossbars, digital = Crossbars(Memory(nnx.Rngs(0)), IDEAL, jax.random.key(1), x), Memory(nnx.Rngs(0))
    assert set(crossbars.chip) == {"kernel", "table"}
    close(crossbars(x), digital(x))
    crossbars(2.0, method="store")
    digital.store(2.0)
    close(crossbars(x), digital(x))
    assert crossbars.plan(x).digital == {"table": ((4, 5), "state of the model (Frozen), not a weight")}


def test_a_cache_is_data_and_in_the_plan():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 1, 4)), jnp.float32)

    def attention():
        module = nnx.MultiHeadAttention(2, 4, decode=True, use_bias=False, rngs=nnx.Rngs(0))
        module.init_cache((2, 3, 4))
        return module

    crossbars, digital = Crossbars(attention(), IDEAL, jax.random.key(1), x), attention()
    for scale in (1, 2, 3):
        close(crossbars(scale * x), digital(scale * x))
    plan = crossbars.plan(x)
    assert plan.digital["cached_key"] == ((2, 3, 2, 2), "state of the model (Cache), not a weight")
    assert plan.other
    assert set(crossbars.chip) == {f"{name}/kernel" for name in ("query", "key", "value", "out")}


def test_a_parameter_that_is_normalised_in_the_call(x):
    def build():
        rngs = nnx.Rngs(0)
        return nnx.WeightNorm(nnx.Linear(4, 5, rngs=rngs), rngs=rngs)

    crossbars, digital = Crossbars(build(), IDEAL, jax.random.key(1), x), build()
    for _ in range(2):
        close(crossbars(x), digital(x))
    assert list(crossbars.chip) == ["layer_instance/kernel"]
    close(crossbars.model.layer_instance.kernel[...], digital.layer_instance.kernel[...])


def test_hardware_by_layer(x):
    """The range that pulses need is that of each layer's cells."""

    def build():
        return nnx.Sequential(nnx.Linear(4, 4, rngs=nnx.Rngs(0)), jnp.tanh, nnx.Linear(4, 4, rngs=nnx.Rngs(1)))

    other = mj.Hardware(dac=mj.Dac(), adc=mj.Adc(), tile=(16, 16), cell=mj.Cell(r_on=5e3, r_off=50e3))
    crossbars = Crossbars(build(), {"layers/0/*": other, "*": IDEAL}, jax.random.key(1), x)
    close(crossbars(x), build()(x))
    cells = nnx.state(crossbars, Conductance)["conductance"]
    ranges = {name: arrays["pos"].get_metadata()["range"] for name, arrays in cells.items()}
    assert ranges == {"layers/0/kernel": (1 / 50e3, 1 / 5e3), "layers/2/kernel": (1 / 100e3, 1 / 10e3)}
    digital = Crossbars(build(), lambda name: None if "2" in name else other, jax.random.key(1), x)
    assert list(digital.chip) == ["layers/0/kernel"]
    close(digital(x), build()(x))


def test_the_life_of_a_chip(x):
    hardware = mj.Hardware(tile=(16, 16), effects=(mj.effects.Drift(0.05),))
    crossbars = Crossbars(nnx.Linear(4, 4, rngs=nnx.Rngs(0)), hardware, jax.random.key(1), x)
    crossbars.calibrate(x, percentile=100.0)
    assert crossbars.clipping(x)["kernel"] == 0.0
    fresh = crossbars.chip
    before = crossbars.errors(x)["kernel"]
    crossbars.age(jax.random.key(2), seconds=1e6)
    aged = crossbars.errors(x)["kernel"]
    assert aged > 3 * before
    assert jnp.linalg.norm(crossbars.weights()["kernel"]) < 0.8 * jnp.linalg.norm(crossbars.model.kernel[...])
    crossbars.use(crossbars.analog.compensate(crossbars.chip, fresh, jax.random.key(3)))
    assert crossbars.errors(x)["kernel"] < 0.5 * aged
    crossbars.model.kernel[...] *= 0.5
    crossbars.reprogram(jax.random.key(4), x)
    close(crossbars.chip["kernel"]["conductance"]["pos"].max(), fresh["kernel"]["conductance"]["pos"].max())


def test_what_is_no_chip(x):
    crossbars = Crossbars(nnx.Linear(4, 4, rngs=nnx.Rngs(0)), IDEAL, jax.random.key(1), x)
    with pytest.raises(TypeError, match="chip must be a dict of crossbars"):
        crossbars.use(None)
    with pytest.raises(TypeError, match=r"chip\['kernel'\] must be a dict with conductance, scale and drive"):
        crossbars.use({"kernel": {}})
