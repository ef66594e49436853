"""Write-verify of every model and preset without being told how: what is reached, by which pulses, at what energy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from memjax import devices as md
from memjax import programming as mp

PRESETS = {
    "linear drift": lambda: md.LinearIonDrift.biolek_soft(window=None),
    "linear drift soft": md.LinearIonDrift.biolek_soft,
    "linear drift hard": md.LinearIonDrift.biolek_hard,
    "linear drift Technion": md.LinearIonDrift.technion,
    "VTEAM": md.VTEAM.pt_hf_ti,
    "VTEAM ferroelectric": md.VTEAM.ferroelectric,
    "VTEAM MemTorch": md.VTEAM.memtorch,
    "VTEAM reversed": lambda: md.VTEAM.pt_hf_ti(v_off=-0.5, v_on=0.53),
    "TEAM": md.TEAM.simmons_fit,
    "Simmons": md.Simmons.pickett,
    "Yakopcic": md.Yakopcic.oblea,
    "Yakopcic pulsed": md.Yakopcic.oblea_pulsed,
    "Yakopcic TaOx": md.Yakopcic.miao,
    "Yakopcic Ag/a-Si": md.Yakopcic.jo,
    "Stanford-PKU": md.StanfordPKU.needs,
    "Stanford-PKU in series": lambda: md.Series(md.StanfordPKU.needs(), 1e3),
    "data-driven": md.DataDriven.tiox,
    "CBRAM": md.CBRAM.yu_wong,
    "memdiode": md.Memdiode.aguirre,
    "JART VCM": md.JARTVCM.tud,
    "JART VCM port": md.JARTVCM.port,
}
SLOW = {"memdiode", "JART VCM", "JART VCM port", "Stanford-PKU in series"}  # solve for an inner voltage at every step


@pytest.mark.parametrize(
    "make", [pytest.param(make, id=name, marks=[pytest.mark.slow] * (name in SLOW)) for name, make in PRESETS.items()]
)
def test_every_preset_is_written_from_both_ends(make):
    """All targets between 2 and 98 % of the range, to 1 %, by pulses of 1 ns to 1 s that take the energy of few
    full transitions."""
    device = make()
    low, high = device.conductance_bounds
    spec = mp.WriteVerify(device)
    target, state = jnp.meshgrid(low + (high - low) * jnp.linspace(0.02, 0.98, 7), jnp.array([0.0, 1.0]))
    result = spec.program(target, jax.random.key(0), state)
    assert not result.failed.any()
    assert jnp.max(jnp.abs(result.conductance - target)) <= 0.0101 * (high - low)
    np.testing.assert_allclose(device.conductance(result.state), result.conductance, rtol=1e-4)
    assert jnp.all((result.pulses > 0) & (result.pulses < 200))
    transitions = spec.set_ramp.transition + spec.reset_ramp.transition
    assert jnp.all(result.energy < 100 * transitions)
    assert 1e-16 < transitions < 0.2
    for ramp in (spec.set_ramp, spec.reset_ramp):
        assert jnp.all((ramp.width >= 0.999e-9) & (ramp.width <= 1.001))
        assert jnp.all((ramp.start > 1e-3) & (ramp.stop < 40))


FAST = [md.VTEAM.ferroelectric, md.Yakopcic.oblea, md.DataDriven.tiox, md.CBRAM.yu_wong, md.TEAM.simmons_fit]


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("make", FAST)
def test_the_first_pulse_moves_every_cell_gently(make, direction, x64):
    """By `move` of the range, or less where the cell speeds up; never much more, and nowhere nothing."""
    device = make()
    ramp = mp.Ramp.matched(device, direction, move=1e-4)
    low, high = device.conductance_bounds
    before = low + (high - low) * jnp.linspace(0.05, 0.95, 91)
    pulses = ramp.at(before)
    volts = direction * device.set_polarity * pulses.amplitude(0)
    after = device.conductance(md.apply_pulse(device, device.state_at(before), volts, pulses.duration(0)))
    moved = direction * (after - before)
    np.testing.assert_allclose(moved / pulses.move, 1, atol=0.3)
    assert jnp.all(pulses.move <= 1.001e-4 * (high - low))


def test_the_energy_of_a_transition_is_charge_times_voltage():
    """Linear drift takes the charge D^2/(mu R_on) to cross its oxide, whatever the voltage."""
    device = md.LinearIonDrift.biolek_soft(window=None)
    for volts in (1.0, 0.5):
        ramp = mp.Ramp.matched(device, 1, start=volts)
        np.testing.assert_allclose(ramp.transition, volts * 1e-4, rtol=0.05)


def test_a_ramp_asks_for_little_where_the_cell_runs_away():
    """TEAM at a fixed voltage speeds up with the power alpha of its current: e-fold over some G/(alpha + 1), also a
    little of the bend of the exponential; decelerating RESET knows no such limit."""
    device = md.TEAM.simmons_fit()
    up, down = (mp.Ramp.matched(device, direction) for direction in (1, -1))
    inner = slice(4, -4)
    share = up.stride[inner] / up.levels[inner]
    assert jnp.all((share > 0.5 / 14) & (share < 0.5 / 11))
    assert jnp.all(down.stride > 2 * up.stride)


@pytest.mark.parametrize("resistance", [10.0, 1e3])
def test_series_asks_for_what_its_device_needs(resistance):
    """In the LRS, at either voltage, the device itself sees its own write voltage."""
    device = md.Series(md.VTEAM.pt_hf_ti(), resistance)
    for volts, own, direction in zip(device.write_voltages, device.device.write_voltages, (1, -1), strict=True):
        inner = device.inner_voltage(0.0, direction * device.set_polarity * volts)
        np.testing.assert_allclose(jnp.abs(inner), own, rtol=1e-4)
    limited = md.Series(md.VTEAM.pt_hf_ti(), resistance, compliance=1e-4)
    assert limited.write_voltages[0] < device.write_voltages[0]


@pytest.mark.parametrize("window", [md.windows.Joglekar(1.0), md.windows.Prodromakis(5.0)])
@pytest.mark.parametrize("state", [0.0, 1.0])
def test_a_state_that_its_window_holds_is_backed_off(window, state):
    """From the bound itself, which nothing leaves, and without ever being caught there again."""
    device = md.LinearIonDrift.biolek_soft(window=window)
    low, high = device.conductance_bounds
    target = jnp.stack([low, low + 0.5 * (high - low), high])
    result = mp.write_verify(device, target, jax.random.key(0), state)
    assert not result.failed.any()
    assert jnp.all((result.state > 0) & (result.state < 1))
    free = mp.write_verify(md.LinearIonDrift.biolek_soft(window=None), target, jax.random.key(0), state)
    assert free.state[0 if state == 0 else 2] == state


def test_a_state_that_can_leave_stays_where_it_is():
    result = mp.write_verify(
        md.LinearIonDrift.biolek_hard(), jnp.array([2e-4, 1e-2]), jax.random.key(0), jnp.array([0.0, 1.0])
    )
    np.testing.assert_array_equal(result.state, [0.0, 1.0])


@pytest.mark.parametrize(
    ("device", "message"),
    [
        (md.STTMRAM.textbook(), "WriteVerify.device: STTMRAM is binary"),
        (md.Series(md.STTMRAM.textbook(), 10.0), "Series is binary"),
        (md.PCM.joshi(), "no voltage moves PCM: it cannot be written by pulses"),
    ],
)
def test_what_pulses_cannot_write_is_refused(device, message):
    with pytest.raises(ValueError, match=message):
        mp.WriteVerify(device)
