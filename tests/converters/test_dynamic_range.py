"""Full scales chosen for each vector."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.testing import assert_array_equal

import memjax as mj

VALUES = jnp.array([[0.1, -0.4, 0.3, -0.2], [4.0, 1.0, -8.0, 2.0]])


@jax.jit
def quantile(overflow, values):
    return mj.Dynamic(overflow=overflow).full_scale(values, (1, 2))


def memtorch(currents, bits, overflow):
    """Lammie et al.'s linear quantiser of one vector, in float32."""
    currents = np.asarray(currents, np.float32)
    ranked = np.sort(np.abs(currents))[::-1]
    k = min(int(np.floor(overflow * len(currents) + 0.5)), len(currents) - 1)
    step = np.float32(2.0 ** (1 - bits + np.ceil(np.log2(np.float64(ranked[k])))))
    half = 2 ** (bits - 1)
    return np.clip(np.floor(currents / step + np.float32(0.5)), -half, half - 1) * step


def test_largest_magnitude():
    assert_array_equal(mj.Dynamic().full_scale(VALUES, (-1,)), jnp.array([[0.4], [8.0]]))
    assert_array_equal(mj.Dynamic().full_scale(VALUES, (0, 1)), [[8.0]])


@pytest.mark.parametrize(
    ("overflow", "expected"), [(0.0, 8.0), (0.1, 8.0), (0.125, 4.0), (0.25, 4.0), (0.5, 2.0), (0.9, 1.0), (1.0, 1.0)]
)
def test_overflow_quantile(overflow, expected):
    """Index round(overflow * 4) of the magnitudes in falling order, half-way up, never beyond the last."""
    assert float(mj.Dynamic(overflow=overflow).full_scale(VALUES[1], (-1,))[0]) == expected


@given(rank=st.integers(0, 64), count=st.sampled_from([1, 2, 7, 40]), seed=st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_at_most_the_overflow_exceeds(rank, count, seed):
    overflow = rank / 64
    values = np.random.default_rng(seed).normal(size=(3, count, 2)).astype(np.float32)
    top = quantile(overflow, values)
    assert top.shape == (3, 1, 1)
    exceeding = (np.abs(values) > np.asarray(top)).sum((1, 2))
    assert_array_equal(exceeding, min(np.floor(overflow * count * 2 + 0.5), count * 2 - 1))


def test_quantile_of_any_axis():
    values = jnp.asarray(np.random.default_rng(0).normal(size=(4, 5, 6)), jnp.float32)
    rule = mj.Dynamic(overflow=0.2)
    flat = jnp.moveaxis(values, 1, 0).reshape(5, -1)
    expected = jnp.stack([rule.full_scale(row, (-1,))[0] for row in flat])
    assert_array_equal(rule.full_scale(values, (0, -1))[0, :, 0], expected)


@pytest.mark.parametrize("exponent", range(-39, 41))
def test_powers_of_two_are_their_own_full_scale(exponent):
    rule = mj.Dynamic(power_of_two=True)
    power = np.float32(2.0**exponent)
    just_above, just_below = np.nextafter(power, np.float32(np.inf)), np.nextafter(power, np.float32(0))
    tops = rule.full_scale(jnp.array([[power], [just_above], [just_below], [-0.75 * power]]), (-1,))[:, 0]
    assert_array_equal(tops, [power, 2 * power, power, power])


@given(bits=st.integers(2, 12), overflow=st.floats(0, 0.5, width=16), seed=st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_power_of_two_converter_is_memtorchs(bits, overflow, seed):
    """Bit for bit: with two's-complement codes and a power-of-two range every step is exact in float32."""
    random = np.random.default_rng(seed)
    currents = (random.normal(size=16) * 10.0 ** random.uniform(-7, 1)).astype(np.float32)
    rule = mj.Dynamic(overflow=overflow, power_of_two=True)
    adc = mj.Adc(bits=jnp.asarray(bits), range=rule, rounding="half_up", codes="twos_complement")
    lsb = adc.lsb(rule.full_scale(jnp.asarray(currents), (-1,)))
    assert_array_equal(adc.code(currents / lsb) * lsb, memtorch(currents, bits, overflow))


def test_overflow_may_be_traced():
    values = jnp.asarray(np.random.default_rng(1).normal(size=31), jnp.float32)
    rates = jnp.array([0.0, 0.1, 0.35, 1.0])
    traced = jax.jit(jax.vmap(lambda r: mj.Dynamic(overflow=r).full_scale(values, (-1,))))(rates)
    one_by_one = [mj.Dynamic(overflow=float(r)).full_scale(values, (-1,)) for r in rates]
    assert_array_equal(traced, jnp.stack(one_by_one))


def test_other_measures_of_a_vector():
    assert_array_equal(mj.Dynamic(signed=True).full_scale(VALUES, (-1,)), jnp.array([[0.3], [4.0]]))
    np.testing.assert_allclose(mj.Dynamic(mean=3.0).full_scale(VALUES, (-1,)), [[0.75], [11.25]], rtol=1e-6)
    assert_array_equal(mj.Dynamic(signed=True, at_least=0.5).full_scale(VALUES, (-1,)), jnp.array([[0.5], [4.0]]))
    multiples = jnp.array([0.5, 2.0])
    swept = jax.vmap(lambda m: mj.Dynamic(mean=m).full_scale(VALUES[1], (-1,))[0])(multiples)
    assert_array_equal(swept, multiples * 3.75)


@pytest.mark.parametrize(("rule", "top"), [(mj.Dynamic(signed=True), 2.0), (mj.Dynamic(mean=2.0), 4.0), (3.0, 3.0)])
def test_inputs_beyond_these_clip_and_have_no_gradient(rule, top):
    """The scale of a vector by its largest value, its average magnitude, and a constant."""
    x = jnp.array([2.0, 1.0, -0.5, -4.5])
    convert = lambda x: (lambda codes, lsb: codes * lsb)(*mj.Dac(range=rule).convert(x, (-1,)))
    np.testing.assert_allclose(convert(x), np.clip(x, -top, top), rtol=1e-6)
    np.testing.assert_allclose(jax.grad(lambda x: convert(x).sum())(x), [1.0, 1.0, 1.0, 0.0], rtol=1e-6)
    codes, lsb = mj.Dac(bits=7, range=rule).convert(x, (-1,))
    np.testing.assert_allclose(lsb, top / 63, rtol=1e-6)
    assert_array_equal(codes, np.clip(np.rint(np.asarray(x / lsb)), -63, 63))


def test_no_positive_value_leaves_the_scale_at_one():
    codes, lsb = mj.Dac(bits=4, range=mj.Dynamic(signed=True)).convert(jnp.array([-0.4, -3.0]), (-1,))
    assert codes.tolist() == [-3, -7]
    np.testing.assert_allclose(lsb, 1 / 7, rtol=1e-6)


def test_one_measure_at_a_time():
    with pytest.raises(ValueError, match="at most one of overflow, mean and signed, got mean and signed"):
        mj.Dynamic(mean=1.0, signed=True)
    with pytest.raises(ValueError, match="Dynamic.mean"):
        mj.Dynamic(mean=0.0)
