"""Published chips from their published tables, and networks on simulators of others from plain counts."""

import numpy as np
import pytest
from cost_anchors import LENET, VGG8, VGG8_MNSIM, Row, laid_out, mnsim, neurosim, training

from memjax.cost import isaac_node, puma_node


def rounds_to(value, published, digit):
    """Whether a value printed to `digit` is the published one."""
    return abs(value - published) <= 0.5 * digit * (1 + 1e-9)


def test_the_table_of_isaac_adds_up_to_its_node():
    """ISCA (2016): every sum of the paper, to the digits that it prints."""
    chip = isaac_node()
    tile = chip.parts["tile"][1]
    core = tile.parts["core"][1]
    assert rounds_to(12e3 * core.power, 289.0, 1.0)  # mW
    assert rounds_to(12e6 * core.area, 0.157, 1e-3)  # mm2
    assert rounds_to(1e3 * tile.power, 330.0, 1.0)
    assert rounds_to(1e6 * tile.area, 0.372, 1e-3)
    assert rounds_to(168 * tile.power, 55.4, 0.1)  # W
    assert rounds_to(168e6 * tile.area, 62.5, 0.1)
    assert rounds_to(chip.power, 65.8, 0.1)
    assert rounds_to(1e6 * chip.area, 85.4, 0.1)
    np.testing.assert_allclose(chip.power, 168 * 0.32981 + 10.4, rtol=1e-12)
    np.testing.assert_allclose(1e6 * chip.area, 168 * 0.37229 + 22.88, rtol=1e-12)
    assert chip.counts()["adc"] == 16128


def test_the_tables_of_puma_add_up_to_its_node():
    """As the simulator's own sums give: 101.29 mm2; 58.67 W, and 58.59 W without the 0.5 mW that Python 2 loses."""
    chip = puma_node()
    tile = chip.parts["tile"][1]
    np.testing.assert_allclose(1e6 * tile.parts["core"][1].area, 0.031059473294725887, rtol=1e-12)
    np.testing.assert_allclose(1e6 * tile.area, 0.4549688887807259, rtol=1e-12)
    np.testing.assert_allclose(1e6 * chip.area, 101.28877331516195, rtol=1e-12)
    np.testing.assert_allclose(1e3 * tile.leakage, 27.942983072590987, rtol=1e-12)
    np.testing.assert_allclose(chip.power, 58.670086062271796, rtol=1e-12)
    assert rounds_to(chip.power - 168 * 0.5e-3, 58.59, 0.01)


def test_crossbars_of_mnsim_are_those_of_its_counting_rule():
    """256 x 256 cells, 1 bit, 9-bit weights: 8 pairs for 28 channels of a 3 x 3 kernel and 256 outputs."""
    by_layer = [laid_out(layer).pairs for layer in VGG8_MNSIM]
    assert by_layer == [8, 40, 40, 80, 160, 304, 608, 32]
    assert sum(by_layer) == 1272
    assert [laid_out(layer).pairs for layer in LENET] == [8, 8, 16, 8, 8]


# Factors of ours to theirs; what is left out is named in the rows.
MNSIM = {
    "VGG-8 crossbars": (1.0, 1.0),
    "VGG-8 area": (0.98, 1.0),
    "VGG-8 crossbar area": (0.999, 1.001),
    "VGG-8 ADC area": (0.999, 1.001),
    "VGG-8 energy": (0.99, 1.0),
    "VGG-8 ADC energy": (0.999, 1.001),
    "VGG-8 buffer energy": (0.97, 1.0),
    "VGG-8 crossbar energy": (0.98, 1.02),
    "LeNet crossbars": (1.0, 1.0),
    "LeNet area": (0.98, 1.0),
    "LeNet crossbar area": (0.998, 1.002),
    "LeNet ADC area": (0.995, 1.005),
    "LeNet energy": (0.94, 1.0),
    "LeNet ADC energy": (0.998, 1.002),
    "LeNet buffer energy": (0.91, 1.0),
    "LeNet crossbar energy": (0.95, 1.05),
}
NEUROSIM = {
    "V1.4 VGG-8 operations": (0.9999, 1.0001),
    "V1.4 VGG-8 energy": (0.2, 5.0),
    "V1.4 VGG-8 ADC energy": (0.2, 5.0),
    "V1.4 VGG-8 ADC share of energy": (0.7, 1.4),
    "V1.4 VGG-8 accumulation energy": (0.8, 1.25),
    "V1.4 VGG-8 other energy": (0.1, 1.0),
    "V1.4 VGG-8 ADC area": (0.4, 2.5),
    "V2.1 VGG-8 epoch energy": (0.9, 1.1),
    "V2.1 VGG-8 epoch DRAM energy": (0.8, 1.25),
    "V2.1 VGG-8 epoch DRAM share": (0.9, 1.1),
    "V2.1 VGG-8 epoch weight gradient": (0.5, 2.0),
    "V2.1 VGG-8 epoch ADC energy": (0.2, 5.0),
    "V2.1 VGG-8 epoch accumulation": (0.2, 5.0),
    "V2.1 VGG-8 epoch array energy": (0.3, 3.0),
}


@pytest.mark.parametrize(
    ("rows", "bounds"),
    [(mnsim, {f"MNSIM {name}": bound for name, bound in MNSIM.items()}), (neurosim, NEUROSIM)],
    ids=["mnsim", "neurosim"],
)
def test_simulators_of_others_are_met_within_stated_factors(rows, bounds):
    found: dict[str, Row] = {row.anchor: row for row in rows()}
    assert found.keys() == bounds.keys()
    for name, (low, high) in bounds.items():
        assert low <= found[name].ratio <= high, (name, found[name].ratio)


def test_arrays_are_a_trifle_of_the_energy_of_training_and_memory_is_most_of_it():
    """NeuroSim V2.1: 0.07 % and 87 %."""
    epoch = training()
    total = sum(epoch.values())
    assert epoch["array"] / total < 0.005
    assert 0.8 < epoch["dram"] / total < 0.95
    assert sum(layer.rows * layer.outputs for layer in VGG8) == 12_973_440
