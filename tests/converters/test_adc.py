"""Linear converters against their closed forms."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

import memjax as mj

CODES = ("symmetric", "twos_complement", "mid_rise")
ROUND = {"half_even": np.rint, "half_up": lambda z: np.floor(z + 0.5), "floor": np.floor}


def closed_form(z, bits, codes, rounding="half_even"):
    """Codes of currents in LSB: the textbook quantisers."""
    half = 2 ** (bits - 1)
    if codes == "mid_rise":
        return np.clip(np.floor(z) + 0.5, -half + 0.5, half - 0.5)
    low, high = (-half, half - 1) if codes == "twos_complement" else (-max(half - 1, 1), max(half - 1, 1))
    return np.clip(ROUND[rounding](z), low, high)


@pytest.mark.parametrize(
    ("codes", "bits", "levels"),
    [
        ("symmetric", 1, [-1, 0, 1]),
        ("symmetric", 2, [-1, 0, 1]),
        ("symmetric", 3, [-3, -2, -1, 0, 1, 2, 3]),
        ("twos_complement", 1, [-1, 0]),
        ("twos_complement", 2, [-2, -1, 0, 1]),
        ("twos_complement", 3, [-4, -3, -2, -1, 0, 1, 2, 3]),
        ("mid_rise", 1, [-0.5, 0.5]),
        ("mid_rise", 2, [-1.5, -0.5, 0.5, 1.5]),
        ("mid_rise", 3, [-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5]),
    ],
)
def test_levels(codes, bits, levels):
    adc = mj.Adc(bits=bits, codes=codes)
    swept = adc.code(jnp.linspace(-100.0, 100.0, 4001))
    assert np.unique(swept).tolist() == levels
    assert [float(limit) for limit in adc.limits()] == [levels[0], levels[-1]]


@pytest.mark.parametrize("bits", [2, 4, 8, 12, 16, 20])
@pytest.mark.parametrize(("codes", "steps"), [("symmetric", -1), ("twos_complement", 0), ("mid_rise", 0)])
def test_lsb(bits, codes, steps):
    full_scale = 3e-6
    lsb = mj.Adc(bits=bits, codes=codes).lsb(jnp.asarray(full_scale))
    np.testing.assert_allclose(lsb, full_scale / (2 ** (bits - 1) + steps), rtol=2e-7)


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [
        ("half_even", [-2, -2, -1, 0, 0, 0, 0, 1, 2, 2]),
        ("half_up", [-2, -1, -1, 0, 0, 0, 1, 1, 2, 3]),
        ("floor", [-3, -2, -2, -1, -1, 0, 0, 0, 1, 2]),
    ],
)
def test_rounding(rounding, expected):
    z = jnp.array([-2.25, -1.5, -1.25, -0.5, -0.25, 0.0, 0.5, 0.75, 1.5, 2.5])
    assert mj.Adc(bits=8, rounding=rounding).code(z).astype(int).tolist() == expected


@pytest.mark.parametrize("codes", CODES)
@pytest.mark.parametrize("rounding", ROUND)
@given(bits=st.integers(1, 14), seed=st.integers(0, 2**31))
@settings(max_examples=10, deadline=None)
def test_codes_everywhere(codes, rounding, bits, seed):
    z = np.random.default_rng(seed).uniform(-1.5, 1.5, 64).astype(np.float32) * np.float32(2 ** (bits - 1))
    adc = mj.Adc(bits=jnp.asarray(bits), codes=codes, rounding=rounding)
    np.testing.assert_array_equal(adc.code(jnp.asarray(z)), closed_form(z, bits, codes, rounding))


@pytest.mark.optimised
@pytest.mark.parametrize("codes", CODES)
def test_resolution_may_be_traced(codes):
    z = jnp.linspace(-40.0, 40.0, 333)
    bits = jnp.arange(1, 7)
    codes_of = jax.jit(jax.vmap(lambda b: mj.Adc(bits=b, codes=codes).code(z)))
    for b, row in zip(bits, codes_of(bits), strict=True):
        np.testing.assert_array_equal(row, closed_form(np.asarray(z), int(b), codes))


@pytest.mark.parametrize("codes", CODES)
@given(bits=st.integers(2, 12), seed=st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_codes_are_monotonic_and_within_half_an_lsb(codes, bits, seed):
    adc = mj.Adc(bits=jnp.asarray(bits), codes=codes)
    low, high = (float(limit) for limit in adc.limits())
    z = np.sort(np.random.default_rng(seed).uniform(low, high, 200).astype(np.float32))
    code = np.asarray(adc.code(jnp.asarray(z)))
    assert (np.diff(code) >= 0).all()
    assert np.abs(code - z).max() <= 0.5 + 1e-6


def test_mid_rise_has_no_zero_and_mid_tread_does():
    assert float(mj.Adc(bits=4, codes="mid_rise").code(jnp.array(0.0))) == 0.5
    for codes in ("symmetric", "twos_complement"):
        assert float(mj.Adc(bits=4, codes=codes).code(jnp.array(0.0))) == 0.0
