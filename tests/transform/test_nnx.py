"""Flax NNX layers, one by one, as functions of their state, against the digital model."""

from functools import partial

import jax
import jax.numpy as jnp
import pytest
from flax import nnx


class Network(nnx.Module):
    def __init__(self, rngs: nnx.Rngs):
        self.conv = nnx.Conv(2, 4, (3, 3), rngs=rngs)
        self.norm = nnx.BatchNorm(4, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.linear = nnx.Linear(100, 3, rngs=rngs)

    def __call__(self, x):
        x = self.dropout(nnx.relu(self.norm(self.conv(x))))
        return self.linear(x.reshape(len(x), -1))


class Stacked(nnx.Module):
    """Three layers with weights of their own, made by `nnx.vmap` and run by `nnx.scan`."""

    def __init__(self, rngs: nnx.Rngs):
        @nnx.split_rngs(splits=3)
        @nnx.vmap(in_axes=(0,), out_axes=0)
        def make(rngs):
            return nnx.Linear(6, 6, use_bias=False, rngs=rngs)

        self.layers = make(rngs)

    def __call__(self, x):
        @nnx.scan(in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)
        def forward(x, layer):
            return x + nnx.relu(layer(x))

        return forward(x, self.layers)


class Rematerialised(nnx.Module):
    def __init__(self, rngs: nnx.Rngs):
        self.linear = nnx.Linear(6, 6, rngs=rngs)

    def __call__(self, x):
        return nnx.remat(lambda layer, x: nnx.relu(layer(x)))(self.linear, x)


class Jitted(nnx.Module):
    def __init__(self, rngs: nnx.Rngs):
        self.linear = nnx.Linear(6, 6, rngs=rngs)

    def __call__(self, x):
        return nnx.jit(lambda layer, x: nnx.relu(layer(x)))(self.linear, x)


class Tied(nnx.Module):
    def __init__(self, rngs: nnx.Rngs):
        self.embed = nnx.Embed(7, 5, rngs=rngs)

    def __call__(self, tokens):
        return self.embed.attend(jnp.tanh(self.embed(tokens)))


LAYERS = {
    "Linear": (partial(nnx.Linear, 18, 20), (3, 18), 1),
    "LinearGeneral": (partial(nnx.LinearGeneral, (3, 5), 4, axis=(-2, -1)), (2, 3, 5), 1),
    "LinearGeneral with batch_axis": (
        partial(nnx.LinearGeneral, 5, 4, batch_axis={0: 3}, use_bias=False), (3, 2, 5), 1),
    "Einsum": (partial(nnx.Einsum, "btc,cd->btd", (4, 6), (6,)), (2, 3, 4), 1),
    "Conv 1d, causal": (partial(nnx.Conv, 3, 5, (3,), padding="CAUSAL"), (2, 9, 3), 1),
    "Conv 2d, strided and dilated": (
        partial(nnx.Conv, 3, 5, (3, 2), strides=(2, 1), kernel_dilation=2), (2, 8, 8, 3), 1),
    "Conv 3d": (partial(nnx.Conv, 2, 3, (2, 2, 2)), (1, 4, 4, 4, 2), 1),
    "Conv circular": (partial(nnx.Conv, 3, 5, (3, 3), padding="CIRCULAR"), (2, 6, 6, 3), 1),
    "Conv depthwise": (partial(nnx.Conv, 4, 8, (3, 3), feature_group_count=4), (2, 5, 5, 4), 1),
    "Conv grouped": (partial(nnx.Conv, 4, 6, (3, 3), feature_group_count=2), (2, 5, 5, 4), 1),
    "ConvTranspose": (partial(nnx.ConvTranspose, 3, 5, (3, 3), strides=2), (2, 4, 4, 3), 1),
    "ConvTranspose, kernel transposed": (
        partial(nnx.ConvTranspose, 3, 5, (3, 3), strides=2, transpose_kernel=True), (2, 4, 4, 3), 1),
    "attention": (
        partial(nnx.MultiHeadAttention, num_heads=2, in_features=8, decode=False, use_bias=False), (2, 3, 8), 4),
    "LoRALinear": (partial(nnx.LoRALinear, 6, 5, lora_rank=2), (3, 6), 3),
    "LSTM": (lambda rngs: nnx.RNN(nnx.LSTMCell(3, 4, rngs=rngs), rngs=rngs), (2, 5, 3), 8),
    "OptimizedLSTM": (lambda rngs: nnx.RNN(nnx.OptimizedLSTMCell(3, 4, rngs=rngs), rngs=rngs), (2, 5, 3), 2),
    "GRU": (lambda rngs: nnx.RNN(nnx.GRUCell(3, 4, rngs=rngs), rngs=rngs), (2, 5, 3), 2),
    "SimpleCell": (lambda rngs: nnx.RNN(nnx.SimpleCell(3, 4, rngs=rngs), rngs=rngs), (2, 5, 3), 2),
    "Bidirectional": (
        lambda rngs: nnx.Bidirectional(
            nnx.RNN(nnx.SimpleCell(3, 4, rngs=rngs), rngs=rngs),
            nnx.RNN(nnx.SimpleCell(3, 4, rngs=rngs), rngs=rngs), rngs=rngs), (2, 5, 3), 4),
    "scan": (Stacked, (2, 6), 1),
    "remat": (Rematerialised, (2, 6), 1),
    "jit": (Jitted, (2, 6), 1),
}  # fmt: skip

# Those that compile longest and differ from layers of Linen, which run by default, in their parameters alone.
SLOW = ("Conv grouped", "ConvTranspose, kernel transposed", "attention", "LSTM", "GRU", "SimpleCell")


@pytest.fixture
def function(draw):
    """(fn, params) of an NNX model: fn(params, *args) -> (result, everything in the model but its parameters)."""

    def make(build, *modes):
        abstract = nnx.eval_shape(lambda: build(rngs=nnx.Rngs(0)))
        graphdef, params, rest = nnx.split(abstract, nnx.Param, ...)
        params, rest = nnx.as_pure(params), nnx.as_pure(rest)
        params = draw(params)
        rest = jax.tree.map(_fresh, rest)

        def fn(params, *args):
            model = nnx.merge(graphdef, params, rest)
            for mode in modes:
                mode(model)
            result = model(*args)
            return result, {k: v for k, v in _statistics(model).items() if v is not None}

        return fn, params

    return make


def _fresh(leaf):
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.key(3)
    return jnp.ones(leaf.shape, leaf.dtype)


def _statistics(model):
    flat = nnx.to_flat_state(nnx.state(model, nnx.BatchStat))
    return {"/".join(map(str, path)): variable[...] for path, variable in flat}


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in LAYERS])
def test_layer_equals_the_digital_one(agrees, draw, function, name):
    build, shape, crossbars = LAYERS[name]
    fn, params = function(build)
    _, chip = agrees(fn, params, draw(shape), crossbars=crossbars)
    if name == "scan":
        assert next(iter(chip.values()))["conductance"]["pos"].shape == (3, 1, 16, 16)


def test_tied_embedding(agrees, function):
    fn, params = function(Tied)
    _, chip = agrees(fn, params, jnp.array([[1, 4, 6], [0, 2, 2]]), crossbars=1)
    assert list(chip) == ["embed/embedding"]


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_batch_norm_and_dropout(agrees, draw, function, mode):
    fn, params = function(Network, lambda model: getattr(model, mode)())
    x = draw((4, 5, 5, 2))
    agrees(fn, params, x, crossbars=2)
    _, statistics = fn(params, x)
    assert set(statistics) == {"norm/mean", "norm/var"}
    assert (statistics["norm/mean"] != 1.0).all() == (mode == "train")
