"""The logarithmic converter."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

import memjax as mj


@jax.jit
def convert(bits, decades, z):
    return mj.LogAdc(bits=bits, decades=decades).code(z)


def levels(bits, decades):
    """Magnitudes of a converter with one sign bit, relative to full scale, and zero."""
    count = 2 ** (bits - 1) - 1
    return 10.0 ** (-decades * (1 - np.arange(count) / (count - 1)))


@pytest.mark.parametrize(("bits", "decades"), [(3, 2.0), (4, 3.0), (6, 1.0), (8, 4.0)])
def test_levels_span_the_decades_evenly(bits, decades):
    expected = levels(bits, decades)
    assert len(expected) == 2 ** (bits - 1) - 1
    swept = np.geomspace(10.0 ** -(decades + 2), 10.0, 20_001).astype(np.float32)
    np.testing.assert_allclose(np.unique(convert(bits, decades, swept))[1:], expected, rtol=2e-6)
    swept[: len(expected)] = expected
    np.testing.assert_allclose(convert(bits, decades, swept)[: len(expected)], expected, rtol=2e-6)


@pytest.mark.parametrize("bits", [3, 5, 8])
def test_zero_sign_and_clipping(bits):
    assert convert(bits, 3.0, np.array([0.0, 5.0, -5.0])).tolist() == [0.0, 1.0, -1.0]
    step = 3.0 / (2 ** (bits - 1) - 2)
    lowest = 10.0**-3.0
    half = 10.0 ** (0.5 * step)
    below, above = 0.999 * lowest / half, 1.001 * lowest / half
    np.testing.assert_allclose(convert(bits, 3.0, np.array([below, above, -above])), [0.0, lowest, -lowest], rtol=1e-5)


@given(bits=st.integers(3, 10), decades=st.floats(0.5, 6.0), seed=st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_relative_error_is_at_most_half_a_step(bits, decades, seed):
    random = np.random.default_rng(seed)
    magnitude = 10.0 ** random.uniform(-decades, 0, 100)
    current = (magnitude * random.choice([-1, 1], 100)).astype(np.float32)
    code = np.asarray(convert(bits, decades, current))
    assert (np.sign(code) == np.sign(current)).all()
    step = decades / (2 ** (bits - 1) - 2)
    assert np.abs(np.log10(code / current)).max() <= step / 2 + 1e-5


def test_small_currents_are_not_read_as_full_scale():
    """The published simulator's logarithmic mode returns sign(I) for any current below 1 A; a converter must not."""
    current = jnp.array([-3e-5, -1e-5, 2e-6, 4e-5])
    adc = mj.LogAdc(bits=8, decades=3.0)
    read = adc.code(current / adc.lsb(jnp.asarray(4e-5))) * 4e-5
    np.testing.assert_allclose(read, current, rtol=10.0 ** (3.0 / 126 / 2) - 1 + 1e-3)


def test_finer_than_a_linear_converter_for_small_currents():
    current = jnp.geomspace(1e-3, 1e-1, 200)
    linear, logarithmic = mj.Adc(bits=8), mj.LogAdc(bits=8, decades=3.0)
    lsb = linear.lsb(jnp.asarray(1.0))
    linear_error = jnp.abs(linear.code(current / lsb) * lsb / current - 1).mean()
    assert jnp.abs(logarithmic.code(current) / current - 1).mean() < linear_error / 3


def test_gradient_is_finite_everywhere():
    adc = mj.LogAdc(bits=5, decades=2.0)
    z = jnp.array([-2.0, -1.0, -0.3, -1e-9, 0.0, 1e-30, 0.5, 1.0, 1.5])
    assert jax.vmap(jax.grad(adc.code))(z).tolist() == [0, 1, 1, 1, 1, 1, 1, 1, 0]
