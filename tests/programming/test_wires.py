"""Writing through resistive wires, against the nodal equations of the array."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nodal import nodal

import memjax as mj
from memjax import devices as md
from memjax import programming as mp

WIRES = mj.Wires(row=1.0, column=2.0, source=5.0, sense=3.0)
DEVICE = md.VTEAM.pt_hf_ti()  # its current is ohmic


@pytest.mark.parametrize("both", [False, True])
def test_a_cell_alone_has_the_resistance_of_its_lines_in_series(both):
    wires = mj.Wires(1.0, 2.0, 5.0, 3.0, double_drive=both, double_sense=both)
    path = wires.path(4, 3, jnp.float32)
    assert path.shape == (4, 3)
    for at in np.ndindex(4, 3):
        alone = np.zeros((4, 3))
        alone[at] = 1e-2
        found = nodal(alone, np.ones(4), wires)
        np.testing.assert_allclose((found.word - found.bit)[at], 1 / (1 + 1e-2 * path[at]), rtol=1e-6)


def test_operating_point_is_that_of_the_nodal_equations(x64):
    state = jax.random.uniform(jax.random.key(0), (5, 4))
    drive, ground = jnp.linspace(-1.0, 1.0, 5), jnp.linspace(0.0, 0.3, 4)
    found = mj.circuit.operating_point(DEVICE, state, drive, WIRES, sense_voltage=ground)
    wanted = nodal(DEVICE.conductance(state), drive, WIRES, ground)
    assert found.converged
    np.testing.assert_allclose(found.cell_voltage, wanted.word - wanted.bit, atol=1e-11)
    np.testing.assert_allclose(found.current, wanted.current, atol=1e-13)
    np.testing.assert_allclose(found.source_current, wanted.source_current, atol=1e-13)


@pytest.mark.parametrize("scheme", ["v/2", "v/3"])
def test_a_pulse_meets_every_cell_at_its_own_voltage(scheme, x64):
    """One pulse on one cell: that cell and all that are disturbed end where the nodal voltages take them."""
    state = jax.random.uniform(jax.random.key(0), (4, 3), minval=0.3, maxval=0.7)
    target = DEVICE.conductance(state).at[1, 2].set(9e-3)
    spec = mp.WriteVerify(DEVICE, scheme=scheme, max_pulses=1)
    done = spec.program(target, jax.random.key(0), state, WIRES)
    np.testing.assert_array_equal(np.argwhere(done.pulses > 0), [[1, 2]])
    first = spec.set_ramp.at(DEVICE.conductance(state)[1, 2])
    volts = float(DEVICE.set_polarity * first.start)
    word, bit = {"v/2": (1 / 2, 1 / 2), "v/3": (1 / 3, 2 / 3)}[scheme]
    drive, ground = np.full(4, word * volts), np.full(3, bit * volts)
    drive[1], ground[2] = volts, 0.0
    found = nodal(DEVICE.conductance(state), drive, WIRES, ground)
    wanted = md.apply_pulse(DEVICE, state, found.word - found.bit, first.width)
    np.testing.assert_allclose(done.state, wanted, atol=1e-9)
    begin = np.sum(drive * found.source_current) - np.sum(ground * found.current)
    assert begin * first.width <= done.energy[1, 2] < 1.1 * begin * first.width


@pytest.mark.parametrize("scheme", ["1t1r", "v/2", "v/3"])
def test_without_resistance_nothing_changes(scheme):
    target = jax.random.uniform(jax.random.key(1), (3, 3), minval=1e-3, maxval=9e-3)
    spec = mp.WriteVerify(DEVICE, scheme=scheme)
    one, other = (spec.program(target, jax.random.key(0), wires=wires) for wires in (None, mj.Wires()))
    np.testing.assert_array_equal(one.pulses, other.pulses)
    np.testing.assert_allclose(one.conductance, other.conductance, rtol=1e-4)
    np.testing.assert_allclose(one.energy, other.energy, rtol=1e-3)


def test_cells_far_from_their_drivers_take_more_pulses_and_energy():
    target = jnp.full((8, 8), 8e-3)
    near, far = (
        mp.WriteVerify(DEVICE).program(target, jax.random.key(0), wires=wires) for wires in (mj.Wires(), WIRES)
    )
    assert not far.failed.any()
    assert far.pulses.sum() > near.pulses.sum()
    assert far.pulses[0, -1] > far.pulses[-1, 0]
    assert far.energy[0, -1] > far.energy[-1, 0]


def test_wires_need_an_array():
    with pytest.raises(ValueError, match="wires needs targets"):
        mp.WriteVerify(DEVICE).program(5e-3, jax.random.key(0), wires=WIRES)


CHIP = mj.Hardware(
    mj.Cell(r_on=200.0, r_off=2000.0), tile=(8, 8), programming=mp.WriteVerify(DEVICE), wires=WIRES, adc=mj.Adc(8)
)


def test_a_chip_is_written_through_its_wires_and_from_where_it_stands():
    weights = jax.random.normal(jax.random.key(0), (6, 5))
    chip = mj.program(CHIP, weights, jax.random.key(1))
    without = mj.program(mj.Hardware(CHIP.cell, tile=(8, 8), programming=CHIP.programming), weights, jax.random.key(1))
    pulses = lambda chip: sum(float(p.sum()) for p in chip["writes"]["pulses"].values())
    assert pulses(chip) > pulses(without)
    again = mj.reprogram(CHIP, chip, weights, jax.random.key(2))
    assert pulses(again) == 0
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), again["conductance"], chip["conductance"])
    other = mj.reprogram(CHIP, chip, 0.9 * weights.at[0, 0].set(0.0), jax.random.key(2))
    assert 0 < pulses(other) < pulses(chip)
