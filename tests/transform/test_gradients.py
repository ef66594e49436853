"""Gradients with respect to parameters, chip and hardware, in the limit where the function is smooth."""

from functools import partial

import jax
import jax.numpy as jnp
import pytest

import memjax as mj


def mlp(p, x):
    return jnp.tanh(x @ p["a"] + p["b"]) @ p["c"]


@pytest.fixture
def setup(draw):
    return {"a": draw((18, 6)), "b": draw((6,)), "c": draw((6, 3))}, draw((4, 18))


def hardware(**changes):
    return mj.Hardware(**{"dac": mj.Dac(), "adc": mj.Adc(), "tile": (16, 16)} | changes)


@pytest.mark.parametrize("mapping", [mj.mapping.DoubleColumn(), mj.mapping.Offset(scaling="column")], ids=str)
def test_through_programming_and_reading_it_is_the_digital_gradient(setup, error, mapping):
    analog = mj.crossbarify(mlp, hardware(mapping=mapping))

    def loss(params, x):
        chip = analog.program(params, jax.random.key(0), x)
        return jnp.sum(jnp.sin(analog.apply(chip, params, x)))

    found = jax.grad(loss, (0, 1))(*setup)
    expected = jax.grad(lambda p, x: jnp.sum(jnp.sin(mlp(p, x))), (0, 1))(*setup)
    assert error(found, expected) <= 1e-4


def test_with_converters_it_is_near_the_digital_gradient(setup, error):
    """The straight-through estimator."""
    analog = mj.crossbarify(mlp, mj.Hardware(tile=(16, 16)))

    def loss(params, x):
        chip = analog.program(params, jax.random.key(0), x)
        return jnp.sum(jnp.sin(analog.apply(chip, params, x)))

    found = jax.grad(loss, (0, 1))(*setup)
    expected = jax.grad(lambda p, x: jnp.sum(jnp.sin(mlp(p, x))), (0, 1))(*setup)
    assert error(found, expected) <= 0.1


def test_through_loops_and_rematerialisation(draw, error):
    def fn(p, x):
        layer = jax.checkpoint(lambda h, w: jnp.tanh(h @ w))
        return jax.lax.scan(lambda h, w: (layer(h, w), None), x, p)[0]

    analog, p, x = mj.crossbarify(fn, hardware()), draw((3, 6, 6)), draw((4, 6))
    loss = lambda p, x: jnp.sum(analog.apply(analog.program(p, jax.random.key(0), x), p, x) ** 2)
    expected = jax.grad(lambda p, x: jnp.sum(fn(p, x) ** 2), (0, 1))(p, x)
    assert error(jax.grad(loss, (0, 1))(p, x), expected) <= 1e-4


def test_with_respect_to_the_chip(setup, draw):
    """Every conductance, and the digital parameters that stay beside it, against central differences."""
    params, x = setup
    analog = mj.crossbarify(mlp, hardware())
    chip = analog.program(params, jax.random.key(0), x)
    target = draw((4, 3))

    @jax.jit
    def loss(cells, params):
        whole = {name: entry | {"conductance": cells[name]} for name, entry in chip.items()}
        return jnp.mean((analog.apply(whole, params, x) - target) ** 2)

    cells = {name: entry["conductance"] for name, entry in chip.items()}
    found = jax.grad(loss, (0, 1))(cells, params)
    assert all(jnp.all(leaf == 0) for leaf in (found[1]["a"], found[1]["c"]))
    assert any(jnp.any(leaf != 0) for leaf in jax.tree.leaves(found[0]))
    direction = jax.tree.map(lambda leaf: leaf * draw(leaf.shape), (cells, params))
    step = 3e-2
    moved = lambda sign: jax.tree.map(lambda a, d: a + sign * step * d, (cells, params), direction)
    numeric = (loss(*moved(1.0)) - loss(*moved(-1.0))) / (2 * step)
    products = jax.tree.map(lambda g, d: jnp.vdot(g, d), found, direction)
    assert sum(jax.tree.leaves(products)) == pytest.approx(float(numeric), rel=1e-2)


def noisy(value):
    return hardware(mapping=mj.mapping.Offset(), effects=(mj.effects.ProgrammingNoise(relative=value),))


def varied(value):
    """Half the cells of a pair are written to the end of their own range."""
    return hardware(effects=(mj.effects.DeviceVariation(r_off_std=value),))


def other_range(value):
    return hardware(cell=mj.Cell(r_on=value, r_off=100e3))


def drifted(value):
    return hardware(effects=(mj.effects.Drift(nu=value),))


HARDWARE = {"noise": (noisy, 0.02, 1e-3), "variation": (varied, 5e3, 100.0), "drift": (drifted, 0.05, 1e-2)}


@pytest.mark.parametrize("name", HARDWARE)
def test_with_respect_to_the_hardware(setup, name):
    make, value, step = HARDWARE[name]
    params, x = setup
    layer = lambda p, x: x @ p["a"]

    @jax.jit
    def loss(value):
        analog = mj.crossbarify(layer, make(value))
        chip = analog.program(params, jax.random.key(2), x)
        if name == "drift":
            chip = analog.age(chip, jax.random.key(3), seconds=10.0)
        return jnp.sum(analog.apply(chip, params, x) ** 2)

    numeric = (loss(value + step) - loss(value - step)) / (2 * step)
    assert abs(numeric) > 0
    assert jax.grad(loss)(value) == pytest.approx(float(numeric), rel=2e-2)


def test_the_ideal_result_does_not_depend_on_the_range_of_the_cells_but_a_written_chip_does(setup):
    params, x = setup
    chip = mj.crossbarify(mlp, other_range(10e3)).program(params, jax.random.key(0), x)

    def written_anew(r_on):
        analog = mj.crossbarify(mlp, other_range(r_on))
        return jnp.sum(analog.apply(analog.program(params, jax.random.key(0), x), params, x) ** 2)

    def read_only(r_on):
        return jnp.sum(mj.crossbarify(mlp, other_range(r_on)).apply(chip, params, x) ** 2)

    scale = float(written_anew(10e3)) / 10e3
    assert abs(float(jax.grad(written_anew)(10e3))) <= 1e-4 * scale
    numeric = (read_only(10.5e3) - read_only(9.5e3)) / 1e3
    assert jax.grad(read_only)(10e3) == pytest.approx(float(numeric), rel=2e-2)


def test_partial_functions_and_methods_are_transformed_alike(setup, error):
    params, x = setup
    analog = mj.crossbarify(partial(mlp), hardware())
    assert error(analog.apply(analog.program(params, jax.random.key(0), x), params, x), mlp(params, x)) <= 1e-5
