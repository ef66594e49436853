"""Published chips from their published tables."""

import numpy as np

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
