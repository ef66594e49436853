"""The sliced product against 64-bit integers, and against memjax's own slices read with converters."""

import jax
import numpy as np
import pytest

import memjax as mj
from memjax.chip import fixed_point_mvm

RNG = np.random.default_rng(3)


def drawn(shape, bits=16):
    top = 2 ** (bits - 1)
    values = RNG.integers(-top, top, shape)
    values.flat[:2] = -top, top - 1
    return values


def exact(weights, x, bits, fraction):
    top = 2 ** (bits - 1)
    return np.clip((x.astype(np.int64) @ weights.astype(np.int64)) >> fraction, -top, top - 1)


@pytest.mark.parametrize(
    ("bits", "fraction", "cell_bits", "dac_bits", "rows"),
    [(16, 12, 2, 1, 128), (16, 0, 2, 1, 100), (16, 15, 3, 5, 16), (8, 4, 1, 2, 64), (2, 1, 2, 1, 7)],
)
def test_equals_integer_arithmetic(bits, fraction, cell_bits, dac_bits, rows):
    weights, x = drawn((300, 5), bits), drawn((2, 3, 300), bits)
    options = {"bits": bits, "fraction": fraction, "cell_bits": cell_bits, "dac_bits": dac_bits, "rows": rows}
    lossless = 1 + int(np.ceil(np.log2(1 + rows * (2**cell_bits - 1) * (2**dac_bits - 1))))
    for adc_bits in (None, lossless):
        found = fixed_point_mvm(weights, x, **options, adc_bits=adc_bits)
        assert found.dtype == np.int32
        np.testing.assert_array_equal(found, exact(weights, x, bits, fraction))


def test_results_that_do_not_saturate():
    weights, x = RNG.integers(-4000, 4000, (300, 40)), RNG.integers(-4000, 4000, (20, 300))
    found = fixed_point_mvm(weights, x, fraction=15)
    expected = (x @ weights) >> 15
    assert 100 < np.abs(expected).max() < 2**15
    np.testing.assert_array_equal(found, expected)


def test_extremes():
    """The largest sum of products, 2^30 of every row."""
    low = np.full((2**14, 1), -(2**15))
    assert fixed_point_mvm(low, low.T, fraction=15).item() == 2**15 - 1
    high = np.full((1, 2**14), 2**15 - 1)
    assert fixed_point_mvm(low, high, fraction=15).item() == -(2**15)
    assert fixed_point_mvm(np.zeros((3, 2), int), np.zeros((0, 3), int)).shape == (0, 2)


def test_too_few_bits_clip():
    weights, x = np.full((64, 1), 3), np.full((1, 64), 1)
    options = {"fraction": 0, "rows": 64}
    assert fixed_point_mvm(weights, x, **options, adc_bits=9).item() == 192
    assert fixed_point_mvm(weights, x, **options, adc_bits=8).item() == 127
    assert fixed_point_mvm(weights, x, fraction=0, rows=32, adc_bits=8).item() == 192  # half the rows a conversion


@pytest.mark.optimised
def test_under_jit_and_vmap():
    weights, x = drawn((30, 4)), drawn((6, 30))
    expected = exact(weights, x, 16, 12)
    np.testing.assert_array_equal(jax.jit(fixed_point_mvm)(weights, x), expected)
    np.testing.assert_array_equal(jax.vmap(lambda one: fixed_point_mvm(weights, one))(x), expected)


def test_slices_of_a_chip_give_the_same_integers():
    """BitSliced weights, BitSerial inputs and a converter whose LSB is the current of one digit."""
    weights, x = RNG.integers(-255, 256, (20, 3)), RNG.integers(-127, 128, (4, 20))
    weights[0, 0], x[:, 0] = 255, 127
    cell, v_max, rows = mj.Cell(r_on=10e3, r_off=100e3, levels=4), 0.2, 8
    digit = v_max * (1 / 10e3 - 1 / 100e3) / 3  # current of one
    hardware = mj.Hardware(
        cell=cell,
        mapping=mj.mapping.BitSliced(slices=4, bits=2),
        tile=(rows, 4),
        dac=mj.Dac(bits=8, v_max=v_max, range=127.0, encoding=mj.converters.BitSerial(7)),
        adc=mj.Adc(bits=6, range=31 * digit),
    )
    chip = mj.program(hardware, weights.astype(np.float32), jax.random.key(0))
    analog = mj.matmul(hardware, chip, x.astype(np.float32))
    found = fixed_point_mvm(weights, x, fraction=4, rows=rows, adc_bits=6)
    np.testing.assert_array_equal(found, np.floor(np.round(analog) / 16))
    np.testing.assert_array_equal(np.round(analog), x @ weights)


def test_bad_input():
    weights, x = drawn((4, 2)), drawn((3, 4))
    with pytest.raises(TypeError, match="weights must be integers, got float"):
        fixed_point_mvm(weights * 1.0, x)
    with pytest.raises(ValueError, match="x must be finite and in \\[-128, 127\\]"):
        fixed_point_mvm(weights // 256, x, bits=8, fraction=0)
    with pytest.raises(ValueError, match="x must have shape \\[..., 4\\]"):
        fixed_point_mvm(weights, x.T)
    with pytest.raises(ValueError, match="fraction must be in \\[0, 7\\], got 8"):
        fixed_point_mvm(weights // 256, x // 256, bits=8, fraction=8)
