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
