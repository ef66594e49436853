"""Effects refuse what cannot be: one line that names the argument, the value and what is valid."""

import re

import jax
import numpy as np
import pytest

import memjax as mj

NAN = float("nan")
E = mj.effects
CASES = [
    (lambda: E.DeviceVariation(r_on_std=-1.0), "DeviceVariation.r_on_std", "[0, inf]", "-1.0"),
    (lambda: E.DeviceVariation(r_off_std=NAN), "DeviceVariation.r_off_std", "[0, inf]", "nan"),
    (lambda: E.DeviceVariation(distribution="uniform"), "DeviceVariation.distribution", "'lognormal'", "'uniform'"),
    (lambda: E.StuckAt(lrs=-0.1), "StuckAt.lrs", "[0, 1]", "-0.1"),
    (lambda: E.StuckAt(hrs=1.1), "StuckAt.hrs", "[0, 1]", "1.1"),
    (lambda: E.StuckAt(lrs=0.6, hrs=0.6), "StuckAt.lrs + StuckAt.hrs", "at most 1", "0.6 + 0.6"),
    (lambda: E.StuckAt(lrs=np.array([0.1, 0.9]), hrs=0.2), "StuckAt.lrs + StuckAt.hrs", "at most 1", "0.9"),
    (lambda: E.ProgrammingNoise(absolute=-1e-6), "ProgrammingNoise.absolute", "[0, inf]", "-1e-06"),
    (lambda: E.ProgrammingNoise(relative=NAN), "ProgrammingNoise.relative", "[0, inf]", "nan"),
    (lambda: E.ReadNoise(relative=-0.1), "ReadNoise.relative", "[0, inf]", "-0.1"),
    (lambda: E.ReadNoise(absolute=float("inf")), "ReadNoise.absolute", "finite", "inf"),
    (lambda: E.Drift(nu=NAN), "Drift.nu", "finite", "nan"),
    (lambda: E.Drift(nu=0.1, t0=0.0), "Drift.t0", "(0, inf]", "0.0"),
]


@pytest.mark.parametrize(("make", "name", "valid", "value"), CASES)
def test_value(make, name, valid, value):
    with pytest.raises(ValueError, match=re.escape(name)) as error:
        make()
    message = str(error.value)
    assert valid in message
    assert value in message
    assert "\n" not in message


@pytest.mark.parametrize("value", ["much", None, (0.1,)])
def test_kind(value):
    for make in (E.DeviceVariation, E.StuckAt, E.ProgrammingNoise, E.ReadNoise, E.Drift):
        with pytest.raises(TypeError, match=rf"{make.__name__}\.\w+ must be a number in .*, got"):
            make(value)


def test_traced_values_are_let_through():
    jax.jit(lambda a, b: (E.DeviceVariation(a, b), E.StuckAt(a, b), E.ReadNoise(a, b), E.Drift(a, b)))(-1.0, 2.0)


def test_age_needs_an_effect_that_ages():
    hardware = mj.Hardware(tile=(2, 2))
    chip = mj.program(hardware, np.eye(2), jax.random.key(0))
    with pytest.raises(ValueError, match=r"Hardware\.effects must hold an effect that ages"):
        mj.age(hardware, chip, jax.random.key(1), seconds=1.0)


@pytest.mark.parametrize(("name", "value"), [("seconds", -1.0), ("cycles", -1), ("temperature", 0.0)])
def test_age_arguments(name, value):
    hardware = mj.Hardware(tile=(2, 2), effects=(E.Drift(0.1),))
    chip = mj.program(hardware, np.eye(2), jax.random.key(0))
    with pytest.raises(ValueError, match=rf"{name} must be finite and in .*, got {value}"):
        mj.age(hardware, chip, jax.random.key(1), **{name: value})


