"""What time, cycles, reads and temperature do: closed forms, and that ageing adds up."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.constants import Boltzmann, elementary_charge

import memjax as mj

E = mj.effects
W = np.random.default_rng(0).normal(size=(9, 7)).astype(np.float32)
LRS = (1e3, 0.1, 0.5, 0.2)
HRS = (2e3, 0.05, 0.3, -0.1)


def aged(effect, *steps, cell=None, weights=W, program_key=0):
    """(chip, chip after the steps of age)."""
    hardware = mj.Hardware(cell=cell or mj.Cell(10e3, 100e3), tile=(4, 4), effects=(effect,))
    chip = old = mj.program(hardware, weights, jax.random.key(program_key))
    for index, step in enumerate(steps):
        old = mj.age(hardware, old, jax.random.key(index), **step)
    return chip, old


def conductances(*chips):
    return [np.concatenate([np.asarray(g, np.float64).ravel() for g in c["conductance"].values()]) for c in chips]


ADDITIVE = [
    (E.Drift(0.06, t0=20.0, nu_std=0.01, activation_energy=0.8), {"seconds": 1e4, "temperature": 350.0}),
    (E.PhaseChange(mj.devices.PCM(g_max=1e-4)), {"seconds": 1e5}),
    (E.Relaxation.cmo_hfox(), {"seconds": 1e3}),
    (E.RangeCollapse(1e3, 0.3), {"cycles": 5e3}),
    (E.Endurance(LRS, HRS, "gradual"), {"cycles": 1e5, "temperature": 350.0}),
    (E.Endurance(LRS, HRS, r_lrs=2e4, r_hrs=5e4), {"cycles": 1e5}),
    (E.ReadDisturb(mj.devices.VTEAM.pt_hf_ti(), 1.0, 1e-6), {"reads": 4e4}),
]


@pytest.mark.parametrize(("effect", "amount"), ADDITIVE, ids=lambda v: type(v).__name__)
def test_ageing_adds_up(effect, amount):
    """Three unequal steps are one; and something happened."""
    cell = mj.Cell(120.0, 2400.0) if isinstance(effect, E.ReadDisturb) else None
    name = next(iter(amount))
    parts = [amount | {name: amount[name] * part} for part in (0.001, 0.3, 0.699)]
    fresh, at_once = aged(effect, amount, cell=cell)
    _, in_steps = aged(effect, *parts, cell=cell)
    before, once, steps = conductances(fresh, at_once, in_steps)
    np.testing.assert_allclose(steps, once, rtol=3e-5)
    assert np.abs(once / before - 1).max() > 1e-3


def test_drift_with_an_exponent_of_each_cell_and_a_hot_clock():
    effect = E.Drift(0.06, t0=20.0, nu_std=0.01, activation_energy=0.8)
    fresh, old = aged(effect, {"seconds": 1e3, "temperature": 330.0}, weights=np.ones((100, 50)))
    rate = np.exp(0.8 * elementary_charge / Boltzmann * (1 / 300 - 1 / 330))
    before, after = conductances(fresh, old)
    nu = -np.log(after / before) / np.log1p(1e3 * rate / 20)
    assert stats.kstest(nu, stats.norm(0.06, 0.01).cdf).pvalue > 1e-4


def test_relaxation_of_cmo():
    """Mean and spread of the shift in closed form, with ln(1 + t) for ln t."""
    fresh, old = aged(E.Relaxation.cmo_hfox(), {"seconds": 1e4}, weights=np.ones((100, 50)))
    before, after = conductances(fresh, old)
    length = np.log(1 + 1e4)
    shift = (after - before) * 1e6
    shift = shift[before * 1e6 > 50]  # far from zero, where the shift is not cut
    expected = stats.norm(-0.08900206 * length, 0.41183342 + 0.04201137 * length)
    assert stats.kstest(shift, expected.cdf).pvalue > 1e-4


def endurance(constants, cycles, temperature):
    """(threshold, R / R_0) of the gradual model, as written in its paper."""
    p_0, p_1, p_2, p_3 = constants
    inner = p_1 * 10 + p_2 * min(298 / temperature, 1)
    threshold = p_0 * np.exp(inner)
    return threshold, (cycles / threshold) ** (p_3 * inner) if cycles > threshold else 1.0


@pytest.mark.parametrize("temperature", [280.0, 350.0])
@pytest.mark.parametrize("cycles", [1e3, 4e3, 1e5])
def test_gradual_endurance(cycles, temperature):
    fresh, old = aged(E.Endurance(LRS, HRS, "gradual"), {"cycles": cycles, "temperature": temperature})
    before, after = conductances(fresh, old)
    in_lrs = 1 / before < (10e3 + 100e3) / 2
    assert 0.05 < in_lrs.mean() < 0.95
    expected = np.where(in_lrs, *(endurance(c, cycles, temperature)[1] for c in (LRS, HRS)))
    np.testing.assert_allclose(before / after, expected, rtol=1e-5)


def test_gradual_endurance_is_continuous_at_the_threshold():
    threshold, _ = endurance(LRS, 1.0, 300.0)
    effect = E.Endurance(LRS, LRS, "gradual")
    fresh, at, past = (conductances(aged(effect, {"cycles": threshold * f})[1])[0] for f in (0.5, 1.0, 1.001))
    np.testing.assert_allclose(at, fresh, rtol=1e-5)
    np.testing.assert_allclose(past, fresh, rtol=1e-3)


def test_sudden_endurance_and_the_range_that_is_left():
    """Both states fail: a cell has one of two resistances, and a new write ends between them."""
    effect = E.Endurance((1.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0), r_lrs=20e3, r_hrs=50e3)
    hardware = mj.Hardware(cell=mj.Cell(10e3, 100e3), tile=(4, 4), effects=(effect,))
    chip = mj.program(hardware, W, jax.random.key(0))
    old = mj.age(hardware, chip, jax.random.key(1), cycles=1e4, temperature=350.0)
    before, after = conductances(chip, old)
    np.testing.assert_allclose(1 / after, np.where(1 / before < 55e3, 20e3, 50e3), rtol=1e-5)
    again = mj.reprogram(hardware, old, W, jax.random.key(2))
    (rewritten,) = conductances(again)
    assert rewritten.min() == pytest.approx(1 / 50e3, rel=1e-5)
    assert rewritten.max() == pytest.approx(1 / 20e3, rel=1e-5)
    assert len(np.unique(rewritten)) > 10
    assert float(again["memory"]["pos"]["Endurance"]["cycles"].max()) == 1e4  # wear is not undone


def test_range_collapse():
    fresh, old = aged(E.RangeCollapse(1e3, 0.3), {"cycles": 7e3})
    before, after = conductances(fresh, old)
    middle = np.sqrt(1e-5 * 1e-4)
    np.testing.assert_allclose(np.log(after / middle), 8**-0.3 * np.log(before / middle), atol=1e-5)
    ratio = np.asarray(old["high"]["pos"] / old["low"]["pos"])
    np.testing.assert_allclose(ratio, 10 ** (8**-0.3), rtol=1e-5)


def test_read_disturb_is_the_pulse_of_the_device():
    device = mj.devices.VTEAM.pt_hf_ti()
    fresh, old = aged(E.ReadDisturb(device, 1.0, 1e-6), {"reads": 4e4}, cell=mj.Cell(120.0, 2400.0))
    before, after = conductances(fresh, old)
    state = mj.apply_pulse(device, device.state_at(jnp.asarray(before)), 1.0, 0.04)
    np.testing.assert_allclose(after, device.conductance(state), rtol=1e-4)
    assert (after < before * 0.999).any()


def test_stuck_cells_keep_range_and_conductance():
    effects = (E.StuckAt(0.3, 0.3), E.RangeCollapse(10.0), E.Drift(0.1), E.Relaxation.cmo_hfox(), E.TelegraphNoise(0.1))
    hardware = mj.Hardware(tile=(4, 4), effects=effects)
    chip = mj.program(hardware, W, jax.random.key(0))
    old = mj.age(hardware, chip, jax.random.key(1), seconds=1e4, cycles=1e4)
    again = mj.reprogram(hardware, old, -W, jax.random.key(2))
    for name in ("pos", "neg"):
        stuck = np.asarray(chip["low"][name] == chip["high"][name])
        assert stuck.any()
        for part in ("low", "high", "conductance"):
            for later in (old, again):
                np.testing.assert_array_equal(np.asarray(later[part][name])[stuck], np.asarray(chip[part][name])[stuck])
        assert (np.asarray(old["conductance"][name]) != np.asarray(chip["conductance"][name]))[~stuck].all()


def test_temperature():
    """LRS and HRS by their formulas, what lies between by its fraction of the range."""
    cell = mj.Cell(10e3, 100e3)
    g = jnp.asarray([1e-5, 4.6e-5, 1e-4, 1.2e-4])
    read = np.asarray(E.Temperature(400.0, 2e-3, 0.1).read(g, {}, cell), np.float64)
    on = 1 / (10e3 * (1 + 2e-3 * 100))
    off = 1 / (100e3 * np.exp(0.1 * elementary_charge / Boltzmann * (1 / 400 - 1 / 300)))
    fraction = (np.asarray(g, np.float64) - 1e-5) / 9e-5
    np.testing.assert_allclose(read, off + fraction * (on - off), rtol=1e-5)


def test_a_chip_of_hardware_without_the_effect_is_an_error():
    chip = mj.program(mj.Hardware(tile=(4, 4)), W, jax.random.key(0))
    hardware = mj.Hardware(tile=(4, 4), effects=(E.TelegraphNoise(0.1), E.Drift(0.1)))
    message = "chip must hold the memory of Drift, TelegraphNoise in array '(pos|neg)'"
    with pytest.raises(ValueError, match=message):
        mj.age(hardware, chip, jax.random.key(1), seconds=1.0)
    with pytest.raises(ValueError, match=message):
        mj.matmul(hardware, chip, W.T)
