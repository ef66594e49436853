"""Wrong arguments: one line that names the argument, the value and what is valid, before anything is compiled."""

import jax
import jax.numpy as jnp
import pytest

import memjax as mj
from memjax import _check


def mlp(p, x):
    return jnp.tanh(x @ p["a"]) @ p["b"]


def stacked(p, x):
    return jax.lax.scan(lambda h, w: (jnp.tanh(h @ w), None), x, p["layers"])[0]


HARDWARE = mj.Hardware(tile=(16, 16))


@pytest.fixture
def setup(draw):
    params, x = {"a": draw((18, 6)), "b": draw((6, 3))}, draw((4, 18))
    analog = mj.crossbarify(mlp, HARDWARE)
    return analog, analog.program(params, jax.random.key(0), x), params, x


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, HARDWARE), r"fn must be a function of \(params, \*args\), got None"),
        ((mlp, "hardware"), "hardware must be a Hardware, got 'hardware'"),
        ((mlp, mj.Hardware), "hardware must be a Hardware, got <class"),
        ((mlp, HARDWARE, "head"), "select must be a function of a crossbar's name, or None, got 'head'"),
    ],
)
def test_crossbarify(arguments, message):
    with pytest.raises(TypeError, match=message):
        mj.crossbarify(*arguments)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("value", [jnp.nan, jnp.inf])
def test_parameters_that_are_not_finite_are_named(setup, dtype, value):
    analog, _, params, x = setup
    bad = params | {"b": params["b"].astype(dtype).at[1, 2].set(value)}
    with pytest.raises(ValueError, match="params must be finite, got 1 NaN or infinite values in b$"):
        analog.program(bad, jax.random.key(0), x)


@pytest.mark.parametrize("compiled", [False, True])
def test_parameters_on_an_accelerator_are_checked_there_also_while_a_function_is_traced(setup, monkeypatch, compiled):
    analog, _, params, x = setup
    monkeypatch.setattr(_check, "_on_accelerator", lambda value: not isinstance(value, jax.core.Tracer))

    def run(params):
        made = lambda key: analog.apply(analog.program(params, key, x), params, x)
        return (jax.jit(made) if compiled else made)(jax.random.key(0))

    assert run(params).shape == (4, 3)
    with pytest.raises(ValueError, match="params must be finite, got 1 NaN or infinite values in a"):
        run(params | {"a": params["a"].at[0, 0].set(jnp.nan)})


def test_a_chip_of_another_function(setup):
    analog, chip, params, x = setup
    for wrong in ({"a": chip["a"]}, None, [chip]):
        with pytest.raises(ValueError, match=r"chip must hold the crossbars \['a', 'b'\] of this function, got"):
            analog.apply(wrong, params, x)


def test_a_chip_of_another_width(setup, draw):
    analog, _, params, x = setup
    other = analog.program({"a": draw((18, 7)), "b": draw((7, 3))}, jax.random.key(0), x)
    with pytest.raises(ValueError, match=r"chip\['a'\] must hold a matrix of shape \(18, 6\), got \(18, 7\)"):
        analog.apply(other, params, x)


def test_a_chip_of_other_hardware(setup):
    _, chip, params, x = setup
    for hardware in (mj.Hardware(tile=(8, 16)), mj.Hardware(tile=(16, 16), mapping=mj.mapping.Offset())):
        other = mj.crossbarify(mlp, hardware)
        with pytest.raises(ValueError, match="read a chip with the hardware it was programmed with"):
            other.apply(chip, params, x)


def test_many_chips_where_one_is_wanted(setup):
    analog, _, params, x = setup
    chips = jax.vmap(lambda key: analog.program(params, key, x))(jax.random.split(jax.random.key(0), 2))
    with pytest.raises(ValueError, match=r"chip\['a'\] must have the leading axes \(\), .* got \(2,\)"):
        analog.apply(chips, params, x)


def test_a_chip_of_another_depth(draw):
    analog, x = mj.crossbarify(stacked, HARDWARE), draw((4, 5))
    chip = analog.program({"layers": draw((3, 5, 5))}, jax.random.key(0), x)
    with pytest.raises(ValueError, match=r"chip\['layers'\] must have the leading axes \(2,\), .* got \(3,\)"):
        analog.apply(chip, {"layers": draw((2, 5, 5))}, x)


@pytest.mark.parametrize("percentile", [0.0, -1.0, 100.1, jnp.nan])
def test_percentile(setup, percentile):
    analog, chip, params, x = setup
    with pytest.raises(ValueError, match=r"percentile must be finite and in \(0, 100\], got"):
        analog.calibrate(chip, params, x, percentile=percentile)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seconds": -1.0}, r"seconds must be finite and in \[0, inf\] s, got -1.0"),
        ({"cycles": -1}, r"cycles must be finite and in \[0, inf\], got -1"),
        ({"temperature": 0.0}, r"temperature must be finite and in \(0, inf\] K, got 0.0"),
        ({"seconds": "an hour"}, "seconds must be a number in \\[0, inf\\] s, got 'an hour'"),
    ],
)
def test_age(setup, values, message):
    _, chip, _, _ = setup
    analog = mj.crossbarify(mlp, mj.Hardware(tile=(16, 16), effects=(mj.effects.Drift(nu=0.1),)))
    with pytest.raises((ValueError, TypeError), match=message):
        analog.age(chip, jax.random.key(0), **values)


def test_errors_of_the_function_itself_come_through(setup):
    analog, chip, params, _ = setup
    with pytest.raises(TypeError, match="dot_general requires contracting dimensions to have the same shape"):
        analog.apply(chip, params, jnp.ones((4, 17)))


@pytest.mark.parametrize("key", [None, 0])
def test_program_needs_a_key(setup, key):
    analog, _, params, x = setup
    with pytest.raises(TypeError, match=rf"key must be a PRNG key such as jax.random.key\(0\), got {key}"):
        analog.program(params, key, x)
