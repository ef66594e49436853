"""Mistakes are told before anything is compiled: one line that names the argument, the value and what is valid."""

import jax
import numpy as np
import pytest

import memjax as mj

KEY = jax.random.key(0)
HARDWARE = mj.Hardware(tile=(4, 3))
NOISY = mj.Hardware(tile=(4, 3), effects=(mj.effects.ReadNoise(0.1),))
W, X = np.ones((5, 2), np.float32), np.ones((3, 5), np.float32)
CHIP = mj.program(HARDWARE, W, KEY)
SINGLE = mj.mapping.Offset()


def nan_at(array):
    array = np.array(array)
    array[0, 0] = np.nan
    return array


VALUES = [
    (lambda: mj.Hardware(tile=(0, 4)), "Hardware.tile", "at least (1, 1)", "(0, 4)"),
    (lambda: mj.Hardware(tile=(4, 0)), "Hardware.tile", "at least (1, 1)", "(4, 0)"),
    (lambda: mj.Hardware(tile=(-4, 4)), "Hardware.tile", "at least (1, 1)", "(-4, 4)"),
    (lambda: mj.Hardware(mapping=mj.mapping.DualRow(), tile=(1, 4)), "Hardware.tile", "at least (2, 1)", "(1, 4)"),
    (lambda: mj.Hardware(schedule="fast"), "Hardware.schedule", "'scan', 'batched'", "'fast'"),
    (
        lambda: mj.Hardware(mapping=mj.mapping.DualRow(), adc=mj.Adc(subtract="digital")),
        "Adc.subtract",
        "'analog'",
        "DualRow",
    ),
    (lambda: mj.program(HARDWARE, np.ones(3), KEY), "weights", "matrix [K, N]", "(3,)"),
    (lambda: mj.program(HARDWARE, np.ones((2, 3, 4)), KEY), "weights", "matrix [K, N]", "(2, 3, 4)"),
    (lambda: mj.program(HARDWARE, np.ones((0, 4)), KEY), "weights", "matrix [K, N]", "(0, 4)"),
    (lambda: mj.program(HARDWARE, nan_at(W), KEY), "weights", "finite", "1 NaN"),
    (lambda: mj.program(HARDWARE, W * np.inf, KEY), "weights", "finite", "10 NaN or infinite"),
    (lambda: mj.matmul(HARDWARE, CHIP, np.ones((3, 4))), "x", "[..., 5]", "(3, 4)"),
    (lambda: mj.matmul(HARDWARE, CHIP, np.float32(1.0)), "x", "[..., 5]", "()"),
    (lambda: mj.matmul(HARDWARE, CHIP, nan_at(X)), "x", "finite", "1 NaN"),
    (lambda: mj.matmul(mj.Hardware(tile=(8, 3)), CHIP, X), "chip", "(1, 8, 3)", "(2, 4, 3)"),
    (
        lambda: mj.matmul(mj.Hardware(mapping=SINGLE, tile=(4, 3)), CHIP, X),
        "chip",
        "['cell'] of Offset",
        "['neg', 'pos']",
    ),
    (
        lambda: mj.matmul(HARDWARE, mj.program(mj.Hardware(mapping=SINGLE, tile=(4, 3)), W, KEY), X),
        "chip",
        "['pos', 'neg'] of DoubleColumn",
        "['cell']",
    ),
    (
        lambda: mj.matmul(HARDWARE, mj.program(mj.Hardware(tile=(4, 3), adc=mj.Adc()), W, KEY), X),
        "chip",
        "'adc_range'",
        "Adc(range=None)",
    ),
    (lambda: mj.matmul(NOISY, mj.program(NOISY, W, KEY), X), "key", "PRNG key", "None"),
]


@pytest.mark.parametrize(("make", "name", "valid", "value"), VALUES)
def test_value(make, name, valid, value):
    with pytest.raises(ValueError, match=name.replace(".", r"\.")) as error:
        make()
    message = str(error.value)
    assert valid in message
    assert value in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"cell": (1e4, 1e5)}, "cell"),
        ({"mapping": "DoubleColumn"}, "mapping"),
        ({"mapping": mj.Cell()}, "mapping"),
        ({"dac": mj.Adc()}, "dac"),
        ({"adc": 8}, "adc"),
        ({"effects": mj.effects.StuckAt()}, "effects"),
        ({"effects": ("noise",)}, "effects"),
        ({"tile": 64}, "tile"),
        ({"tile": (64, 64, 64)}, "tile"),
        ({"tile": (64.0, 64.0)}, "tile"),
        ({"wires": 1.0}, "wires"),
    ],
)
def test_kind(options, name):
    with pytest.raises(TypeError, match=rf"Hardware\.{name} must be .*, got ") as error:
        mj.Hardware(**options)
    assert "\n" not in str(error.value)


def test_shapes_are_checked_inside_jit():
    with pytest.raises(ValueError, match=r"x must have shape \[\.\.\., 5\]"):
        jax.jit(mj.matmul)(HARDWARE, CHIP, np.ones((3, 4)))
    with pytest.raises(ValueError, match=r"weights must be a non-empty matrix"):
        jax.jit(mj.program)(HARDWARE, np.ones(3), KEY)
    with pytest.raises(ValueError, match="key must be a PRNG key"):
        jax.jit(mj.matmul)(NOISY, mj.program(NOISY, W, KEY), X)


def test_nan_inside_jit_reaches_the_output_of_its_vector():
    """A value that cannot be looked at does not crash a sweep; it is not hidden either."""
    y = jax.jit(mj.matmul)(HARDWARE, CHIP, nan_at(X))
    assert np.isnan(y[0]).all()
    assert np.isfinite(y[1:]).all()
