"""Weights used twice: one crossbar where expression and layout agree, two where they do not."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax


def siamese(p, a, b):
    return jnp.tanh(a @ p["w"]) - jnp.tanh(b @ p["w"])


def siamese_with_equal_expressions(p, a, b):
    return a @ (p["w"] / jnp.linalg.norm(p["w"])) - b @ (p["w"] / jnp.linalg.norm(p["w"]))


def siamese_under_jit(p, a, b):
    tower = jax.jit(lambda p, x: jnp.tanh(x @ p["w"].T))
    return tower(p, a) - tower(p, b)


def siamese_of_other_batches(p, a, b):
    return (a @ p["w"]).sum(0) + (b[:2] @ p["w"]).sum(0)


def in_and_out_of_a_loop(p, a, b):
    return lax.fori_loop(0, 2, lambda _, h: jnp.tanh(h @ p["w"]), a @ p["w"]) + b


@pytest.mark.parametrize(
    "fn",
    [siamese, siamese_with_equal_expressions, siamese_under_jit, siamese_of_other_batches, in_and_out_of_a_loop],
    ids=lambda fn: fn.__name__,
)
def test_shared(agrees, draw, fn):
    _, chip = agrees(fn, {"w": draw((5, 5))}, draw((3, 5)), draw((3, 5)), crossbars=1)
    assert list(chip) == ["w"]


def forwards_and_backwards(p, a, b):
    return (a @ p["w"]) @ p["w"].T + b


def scaled(p, a, b):
    return a @ p["w"] + b @ (2.0 * p["w"])


def two_parameters(p, a, b):
    return a @ p["w"] + b @ (p["w"] + p["w"].T)


@pytest.mark.parametrize("fn", [forwards_and_backwards, scaled, two_parameters], ids=lambda fn: fn.__name__)
def test_not_shared(agrees, draw, fn):
    _, chip = agrees(fn, {"w": draw((5, 5))}, draw((3, 5)), draw((3, 5)), crossbars=2)
    assert [name.partition("#")[0] for name in chip] == ["w", "w"]


def test_a_product_of_two_parameters_is_one_crossbar_with_the_names_of_both(agrees, draw):
    def fn(p, x):
        return x @ (p["low"]["a"] @ p["low"]["b"])

    _, chip = agrees(fn, {"low": {"a": draw((6, 2)), "b": draw((2, 5))}}, draw((3, 6)), crossbars=1)
    assert list(chip) == ["low/a+b"]


def test_concatenated_weights_are_one_crossbar(agrees, draw):
    def fn(p, x):
        return jnp.split(x @ jnp.concatenate([p["q"], p["k"]], axis=1), 2, axis=1)

    _, chip = agrees(fn, {"q": draw((6, 4)), "k": draw((6, 4))}, draw((3, 6)), crossbars=1)
    assert list(chip) == ["q+k"]