NEW = [
    (lambda: E.DeviceVariation(length=-1.0), "DeviceVariation.length", "[0, inf]", "-1.0"),
    (lambda: E.DeviceVariation(coupling=1.5), "DeviceVariation.coupling", "[-1, 1]", "1.5"),
    (lambda: E.CycleVariation(r_on_std=-1.0), "CycleVariation.r_on_std", "[0, inf]", "-1.0"),
    (lambda: E.StuckAt(0.1, unit="tile"), "StuckAt.unit", "'cell', 'row', 'column'", "'tile'"),
    (lambda: E.FormingFailure(1.1), "FormingFailure.rate", "[0, 1]", "1.1"),
    (lambda: E.FormingFailure(0.1, -1.0), "FormingFailure.r_pristine", "(0, inf]", "-1.0"),
    (lambda: E.FiniteStates(), "FiniteStates", "either levels or a table", "None"),
    (lambda: E.FiniteStates(1), "FiniteStates.levels", "[2, inf]", "1"),
    (lambda: E.FiniteStates(4, "log"), "FiniteStates.spacing", "'conductance', 'resistance'", "'log'"),
    (lambda: E.FiniteStates(table=[1e-5, 1e-6]), "FiniteStates.table", "rise", "(1e-05, 1e-06)"),
    (lambda: E.FiniteStates(table=[1e-5]), "FiniteStates.table", "at least 2", "(1e-05,)"),
    (lambda: E.FiniteStates(table=[NAN, 1.0]), "FiniteStates.table", "finite", "nan"),
    (lambda: E.ProgrammingNoise(span=-0.1), "ProgrammingNoise.span", "[0, inf]", "-0.1"),
    (lambda: E.ThermalNoise(-1.0), "ThermalNoise.bandwidth", "[0, inf]", "-1.0"),
    (lambda: E.ShotNoise(NAN), "ShotNoise.bandwidth", "finite", "nan"),
    (lambda: E.TelegraphNoise(2.0), "TelegraphNoise.amplitude", "[0, 1]", "2.0"),
    (lambda: E.TelegraphNoise(0.1, dwell_0=(1.0, 0.1)), "TelegraphNoise.dwell_0", "rise", "(1.0, 0.1)"),
    (lambda: E.TelegraphNoise(0.1, dwell_1=(0.0, 0.1)), "TelegraphNoise.dwell_1", "(0, inf]", "0.0"),
    (lambda: E.Drift(0.1, nu_std=-0.1), "Drift.nu_std", "[0, inf]", "-0.1"),
    (lambda: E.Drift(0.1, activation_energy=-1.0), "Drift.activation_energy", "[0, inf]", "-1.0"),
    (lambda: E.Relaxation(base=-1.0), "Relaxation.base", "[0, inf]", "-1.0"),
    (lambda: E.Endurance((0, 0, 0, 0), (1, 0, 0, 0)), "Endurance.lrs[0]", "(0, inf]", "0"),
    (lambda: E.Endurance((1, 0, 0, 0), (1, 0, 0, 0), "slow"), "Endurance.mode", "'sudden', 'gradual'", "'slow'"),
    (lambda: E.Endurance((1, 0, 0, 0), (1, 0, 0, 0), r_lrs=0.0), "Endurance.r_lrs", "(0, inf]", "0.0"),
    (lambda: E.RangeCollapse(0.0), "RangeCollapse.cycles", "(0, inf]", "0.0"),
    (lambda: E.ReadDisturb(mj.devices.PCM(), 0.1, 0.0), "ReadDisturb.width", "(0, inf]", "0.0"),
    (lambda: E.Temperature(0.0), "Temperature.kelvin", "(0, inf]", "0.0"),
    (lambda: E.Temperature(200.0, alpha=0.1), "Temperature.alpha", "positive", "0.1"),
    (lambda: E.SinhConduction(-1.0), "SinhConduction.k", "[0, inf]", "-1.0"),
    (lambda: E.RatioConduction(0.5), "RatioConduction.ratio", "[1, inf]", "0.5"),
    (lambda: E.CubicConduction(strength=NAN), "CubicConduction.strength", "finite", "nan"),
]


@pytest.mark.parametrize(("make", "name", "valid", "value"), NEW)
def test_values_of_all_effects(make, name, valid, value):
    test_value(make, name, valid, value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: E.Endurance((1, 0, 0), (1, 0, 0, 0)), r"Endurance\.lrs must be a tuple of 4 numbers"),
        (lambda: E.TelegraphNoise(0.1, dwell_0=1.0), r"TelegraphNoise\.dwell_0 must be a tuple of 2 numbers"),
        (lambda: E.ProgrammingError(1.0, 1e-4), r"ProgrammingError\.coefficients must be a tuple"),
        (
            lambda: E.ReadDisturb("vteam", 0.1, 1.0),
            r"ReadDisturb\.device must be a Device such as memjax\.devices",
        ),
        (
            lambda: E.PhaseChange(mj.devices.VTEAM.pt_hf_ti()),
            r"PhaseChange\.device must be a PCM such as",
        ),
        (lambda: E.CubicConduction(quadratic=1.0), r"CubicConduction\.quadratic must be a tuple"),
    ],
)
def test_kinds_of_all_effects(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_a_device_that_does_not_fit_the_cell():
    with pytest.raises(ValueError, match=r"Hardware\.cell must lie within the range of VTEAM in ReadDisturb\.device"):
        mj.Hardware(effects=(E.ReadDisturb(mj.devices.VTEAM.pt_hf_ti(), 0.1, 1e-6),))
