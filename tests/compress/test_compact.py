"""Models rebuilt smaller give the same results; what cannot go stays, with a reason."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import memjax as mj
from memjax import compress

X = jax.random.normal(jax.random.key(0), (3, 8, 8, 2))


class Sequential(nnx.Module):
    """Two convolutions with bias and normalisation, pooling, flattening, two dense layers."""

    def __init__(self, padding: str, bias: bool, dense: int):
        conv = lambda *channels: nnx.Conv(*channels, (3, 3), padding=padding, use_bias=bias, rngs=nnx.Rngs(0))
        self.convs = nnx.List([conv(2, 6), conv(6, 5)])
        self.norms = nnx.List([nnx.BatchNorm(n, rngs=nnx.Rngs(0)) for n in (6, 5)])
        self.dense = nnx.List([nnx.Linear(a, b, rngs=nnx.Rngs(1)) for a, b in ((dense, 7), (7, 3))])

    def __call__(self, x):
        x = nnx.avg_pool(nnx.relu(self.norms[0](self.convs[0](x))), (2, 2), (2, 2))
        x = nnx.max_pool(jnp.tanh(self.norms[1](self.convs[1](x))), (2, 2), (1, 1))
        return self.dense[1](nnx.relu(self.dense[0](x.reshape(len(x), -1))))


class Residual(nnx.Module):
    """A stem whose channels a block adds to, and a mean over the image."""

    def __init__(self):
        conv = lambda *channels: nnx.Conv(*channels, (3, 3), rngs=nnx.Rngs(0))
        self.stem, self.first, self.second = conv(2, 6), conv(6, 5), conv(5, 6)
        self.norm = nnx.BatchNorm(5, rngs=nnx.Rngs(0))
        self.head = nnx.Linear(6, 3, rngs=nnx.Rngs(0))

    def __call__(self, x):
        x = nnx.relu(self.stem(x))
        x = nnx.relu(x + self.second(nnx.relu(self.norm(self.first(x)))))
        return self.head(x.mean((1, 2)))


class Normalised(nnx.Module):
    """A statistic over channels between dense layers."""

    def __init__(self):
        self.first, self.last = nnx.Linear(4, 6, rngs=nnx.Rngs(0)), nnx.Linear(6, 3, rngs=nnx.Rngs(1))
        self.norm = nnx.LayerNorm(6, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return self.last(self.norm(self.first(x)))


class Scaled(nnx.Module):
    """A result that depends on how many channels there are."""

    def __init__(self):
        self.first, self.last = nnx.Linear(4, 6, rngs=nnx.Rngs(0)), nnx.Linear(6, 3, rngs=nnx.Rngs(1))

    def __call__(self, x):
        hidden = nnx.relu(self.first(x))
        return self.last(hidden) / hidden.shape[-1]


class Written(nnx.Module):
    """A number of channels in the code."""

    def __init__(self):
        self.conv, self.head = nnx.Conv(2, 4, (1, 1), rngs=nnx.Rngs(0)), nnx.Linear(256, 3, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return self.head(self.conv(x).reshape(-1, 256))


def filled(model):
    """The model with random arrays throughout, biases and statistics too, in evaluation."""
    random = np.random.default_rng(0)
    nnx.update(
        model,
        jax.tree.map(lambda leaf: jnp.asarray(random.uniform(0.2, 1.0, leaf.shape) * random.choice([-1, 1], leaf.shape),
                                              jnp.float32), nnx.state(model)),
    )  # fmt: skip
    for _, module in nnx.iter_graph(model):
        if isinstance(module, nnx.BatchNorm):
            module.var[...] = jnp.abs(module.var[...])
    model.eval()
    return model


def clear(layer, *channels):
    """Make filters zero, but not their biases."""
    layer.kernel[...] = layer.kernel[...].at[..., jnp.array(channels)].set(0.0)


def same(model, smaller, x=X):
    smaller.eval()
    wanted = model(x)
    np.testing.assert_allclose(smaller(x), wanted, rtol=2e-5, atol=2e-5 * float(jnp.abs(wanted).max()))


def test_sequential_without_padding_loses_every_zero_filter():
    """The constants that zero filters leave are taken over by the statistics and biases that follow."""
    model = filled(Sequential("VALID", False, 5))
    clear(model.convs[0], 1, 3)
    clear(model.convs[1], 0)
    clear(model.dense[0], 2)
    x = jax.random.normal(jax.random.key(1), (3, 10, 10, 2))
    found = compress.compact(model, x)
    assert found.notes == ()
    assert [conv.kernel.shape for conv in found.model.convs] == [(3, 3, 2, 4), (3, 3, 4, 4)]
    assert [layer.kernel.shape for layer in found.model.dense] == [(4, 6), (6, 3)]
    np.testing.assert_array_equal(found.kept["convs/0/kernel"][3], [0, 2, 4, 5])
    assert (found.model.convs[1].in_features, found.model.norms[1].num_features) == (4, 4)
    same(model, found.model, x)


def test_padding_keeps_a_constant_channel_and_purification_takes_it():
    model = filled(Sequential("SAME", True, 45))
    clear(model.convs[0], 1, 3)
    shift = model.norms[0].bias
    shift[...] = shift[...].at[1].set(100.0).at[3].set(-100.0)  # after the rectifier, one is zero
    found = compress.compact(model, X)
    assert found.model.convs[0].kernel.shape == (3, 3, 2, 5)
    assert found.notes == (
        "convs/0/kernel: 1 zero filters stay: a bias or shift leaves a constant that no bias of the next layer can "
        "take over",
    )
    same(model, found.model)
    pure = compress.purify(model, X, 0.0)
    found = compress.compact(pure, X)
    assert found.model.convs[0].kernel.shape == (3, 3, 2, 4)
    assert found.notes == ()
    same(pure, found.model)


def test_unused_paths_go_both_ways_to_a_fixed_point():
    """Nothing reads two neurons: what only they need is unused in turn, up to the first layer and its channels."""
    model = filled(Sequential("SAME", True, 45))
    first, last = model.dense
    last.kernel[...] = last.kernel[...].at[4].set(0.0)  # nothing reads neuron 4,
    only = first.kernel[...].reshape(9, 5, 7)
    only = only.at[:, 2].set(jnp.where(jnp.arange(7) == 4, only[:, 2], 0.0))  # and channel 2 is read by it alone,
    first.kernel[...] = only.reshape(45, 7)
    second = model.convs[1].kernel
    second[...] = second[...].at[:, :, 5].set(jnp.where(jnp.arange(5) == 2, second[:, :, 5], 0.0))  # as is 5 by 2
    masked = compress.remove_unused(model, X)
    assert not np.any(masked.convs[0].kernel[..., 5])
    assert not np.any(masked.norms[0].bias[5])
    same(model, masked)
    found = compress.compact(model, X)
    assert [conv.kernel.shape for conv in found.model.convs] == [(3, 3, 2, 5), (3, 3, 5, 4)]
    assert [layer.kernel.shape for layer in found.model.dense] == [(36, 6), (6, 3)]
    same(model, found.model)


def test_channels_of_an_addition_go_together_or_not_at_all():
    model = filled(Residual())
    clear(model.stem, 0, 1, 3)
    clear(model.second, 1, 3)
    pure = compress.purify(model, X, 0.0)
    found = compress.compact(pure, X)
    shapes = {name: layer.kernel.shape for name, layer in vars(found.model).items() if hasattr(layer, "kernel")}
    assert shapes == {
        "stem": (3, 3, 2, 4), "first": (3, 3, 4, 5), "second": (3, 3, 5, 4), "head": (4, 3)
    }  # fmt: skip
    assert found.notes == (
        "stem/kernel: 1 zero filters stay: another layer shares the channels, by an addition, and needs them",
    )
    same(pure, found.model)


def test_a_layer_of_constants_keeps_one_channel_and_its_share():
    model = filled(nnx.Sequential(nnx.Linear(8, 6, rngs=nnx.Rngs(0)), nnx.relu, nnx.Linear(6, 3, rngs=nnx.Rngs(1))))
    clear(model.layers[0], *range(6))
    model.layers[0].bias[...] = jnp.arange(6.0) + 1.0
    found = compress.compact(model, X[:, 0, :, 0])
    assert found.model.layers[0].kernel.shape == (8, 1)
    same(model, found.model, X[:, 0, :, 0])


def test_what_is_added_along_another_axis_is_no_bias():
    """As many columns of the image as channels: their offset cannot take over what a channel adds."""

    class Offset(nnx.Module):
        def __init__(self):
            self.first, self.last = (nnx.Conv(n, m, (1, 1), use_bias=b, rngs=nnx.Rngs(0)) for n, m, b in
                                     ((2, 4, True), (4, 8, False)))  # fmt: skip
            self.offset = nnx.Param(jnp.zeros(8))

        def __call__(self, x):
            y = self.last(nnx.relu(self.first(x))) + self.offset[:, None]
            return nnx.relu(y).mean((1, 2))

    model = filled(Offset())
    clear(model.first, 1)
    model.first.bias[...] = jnp.ones(4)
    found = compress.compact(model, X)
    assert found.kept == {}
    same(model, found.model)


def test_statistics_over_channels_keep_them():
    model = filled(Normalised())
    clear(model.first, 1)
    found = compress.compact(model, jnp.ones((2, 4)))
    assert found.kept == {}
    assert found.notes == ("first/kernel: 1 zero filters stay: reduce_sum runs over it",)


def test_a_rebuilt_model_can_be_trained_and_programmed():
    model = filled(Sequential("SAME", True, 45))
    clear(model.convs[0], 1, 3)
    smaller = compress.compact(compress.purify(model, X, 0.0), X).model
    smaller.train()
    assert smaller(X).shape == (3, 3)
    smaller.eval()
    graph, state = nnx.split(smaller)
    fewer, before = (
        mj.crossbarify(lambda s, x, g=g: nnx.merge(g, s)(x), mj.Hardware(tile=(8, 4))).plan(s, X)
        for g, s in ((graph, state), nnx.split(model))
    )
    assert fewer.tiles < before.tiles


def test_crossbars_with_empty_lines_and_tiles():
    hardware = mj.Hardware(tile=(4, 4))
    w = np.zeros((3, 3, 2, 8), np.float32)  # a matrix of 18 x 8: 5 x 2 blocks in two arrays
    w[0, 0, 0, 0] = w[2, 2, 1, 7] = 1.0
    assert compress.crossbars(w, hardware) == (20, 4, 2)
    assert compress.crossbars(0 * w, hardware) == (20, 0, 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compress.compact(lambda x: x, X), "model must be a Flax NNX module"),
        (lambda: compress.compact(filled(Residual()), jnp.ones(3)), "x must be a batch of inputs"),
        (lambda: compress.purify(filled(Residual()), X, -1.0), "eps must be finite and in [0, inf]"),
        (lambda: compress.purify(filled(Residual()), X, 1e6), "eps must leave at least one of the 5 channels of"),
    ],
)
def test_what_cannot_be_is_said(call, message):
    with pytest.raises((TypeError, ValueError)) as error:
        call()
    assert message in str(error.value)


def test_a_number_of_channels_in_the_code_is_found():
    written, scaled = filled(Written()), filled(Scaled())
    clear(written.conv, 1)
    clear(scaled.first, 1)
    for model, x, what in ((written, X, "cannot reshape"), (scaled, jnp.ones((2, 4)), "its results would differ")):
        with pytest.raises(ValueError, match=f"model must not compute with its numbers of channels.*{what}"):
            compress.compact(compress.purify(model, x, 0.0), x)


def test_what_attention_sums_over_stays():
    """Its scale is that of the number of channels, which the program does not show."""
    model = nnx.MultiHeadAttention(2, 6, decode=False, rngs=nnx.Rngs(0))
    for layer in (model.query, model.key):
        layer.kernel[...] = layer.kernel[...].at[..., 1].set(0.0)
    found = compress.compact(model, jnp.ones((2, 4, 6)))
    assert found.kept == {}
    assert found.notes[0].endswith("zero filters stay: a product of data with data runs over it")
