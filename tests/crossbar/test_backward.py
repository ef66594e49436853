"""Gradients by inputs that are read from the transposed array."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import memjax as mj


def hardware(backward, **parts):
    return mj.Hardware(tile=(4, 3), dac=mj.Dac(), adc=mj.Adc(bits=None), backward=backward, **parts)


IDEAL = mj.Backward(dac=mj.Dac(), adc=mj.Adc(bits=None))


def conv(groups):
    numbers = ("NHWC", "HWIO", "NHWC")
    return lambda p, x: lax.conv_general_dilated(
        x, p["w"], (2, 1), ((1, 2), (0, 1)), dimension_numbers=numbers, feature_group_count=groups
    )


CASES = {
    "dense": (lambda p, x: x @ p["w"], (5, 7), (3, 5)),
    "stacked": (lambda p, x: jnp.einsum("gbk,gkn->gbn", x, p["w"]), (2, 5, 4), (2, 3, 5)),
    "convolution": (conv(1), (3, 2, 2, 5), (2, 6, 5, 2)),
    "grouped convolution": (conv(2), (3, 2, 2, 4), (2, 6, 5, 4)),
}


def gradients(name, backward, key=0):
    f, weight, data = CASES[name]
    params, x = {"w": jax.random.normal(jax.random.key(1), weight)}, jax.random.normal(jax.random.key(2), data)
    analog = mj.crossbarify(f, hardware(backward))
    chip = analog.program(params, jax.random.key(key), x)
    return jax.grad(lambda chip, x: jnp.sin(analog.apply(chip, params, x)).sum(), argnums=(0, 1))(chip, x)


@pytest.mark.parametrize("name", CASES)
def test_with_ideal_converters_it_is_the_gradient_of_the_forward_read(name):
    (chip, x), (chip_ideal, x_ideal) = gradients(name, IDEAL), gradients(name, None)
    np.testing.assert_allclose(x, x_ideal, rtol=1e-4, atol=1e-5)
    for part in ("pos", "neg"):
        got, expected = chip["w"]["conductance"][part], chip_ideal["w"]["conductance"][part]
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_errors_are_quantised_and_vanish_with_resolution():
    exact = gradients("convolution", None)[1]
    size = np.linalg.norm(exact)
    distance = [
        np.linalg.norm(gradients("convolution", mj.Backward(mj.Dac(bits=b), mj.Adc(bits=b)))[1] - exact) / size
        for b in (4, 8, 14)
    ]
    assert distance[0] > distance[1] > distance[2]
    assert distance[0] > 0.03
    assert distance[2] < 2e-3


def test_integers_are_exact():
    """Integer weights and errors within the converters' codes: the transposed product is integer arithmetic."""
    rng = np.random.default_rng(0)
    weight, errors = rng.integers(-7, 8, (4, 3)), rng.integers(-7, 8, (6, 3))
    weight[0, 0], errors[:, 0] = 7, 7
    backward = mj.Backward(mj.Dac(bits=4, range=7.0), mj.Adc(bits=None))
    spec = mj.Hardware(tile=(4, 3), dac=mj.Dac(), adc=mj.Adc(bits=None), backward=backward)
    analog = mj.crossbarify(lambda p, x: x @ p["w"], spec)
    params, x = {"w": jnp.asarray(weight, jnp.float32)}, jnp.ones((6, 4))
    chip = analog.program(params, jax.random.key(0), x)
    slope = jax.grad(lambda x: (analog.apply(chip, params, x) * errors).sum())(x)
    np.testing.assert_allclose(slope, errors @ weight.T, atol=1e-4)


def test_forward_results_stay_and_faults_show_up_both_ways():
    parts = {"effects": (mj.effects.StuckAt(hrs=0.5),)}
    params, x = {"w": jax.random.normal(jax.random.key(1), (5, 7))}, jax.random.normal(jax.random.key(2), (3, 5))
    results = []
    for backward in (None, IDEAL):
        analog = mj.crossbarify(lambda p, x: x @ p["w"], hardware(backward, **parts))
        chip = analog.program(params, jax.random.key(3), x)
        results.append(jax.value_and_grad(lambda x, a=analog, c=chip: a.apply(c, params, x).sum())(x))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-4, atol=1e-5)
    assert np.abs(results[1][1] - params["w"].sum(1)).max() > 0.1


def test_second_derivatives_are_those_of_the_forward_read():
    params, x = {"w": jax.random.normal(jax.random.key(1), (5, 7))}, jax.random.normal(jax.random.key(2), (3, 5))
    products = []
    for backward in (None, IDEAL):
        analog = mj.crossbarify(lambda p, x: jnp.tanh(x @ p["w"]), hardware(backward))
        chip = analog.program(params, jax.random.key(0), x)
        slope = jax.grad(lambda x, a=analog, c=chip: (a.apply(c, params, x) ** 2).sum())
        products.append((jax.jvp(slope, (x,), (x,))[1], jax.grad(lambda x, s=slope: (s(x) * x).sum())(x)))
    np.testing.assert_allclose(products[1], products[0], rtol=1e-3, atol=1e-4)
    assert np.abs(products[0]).max() > 0.1


@pytest.mark.parametrize("mode", [lambda f, x: jax.jvp(f, (x,), (x,)), lambda f, x: jax.jit(jax.jacfwd(f))(x)])
def test_forward_mode_is_refused(mode):
    params, x = {"w": jnp.ones((5, 7))}, jnp.ones((3, 5))
    analog = mj.crossbarify(lambda p, x: x @ p["w"], hardware(IDEAL))
    chip = analog.program(params, jax.random.key(0), x)
    with pytest.raises(TypeError, match="Hardware.backward must be None for forward mode"):
        mode(lambda x: analog.apply(chip, params, x), x)


def test_gradients_under_vmap():
    """Of several chips, from inside and from outside."""
    params, x = {"w": jax.random.normal(jax.random.key(1), (5, 7))}, jax.random.normal(jax.random.key(2), (3, 5))
    analog = mj.crossbarify(lambda p, x: x @ p["w"], hardware(mj.Backward(), effects=(mj.effects.StuckAt(hrs=0.3),)))
    chips = jax.vmap(lambda key: analog.program(params, key, x))(jax.random.split(jax.random.key(0), 3))
    loss = lambda chip, x: jnp.sin(analog.apply(chip, params, x)).sum()
    inside = jax.vmap(jax.grad(loss, 1), (0, None))(chips, x)
    outside = jax.grad(lambda x: jax.vmap(loss, (0, None))(chips, x).sum())(x)
    np.testing.assert_allclose(inside.sum(0), outside, rtol=1e-4, atol=1e-4)


def test_bad_input():
    with pytest.raises(ValueError, match="Hardware.mapping must be DoubleColumn .* got Offset"):
        mj.Hardware(mapping=mj.mapping.Offset(), backward=IDEAL)
    with pytest.raises(TypeError, match="Hardware.backward must be a Backward or None, got 3"):
        mj.Hardware(backward=3)
    with pytest.raises(TypeError, match="Backward.dac must be a Dac"):
        mj.Backward(dac=8)
    with pytest.raises(ValueError, match="Backward.adc must subtract 'analog'"):
        mj.Backward(adc=mj.Adc(subtract="digital"))
