"""Converters refuse what no hardware has: one line that names the argument, the value and what is valid."""

import jax
import numpy as np
import pytest

import memjax as mj

NAN, INF = float("nan"), float("inf")
CASES = [
    (lambda: mj.Dac(bits=0), "Dac.bits", "[1, 32]", "0"),
    (lambda: mj.Dac(bits=-3), "Dac.bits", "[1, 32]", "-3"),
    (lambda: mj.Dac(bits=NAN), "Dac.bits", "[1, 32]", "nan"),
    (lambda: mj.Dac(bits=64), "Dac.bits", "[1, 32]", "64"),
    (lambda: mj.Dac(v_max=0.0), "Dac.v_max", "(0, inf]", "0"),
    (lambda: mj.Dac(v_max=-0.2), "Dac.v_max", "(0, inf]", "-0.2"),
    (lambda: mj.Dac(v_max=NAN), "Dac.v_max", "(0, inf]", "nan"),
    (lambda: mj.Dac(v_max=INF), "Dac.v_max", "finite", "inf"),
    (lambda: mj.Dac(range=0.0), "Dac.range", "(0, inf]", "0"),
    (lambda: mj.Dac(range=np.array([1.0, -2.0])), "Dac.range", "(0, inf]", "-2.0 in an array of shape (2,)"),
    (lambda: mj.Adc(bits=6.5), "Adc.bits", "a whole number in [1, 32]", "6.5"),
    (lambda: mj.Adc(bits=0.5), "Adc.bits", "[1, 32]", "0.5"),
    (lambda: mj.Adc(bits=np.array([4, 0])), "Adc.bits", "[1, 32]", "0 in an array of shape (2,)"),
    (lambda: mj.Adc(range=-1e-6), "Adc.range", "(0, inf]", "-1e-06"),
    (lambda: mj.Adc(range=INF), "Adc.range", "finite", "inf"),
    (lambda: mj.Adc(rounding="up"), "Adc.rounding", "'half_even', 'half_up', 'floor'", "'up'"),
    (lambda: mj.Adc(codes="gray"), "Adc.codes", "'symmetric', 'twos_complement', 'mid_rise'", "'gray'"),
    (lambda: mj.Adc(subtract="optical"), "Adc.subtract", "'analog', 'digital'", "'optical'"),
    (lambda: mj.LogAdc(bits=2), "LogAdc.bits", "[3, 32]", "2"),
    (lambda: mj.LogAdc(decades=0.0), "LogAdc.decades", "(0, inf]", "0"),
    (lambda: mj.LogAdc(range=NAN), "LogAdc.range", "(0, inf]", "nan"),
    (lambda: mj.LogAdc(subtract="both"), "LogAdc.subtract", "'analog', 'digital'", "'both'"),
    (lambda: mj.Dynamic(overflow=-0.1), "Dynamic.overflow", "[0, 1]", "-0.1"),
    (lambda: mj.Dynamic(overflow=1.5), "Dynamic.overflow", "[0, 1]", "1.5"),
    (lambda: mj.Dynamic(overflow=NAN), "Dynamic.overflow", "[0, 1]", "nan"),
]


@pytest.mark.parametrize(("make", "name", "valid", "value"), CASES)
def test_value(make, name, valid, value):
    with pytest.raises(ValueError, match=name.replace(".", r"\.")) as error:
        make()
    message = str(error.value)
    assert valid in message
    assert value in message
    assert "\n" not in message


@pytest.mark.parametrize("kind", ["dynamic", (1.0,), [1.0], {}])
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda v: mj.Dac(range=v), "Dac.range"),
        (lambda v: mj.Adc(bits=v), "Adc.bits"),
        (mj.Dynamic, "Dynamic.overflow"),
    ],
)
def test_kind(make, name, kind):
    with pytest.raises(TypeError, match=rf"{name} must be (a number in|None, a positive number or Dynamic\(\)).*, got"):
        make(kind)


@pytest.mark.parametrize("v_max", [None])
def test_a_voltage_is_needed(v_max):
    with pytest.raises(TypeError, match=r"Dac\.v_max must be a number in \(0, inf\] V, got None"):
        mj.Dac(v_max=v_max)


def test_traced_values_are_let_through():
    """Inside a transformation a number cannot be looked at; building the converter must not fail."""
    jax.jit(lambda b, v, r: mj.Dac(bits=b, v_max=v, range=r))(8, 0.2, 1.0)
    jax.jit(lambda b, r, o: (mj.Adc(bits=b, range=r), mj.Dynamic(overflow=o)))(8, 1e-6, 0.1)
