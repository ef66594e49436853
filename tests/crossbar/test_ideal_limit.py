"""Without quantisation and effects a crossbar computes the matrix product, whatever the layout."""

import jax
import numpy as np
import pytest

import memjax as mj

K, N, B = 11, 7, 5
W = np.random.default_rng(0).normal(size=(K, N)).astype(np.float32)
X = np.random.default_rng(1).normal(size=(B, K)).astype(np.float32)

# A mapping, how its currents are subtracted, and the smallest number of word lines of its tiles.
LAYOUTS = {
    "DoubleColumn-analog": (mj.mapping.DoubleColumn(), "analog"),
    "DoubleColumn-digital": (mj.mapping.DoubleColumn(scaling="column"), "digital"),
    "DualRow": (mj.mapping.DualRow(), "analog"),
    "Offset-analog": (mj.mapping.Offset(), "analog"),
    "Offset-digital": (mj.mapping.Offset(scaling="column"), "digital"),
    "CurrentMirror-analog": (mj.mapping.CurrentMirror(scaling="column"), "analog"),
    "CurrentMirror-digital": (mj.mapping.CurrentMirror(), "digital"),
}
each_layout = pytest.mark.parametrize(("mapping", "subtract"), LAYOUTS.values(), ids=LAYOUTS)
# One cell, dividing neither side, both sides, one side, odd numbers of word lines, larger than the matrix.
TILES = [(2, 1), (5, 3), (22, 7), (64, 64)]


@jax.jit
def run(hardware, weights, x):
    return mj.matmul(hardware, mj.program(hardware, weights, jax.random.key(0)), x)


@each_layout
@pytest.mark.parametrize("tile", TILES)
def test_ideal_converters(mapping, subtract, tile):
    hardware = mj.Hardware(mapping=mapping, tile=tile, dac=mj.Dac(), adc=mj.Adc(subtract=subtract))
    np.testing.assert_allclose(run(hardware, W, X), X @ W, atol=1e-5 * np.abs(X @ W).max())


@pytest.mark.parametrize("mapping", [m for m, _ in LAYOUTS.values() if m.word_lines == 1])
def test_one_cell_per_tile(mapping):
    hardware = mj.Hardware(mapping=mapping, tile=(1, 1), dac=mj.Dac(), adc=mj.Adc())
    np.testing.assert_allclose(run(hardware, W, X), X @ W, atol=1e-5 * np.abs(X @ W).max())


@each_layout
@pytest.mark.parametrize("schedule", ["scan", "batched"])
@pytest.mark.parametrize("tile", [(4, 3)])
def test_fine_converters(mapping, subtract, schedule, tile):
    """Enough bits: every tile is converted, and the sum is still the product."""
    adc = mj.Adc(bits=22, range=5e-4, subtract=subtract)
    hardware = mj.Hardware(mapping=mapping, tile=tile, dac=mj.Dac(bits=22), adc=adc, schedule=schedule)
    np.testing.assert_allclose(run(hardware, W, X), X @ W, atol=3e-5 * np.abs(X @ W).max())


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (0,)])
def test_any_leading_axes(shape):
    x = np.random.default_rng(2).normal(size=(*shape, K)).astype(np.float32)
    hardware = mj.Hardware(tile=(4, 3), dac=mj.Dac(), adc=mj.Adc(bits=22, range=5e-4))
    y = run(hardware, W, x)
    assert y.shape == (*shape, N)
    np.testing.assert_allclose(y, x @ W, atol=1e-4)


@pytest.mark.parametrize("r_off", [11e3, 100e3, 1e9])
@pytest.mark.parametrize("v_max", [1e-3, 5.0])
def test_physical_scales_are_undone(r_off, v_max):
    hardware = mj.Hardware(cell=mj.Cell(10e3, r_off), dac=mj.Dac(v_max=v_max), adc=mj.Adc(), tile=(4, 4))
    np.testing.assert_allclose(run(hardware, W * 1e3, X * 1e-2), X @ W * 10, rtol=1e-4, atol=1e-3)


def test_default_hardware_is_close_without_tuning():
    """8-bit converters with the ranges that need no data: within a few LSB of the largest output."""
    w = np.random.default_rng(3).normal(size=(128, 32)).astype(np.float32)
    x = np.random.default_rng(4).normal(size=(64, 128)).astype(np.float32)
    for mapping, _ in LAYOUTS.values():
        y = np.asarray(run(mj.Hardware(mapping=mapping), w, x))
        error = np.sqrt(np.mean((y - x @ w) ** 2)) / np.sqrt(np.mean((x @ w) ** 2))
        assert error < 0.05
