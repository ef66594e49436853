"""Equinox models against the digital ones."""

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import memjax as mj

KEY = jax.random.key(0)


class Network(eqx.Module):
    """An image classifier whose fields are arrays, functions and flags."""

    conv: eqx.nn.Conv2d
    hidden: eqx.nn.Linear
    head: eqx.nn.Linear
    activation: str = eqx.field(static=True, default="relu")

    def __init__(self, key):
        keys = jax.random.split(key, 3)
        self.conv = eqx.nn.Conv2d(2, 3, 3, key=keys[0])
        self.hidden = eqx.nn.Linear(27, 8, key=keys[1])
        self.head = eqx.nn.Linear(8, 4, key=keys[2])

    def __call__(self, image):
        image = getattr(jax.nn, self.activation)(self.conv(image))
        return self.head(jax.nn.relu(self.hidden(image.ravel())))


# (model, shape of a batch, crossbars, biases of rank 2 or more)
MODELS = {
    "MLP": (lambda: eqx.nn.MLP(5, 4, 18, 2, key=KEY), (3, 5), 3),
    "Network": (lambda: Network(KEY), (3, 2, 5, 5), 3, "conv/bias"),
    "attention": (lambda: eqx.nn.MultiheadAttention(2, 6, key=KEY), (2, 4, 6), 4),
    "ConvTranspose": (lambda: eqx.nn.ConvTranspose2d(2, 3, 3, stride=2, key=KEY), (2, 2, 4, 4), 1, "bias"),
}


@pytest.mark.parametrize("name", MODELS)
def test_model_as_parameters(agrees, draw, name):
    """The model itself is the first argument: fn(model, x)."""
    build, shape, crossbars, *digital = MODELS[name]
    model = build()

    def fn(arrays, x):
        whole = eqx.combine(arrays, eqx.filter(model, eqx.is_array, inverse=True))
        return jax.vmap((lambda row: whole(row, row, row)) if name == "attention" else whole)(x)

    agrees(fn, eqx.filter(model, eqx.is_array), draw(shape), crossbars=crossbars, digital=digital)


def test_model_with_functions_and_flags_among_its_leaves(ideal, draw, error):
    """What is no array (an activation function, a flag) is static: the model need not be partitioned."""
    model, x = eqx.nn.MLP(5, 4, 6, 1, key=KEY), draw((3, 5))
    analog = mj.crossbarify(lambda model, x: jax.vmap(model)(x), ideal)
    chip = analog.program(model, KEY, x)
    assert list(chip) == ["layers/0/weight", "layers/1/weight"]
    assert error(analog.apply(chip, model, x), jax.vmap(model)(x)) <= 1e-5


def test_recurrent_cell(agrees, draw):
    cell = eqx.nn.GRUCell(3, 4, key=KEY)

    def fn(cell, xs):
        return jax.lax.scan(lambda h, x: (cell(x, h),) * 2, jnp.zeros(4), xs)[1]

    agrees(fn, cell, draw((5, 3)), crossbars=2)
