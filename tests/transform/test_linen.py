"""Flax Linen layers, one by one, against the digital model."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

import memjax as mj


class Block(nn.Module):
    features: int = 6

    @nn.compact
    def __call__(self, x, _=None):
        return nn.relu(nn.Dense(self.features, use_bias=False)(x)) + x, None


class Stacked(nn.Module):
    """Three layers with weights of their own, as one scan."""

    @nn.compact
    def __call__(self, x):
        return nn.scan(Block, variable_axes={"params": 0}, split_rngs={"params": True}, length=3)()(x, None)[0]


class Rematerialised(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.remat(Block)()(x)[0]


class Jitted(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.jit(Block)()(x)[0]


class Einsums(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.Einsum((4, 6), "btc,cd->btd")(x)
        return nn.Einsum((6, 2, 5), "...d,dhk->...hk", use_bias=False)(x)


class Tied(nn.Module):
    """A language model that reads its embedding table backwards at the end."""

    @nn.compact
    def __call__(self, tokens):
        embed = nn.Embed(7, 5)
        return embed.attend(jnp.tanh(embed(tokens)))


class Attention(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.MultiHeadDotProductAttention(num_heads=2, qkv_features=8, use_bias=False)(x)


class Recurrent(nn.Module):
    cell: Any

    @nn.compact
    def __call__(self, x):
        return nn.RNN(self.cell)(x)


class BothWays(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Bidirectional(nn.RNN(nn.OptimizedLSTMCell(3)), nn.RNN(nn.GRUCell(3)))(x)


DENSE = {
    "Dense": (nn.Dense(20), (3, 18), 1),
    "Dense without bias": (nn.Dense(5, use_bias=False), (18,), 1),
    "DenseGeneral": (nn.DenseGeneral((3, 4), use_bias=False), (2, 5), 1),
    "DenseGeneral over two axes": (nn.DenseGeneral(4, axis=(-2, -1)), (2, 3, 5), 1),
    "DenseGeneral over the first axis": (nn.DenseGeneral(4, axis=0), (5, 2), 1),
    "DenseGeneral with batch_dims": (nn.DenseGeneral(4, axis=-1, batch_dims=(0,), use_bias=False), (3, 2, 5), 1),
    "Einsum": (Einsums(), (2, 3, 4), 2),
    "WeightNorm": (nn.WeightNorm(nn.Dense(5)), (3, 4), 1),
    "attention": (Attention(), (2, 3, 8), 4),
}
CONV = {
    "1d": (nn.Conv(5, (3,)), (2, 9, 3), 1),
    "2d": (nn.Conv(5, (3, 3)), (2, 6, 6, 3), 1),
    "3d": (nn.Conv(3, (2, 2, 2)), (1, 4, 4, 4, 2), 1),
    "one image without batch": (nn.Conv(5, (3, 3)), (6, 6, 3), 1),
    "VALID, asymmetric": (nn.Conv(5, (3, 2), strides=(1, 2), padding="VALID"), (2, 6, 7, 3), 1),
    "strided": (nn.Conv(5, (3, 3), strides=2), (2, 7, 7, 3), 1),
    "dilated kernel": (nn.Conv(5, (3, 3), kernel_dilation=2), (2, 8, 8, 3), 1),
    "dilated input": (nn.Conv(5, (3, 3), padding=1, input_dilation=2), (2, 4, 4, 3), 1),
    "explicit padding": (nn.Conv(5, (3, 3), padding=((2, 0), (1, 3))), (2, 5, 5, 3), 1),
    "circular": (nn.Conv(5, (3, 3), padding="CIRCULAR"), (2, 6, 6, 3), 1),
    "causal": (nn.Conv(5, (3,), padding="CAUSAL"), (2, 9, 3), 1),
    "grouped": (nn.Conv(6, (3, 3), feature_group_count=2), (2, 5, 5, 4), 1),
    "depthwise": (nn.Conv(8, (3, 3), feature_group_count=4), (2, 5, 5, 4), 1),
    "transpose": (nn.ConvTranspose(5, (3, 3), strides=(2, 2)), (2, 4, 4, 3), 1),
    "transpose, kernel transposed": (
        nn.ConvTranspose(5, (3, 2), strides=(2, 1), transpose_kernel=True, padding="VALID"), (2, 4, 4, 3), 1),
    "local": (nn.ConvLocal(4, (3,), use_bias=False), (2, 6, 3), 1),
    "local, 2d strided": (nn.ConvLocal(4, (2, 2), strides=(2, 2), use_bias=False), (2, 4, 4, 3), 1),
}  # fmt: skip
RECURRENT = {
    "SimpleCell": (Recurrent(nn.SimpleCell(4)), (2, 5, 3), 2),
    "LSTM": (Recurrent(nn.LSTMCell(4)), (2, 5, 3), 8),
    "OptimizedLSTM": (Recurrent(nn.OptimizedLSTMCell(4)), (2, 5, 3), 2),
    "GRU": (Recurrent(nn.GRUCell(4)), (2, 5, 3), 6),
    "ConvLSTM": (Recurrent(nn.ConvLSTMCell(2, (3, 3))), (2, 3, 4, 4, 2), 2),
    "Bidirectional": (BothWays(), (2, 5, 3), 2 + 6),
}
SLOW = ("OptimizedLSTM", "Bidirectional", "ConvLSTM")  # recurrent layers compile longest
STRUCTURE = {
    "scan": (Stacked(), (2, 6), 1),
    "remat": (Rematerialised(), (2, 6), 1),
    "jit": (Jitted(), (2, 6), 1),
}


@pytest.mark.parametrize(
    ("model", "shape", "crossbars"),
    [
        pytest.param(*case, id=f"{group}-{name}", marks=[pytest.mark.slow] * (name in SLOW))
        for group, table in (("dense", DENSE), ("conv", CONV), ("rnn", RECURRENT), ("structure", STRUCTURE))
        for name, case in table.items()
    ],
)
def test_layer_equals_the_digital_one(agrees, draw, model, shape, crossbars):
    x = draw(shape)
    params = draw(jax.eval_shape(model.init, jax.random.key(2), x))
    agrees(model.apply, params, x, crossbars=crossbars)


def test_tied_embedding_is_read_on_one_crossbar_and_looked_up_digitally(agrees):
    model, tokens = Tied(), jnp.array([[1, 4, 6], [0, 2, 2]])
    params = model.init(jax.random.key(0), tokens)
    analog, chip = agrees(model.apply, params, tokens, crossbars=1)
    assert list(chip) == ["params/Embed_0/embedding"]
    plan = analog.plan(params, tokens)
    assert plan.partly == {"params/Embed_0/embedding": "looked up (`gather`), not multiplied"}
    assert "Used digitally as well:\n  params/Embed_0/embedding" in str(plan)


def test_scanned_layers_have_cells_of_their_own(ideal):
    model, x = Stacked(), jnp.ones((2, 6))
    params = model.init(jax.random.key(0), x)
    noisy = mj.Hardware(effects=(mj.effects.ProgrammingNoise(relative=0.1),), tile=ideal.tile)
    chip = mj.crossbarify(model.apply, noisy).program(params, jax.random.key(1), x)
    (entry,) = chip.values()
    cells = entry["conductance"]["pos"]
    assert cells.shape == (3, 1, 16, 16)
    # Padding cells have the same target in all layers: what differs is each layer's own noise.
    padding = cells[:, 0, 8:, 8:]
    assert (padding[0] != padding[1]).any()
    assert (padding[1] != padding[2]).any()


class Network(nn.Module):
    @nn.compact
    def __call__(self, x, train: bool):
        x = nn.Conv(4, (3, 3))(x)
        x = nn.relu(nn.BatchNorm(use_running_average=not train)(x))
        x = nn.Dropout(0.5, deterministic=not train)(x)
        return nn.Dense(3)(x.reshape(len(x), -1))


@pytest.fixture
def network(draw):
    model, x = Network(), draw((4, 5, 5, 2))
    variables = jax.eval_shape(partial(model.init, train=False), jax.random.key(0), x)
    return model, jax.tree.map(jnp.abs, draw(variables)), x


def test_evaluation_of_batch_norm_and_dropout(agrees, network):
    agrees(network[0].apply, *network[1:], train=False, crossbars=2)


def test_training_of_batch_norm_and_dropout(agrees, network):
    """The recipe for mutable collections: the new statistics are part of the result."""
    model, variables, x = network
    fn = partial(model.apply, mutable=["batch_stats"])
    agrees(fn, variables, x, train=True, rngs={"dropout": jax.random.key(3)}, crossbars=2)
    _, updated = fn(variables, x, train=True, rngs={"dropout": jax.random.key(3)})
    assert (updated["batch_stats"]["BatchNorm_0"]["mean"] != variables["batch_stats"]["BatchNorm_0"]["mean"]).all()


def test_other_dropout_keys_drop_other_units(ideal, network, error):
    model, variables, x = network
    fn = partial(model.apply, mutable=["batch_stats"])
    analog = mj.crossbarify(fn, ideal)
    rngs = [{"dropout": jax.random.key(seed)} for seed in (3, 4)]
    chip = analog.program(variables, jax.random.key(0), x, train=True, rngs=rngs[0])
    first, second = (analog.apply(chip, variables, x, train=True, rngs=r) for r in rngs)
    assert not jnp.allclose(first[0], second[0])
    assert error(second, fn(variables, x, train=True, rngs=rngs[1])) <= 1e-5
