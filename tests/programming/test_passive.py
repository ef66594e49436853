"""One array in closed form: what half-selected cells see, what that costs, when a cell is done and when given up."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax import devices as md
from memjax import programming as mp

KEY = jax.random.key(0)
DRIFT = md.LinearIonDrift(r_on=100.0, r_off=1e3, depth=10e-9, mobility=1e-14)
SEEN = {
    "1t1r": [[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]],
    "v/2": [[0, 0, 1 / 2, 0], [1 / 2, 1 / 2, 1, 1 / 2], [0, 0, 1 / 2, 0]],
    "v/3": [[-1 / 3, -1 / 3, 1 / 3, -1 / 3], [1 / 3, 1 / 3, 1, 1 / 3], [-1 / 3, -1 / 3, 1 / 3, -1 / 3]],
}


@pytest.mark.parametrize("scheme", SEEN)
def test_what_the_cells_of_an_array_see(scheme, x64):
    """Linear drift: R^2 falls by 2 (R_off - R_on) mu R_on/D^2 v t, and takes v dx/(mu R_on/D^2) of energy."""
    up, down = (mp.Ramp(start=0.6, step=0.0, stop=0.6, width=width) for width in (5e-3, 1e-3))
    spec = mp.WriteVerify(DRIFT, up, down, tolerance=0.3, max_pulses=1, scheme=scheme)
    before = jnp.linspace(320.0, 580.0, 12).reshape(3, 4)
    for own, target, area in ((500.0, 9e-3, 0.6 * 5e-3), (160.0, 1.5e-3, -0.6 * 1e-3)):
        ohms = before.at[1, 2].set(own)
        done = spec.program((1 / ohms).at[1, 2].set(target), KEY, (1e3 - ohms) / 900)
        share = np.array(SEEN[scheme])
        after = np.sqrt(ohms**2 - 2 * 900 * 1e4 * area * share)
        np.testing.assert_allclose(done.conductance, 1 / after, rtol=1e-9)
        np.testing.assert_array_equal(np.argwhere(done.pulses), [[1, 2]])
        heat = np.sum(np.sign(area) * 0.6 * share * (ohms - after) / 900 / 1e4)
        np.testing.assert_allclose(done.energy[1, 2], heat, rtol=0.01)  # the mean of both ends for the whole pulse
        assert np.count_nonzero(done.energy) == 1


# Moves at no voltage below 1 V; 1 to 2 S, and other numbers that have no rounding.
STILL = md.VTEAM(k_off=1.0, k_on=-1.0, v_off=1.0, v_on=-1.0, alpha_off=1, alpha_on=1, r_on=0.5, r_off=1.0)


def still(**options):
    weak = mp.Ramp(start=0.25, step=0.0, stop=0.25, width=2.0**-10)
    return mp.WriteVerify(STILL, weak, weak, **options)


@pytest.mark.parametrize("scheme", ["1t1r", "v/2"])
def test_a_miss_by_the_tolerance_itself_is_accepted(scheme):
    """From above and from below; the next number is not."""
    spec = still(tolerance=0.25, max_pulses=3, scheme=scheme)
    one = np.float32(1)
    target = [[1.25, np.nextafter(1.25 * one, 2 * one), np.nextafter(1.75 * one, one), 1.75]]
    done = spec.program(jnp.array(target), KEY, jnp.array([[1.0, 1.0, 0.0, 0.0]]))
    np.testing.assert_array_equal(done.conductance, [[1, 1, 2, 2]])
    np.testing.assert_array_equal(done.failed, [[False, True, True, False]])
    np.testing.assert_array_equal(done.pulses, [[0, 3, 3, 0]])


@pytest.mark.parametrize(("scheme", "others"), [("1t1r", 0.0), ("v/2", 0.5)])
@pytest.mark.parametrize(("pulses", "given"), [(2.5, 3), (3, 4), (3.5, 4)])
def test_a_cell_is_given_up_when_its_own_pulses_exceed_their_energy(scheme, others, pulses, given):
    """v^2 G t each; a quarter of it in each of two half-selected cells is reported but does not count."""
    each = 2.0**-14
    spec = still(scheme=scheme, max_energy=pulses * each)
    done = spec.program(jnp.ones((2, 2)).at[0, 0].set(1.8), KEY, 1.0)
    np.testing.assert_array_equal(done.pulses, [[given, 0], [0, 0]])
    assert done.energy[0, 0] == given * each * (1 + others)


@pytest.mark.parametrize("scheme", ["1t1r", "v/2"])
def test_the_tolerance_is_one_of_the_nominal_range_and_cells_begin_in_the_hrs(scheme):
    """0.25 S also for a cell that goes from 1 to 4 S; both stand at 1 S."""
    spec = still(tolerance=0.25, max_pulses=3, scheme=scheme, spread={"r_on": 0.1})
    done = spec.program(jnp.full((1, 2), 1.3), KEY, cells={"r_on": jnp.array([[0.25, 0.5]])})
    np.testing.assert_array_equal(done.conductance, [[1, 1]])
    np.testing.assert_array_equal(done.pulses, [[3, 3]])
    assert done.failed.all()


def test_the_energy_of_a_cell_behind_wires_is_that_of_its_drivers():
    """v^2/(R + R_lines) t of each pulse: 1 ohm behind 11 ohm."""
    wires = mj.Wires(row=1.0, column=2.0, source=5.0, sense=3.0)
    done = still(max_pulses=3).program(jnp.array([[1.8]]), KEY, 1.0, wires)
    np.testing.assert_allclose(done.energy, 3 * 0.25**2 / 12 * 2.0**-10, rtol=1e-5)
