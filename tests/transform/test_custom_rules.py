"""Calls with a derivative of their own around crossbars: the value is analog, the derivative is the one they bring."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax
from jax.experimental.ode import odeint

import memjax as mj

IDEAL = mj.Hardware(dac=mj.Dac(), adc=mj.Adc(), tile=(8, 8))
tanh = jnp.tanh


@jax.custom_vjp
def product(w, x):
    """A product whose gradients, on purpose, are two and three times too large."""
    return x @ w


product.defvjp(lambda w, x: (product(w, x), (w, x)), lambda r, g: (2 * r[1].T @ g, 3 * g @ r[0].T))


@jax.custom_jvp
def product_forwards(w, x):
    return x @ w


product_forwards.defjvp(lambda p, t: (product_forwards(*p), 2 * (p[1] @ t[0]) + 3 * (t[1] @ p[0])))


@jax.custom_vjp
def two_layers(p, x):
    return tanh(x @ p["w"]) @ p["w"]


two_layers.defvjp(lambda p, x: (two_layers(p, x), (p, x)), lambda r, g: ({"w": r[0]["w"] * g.sum()}, 5 * g))


@jax.custom_vjp
def twice_the_same(a, b, x):
    return x @ a


twice_the_same.defvjp(
    lambda a, b, x: (twice_the_same(a, b, x), (a, x)), lambda r, g: (r[1].T @ g, 0.5 * r[1].T @ g, g @ r[0].T)
)


@jax.custom_vjp
def clipped_gradient(x):
    return x


clipped_gradient.defvjp(lambda x: (x, None), lambda _, g: (jnp.clip(g, -0.1, 0.1),))


def fixed_point(f, z):
    return lax.fori_loop(0, 20, lambda _, z: f(z), z)


@jax.custom_vjp
def equilibrium(w, x):
    """A deep equilibrium layer, differentiated by the implicit function theorem."""
    return fixed_point(lambda z: tanh(0.3 * z @ w + x), x)


def backward(residuals, g):
    w, x, z = residuals
    by_z = jax.vjp(lambda z: tanh(0.3 * z @ w + x), z)[1]
    return jax.vjp(lambda w, x: tanh(0.3 * z @ w + x), w, x)[1](fixed_point(lambda v: by_z(v)[0] + g, g))


equilibrium.defvjp(lambda w, x: (lambda z: (z, (w, x, z)))(equilibrium(w, x)), backward)


def root(p, x):
    solve = lambda g, y: jnp.linalg.solve(jax.jacobian(g)(y), y)
    step = lambda f, z: fixed_point(lambda z: z - f(z), z)
    return lax.custom_root(lambda z: z - tanh(0.3 * z @ p["w"] + x[0]), x[0], step, solve)


def richardson(p, x):
    matvec = lambda v: v + 0.1 * (p["w"] + p["w"].T) @ v
    solve = lambda matvec, b: fixed_point(lambda v: v - 0.5 * (matvec(v) - b), b)
    return lax.custom_linear_solve(matvec, x[0], solve, symmetric=True)


def neural_ode(p, x):
    return odeint(lambda y, t, w: tanh(y @ w), x[0], jnp.array([0.0, 0.5]), p["w"])[-1]


def neural_ode_closed(p, x):
    return odeint(lambda y, t: tanh(y @ p["w"]), x[0], jnp.array([0.0, 0.5]))[-1]


CALLS = {
    "custom_vjp": lambda p, x: product(p["w"], x),
    "custom_vjp, transposed weight": lambda p, x: product(p["w"].T, x),
    "custom_vjp, computed weight": lambda p, x: product(2 * p["w"], x),
    "custom_vjp, twice": lambda p, x: product(p["w"], tanh(product(p["w"], x))),
    "custom_vjp, beside a plain product": lambda p, x: tanh(product(p["w"], x)) @ p["w"],
    "custom_vjp under remat": lambda p, x: jax.checkpoint(product)(p["w"], x),
    "custom_vjp of a tree": two_layers,
    "custom_vjp, same operand twice": lambda p, x: twice_the_same(p["w"], p["w"], x),
    "custom_vjp in a loop": lambda p, x: lax.fori_loop(0, 2, lambda i, h: tanh(product(p["w"], h)), x),
    "custom_jvp": lambda p, x: product_forwards(p["w"], x),
    "around a result": lambda p, x: clipped_gradient(x @ p["w"]),
    "deep equilibrium": lambda p, x: equilibrium(p["w"], x[0]),
    "deep equilibrium, vmap": lambda p, x: jax.vmap(equilibrium, (None, 0))(p["w"], x),
    "custom_root": root,
    "custom_linear_solve": richardson,
    "odeint": neural_ode,
    "odeint, closed over": neural_ode_closed,
}


@pytest.mark.parametrize("name", CALLS)
def test_gradients_are_those_of_the_digital_program(draw, error, name):
    """By data, and by the weights through the conductances of the chip."""
    fn, p, x = CALLS[name], {"w": draw((4, 4))}, draw((3, 4))
    analog = mj.crossbarify(fn, IDEAL)
    # The rule reads its weights from the chip, but for one that is not given them as they stand.
    unread = lax.stop_gradient if name == "custom_linear_solve" else jnp.zeros_like

    def on_chip(p, x):
        chip = analog.program(p, jax.random.key(0), x)
        return jnp.sum(jnp.sin(analog.apply(chip, jax.tree.map(unread, p), x)))

    @jax.jit
    def both(p, x):
        digital = jax.value_and_grad(lambda p, x: jnp.sum(jnp.sin(fn(p, x))), (0, 1))
        return jax.value_and_grad(on_chip, (0, 1))(p, x), digital(p, x)

    found, expected = both(p, x)
    assert error(found, expected) <= 1e-4
    assert jnp.abs(expected[1][0]["w"]).max() > 1e-3


def test_the_body_gives_the_gradient_where_the_rule_cannot(draw, error):
    """A weight that is computed inside the call is no operand: its gradient is that of the body."""

    @jax.custom_vjp
    def normalised(w, x):
        return x @ (w / jnp.linalg.norm(w))

    normalised.defvjp(lambda w, x: (normalised(w, x), (w, x)), lambda r, g: (0 * r[0], 7 * g))
    fn, p, x = lambda p, x: normalised(p["w"], x), {"w": draw((4, 4))}, draw((3, 4))
    analog = mj.crossbarify(fn, IDEAL)

    def on_chip(p, x):
        return jnp.sum(analog.apply(analog.program(p, jax.random.key(0), x), p, x) ** 2)

    by_weights, by_data = jax.jit(jax.grad(on_chip, (0, 1)))(p, x)
    body = jax.grad(lambda p: jnp.sum((x @ (p["w"] / jnp.linalg.norm(p["w"]))) ** 2))(p)
    assert error(by_weights, body) <= 1e-4
    assert error(by_data, jax.grad(lambda x: jnp.sum(fn(p, x) ** 2))(x)) <= 1e-5
