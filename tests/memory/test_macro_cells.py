"""Cells: NVSim's files, devices of memjax, and what is refused."""

import dataclasses

import jax
import numpy as np
import pytest

import memjax as mj
from memjax import memory

RRAM = """
// a comment
-MemCellType: memristor
-CellArea (F^2): 4
-CellAspectRatio: 1
-ResistanceOnAtSetVoltage (ohm): 100000
-ResistanceOffAtSetVoltage (ohm): 10000000
-ResistanceOnAtResetVoltage (ohm): 100000
-ResistanceOnAtReadVoltage (ohm): 1000000
-ResistanceOffAtReadVoltage (ohm): 10000000
-ResistanceOnAtHalfResetVoltage (ohm): 500000
-CapacitanceOn (F): 1e-16
-CapacitanceOff (F): 0.5e-16
-ReadMode: current
-ReadVoltage (V): 0.4
-ReadPower (uW): 0.16
-ResetMode: voltage
-ResetVoltage (V): 2.0
-ResetPulse (ns): 10
-ResetEnergy (pJ): 0.6
-SetMode: voltage
-SetVoltage (V): 2.0
-SetPulse (ns): 10
-SetEnergy (pJ): 0.6 // each
-AccessType: None
-ReadFloating: false
"""


def test_file_is_the_sample(tmp_path):
    path = tmp_path / "rram.cell"
    path.write_text(RRAM)
    wanted = memory.MemoryCell.rram()
    for cell in (memory.read_cell(RRAM), memory.read_cell(path)):
        for name, value in vars(wanted).items():
            found = getattr(cell, name)
            assert found == (pytest.approx(value) if isinstance(value, float) else value), name


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("CellArea (F^2): 4", "CellArea (um^2): 4", "line 4 .*unit of CellArea"),
        ("-CellAspectRatio: 1", "-CellAspectRatio: one", "line 5 .*CellAspectRatio must be a number"),
        ("AccessType: None", "AccessType: BJT", "line 25 .*AccessType must be one of CMOS, diode"),
        ("-ReadFloating: false", "-RaedFloating: false", "line 26 .*RaedFloating"),
        ("-CellArea (F^2): 4\n", "", "CellArea"),
        ("memristor", "SLCNAND", "line 3 .*MemCellType"),
        ("-ReadVoltage (V): 0.4\n", "", "read_voltage must be given"),
    ],
)
def test_bad_file(old, new, message):
    with pytest.raises(ValueError, match=message):
        memory.read_cell(RRAM.replace(old, new))


def test_missing_file(tmp_path):
    with pytest.raises(ValueError, match="source must be a file"):
        memory.read_cell(tmp_path / "none.cell")


def test_device_measured_by_its_pulses():
    """A slow device: energies are V^2 t over a resistance between LRS and HRS, currents V over the LRS at most."""
    device, volts, pulse = mj.devices.LinearIonDrift.technion(), 2.0, 1e4
    ends = [1.0 / float(bound) for bound in device.conductance_bounds]
    cell = memory.MemoryCell.from_device(
        device, set_voltage=volts, set_pulse=pulse, reset_voltage=volts, reset_pulse=pulse, area=30.0
    )
    assert cell.area == 30.0
    assert cell.kind == "rram"
    assert ends[1] <= cell.r_on * 1.001
    assert 10 * cell.r_on < cell.r_off <= ends[0] * 1.001
    for which in ("set", "reset"):
        energy = getattr(cell, f"{which}_energy")
        assert volts**2 * pulse / ends[0] < energy < volts**2 * pulse / ends[1]
        assert getattr(cell, f"{which}_current") <= volts / ends[1] * 1.001


