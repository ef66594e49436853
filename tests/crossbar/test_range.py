"""The range of an ADC that has none of its own: that of the design, whatever the cells turned out to be."""

import jax
import numpy as np
import pytest

import memjax as mj

E = mj.effects
W = np.random.default_rng(0).normal(size=(20, 12)).astype(np.float32)


def estimated(*effects, **fields):
    return np.asarray(
        mj.program(mj.Hardware(tile=(8, 8), effects=effects, **fields), W, jax.random.key(0))["adc_range"]
    )


@pytest.mark.parametrize(
    "effect",
    [E.StuckAt(lrs=0.5), E.FormingFailure(0.5, r_pristine=1.0), E.ProgrammingNoise(0.5), E.TelegraphNoise(0.9)],
    ids=lambda effect: type(effect).__name__,
)
def test_no_cell_changes_it(effect):
    np.testing.assert_array_equal(estimated(effect), estimated())


def test_nor_where_arrays_are_converted_apart():
    adc = mj.Adc(6, subtract="digital")
    np.testing.assert_array_equal(estimated(E.StuckAt(lrs=0.5), adc=adc), estimated(adc=adc))


def test_a_cell_of_almost_no_resistance_does_not_make_a_converter_blind():
    """One short among the cells, in a write as in the next."""
    hardware = mj.Hardware(tile=(8, 8), effects=(E.DeviceVariation(9e3, 1e4),))
    chip = mj.program(hardware, W, jax.random.key(0))
    assert max(g.max() for g in chip["high"].values()) > 5 * hardware.cell.g_on
    np.testing.assert_array_equal(chip["adc_range"], estimated())
    again = mj.reprogram(hardware, chip, 3 * W, jax.random.key(1))
    np.testing.assert_allclose(again["adc_range"], estimated(), rtol=1e-6)


def test_what_is_common_to_all_cells_counts():
    cold, hot = (estimated(E.Temperature(kelvin, alpha=2e-3)) for kelvin in (250.0, 400.0))
    assert cold > 1.05 * estimated()
    assert hot < 0.95 * estimated()
    # sinh(k v_max) / sinh(k v_read) times the ohmic current.
    ratio = np.sinh(10.0 * 0.2) / np.sinh(10.0 * 0.1) * 0.1 / 0.2
    np.testing.assert_allclose(estimated(E.SinhConduction(10.0, v_read=0.1)) / estimated(), ratio, rtol=1e-4)


SPAN = 1 / 10e3 - 1 / 100e3
FULL = mj.converters.RelativeToWeights(12.0)


@pytest.mark.parametrize(
    ("mapping", "largest"),
    [
        (mj.mapping.DoubleColumn(), SPAN),
        (mj.mapping.DualRow(), SPAN),
        (mj.mapping.DoubleColumn("column"), SPAN),
        (mj.mapping.Offset(), SPAN / 2),
        (mj.mapping.BitSliced(2, 2), SPAN),
    ],
    ids=lambda p: type(p).__name__,
)
def test_relative_to_the_largest_weight(mapping, largest):
    """factor v_max max |G|, whatever the tile, the cells and the faults."""
    adc = mj.Adc(8, range=FULL)
    found = estimated(mapping=mapping, adc=adc)
    np.testing.assert_allclose(found, 12.0 * 0.2 * largest, rtol=1e-5)
    np.testing.assert_array_equal(
        estimated(E.StuckAt(lrs=0.5), E.DeviceVariation(1e3), mapping=mapping, adc=adc), found
    )


def test_a_converter_for_each_array_sees_whole_cells():
    found = estimated(adc=mj.Adc(8, range=FULL, subtract="digital"))
    np.testing.assert_allclose(found, 12.0 * 0.2 / 10e3, rtol=1e-5)


def test_the_read_is_that_of_a_bound_in_weights_and_inputs():
    """y = clip(round(x W / q) q, +-b) with b = factor max |W| max |x|, q = b / (2^(B-1) - 1), of each tile."""
    x = np.random.default_rng(1).uniform(-1, 1, (50, 8)).astype(np.float32)
    matrix = W[:8]
    for factor in (0.5, 1.0):
        adc = mj.Adc(6, range=mj.converters.RelativeToWeights(factor))
        spec = mj.Hardware(tile=(8, 12), dac=mj.Dac(range=1.0), adc=adc)
        y = mj.matmul(spec, mj.program(spec, matrix, jax.random.key(0)), x)
        bound = factor * np.abs(matrix).max()
        q = bound / 31
        wanted = np.clip(np.rint(x @ matrix / q) * q, -bound, bound)
        same = np.isclose(y, wanted, rtol=1e-4, atol=1e-4 * bound)
        assert same.mean() > 0.99  # ties
        assert (np.abs(x @ matrix) > bound).mean() > 0.02  # what clips


def test_factors_are_swept_and_differentiated():
    def range_of(factor):
        adc = mj.Adc(8, range=mj.converters.RelativeToWeights(factor))
        return mj.program(mj.Hardware(tile=(8, 8), adc=adc), W, jax.random.key(0))["adc_range"]

    factors = np.array([1.0, 12.0])
    np.testing.assert_allclose(jax.jit(jax.vmap(range_of))(factors), factors * 0.2 * SPAN, rtol=1e-5)
    np.testing.assert_allclose(jax.grad(range_of)(3.0), 0.2 * SPAN, rtol=1e-5)


def test_calibration_leaves_it_and_other_converters_refuse_it():
    spec = mj.Hardware(tile=(8, 8), adc=mj.Adc(8, range=FULL))
    analog = mj.crossbarify(lambda w, x: x @ w, spec)
    x = np.ones((2, 20), np.float32)
    chip = analog.program(W, jax.random.key(0), x)
    calibrated = analog.calibrate(chip, W, x)
    (before,), (after,) = chip.values(), calibrated.values()
    np.testing.assert_array_equal(before["adc_range"], after["adc_range"])
    assert "12.0 times the largest weight" in str(analog.plan(W, x))
    with pytest.raises(TypeError, match="Dac.range must be None, a positive number or Dynamic"):
        mj.Dac(range=FULL)
    with pytest.raises(ValueError, match="RelativeToWeights.factor"):
        mj.converters.RelativeToWeights(0.0)
    without = {part: held for part, held in before.items() if part != "adc_range"}
    with pytest.raises(ValueError, match="chip must hold 'adc_range'"):
        mj.matmul(spec, without, x)
