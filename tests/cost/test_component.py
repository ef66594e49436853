import jax
import jax.numpy as jnp
import numpy as np
import pytest

from memjax.cost import Component, Inventory

ADC = Component(area=1200e-12, energy=1.5e-12, latency=1e-9, leakage=1e-4, source="a table, 32 nm")


def test_power_is_that_of_use_without_pause():
    assert ADC.power == pytest.approx(1.5e-3 + 1e-4, rel=1e-12)
    still = Component(area=1.0, energy=1.0, latency=0.0, leakage=2e-3, source="x")
    assert still.power == 2e-3


def test_scaling_scales_numbers_and_ranges():
    wide = Component(1e-9, 1e-12, 1e-9, 1e-6, "x", area_range=(1e-10, 2e-9), energy_range=(1e-12, 4e-12))
    scaled = wide.scaled(area=2.0, energy=3.0, latency=5.0, leakage=7.0)
    assert (scaled.area, scaled.energy, scaled.latency, scaled.leakage) == (2e-9, 3e-12, 5e-9, pytest.approx(7e-6))
    assert scaled.area_range == (2e-10, 4e-9)
    assert scaled.energy_range == (3e-12, pytest.approx(12e-12))
    assert scaled.source == "x"


def test_every_number_is_a_leaf():
    assert jax.tree.leaves(ADC) == [1200e-12, 1.5e-12, 1e-9, 1e-4]
    many = jax.vmap(lambda e: ADC.scaled(energy=e))(jnp.arange(1.0, 4.0))
    np.testing.assert_allclose(many.energy, 1.5e-12 * np.arange(1.0, 4.0), rtol=1e-6)
    slope = jax.grad(lambda component: 3.0 * component.power)(ADC)
    np.testing.assert_allclose(slope.energy, 3.0 / ADC.latency, rtol=1e-6)
    np.testing.assert_allclose(slope.leakage, 3.0, rtol=1e-6)


@pytest.mark.parametrize("name", ["area", "energy", "latency", "leakage"])
@pytest.mark.parametrize("value", [-1e-12, np.nan, np.inf])
def test_negative_and_infinite_constants_are_refused(name, value):
    numbers = {"area": 0.0, "energy": 0.0, "latency": 0.0, "leakage": 0.0, name: value}
    with pytest.raises(ValueError, match=rf"Component.{name} must be finite and in \[0, inf\]"):
        Component(**numbers, source="x")


def test_a_component_without_source_is_refused():
    with pytest.raises(TypeError, match="Component.source must be a text that is not empty"):
        Component(0.0, 0.0, 0.0, 0.0, " ")


@pytest.mark.parametrize("bounds", [(2.0, 3.0), (0.1, 0.5), (3.0, 0.1)])
def test_a_range_holds_its_number(bounds):
    with pytest.raises(ValueError, match="Component.energy_range must hold Component.energy=1.0"):
        Component(0.0, 1.0, 0.0, 0.0, "x", energy_range=bounds)


def test_inventories_add_up_through_all_levels():
    core = Inventory({"adc": (8, ADC), "driver": (2, ADC.scaled(area=0.5))})
    chip = Inventory({"core": (3, core), "adc": (0.25, ADC)})
    np.testing.assert_allclose(chip.area, (3 * 8 + 3 * 2 * 0.5 + 0.25) * ADC.area, rtol=1e-12)
    np.testing.assert_allclose(chip.power, (3 * 10 + 0.25) * ADC.power, rtol=1e-12)
    np.testing.assert_allclose(chip.leakage, (3 * 10 + 0.25) * ADC.leakage, rtol=1e-12)
    assert chip.counts() == {"adc": 24.25, "driver": 6.0}


@pytest.mark.parametrize("parts", [{}, [ADC], {"adc": ADC}, {"adc": (1, 2)}, {"adc": ("1", ADC)}])
def test_inventories_refuse_other_forms(parts):
    with pytest.raises(TypeError, match=r"Inventory.parts must be a dict of \(count, Component or Inventory\)"):
        Inventory(parts)


def test_inventories_refuse_negative_counts():
    with pytest.raises(ValueError, match=r"Inventory.parts\['adc'\]: count must be finite and in \[0, inf\], got -1"):
        Inventory({"adc": (-1, ADC)})
