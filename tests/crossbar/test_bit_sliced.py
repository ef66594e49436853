"""Bit-sliced weights through a whole read."""

import jax
import numpy as np
import pytest

import memjax as mj
from memjax.converters import BitSerial

K, N, B = 9, 5, 6
RANDOM = np.random.default_rng(0)
TOP, LARGEST = 63, 15  # three digits of base four, codes of five bits
W = RANDOM.integers(-TOP, TOP + 1, (K, N)).astype(np.float32)
W[0, 0], X = TOP, RANDOM.integers(-LARGEST, LARGEST + 1, (B, K)).astype(np.float32)
# Five levels: a digit of base four uses the lowest four. G_off is one step.
STEP = 1e-6
CELL = mj.Cell(1 / (5 * STEP), 1 / STEP, levels=5)


@jax.jit
def run(hardware, weights, x, key):
    return mj.matmul(hardware, mj.program(hardware, weights, key), x)


def hardware(adc, tile=(4, 3), encoding=None, **options):
    dac = mj.Dac(bits=5, v_max=0.15, range=float(LARGEST), encoding=encoding or mj.converters.Amplitude())
    return mj.Hardware(cell=CELL, mapping=mj.mapping.BitSliced(3, 2), tile=tile, dac=dac, adc=adc, **options)


@pytest.mark.parametrize(
    ("bits", "subtract", "encoding"),
    [(None, "digital", None), (10, "analog", None), (10, "digital", None), (7, "analog", BitSerial(4))],
)
def test_integers(subtract, encoding, bits):
    """Each digit is converted by itself, with an LSB of one digit x one unit of drive."""
    unit = 0.15 / (1 if encoding else LARGEST) * STEP
    full_scale = None if bits is None else unit * (2 ** (bits - 1) - 1)
    adc = mj.Adc(bits, full_scale, subtract=subtract)
    y = np.asarray(run(hardware(adc, encoding=encoding), W, X, jax.random.key(0)))
    np.testing.assert_array_equal(np.rint(y), X @ W)
    np.testing.assert_allclose(y, X @ W, atol=1e-2)


def test_one_cell_with_all_levels_is_a_single_slice():
    """One slice of three bits is a double column of eight levels."""
    weights, cell = W / TOP, mj.Cell(levels=8)
    adc = mj.Adc(bits=5)
    sliced = mj.Hardware(cell=cell, mapping=mj.mapping.BitSliced(1, 3), tile=(4, 3), adc=adc)
    double = mj.Hardware(cell=cell, tile=(4, 3), adc=adc)
    key = jax.random.key(0)
    np.testing.assert_allclose(run(sliced, weights, X, key), run(double, weights, X, key), atol=1e-4)


def test_range_of_the_chip_and_variation():
    """Without data the range covers every digit; digits in more than four arrays have variations of their own."""
    effects = (mj.effects.DeviceVariation(10.0, 1e3),)
    h = hardware(mj.Adc(bits=14), tile=(16, 16), effects=effects)
    chip = jax.jit(mj.program)(h, W, jax.random.key(1))
    low = np.stack([np.asarray(g).ravel() for g in chip["low"].values()])
    correlation = np.corrcoef(low) - np.eye(6)
    assert np.abs(correlation).max() < 5 / np.sqrt(low.shape[1])
    y = mj.matmul(h, chip, X)
    assert np.abs(y - X @ W).max() < 0.05 * np.abs(X @ W).max()


def test_plan_counts_every_digit():
    analog = mj.crossbarify(lambda w, x: x @ w, hardware(mj.Adc(), tile=(16, 8)))
    assert [entry.tiles for entry in analog.plan(W, X).crossbars] == [6]
