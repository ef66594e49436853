"""Converters: the closed form of the survey against hwcomponents-adc 1.0.21 and its limits, and resized converters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from memjax.cost import Component, SarAdc, SurveyAdc

# Bits, node [m], rate [Hz]; area [um2], energy of a conversion [pJ] and leakage [uW] as hwcomponents-adc 1.0.21 gives.
MEASURED = [
    (8, 32e-9, 1e9, 5971.633160744542, 1.3709695758146885, 342.7423939536721),
    (8, 32e-9, 1.28e9, 6469.268490676524, 1.5433693196946494, 493.8781823022878),
    (4, 32e-9, 1e9, 4963.785969612363, 0.7389994664760049, 184.7498666190012),
    (6, 65e-9, 1e8, 10288.778635179107, 3.229118848120633, 80.72797120301584),
    (10, 22e-9, 1e7, 1766.1207151508027, 1.30900580084189, 3.2725145021047246),
    (12, 130e-9, 1e6, 23282.175041935563, 80.06319340563267, 20.015798351408165),
    (5, 7e-9, 2e9, 531.0730146294884, 0.04300909976495729, 21.504549882478646),
]


@pytest.mark.parametrize(("bits", "node", "rate", "area", "energy", "leakage"), MEASURED)
def test_the_closed_form_is_that_of_the_survey(bits, node, rate, area, energy, leakage):
    one = SurveyAdc(node, rate).component(bits)
    np.testing.assert_allclose(1e12 * one.area, area, rtol=3e-5)
    np.testing.assert_allclose(1e12 * one.energy, energy, rtol=3e-5)
    np.testing.assert_allclose(1e6 * one.leakage, leakage, rtol=3e-5)
    assert one.latency == 1.0 / rate


def test_sources_disagree_about_one_converter():
    one = SurveyAdc(32e-9, 1e9).component(8)
    np.testing.assert_allclose(one.area_range, (1200e-12, 6469e-12), rtol=1e-3)
    total = one.energy + one.leakage * one.latency
    factors = np.asarray(one.energy_range) / one.energy
    np.testing.assert_allclose(factors * total, (1.5625e-12, 15.625e-12), rtol=1e-3)


def test_slow_converters_cost_the_same_energy_and_fast_ones_pay_for_speed():
    # Below the corner the figure of merit holds; above, FOM falls by 2.87190304 ln f: E ~ f^(0.287190304 ln 10).
    energy = jax.vmap(lambda rate: SurveyAdc(32e-9, rate).component(8).energy)(jnp.array([1e4, 1e6, 4e9, 8e9]))
    np.testing.assert_allclose(energy[0], energy[1], rtol=1e-6)
    np.testing.assert_allclose(energy[3] / energy[2], 2.0 ** (0.287190304 * np.log(10.0)), rtol=1e-4)


def test_node_is_a_power_law():
    small, large = (SurveyAdc(node, 1e6).component(8) for node in (32e-9, 64e-9))
    np.testing.assert_allclose(large.energy / small.energy, 2.0**1.880036921, rtol=1e-4)
    np.testing.assert_allclose(large.area / small.area, 2.0 ** (0.9932794745 + 0.2991242619 * 1.880036921), rtol=1e-4)


def test_energy_descends_in_bits_and_rate():
    with jax.enable_x64(True):
        energy = lambda bits, rate: 1e12 * SurveyAdc(32e-9, 1e9 * rate).component(bits).energy
        for point in ((6.5, 2.0), (8.0, 0.5), (8.3, 1.5)):
            slopes = jax.grad(energy, (0, 1))(*point)
            for axis, slope in enumerate(slopes):
                step = 1e-5 * np.eye(2)[axis]
                ends = [energy(*(np.asarray(point) + sign * step)) for sign in (1.0, -1.0)]
                np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-5, rtol=1e-6, atol=1e-9)


def test_arrays_of_bits_are_many_converters():
    bits = jnp.arange(4.0, 13.0)
    many, mapped = SurveyAdc().component(bits), jax.jit(jax.vmap(SurveyAdc().component))(bits)
    np.testing.assert_allclose(many.area, mapped.area, rtol=1e-5)
    assert (np.diff(many.energy) > 0.0).all()
    assert (np.diff(many.area) > 0.0).all()


@pytest.mark.parametrize("bits", [3, 21, -1.0, np.nan])
def test_the_survey_has_its_range_of_bits(bits):
    with pytest.raises(ValueError, match=r"SurveyAdc.component: bits must be finite and in \[4, 20\]"):
        SurveyAdc().component(bits)


def test_resized_converters_follow_the_capacitive_dac():
    reference = Component(1200e-12, 1.6667e-12, 1e-9, 1e-6, "8 bits")
    adc = SarAdc(reference)
    # As hwcomponents-library 1.0.58 resizes the converter of ISAAC: pJ and um2 of 4, 6, 8 and 10 bits.
    for bits, energy, area in ((4, 0.79, 361.04), (6, 1.20, 626.91), (8, 1.6667, 1200.0), (10, 2.379, 3002.0)):
        one = adc.component(bits)
        np.testing.assert_allclose(1e12 * one.energy, energy, rtol=1e-2)
        np.testing.assert_allclose(1e12 * one.area, area, rtol=1e-2)
        assert one.latency == reference.latency
    slope = jax.grad(lambda bits: 1e12 * adc.component(bits).energy)(8.0)
    np.testing.assert_allclose(slope, 1.6667 * ((1 - 0.065) / 8 + 0.065 * np.log(2.0)), rtol=1e-5)


@pytest.mark.parametrize("bits", [0.5, 33, np.nan])
def test_resized_converters_have_a_range_of_bits(bits):
    adc = SarAdc(Component(1200e-12, 1.6667e-12, 1e-9, 1e-6, "8 bits"))
    with pytest.raises(ValueError, match=r"SarAdc.component: bits must be finite and in \[1, 32\]"):
        adc.component(bits)
