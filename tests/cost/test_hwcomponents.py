import importlib.util
import sys
from types import ModuleType, SimpleNamespace

import pytest

from memjax.cost import from_hwcomponents


class Converter:
    """Stands for a component of hwcomponents: the same attributes and the same result of an action."""

    def __init__(self, n_bits=8):
        assert n_bits >= 4, "Bits must be >= 4"
        self.area, self.leak_power, self.n_bits = 6e-9, 3e-4, n_bits

    def convert(self):
        return SimpleNamespace(energy=1e-12 * self.n_bits, latency=1e-9, throughput=1e9)

    def calibrate(self):
        return 3.0


@pytest.fixture
def package(monkeypatch):
    module = ModuleType("hwcomponents_adc")
    module.ADC = Converter
    monkeypatch.setitem(sys.modules, "hwcomponents_adc", module)


def test_an_object_becomes_a_component():
    one = from_hwcomponents(Converter(6))
    assert (one.area, one.energy, one.latency, one.leakage) == (6e-9, 6e-12, 1e-9, 3e-4)
    assert one.source.endswith("Converter, action convert")
    assert from_hwcomponents(Converter(), source="a paper").source == "a paper"


def test_a_name_is_made_by_the_package(package):
    assert from_hwcomponents("ADC", n_bits=4).energy == 4e-12


def test_a_missing_package_is_named_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "hwcomponents_adc", None)
    with pytest.raises(ImportError, match=r'pip install "memjax\[hwcomponents\]"'):
        from_hwcomponents("ADC", n_bits=8)


def test_what_is_no_component_is_refused(package):
    with pytest.raises(TypeError, match="component must be a name or an object with numbers area"):
        from_hwcomponents(3.0)
    with pytest.raises(TypeError, match="n_bits must be left out"):
        from_hwcomponents(Converter(), n_bits=8)
    with pytest.raises(ValueError, match="component must be the name of a class of hwcomponents_adc, got 'DAC'"):
        from_hwcomponents("DAC")
    with pytest.raises(ValueError, match="hwcomponents_adc.ADC refuses {'n_bits': 2}: Bits must be >= 4"):
        from_hwcomponents("ADC", n_bits=2)


def test_an_action_that_does_not_exist_or_costs_nothing_known_is_refused():
    with pytest.raises(ValueError, match="action must be a method of Converter, got 'drive'"):
        from_hwcomponents(Converter(), action="drive")
    with pytest.raises(TypeError, match="action 'calibrate' of Converter must give an energy and a latency, got 3.0"):
        from_hwcomponents(Converter(), action="calibrate")


@pytest.mark.skipif(importlib.util.find_spec("hwcomponents_adc") is None, reason="needs memjax[hwcomponents]")
def test_the_package_itself_gives_the_converter_of_the_survey():
    from memjax.cost import SurveyAdc

    theirs = from_hwcomponents("ADC", n_bits=8, tech_node=32e-9, throughput=1e9)
    ours = SurveyAdc(node=32e-9, rate=1e9).component(8)
    for quantity in ("area", "energy", "latency", "leakage"):
        assert getattr(ours, quantity) == pytest.approx(getattr(theirs, quantity), rel=3e-5)
