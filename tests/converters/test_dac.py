"""Word-line drivers."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

import memjax as mj


@pytest.mark.parametrize(("bits", "steps"), [(1, 1), (2, 1), (3, 3), (4, 7), (8, 127), (12, 2047)])
def test_largest_code(bits, steps):
    dac = mj.Dac(bits=bits, range=1.0)
    codes, lsb = dac.convert(jnp.array([-9.0, -1.0, 0.0, 1.0, 9.0]), (-1,))
    assert codes.tolist() == [-steps, -steps, 0, steps, steps]
    assert float(lsb) == pytest.approx(1 / steps, rel=1e-6)


@given(bits=st.integers(1, 14), top=st.floats(2**-10, 2**10, width=32), seed=st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_static_range(bits, top, seed):
    """Value and voltage of a code; error at most half an LSB inside the range, clipping outside."""
    x = np.random.default_rng(seed).uniform(-1.5 * top, 1.5 * top, 50).astype(np.float32)
    codes, lsb = mj.Dac(bits=jnp.asarray(bits), range=jnp.asarray(top)).convert(jnp.asarray(x), (-1,))
    steps = max(2 ** (bits - 1) - 1, 1)
    np.testing.assert_allclose(lsb, top / steps, rtol=1e-6)
    assert (np.asarray(codes) == np.rint(codes)).all()
    error = np.abs(np.asarray(codes * lsb) - np.clip(x, -top, top))
    assert error.max() <= 0.5 * top / steps * (1 + 1e-5) + 1e-6 * top


def test_dynamic_range_is_of_each_vector():
    x = jnp.array([[0.5, -1.0, 0.25], [8.0, 2.0, -4.0], [0.0, 0.0, 0.0]])
    codes, lsb = mj.Dac(bits=8, range=mj.Dynamic()).convert(x, (-1,))
    np.testing.assert_allclose(lsb[:, 0], [1 / 127, 8 / 127, 1 / 127], rtol=1e-6)
    assert codes.tolist() == [[64, -127, 32], [127, 32, -64], [0, 0, 0]]


def test_default_range_is_dynamic_until_calibrated():
    x = jnp.array([[0.5, -2.0]])
    dac = mj.Dac(bits=4)
    assert dac.convert(x, (-1,))[0].tolist() == [[2, -7]]
    assert dac.convert(x, (-1,), jnp.asarray(0.7))[0].tolist() == [[5, -7]]


@pytest.mark.parametrize("options", [{}, {"range": mj.Dynamic()}])
def test_ideal_converter_only_scales(options):
    x = jnp.array([0.3, -0.7, 0.11])
    codes, lsb = mj.Dac(**options).convert(x, (-1,))
    np.testing.assert_allclose(codes * lsb, x, rtol=1e-6)
    assert float(jnp.abs(codes).max()) == pytest.approx(1.0)


def test_ideal_converter_with_a_static_range_clips():
    codes, lsb = mj.Dac(range=0.5).convert(jnp.array([0.2, 0.5, 3.0, -3.0]), (-1,))
    np.testing.assert_allclose(codes * lsb, [0.2, 0.5, 0.5, -0.5])


def test_overflow_clips_the_outliers():
    x = jnp.array([1.0, -2.0, 3.0, 100.0])
    for bits in (None, 8):
        codes, lsb = mj.Dac(bits=bits, range=mj.Dynamic(overflow=0.25)).convert(x, (-1,))
        np.testing.assert_allclose(codes * lsb, [1.0, -2.0, 3.0, 3.0], atol=3 / 127)


def test_bits_may_be_traced():
    x = jnp.linspace(-1.2, 1.2, 101)
    bits = jnp.arange(1, 9)
    traced = jax.jit(jax.vmap(lambda b: mj.Dac(bits=b, range=1.0).convert(x, (-1,))[0]))(bits)
    concrete = jnp.stack([mj.Dac(bits=int(b), range=1.0).convert(x, (-1,))[0] for b in bits])
    np.testing.assert_array_equal(traced, concrete)
