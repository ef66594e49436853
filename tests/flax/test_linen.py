"""Linen's collections and options of `apply`, which go through `crossbarify(model.apply, hardware)` as they are."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

IDEAL = mj.Hardware(dac=mj.Dac(), adc=mj.Adc(), tile=(16, 16))


class Network(nn.Module):
    def setup(self):
        self.first, self.norm = nn.Dense(4), nn.BatchNorm(use_running_average=False)
        self.dropout, self.second = nn.Dropout(0.5, deterministic=False), nn.Dense(2)

    def encode(self, x):
        return self.dropout(nn.relu(self.norm(self.first(x))))

    def __call__(self, x):
        hidden = self.encode(x)
        self.sow("intermediates", "hidden", hidden)
        return self.second(hidden)


class Step(nn.Module):
    @nn.compact
    def __call__(self, x, _):
        x = jnp.tanh(nn.Dense(4)(x))
        self.sow("intermediates", "hidden", x)
        return x, x.sum()


class Scanned(nn.Module):
    @nn.compact
    def __call__(self, x):
        axes = {"params": 0, "intermediates": 0}
        return nn.scan(nn.remat(Step), variable_axes=axes, split_rngs={"params": True}, length=3)()(x, None)


class Ensemble(nn.Module):
    @nn.compact
    def __call__(self, x):
        dense = nn.vmap(nn.Dense, {"params": 0}, split_rngs={"params": True}, in_axes=None, axis_size=3)
        return dense(5, use_bias=False)(x)


@pytest.fixture(scope="module")
def x():
    return jnp.asarray(np.random.default_rng(0).normal(size=(3, 4)), jnp.float32)


def check(analog, chip, variables, x, **options):
    """The chip gives what the model gives: results, statistics, sown and captured values."""
    found, expected = analog.apply(chip, variables, x, **options), analog.fn(variables, x, **options)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), found, expected)
    return found


def test_collections_methods_and_keys(x):
    model = Network()
    variables = model.init({"params": jax.random.key(0), "dropout": jax.random.key(1)}, x)
    variables = {name: variables[name] for name in ("params", "batch_stats")}
    analog = mj.crossbarify(model.apply, IDEAL)
    options = {"rngs": {"dropout": jax.random.key(2)}, "mutable": ["batch_stats", "intermediates"]}
    chip = analog.program(variables, jax.random.key(3), x, **options)
    assert list(chip) == ["params/first/kernel", "params/second/kernel"]
    _, updated = check(analog, chip, variables, x, capture_intermediates=True, **options)
    assert updated["intermediates"].keys() == {"first", "norm", "dropout", "second", "hidden", "__call__"}
    assert not np.array_equal(updated["batch_stats"]["norm"]["mean"], variables["batch_stats"]["norm"]["mean"])
    for method in ("encode", Network.encode):
        check(analog, chip, variables, x, method=method, **options)


@pytest.mark.parametrize(("model", "cells"), [(Scanned(), (3, 4)), (Ensemble(), (15,))], ids=["scan", "vmap"])
def test_lifted_transformations(x, model, cells):
    """Scanned layers have a matrix each; an ensemble on the same data is one wide matrix."""
    variables = {"params": model.init(jax.random.key(0), x)["params"]}
    analog = mj.crossbarify(model.apply, IDEAL)
    chip = analog.program(variables, jax.random.key(3), x)
    check(analog, chip, variables, x, mutable=["intermediates"])
    (entry,) = chip.values()
    assert entry["scale"].shape == cells


def test_a_cache_among_the_variables_is_named_unless_it_is_deselected():
    """The first argument has it, so it counts as a parameter: mixed with data, and multiplied."""
    model = nn.MultiHeadDotProductAttention(num_heads=2, decode=True, use_bias=False)
    variables = jax.tree.map(jnp.ones_like, model.init(jax.random.key(0), jnp.ones((2, 3, 4))))
    x = jnp.ones((2, 1, 4))
    with pytest.warns(UserWarning, match="cached_(key|value) is multiplied with data digitally: mixed with data"):
        mj.crossbarify(model.apply, IDEAL).plan(variables, x, mutable=["cache"])
    plan = mj.crossbarify(model.apply, IDEAL, lambda name: "cache" not in name).plan(variables, x, mutable=["cache"])
    assert len(plan.crossbars) == 4
    assert plan.digital["cache/cached_key"][0] == (2, 3, 2, 2)