def test_shortest_pulse_reaches_the_end():
    device = mj.devices.VTEAM.pt_hf_ti()
    cell = memory.MemoryCell.from_device(device, set_voltage=1.0, reset_voltage=1.2)
    state = mj.apply_pulse(
        device, device.state_at(device.conductance_bounds[0]), float(device.set_polarity) * 1.0, cell.set_pulse
    )
    low, high = device.conductance_bounds
    assert float(high - device.conductance(state)) <= 0.05 * float(high - low)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "flash"}, "kind must be one of"),
        ({"r_on": None}, "r_on must be given"),
        ({"r_on": 1e8}, "r_on must be smaller"),
        ({"access": "cmos"}, "access_width must be given"),
        ({"read_voltage": None}, "read_voltage must be given"),
        ({"set_voltage": None}, "set_voltage must be given"),
        ({"area": -4.0}, "area must be"),
    ],
)
def test_bad_cell(change, message):
    with pytest.raises(ValueError, match=message):
        memory.MemoryCell(**(vars(memory.MemoryCell.rram()) | change))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"capacity": 2**19 + 1}, "capacity must be a power of two"),
        ({"word": 100}, "word must be a power of two"),
        ({"capacity": 64}, "word must be at most half"),
        ({"objective": "speed"}, "objective must be one of"),
        ({"organisation": memory.Organisation(muxes=(1, 1, 1))}, "organisation must be one that"),
        ({"organisation": memory.Organisation((512, 512))}, "organisation must be one that"),
        ({"design": memory.Design(erase_first=True), "cell": memory.MemoryCell.stt()}, "erase_first must be False"),
        (
            {"design": memory.Design(routing="bus", internal_sensing=False), "cell": memory.MemoryCell.sram()},
            "internal_sensing must be True",
        ),
    ],
)
def test_bad_macro(arguments, message):
    cell, process = memory.MemoryCell.rram(), memory.process(45e-9, "HP", 350.0)
    with pytest.raises(ValueError, match=message):
        memory.macro(**({"capacity": 2**19, "word": 64, "cell": cell, "technology": process} | arguments))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"node": 10e-9}, "node must be"),
        ({"temperature": 299.0}, "temperature must be"),
        ({"temperature": 401.0}, "temperature must be"),
        ({"roadmap": "LP"}, "roadmap must be one of"),
        ({"constants": "wrong"}, "constants must be one of"),
    ],
)
def test_bad_process(arguments, message):
    with pytest.raises(ValueError, match=message):
        memory.process(**({"node": 45e-9} | arguments))


def test_bad_design_and_organisation():
    with pytest.raises(ValueError, match="internal_sensing must be True unless"):
        memory.Design(internal_sensing=False)
    with pytest.raises(ValueError, match="powers of two"):
        memory.Organisation(mats=(3, 1))
    with pytest.raises(ValueError, match="active_mats must be no more"):
        memory.Organisation(mats=(2, 1), active_mats=(1, 2))


def test_mistyped_currents():
    """Between their neighbours when corrected, as NVSim has them otherwise; wires and interpolation at known points."""
    for node, roadmap, kelvin, name, typed, meant in (
        (90e-9, "LSTP", 320.0, "off_n", 9.91e-5, 9.91e-6),
        (65e-9, "LOP", 370.0, "off_p", 0.0109, 0.0409),
        (90e-9, "LOP", 310.0, "off_n", 0.0026, 0.00276),
    ):
        assert getattr(memory.process(node, roadmap, kelvin, "nvsim"), name) == pytest.approx(typed)
        fixed = memory.process(node, roadmap, kelvin)
        assert getattr(fixed, name) == pytest.approx(meant)
        around = [getattr(memory.process(node, roadmap, kelvin + by), name) for by in (-10.0, 10.0)]
        assert around[0] < getattr(fixed, name) < around[1]


def test_process_between_nodes():
    low, middle, high = (memory.process(node) for node in (45e-9, 55e-9, 65e-9))
    assert middle.vdd == pytest.approx(1.05)
    assert middle.off_n == pytest.approx(np.sqrt(low.off_n * high.off_n))
    assert middle.wire("global_aggressive").resistance == pytest.approx(high.wire("global_aggressive").resistance)
    assert low.wire("local_aggressive").resistance == pytest.approx(8.9525e6, 1e-4)
    assert low.wire("local_aggressive").capacitance == pytest.approx(0.2776e-9, 1e-4)


def test_an_organisation_that_cannot_be_is_refused_in_a_gradient_too():
    cell, technology = memory.MemoryCell.rram(), memory.process(45e-9)
    tiny = memory.Organisation(mats=(16, 16), muxes=(256, 256, 1))

    def area(size):
        made = dataclasses.replace(cell, area=size)
        return memory.macro(2**12, 64, made, technology, organisation=tiny).area

    with pytest.raises(ValueError, match="organisation must be one that"):
        jax.grad(area)(4.0)
