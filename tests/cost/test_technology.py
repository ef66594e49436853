import jax
import numpy as np
import pytest

from memjax.cost import Technology, technology

PARTS = ("driver", "sample_hold", "shift_add", "buffer", "register", "activation", "network")


def test_names_and_nodes_find_technologies():
    assert technology("isaac").name == "isaac"
    assert technology(22e-9).node == 22e-9
    given = Technology.isaac()
    assert technology(given) is given


@pytest.mark.parametrize("name", ["3nm", "ISAAC", ""])
def test_an_unknown_name_is_answered_with_those_that_exist(name):
    with pytest.raises(ValueError, match="technology must be one of 'isaac', 'puma', 'mnsim', 'generic', a node"):
        technology(name)


@pytest.mark.parametrize("node", [0.0, -22e-9, 22.0, np.nan, 1e-9])
def test_a_node_out_of_range_is_refused(node):
    with pytest.raises(ValueError, match=r"technology must be finite and in \[5e-09, 3.5e-07\] m"):
        technology(node)


@pytest.mark.parametrize("value", [None, [22e-9], True])
def test_anything_else_is_no_technology(value):
    with pytest.raises(TypeError, match="technology must be"):
        technology(value)


def test_at_32_nm_the_digital_parts_are_those_of_isaac():
    scaled, isaac = Technology.generic(32e-9), Technology.isaac()
    for name in PARTS:
        one, other = getattr(scaled, name), getattr(isaac, name)
        for quantity in ("area", "energy", "latency", "leakage"):
            np.testing.assert_allclose(getattr(one, quantity), getattr(other, quantity), rtol=1e-12)
    np.testing.assert_allclose(scaled.cell_area, isaac.cell_area)


def test_digital_parts_scale_with_the_node():
    large, small = Technology.generic(32e-9), Technology.generic(16e-9)
    for name in PARTS:
        one, other = getattr(small, name), getattr(large, name)
        np.testing.assert_allclose(one.area / other.area, 0.25, rtol=1e-12)
        np.testing.assert_allclose(one.energy / other.energy, 0.5, rtol=1e-12)
        np.testing.assert_allclose(one.energy_range[0] / (other.energy_range or (other.energy,))[0], 0.125, rtol=1e-6)


def test_levels_of_a_driver_double_the_capacitors_of_its_dac():
    isaac = Technology.isaac()
    assert isaac.word_line_driver(1).energy == isaac.driver.energy
    # 6.5 % of the 1.5625 pJ of the converter, 45.5 % of its 1200 um2.
    for bits in (4, 9):
        more = (2**bits - 2) / 256
        np.testing.assert_allclose(
            isaac.word_line_driver(bits).energy, isaac.driver.energy + more * 0.065 * 1.5625e-12, rtol=1e-6
        )
        np.testing.assert_allclose(
            isaac.word_line_driver(bits).area, isaac.driver.area + more * 0.455 * 1200e-12, rtol=1e-6
        )


def test_what_is_not_counted_is_said():
    assert "dram" in Technology.isaac().excluded
    assert Technology.mnsim().excluded[:3] == ("activation", "network", "dram")
    assert "dram" not in Technology.generic().excluded
    assert "control" in Technology.generic().excluded


def test_costs_descend_on_the_node_inside_jit():
    cost = jax.jit(jax.grad(lambda node: 1e12 * technology(node).adc.component(8.0).energy))
    step = 1e-12
    ends = [1e12 * technology(32e-9 + sign * step).adc.component(8.0).energy for sign in (1e3, -1e3)]
    np.testing.assert_allclose(cost(32e-9), (ends[0] - ends[1]) / 2e-9, rtol=1e-2)


def test_nodes_run_side_by_side():
    nodes = np.array([16e-9, 32e-9, 65e-9])
    many = jax.vmap(Technology.generic)(nodes)
    np.testing.assert_allclose(many.buffer.area, [Technology.generic(node).buffer.area for node in nodes], rtol=1e-5)
    np.testing.assert_allclose(many.adc.component(6).area, [technology(n).adc.component(6).area for n in nodes], 1e-4)


def test_every_component_says_where_it_is_from():
    for make in (Technology.isaac, Technology.puma, Technology.mnsim, Technology.generic):
        for name, component in make().components(8).items():
            assert "32 nm" in component.source or "(20" in component.source, name


def test_components_of_another_kind_are_refused():
    parts = vars(Technology.isaac())
    with pytest.raises(TypeError, match=r"Technology.driver must be a Component"):
        Technology(**{**parts, "driver": 1.0})
    with pytest.raises(ValueError, match=r"Technology.columns_per_adc must be finite and in \[1, inf\]"):
        Technology(**{**parts, "columns_per_adc": 0})
