"""Activations of a program: which equations are some, and what comes of evaluating them otherwise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from memjax.contraction import Observation
from memjax.transform import Sites

X = jnp.linspace(-1.0, 2.0, 12).reshape(4, 3)
W = jnp.asarray(np.random.default_rng(0).normal(size=(3, 3)), jnp.float32)


def run(fn, activation, x=X, w=W):
    """(result, what was watched, names) of a function of (w, x)."""
    program, leaves = Sites(fn).program(w, (x,))
    matrices = program.matrices(program.split(leaves)[0])

    def read(site, matrix, x, key):
        operation = site.contraction
        return operation.result(operation.product(operation.data(x), matrix)), None

    results, seen = jax.jit(lambda leaves: program.run(leaves, matrices, None, read, None, activation))(leaves)
    return results[0], seen, program.functions


FOUND = {
    "relu": (jax.nn.relu, ["relu_0"]),
    "leaky_relu": (jax.nn.leaky_relu, ["leaky_relu_0"]),
    "silu": (jax.nn.silu, ["silu_0"]),
    "gelu": (jax.nn.gelu, ["tanh_0"]),
    "hard tanh": (jax.nn.hard_tanh, ["hard_tanh_0"]),
    "softplus": (jax.nn.softplus, ["softplus_0"]),
    "clip": (lambda x: jnp.clip(x, -0.5, 0.5), ["clip_0"]),
    "two": (lambda x: jnp.maximum(jnp.tanh(x) - 0.1, 0.0) + jnp.tanh(2 * x), ["max_0", "tanh_0", "tanh_1"]),
    "norm": (lambda x: (x - x.mean()) / jnp.sqrt(x.var() + 1e-3), []),
    "softmax": (jax.nn.softmax, []),
    "mask": (lambda x: jnp.where(jnp.arange(3) > 1, x, 0.0), []),
    "of two arrays": (lambda x: jnp.maximum(x, x[::-1]), []),
    "scaling": (jax.jit(lambda x: 2 * x + 1), []),
    "branch": (lambda x: lax.cond(x.sum() > 0, jnp.tanh, jnp.sin, x), ["sin_0", "tanh_0"]),
    "loop": (lambda x: lax.fori_loop(0, 3, lambda _, h: jnp.tanh(h), x), ["tanh_0"]),
    "unknown loop": (lambda x: lax.while_loop(lambda h: h.sum() > 2.0, lambda h: jnp.sin(h) - 0.5, x), ["sin_0"]),
    "inside a call": (jax.jit(lambda x: jax.nn.relu(x).reshape(2, 6) @ jnp.ones((6, 6))), ["relu_0"]),
    "checkpoint": (jax.checkpoint(lambda x: jnp.tanh(x).sum(0)), ["tanh_0"]),
}


@pytest.mark.parametrize("name", FOUND)
def test_activations_are_found_and_evaluated_as_they_are(name):
    function, names = FOUND[name]
    fn = lambda w, x: function(x @ w)
    count = lambda name, f, x: (f(x), Observation(jnp.ones(()), jnp.max(x)))
    found, seen, functions = run(fn, count)
    assert sorted(functions) == names
    assert set(seen) == set(names)
    np.testing.assert_allclose(found, fn(W, X), rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(run(fn, None)[0], found)


def test_every_step_of_a_loop_is_seen():
    count = lambda name, f, x: (f(x), Observation(jnp.ones(()), jnp.max(x)))
    _, seen, _ = run(lambda w, x: lax.scan(lambda h, _: (jnp.tanh(h @ w), None), x, length=5)[0], count)
    assert seen["tanh_0"].total == 5


def test_the_result_is_what_is_handed_back_and_its_gradient_is_that():
    fn = lambda w, x: jax.nn.relu(jnp.tanh(x @ w)) @ w
    instead = lambda name, f, x: (f(2 * x) if name == "relu_0" else jnp.sin(x), None)
    expected = lambda x: jax.nn.relu(2 * jnp.sin(x @ W)) @ W
    np.testing.assert_allclose(run(fn, instead)[0], expected(X), rtol=1e-6)
    slope = jax.grad(lambda x: run(fn, instead, x)[0].sum())(X)
    np.testing.assert_allclose(slope, jax.grad(lambda x: expected(x).sum())(X), rtol=1e-5)


def test_learnt_numbers_make_no_table():
    """A function with a parameter changes with it; what is in it and is none is still found."""
    fn = lambda params, x: jnp.tanh(jax.jit(jax.nn.leaky_relu)(x @ params["w"], params["slope"]))
    assert Sites(fn).program({"w": W, "slope": 0.1 * jnp.ones(())}, (X,))[0].functions == ("tanh_0",)
