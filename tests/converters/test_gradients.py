"""Straight-through gradients of the converters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj


@pytest.mark.parametrize(
    ("codes", "low", "high"), [("symmetric", -7.5, 7.5), ("twos_complement", -8.5, 7.5), ("mid_rise", -8.0, 8.0)]
)
@pytest.mark.parametrize("rounding", ["half_even", "half_up", "floor"])
def test_adc_passes_the_gradient_inside_its_range(codes, low, high, rounding):
    """1 as far as the error is at most half an LSB, 0 beyond."""
    adc = mj.Adc(bits=4, codes=codes, rounding=rounding)
    z = jnp.array([low - 50, low - 0.01, low, low + 0.4, -0.5, 0.0, 0.3, high - 0.4, high, high + 0.01, high + 50])
    expected = [0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0]
    assert jax.vmap(jax.grad(adc.code))(z).tolist() == expected
    assert jax.vmap(lambda z: jax.jvp(adc.code, (z,), (jnp.ones(()),))[1])(z).tolist() == expected


@pytest.mark.parametrize("codes", ["symmetric", "twos_complement", "mid_rise"])
def test_adc_may_pass_the_gradient_everywhere(codes):
    adc = mj.Adc(bits=4, codes=codes, clip_gradient=False)
    assert jax.vmap(jax.grad(adc.code))(jnp.linspace(-50, 50, 21)).tolist() == [1.0] * 21


@pytest.mark.parametrize("bits", [None, 1, 4, 8])
def test_dac_gradient_of_a_static_range(bits):
    x = jnp.array([-3.0, -1.01, -1.0, -0.2, 0.0, 0.999, 1.0, 1.01, 3.0])

    def total(x, **options):
        codes, lsb = mj.Dac(bits=bits, range=1.0, **options).convert(x, (-1,))
        return (codes * lsb).sum()

    margin = 0.0 if bits is None else 0.5 / max(2 ** (bits - 1) - 1, 1)
    np.testing.assert_allclose(jax.grad(total)(x), np.abs(x) <= 1 + margin, rtol=1e-6)
    np.testing.assert_allclose(jax.grad(lambda x: total(x, clip_gradient=False))(x), np.ones(9), rtol=1e-6)


@pytest.mark.parametrize("bits", [None, 2, 8])
@pytest.mark.parametrize("calibrated", [None, 2.0])
def test_dac_gradient_of_the_largest_input(bits, calibrated):
    """A dynamic range never clips: the largest input has gradient 1 like all others."""
    x = jnp.asarray(np.random.default_rng(0).normal(size=(40, 7)), jnp.float32)
    x = x.at[:, 0].set(2.0).clip(-2, 2)
    stored = None if calibrated is None else jnp.asarray(calibrated)

    def total(x):
        codes, lsb = mj.Dac(bits=bits).convert(x, (-1,), stored)
        return (codes * lsb).sum()

    np.testing.assert_allclose(jax.grad(total)(x), np.ones(x.shape), rtol=1e-6)


def test_dac_overflow_has_no_gradient():
    x = jnp.array([1.0, -2.0, 3.0, 100.0])

    def total(x):
        codes, lsb = mj.Dac(bits=8, range=mj.Dynamic(overflow=0.25)).convert(x, (-1,))
        return (codes * lsb).sum()

    np.testing.assert_allclose(jax.grad(total)(x), [1, 1, 1, 0], rtol=1e-6)


@pytest.mark.parametrize("bits", [2, 3, 6])
def test_gradient_of_a_range_is_that_of_learned_step_sizes(bits):
    """LSQ (Esser et al., ICLR 2020): d(step round(x / step)) / d step = round(z) - z inside, the end code outside."""
    x = jnp.linspace(-2.0, 2.0, 57) + 0.003
    steps = 2 ** (bits - 1) - 1
    adc = mj.Adc(bits=bits)

    def dac(top, x):
        codes, lsb = mj.Dac(bits=bits, range=top).convert(x, (-1,))
        return codes * lsb

    def adc_value(top, x):
        lsb = adc.lsb(top)
        return adc.code(x / lsb) * lsb

    z = np.asarray(x) * steps
    inside = np.abs(z) <= steps + 0.5
    expected = np.where(inside, np.rint(z) - z, np.sign(z) * steps) / steps
    for value in (dac, adc_value):
        slope = jax.vmap(jax.grad(value), (None, 0))(jnp.asarray(1.0), x)
        np.testing.assert_allclose(slope, expected, atol=2e-5)
