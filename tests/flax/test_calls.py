"""Calls of `mj.flax.Crossbars`: methods, what a call changes in the model, NNX transformations around it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import memjax as mj
from memjax.flax import Crossbars

IDEAL = mj.Hardware(dac=mj.Dac(), adc=mj.Adc(), tile=(16, 16))
sows = pytest.mark.filterwarnings("ignore:Using 'Module.sow:DeprecationWarning")


@pytest.fixture(scope="module")
def x():
    return jnp.asarray(np.random.default_rng(0).normal(size=(3, 4)), jnp.float32)


def both(build, *example, **flags):
    """A model on a chip, and an equal one beside it that stays digital."""
    return Crossbars(build(nnx.Rngs(0)), IDEAL, jax.random.key(1), *example, **flags), build(nnx.Rngs(0))


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


class Coder(nnx.Module):
    def __init__(self, rngs):
        self.encoder, self.decoder = nnx.Linear(4, 2, rngs=rngs), nnx.Linear(2, 4, rngs=rngs)

    def encode(self, x):
        return jnp.tanh(self.encoder(x))

    def decode(self, z):
        return self.decoder(z)

    def __call__(self, x):
        return self.decode(self.encode(x))


class Regularised(nnx.Module):
    def __init__(self, rngs):
        self.linear = nnx.Linear(4, 4, rngs=rngs)
        self.norm, self.dropout = nnx.BatchNorm(4, rngs=rngs), nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x):
        return self.dropout(self.norm(self.linear(x)))


class Deep(nnx.Module):
    def __init__(self, rngs):
        self.layers = nnx.List([nnx.Linear(4, 4, rngs=rngs) for _ in range(2)])

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
            self.sow(nnx.Intermediate, "hidden", x)
        return x


def test_all_methods_read_one_chip(x):
    crossbars, digital = both(Coder, x)
    z = x[:, :2]
    for method in ("decode", Coder.decode, crossbars.model.decode, lambda model, z: model.decoder(z)):
        close(crossbars(z, method=method), digital.decode(z))
    assert [c.name for c in crossbars.plan(z, method="decode").crossbars] == ["decoder/kernel"]
    assert crossbars.errors(z, method="decode").keys() == {"decoder/kernel"}
    zero = jax.tree.map(jnp.zeros_like, crossbars.chip["decoder/kernel"]["conductance"])
    chip = crossbars.chip
    crossbars.use(chip | {"decoder/kernel": chip["decoder/kernel"] | {"conductance": zero}})
    close(crossbars(z, method="decode"), jnp.broadcast_to(digital.decoder.bias[...], (3, 4)))
    close(crossbars(x, method="encode"), digital.encode(x))


def test_the_chip_has_the_crossbars_of_the_method_it_was_made_with(x):
    crossbars, _ = both(Coder, x, method="encode")
    assert list(crossbars.chip) == ["encoder/kernel"]
    with pytest.raises(ValueError, match=r"must hold the crossbars \['encoder/kernel', 'decoder/kernel'\]"):
        crossbars(x)


def test_a_part_that_needs_one_of_two_like_matrices_finds_it(x):
    """A square weight that is read both ways has a crossbar for each; a method knows which it means."""

    class Tied(nnx.Module):
        def __init__(self, rngs):
            self.kernel = nnx.Param(jax.random.normal(rngs(), (4, 4)))

        def decode(self, z):
            return z @ self.kernel.T

        def __call__(self, x):
            return self.decode(jnp.tanh(x @ self.kernel))

    crossbars, digital = both(Tied, x)
    assert len(crossbars.chip) == 2
    close(crossbars(x), digital(x))
    close(crossbars(x, method="decode"), digital.decode(x))


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("missing", "the name of a method of Coder or a function, got 'missing'"),
        ("encoder.kernel", "the name of a method of Coder or a function, got 'encoder.kernel'"),
        (3, "the name of a method of Coder or a function, got 3"),
        (Coder(nnx.Rngs(1)).decode, "one of the model, got Coder.decode of another object"),
    ],
)
def test_what_is_no_method(x, method, message):
    with pytest.raises(ValueError, match=f"method must be {message}"):
        Crossbars(Coder(nnx.Rngs(0)), IDEAL, jax.random.key(1), x, method=method)


@sows
def test_sown_values(x):
    """Directly, where they add up over calls, and under `nnx.capture`, also with the results of methods, and jitted."""
    crossbars, digital = both(Deep, x)

    def captured(model, **options):
        y, found = nnx.capture(model, nnx.Intermediate, **options)(x)
        return y, nnx.as_pure(found)

    for options in ({}, {"method_outputs": nnx.Intermediate}, {}):
        (y, found), (expected, wanted) = captured(crossbars, **options), captured(digital, **options)
        close(y, expected)
        jax.tree.map(close, found["model"], wanted)
    _, found = nnx.jit(lambda model: nnx.capture(model, nnx.Intermediate)(x))(crossbars)
    jax.tree.map(close, nnx.as_pure(found)["model"], wanted)
    crossbars(x)
    crossbars(x)
    assert len(crossbars.model.hidden.get_value()) == 4


class Growing(nnx.Module):
    """Counts its calls in Python, and makes and replaces variables."""

    def __init__(self, rngs):
        self.linear, self.calls, self.last = nnx.Linear(4, 4, rngs=rngs), 0, nnx.data(None)

    def __call__(self, x):
        y = self.linear(x)
        self.calls += 1
        self.last = nnx.Cache(y)
        if hasattr(self, "total"):
            self.total[...] += y
        else:
            self.total, self.twin = nnx.Intermediate(y), self.linear
        return y


@pytest.mark.parametrize("wrap", [lambda f: f, nnx.jit], ids=["eager", "jit"])
def test_variables_and_attributes_that_a_call_makes(x, wrap):
    crossbars, digital = both(Growing, x)
    model, linear = crossbars.model, crossbars.model.linear
    run = wrap(lambda module, x: module(x))
    for scale in (1, 2, 3):
        close(run(crossbars, scale * x), digital(scale * x))
    assert crossbars.model is model
    assert model.linear is model.twin is linear
    assert model.calls == digital.calls == 3
    close(model.total[...], digital.total[...])
    close(model.last[...], digital.last[...])


def test_objects_among_the_arguments(x):
    class Dropping(nnx.Module):
        def __init__(self, rngs):
            self.linear, self.dropout = nnx.Linear(4, 4, rngs=rngs), nnx.Dropout(0.5)

        def __call__(self, x, *, rngs):
            return self.dropout(self.linear(x), rngs=rngs)

    crossbars, digital = both(Dropping, x, rngs=nnx.Rngs(2))
    used, expected = nnx.Rngs(3), nnx.Rngs(3)
    for _ in range(2):
        close(crossbars(x, rngs=used), digital(x, rngs=expected))
    assert used.default.count[...] == 2


def test_transformations_around_a_call(x):
    """Result, gradient, statistics and dropout keys of each are those of the digital model."""
    crossbars, digital = both(Regularised, x)
    carried = nnx.StateAxes({...: nnx.Carry})
    again = nnx.remat(lambda model, x: model(x))
    rounds = (
        nnx.jit(nnx.value_and_grad(lambda model, x: jnp.sum(again(model, x) ** 2), argnums=1)),
        nnx.scan(lambda model, x: model(x[None]), in_axes=(carried, 0), out_axes=0),
    )
    for run in rounds:
        jax.tree.map(close, run(crossbars, x), run(digital, x))
        close(crossbars.model.norm.var[...], digital.norm.var[...])
        assert crossbars.model.dropout.rngs.count[...] == digital.dropout.rngs.count[...]
    crossbars.eval()
    digital.eval()
    over_examples = nnx.vmap(lambda model, x: model(x), in_axes=(None, 0))
    close(over_examples(crossbars, x), over_examples(digital, x))
    close(jax.grad(lambda x: crossbars(x).sum())(x), jax.grad(lambda x: digital(x).sum())(x))


def test_eager_calls_trace_the_model_once(x):
    traced = []

    class Counted(Regularised):
        def __call__(self, x):
            traced.append(x.shape)
            return super().__call__(x)

    crossbars, _ = both(Counted, x)
    for _ in range(3):
        crossbars(x)
        crossbars.errors(x)
        crossbars.plan(x)
    assert traced == [(3, 4)]
    crossbars(x[:2])
    crossbars(x[:2])
    assert traced == [(3, 4), (2, 4)]
