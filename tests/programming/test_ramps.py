"""Ramps that follow from a device, in closed form: amplitudes, durations, steps, ends, strides, energies, margins."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.constants import Boltzmann, elementary_charge

from memjax import devices as md
from memjax import programming as mp

KEY = jax.random.key(0)
LOW, HIGH = 4e-4, 1e-2  # S
THRESHOLD = md.VTEAM.pt_hf_ti(k_on=-8e-3, k_off=4e-5)
VOLTS = {1: 1.1 * 0.53, -1: 1.1 * 0.5}
RATE = {1: 8e-3 / 10e-9 * 0.1**3, -1: 4e-5 / 10e-9 * 0.1}  # du/dt at these, 1/s


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize(("move", "growth"), [(0.0025, 1.5), (0.1, 1.0001), (0.1, 1e3)])
def test_of_a_threshold_device(direction, move, growth, x64):
    """R = R_on + (R_off - R_on) u at a steady du/dt: dG/dt = 2400 ohm G^2 du/dt is e times as fast G/2 above."""
    ramp = mp.Ramp.matched(THRESHOLD, direction, move=move, growth=growth)
    g = np.asarray(ramp.levels)
    assert (g.min(), g.max()) == (pytest.approx(LOW, rel=0.03), pytest.approx(HIGH, rel=0.03))
    volts = VOLTS[direction]
    np.testing.assert_allclose(ramp.start, volts, rtol=1e-6)
    np.testing.assert_allclose(ramp.stop, 1.8 * volts, rtol=1e-6)
    reach = g / 2 if direction > 0 else HIGH - LOW  # RESET slows down
    first = np.minimum(move * (HIGH - LOW), 0.25 * reach)
    np.testing.assert_allclose(ramp.move, first, rtol=1e-5)
    np.testing.assert_allclose(ramp.stride, 0.5 * reach + 0 * g, rtol=1e-5)
    np.testing.assert_allclose(ramp.width, first / (2400 * g**2 * RATE[direction]), rtol=1e-5)
    assert ramp.longest == 1.0
    # Half of the growth by the duration; half by the amplitude, in steps of 0.5 to 5 % of it.
    assert ramp.growth**2 == pytest.approx(growth)
    power, threshold = (3, 0.53) if direction > 0 else (1, 0.5)
    step = 0.5 * np.log(growth) / (power / (volts - threshold))
    np.testing.assert_allclose(ramp.step, np.clip(step, 0.005 * volts, 0.05 * volts), rtol=0.06)
    # v^2 G for the time that dG takes: v^2/(2400 ohm du/dt) ln(G_max/G_min).
    joule = volts**2 / (2400 * RATE[direction]) * np.log(HIGH / LOW)
    assert ramp.transition == pytest.approx(joule, rel=0.01)


def test_of_a_writer_by_default():
    """A quarter of the tolerance with the first pulse, a hundred transitions there and back."""
    for tolerance, options in ((0.01, {}), (0.04, {"tolerance": 0.04})):
        spec = mp.WriteVerify(THRESHOLD, **options)
        assert (spec.tolerance, spec.max_pulses, spec.scheme) == (pytest.approx(tolerance), 300, "1t1r")
        for ramp, direction in ((spec.set_ramp, 1), (spec.reset_ramp, -1)):
            first = 0.25 * tolerance * (HIGH - LOW)
            reach = ramp.levels / 2 if direction > 0 else HIGH - LOW
            np.testing.assert_allclose(ramp.move, np.minimum(first, 0.25 * reach), rtol=1e-3)
            np.testing.assert_allclose(ramp.start, VOLTS[direction], rtol=1e-5)
            assert ramp.growth**2 == pytest.approx(1.5)
        joule = sum(VOLTS[d] ** 2 / (2400 * RATE[d]) for d in (1, -1)) * np.log(HIGH / LOW)
        assert spec.max_energy == pytest.approx(100 * joule, rel=0.01)


KT = Boltzmann * 290.0 / elementary_charge  # V


@pytest.mark.parametrize(
    ("activation", "options", "seconds", "volts"),
    [
        (0.5, {}, 1e-9, None),  # fast: so little that the first pulse lasts 1 ns
        (0.5, {"shortest": 1e-6}, 1e-6, None),
        (1.8, {}, 1e-3, None),  # slow: so much that it lasts a thousandth of the longest, which takes less energy
        (1.8, {"longest": 0.1}, 1e-4, None),
        (6.5, {}, None, 5.0),  # slower: five times what programming begins with
        (1.8, {"start": 0.9}, None, 0.9),
    ],
)
def test_of_a_device_without_threshold(activation, options, seconds, volts, x64):
    """Of CBRAM dh/dt = v_h exp(-E_a/kT) sinh(alpha v/(2 kT)); dG/dx = (R_off - R_on) G^2."""
    device = md.CBRAM.yu_wong(activation=activation)
    ramp = mp.Ramp.matched(device, 1, **options)
    g = np.asarray(ramp.levels)
    on, off = (50e-9 * rho / 1330e-18 for rho in (0.04, 133.0))
    first = np.minimum(0.0025 * (1 / on - 1 / off), 0.25 * g / 2)
    per_rate = first / ((off - on) * g**2) / (3.5e-3 / 50e-9)
    if volts is None:
        sinh = per_rate / seconds
        volts = 2 * KT / 2.4 * (activation / KT + np.log(sinh) + np.log(2))
        wanted = np.full_like(g, seconds)
    else:
        wanted = per_rate / (0.5 * np.exp((2.4 * volts / 2 - activation) / KT))
    np.testing.assert_allclose(ramp.start, volts + 0 * g, rtol=1e-3)
    limits = options.get("shortest", 1e-9), options.get("longest", 1.0)
    np.testing.assert_allclose(ramp.width, np.clip(wanted, *limits), rtol=0.02)


def test_pulses_of_a_ramp():
    """Amplitude in steps from the first, duration by factors; between the levels of a table, by logarithms."""
    ramp = mp.Ramp(start=1.0, step=0.25, stop=1.6, width=1e-6, growth=2.0, longest=3e-6)
    place = jnp.arange(4)
    np.testing.assert_allclose(ramp.amplitude(place), [1.0, 1.25, 1.5, 1.6], rtol=1e-6)
    np.testing.assert_allclose(ramp.duration(place), [1e-6, 2e-6, 3e-6, 3e-6], rtol=1e-6)
    assert ramp.at(jnp.array(3.0)).stride == 1.5  # half of the conductance
    two = lambda low, high: jnp.array([low, high])
    columns = dict(step=two(0.01, 0.09), stop=two(2.0, 8.0), move=two(1e-6, 1e-4), stride=two(1e-5, 4e-5))
    table = mp.Ramp(start=two(1.0, 4.0), width=two(1e-6, 1e-4), levels=two(1e-4, 3e-4), **columns)
    middle = table.at(jnp.array(2e-4))
    expected = dict(start=2.0, step=0.03, stop=4.0, width=1e-5, move=1e-5, stride=2e-5)
    for name, value in expected.items():
        assert getattr(middle, name) == pytest.approx(value, rel=1e-4), name
    for g, start in ((1e-5, 1.0), (1e-3, 4.0)):
        assert table.at(jnp.array(g)).start == pytest.approx(start)


@pytest.mark.parametrize(("tolerance", "top"), [(0.01, 1 / (1e-2 - 0.25 * 0.01 * 9.9e-3)), (0.5, None)])
def test_cells_at_bounds_that_hold_them_begin_beside(tolerance, top, x64):
    """By a thousandth of the range of the state, or by a quarter of the tolerance if that is less."""
    device = md.LinearIonDrift(r_on=100.0, r_off=1e4, depth=10e-9, mobility=1e-14, window=md.windows.Joglekar(1.0))
    spec = mp.WriteVerify(device, tolerance=tolerance)
    done = spec.program(jnp.array([1e-4, 1e-2]), KEY, jnp.array([0.0, 1.0]))
    np.testing.assert_array_equal(done.pulses, 0)
    near = 0.999 if top is None else (1e4 - top) / 9.9e3
    np.testing.assert_allclose(done.state, [1e-3, near], rtol=1e-9)
