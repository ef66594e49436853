"""Values that converters have by default, and what happens exactly at an edge of their range."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.converters import Amplitude, BitSerial, Flash, Gain, Noise, Offset, Ramp, Sar

DEFAULTS = [
    (mj.Dac(), mj.Dac(None, 0.2, None, rescale=True, clip_gradient=True, encoding=Amplitude())),
    (mj.Adc(), mj.Adc(None, None, "half_even", "symmetric", "analog", True, ())),
    (mj.LogAdc(), mj.LogAdc(8, 3.0, None, "analog", True)),
    (mj.Dynamic(), mj.Dynamic(None, power_of_two=False, at_least=0.0, over="vector")),
    (BitSerial(), BitSerial(7)),
    (Flash(), Flash(0.0, resolution=6)),
    (Sar(), Sar(0.0, resolution=10)),
    (Ramp(), Ramp(0.0, 0.0)),
    (Noise(), Noise(0.0)),
    (Offset(), Offset(0.0)),
    (Gain(), Gain(0.0)),
    (mj.Backward(), mj.Backward(mj.Dac(bits=8), mj.Adc(bits=8))),
    (
        mj.Hardware(),
        mj.Hardware(mj.Cell(10e3, 100e3), mj.mapping.DoubleColumn(), (64, 64), mj.Dac(8), mj.Adc(8), (), None, None),
    ),
]


@pytest.mark.parametrize(("short", "whole"), DEFAULTS, ids=lambda value: type(value).__name__)
def test_defaults(short, whole):
    assert eqx.tree_equal(short, whole)


@pytest.mark.parametrize(
    ("codes", "low", "high"), [("symmetric", -7.0, 7.0), ("twos_complement", -8.0, 7.0), ("mid_rise", -7.5, 7.5)]
)
def test_a_current_clips_beyond_half_an_lsb_of_the_last_code(codes, low, high):
    """Not at it; and so does its gradient."""
    adc = mj.Adc(bits=4, codes=codes)
    edges = jnp.array([low - 0.5, low - 0.51, high + 0.5, high + 0.51])
    np.testing.assert_array_equal(adc.clips(edges), [False, True, False, True])
    np.testing.assert_array_equal(jax.vmap(jax.grad(adc.code))(edges), [1, 0, 1, 0])
    np.testing.assert_array_equal(adc.code(jnp.array([-100.0, 100.0])), [low, high])
    np.testing.assert_allclose(adc.lsb(jnp.asarray(2.0)), 2.0 / (7 if codes == "symmetric" else 8), rtol=1e-6)


def test_a_logarithmic_converter_clips_at_full_scale_and_its_gradient_half_a_step_later():
    adc = mj.LogAdc(bits=5, decades=2.0)  # 15 magnitudes, 14 steps
    half = 10.0 ** (0.5 * 2.0 / 14)
    z = jnp.array([1.0, 1.0001, 0.999 * half, 1.001 * half])
    np.testing.assert_array_equal(adc.clips(z), [False, True, True, True])
    np.testing.assert_array_equal(jax.vmap(jax.grad(adc.code))(z), [1, 1, 1, 0])
    np.testing.assert_array_equal(jax.vmap(jax.grad(adc.code))(-z), [1, 1, 1, 0])
    through = mj.LogAdc(bits=5, decades=2.0, clip_gradient=False)
    np.testing.assert_array_equal(jax.vmap(jax.grad(through.code))(z), [1, 1, 1, 1])


@pytest.mark.parametrize(("rounding", "expected"), [("half_even", [0, 2, 2, -2]), ("half_up", [1, 2, 3, -1]),
                                                    ("floor", [0, 1, 2, -2])])  # fmt: skip
def test_ties(rounding, expected):
    adc = mj.Adc(bits=8, rounding=rounding)
    np.testing.assert_array_equal(adc.code(jnp.array([0.5, 1.5, 2.5, -1.5])), expected)


def test_smallest_full_scales():
    values = jnp.array([[0.0, 0.0], [0.3, -0.1], [3.0, 0.0]])
    at_least = mj.Dynamic(at_least=0.5).full_scale(values, (-1,))[:, 0]
    np.testing.assert_allclose(at_least, [0.5, 0.5, 3.0])
    powers = mj.Dynamic(power_of_two=True).full_scale(values, (-1,))[:, 0]
    np.testing.assert_array_equal(powers, np.float32([2.0**-39, 0.5, 4.0]))  # 2^-40 < 1e-12 < 2^-39
    whole = mj.Dynamic(over="batch").full_scale(values, (-1,))
    np.testing.assert_array_equal(whole, [[3.0]])


@pytest.mark.parametrize(("bits", "largest"), [(1, 1), (2, 1), (3, 3), (8, 127)])
def test_codes_and_volts_of_a_driver(bits, largest):
    """n = 2^(B-1) - 1, at least one; range / n per code; v_max / n per code, or v_max for a bit."""
    dac = mj.Dac(bits=bits, v_max=0.3, range=2.0)
    codes, value = dac.convert(jnp.array([2.0, -2.0, 5.0, 0.49 * 2.0 / largest]), (-1,))
    np.testing.assert_array_equal(codes, [largest, -largest, largest, 0])
    np.testing.assert_allclose(value, 2.0 / largest, rtol=1e-6)
    np.testing.assert_allclose(dac.volts(), 0.3 / largest, rtol=1e-6)
    raw = mj.Dac(bits=bits, v_max=0.3, range=2.0, rescale=False)
    np.testing.assert_allclose(raw.convert(jnp.ones(1), (-1,))[1], 0.3 / largest, rtol=1e-6)
    serial = mj.Dac(bits=bits, v_max=0.3, range=2.0, encoding=BitSerial(7))
    np.testing.assert_allclose(serial.volts(), 0.3, rtol=1e-6)
