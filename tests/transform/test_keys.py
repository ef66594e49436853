"""Same key, same chip; and the keys of the read noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import memjax as mj

# One array of cells and one effect: random numbers are what takes long to compile.
FAULTY = mj.Hardware(tile=(16, 16), mapping=mj.mapping.Offset(), effects=(mj.effects.StuckAt(lrs=0.3, hrs=0.3),))
NOISY = mj.Hardware(
    dac=mj.Dac(),
    adc=mj.Adc(),
    tile=(16, 16),
    mapping=mj.mapping.Offset(),
    effects=(mj.effects.ReadNoise(relative=0.05),),
)


def two_layers(p, x):
    return jnp.tanh(x @ p["a"]) @ p["b"]


def three_layers(p, x):
    return jnp.tanh(jnp.tanh(x @ p["a"]) @ p["middle"]) @ p["b"]


@pytest.fixture
def params(draw):
    return {"a": draw((18, 6)), "b": draw((6, 3)), "middle": draw((6, 6))}


def same(chip, other, names=("a", "b")) -> bool:
    pairs = zip(*(jax.tree.leaves([c[name] for name in names]) for c in (chip, other)), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_same_key_same_chip(params, draw, error):
    analog, key, x = mj.crossbarify(two_layers, FAULTY), jax.random.key(4), draw((4, 18))
    chip = analog.program(params, key, x)
    program = jax.jit(lambda key: analog.program(params, key, x))
    assert same(chip, analog.program(params, key, draw((7, 18))))
    assert same(chip, analog.program(params, key, jax.ShapeDtypeStruct((1, 18), jnp.float32)))
    assert same(chip, mj.crossbarify(three_layers, FAULTY).program(params, key, x))
    assert error(program(key), chip) <= 1e-6
    assert error(jax.vmap(program)(key[None]), jax.tree.map(lambda a: a[None], chip)) <= 1e-6
    assert not same(chip, analog.program(params, jax.random.key(5), x), ["a"])
    assert not same(chip, analog.program(params, jax.random.key(5), x), ["b"])


def test_a_missing_read_key_is_an_error(params, draw):
    analog, x = mj.crossbarify(two_layers, NOISY), draw((4, 18))
    chip = analog.program(params, jax.random.key(0), x)
    with pytest.raises(ValueError, match="key must be a PRNG key, since Hardware.effects has read noise, got None"):
        analog.apply(chip, params, x)


def test_read_noise_depends_on_the_key_and_not_on_the_batch(params, draw):
    analog, x = mj.crossbarify(two_layers, NOISY), draw((4, 18))
    chip = analog.program(params, jax.random.key(0), x)
    read = lambda x, seed: analog.apply(chip, params, x, key=jax.random.key(seed))
    assert np.array_equal(read(x, 1), read(x, 1))
    assert not np.allclose(read(x, 1), read(x, 2))
    np.testing.assert_allclose(read(x[:2], 1), read(x, 1)[:2], rtol=1e-5)
    # Equal rows have noise of their own.
    twice = read(jnp.stack([x[0], x[0]]), 1)
    assert not np.allclose(twice[0], twice[1])


def test_read_noise_of_a_convolution_does_not_depend_on_the_batch(draw):
    def conv(w, x):
        return lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    analog, w, x = mj.crossbarify(conv, NOISY), draw((3, 3, 2, 4)), draw((3, 5, 5, 2))
    chip, key = analog.program(w, jax.random.key(0), x), jax.random.key(1)
    whole = analog.apply(chip, w, x, key=key)
    np.testing.assert_allclose(analog.apply(chip, w, x[:1], key=key), whole[:1], rtol=1e-4, atol=1e-6)


def repeated(p, x):
    """The same vector read by the same crossbar at two sites."""
    return x @ p["a"], x @ p["a"]


def in_steps(p, x):
    """The same vector read at every step of a recurrent loop."""
    return lax.scan(lambda carry, _: (carry, x @ p["a"]), 0.0, length=3)[1]


def in_a_while_loop(p, x):
    def step(i, results):
        return results.at[i].set(x @ p["a"])

    return lax.fori_loop(0, 3, step, jnp.zeros((3, len(x), 6)))


def over_a_vmap(p, x):
    return jax.vmap(lambda row: row @ p["a"])(jnp.stack([x[0], x[0]]))


@pytest.mark.parametrize("fn", [repeated, in_steps, in_a_while_loop, over_a_vmap], ids=lambda fn: fn.__name__)
def test_every_read_has_fresh_noise(params, draw, fn):
    analog, x = mj.crossbarify(fn, NOISY), draw((2, 18))
    results = analog.apply(analog.program(params, jax.random.key(0), x), params, x, key=jax.random.key(1))
    exact = fn(params, x)
    for i in range(len(results)):
        assert not np.allclose(results[i], exact[i], rtol=1e-3)
        assert np.linalg.norm(results[i] - exact[i]) < np.linalg.norm(exact[i])
        for j in range(i):
            assert not np.allclose(results[i], results[j], rtol=1e-3)
