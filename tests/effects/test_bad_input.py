"""Effects refuse what cannot be: one line that names the argument, the value and what is valid."""

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
    with pytest.raises(ValueError, match=name.replace(".", r"\.").replace("+", r"\+")) as error:
        make()
    message = str(error.value)
    assert valid in message
    assert value in message
    assert "\n" not in message


@pytest.mark.parametrize("value", ["much", None, (0.1,)])
def test_kind(value):
    for make in (E.DeviceVariation, E.StuckAt, E.ProgrammingNoise, E.ReadNoise, E.Drift):
        with pytest.raises(TypeError, match=rf"{make.__name__}\.\w+ must be a number, got"):
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
