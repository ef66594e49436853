"""MemTorch as a composition: its power-of-two ADC, its inputs scaled and left so, its regression; bit for bit."""

import jax
import numpy as np
import pytest

import memjax as mj

K, N, B = 10, 7, 30
W = np.random.default_rng(0).normal(size=(K, N)).astype(np.float32)
X = np.random.default_rng(1).uniform(-1, 1, (B, K)).astype(np.float32)


def quantise(currents, bits, overflow):
    """Its linear quantiser of one vector of currents [A], in float32."""
    currents = currents.astype(np.float32)
    ranked = np.sort(np.abs(currents))[::-1]
    k = min(int(np.floor(overflow * len(currents) + 0.5)), len(currents) - 1)
    step = np.float32(2.0 ** (1 - bits + np.ceil(np.log2(np.float64(ranked[k]) + 1e-12))))
    half = 2 ** (bits - 1)
    return np.clip(np.floor(currents / step + np.float32(0.5)), -half, half - 1) * step, step


@jax.jit
def program_and_read(hardware, weights, x):
    chip = mj.program(hardware, weights, jax.random.key(0))
    return chip, mj.matmul(hardware, chip, x)


@pytest.mark.parametrize("cell", [mj.Cell(2.0**13, 2.0**14), mj.Cell(1e4, 1e5), mj.Cell(50.0, 1e3)])
@pytest.mark.parametrize("tile", [(5, 7), (4, 3), (16, 16)])
@pytest.mark.parametrize(("bits", "overflow"), [(6, 0.0), (4, 0.2)])
def test_tiled_read(cell, tile, bits, overflow):
    v_max = 0.3
    adc = mj.Adc(
        bits=bits, range=mj.Dynamic(overflow=overflow, power_of_two=True), rounding="half_up", codes="twos_complement"
    )
    hardware = mj.Hardware(cell=cell, tile=tile, dac=mj.Dac(v_max=v_max, range=1.0), adc=adc)
    chip, y = program_and_read(hardware, W, X)
    volts = np.float32(v_max) * X
    amperes = np.asarray(y, np.float64) * v_max * (1 / cell.r_on - 1 / cell.r_off) / np.asarray(chip["scale"])
    check(amperes, *tiled(chip, volts, tile, bits, overflow))


def tiled(chip, volts, tile, bits, overflow):
    """Sum of the quantised currents of its tiles [A], and the largest step of each."""
    g = np.asarray(chip["conductance"]["pos"]) - np.asarray(chip["conductance"]["neg"])
    tiles, rows, width = g.shape
    volts = np.pad(volts, ((0, 0), (0, tiles * rows - K))).reshape(len(volts), tiles, rows)
    total, largest_step = np.zeros((2, len(volts), width))
    for b in range(len(volts)):
        for t in range(tiles):
            for start in range(0, width, tile[1]):  # padding columns count
                across = slice(start, start + tile[1])
                read, step = quantise(volts[b, t] @ g[t][:, across], bits, overflow)
                total[b, across] += read
                largest_step[b, across] = np.maximum(largest_step[b, across], step)
    return total[:, :N], largest_step[:, :N]


def check(amperes, total, step):
    error = np.abs(amperes - total) / step
    assert (error > 1e-3).mean() < 0.01  # rounding ties in float32
    assert error.max() < 1.001


@pytest.mark.parametrize("tile", [(5, 7), (4, 3)])
@pytest.mark.parametrize("amplitude", [0.2, 4.0])
def test_layer_with_inputs_scaled_by_the_batch_and_left_so(tile, amplitude):
    """Inputs beyond the largest voltage are scaled to it, all of a batch by one factor; smaller ones are volts."""
    v_max, cell = 0.3, mj.Cell(1e4, 1e5)
    adc = mj.Adc(6, range=mj.Dynamic(overflow=0.0, power_of_two=True), rounding="half_up", codes="twos_complement")
    dac = mj.Dac(v_max=v_max, range=mj.Dynamic(at_least=v_max, over="batch"), rescale=False)
    hardware = mj.Hardware(cell=cell, tile=tile, dac=dac, adc=adc)
    x = (amplitude * X).astype(np.float32)
    chip, y = program_and_read(hardware, W, x)
    top = np.abs(x).max()
    volts = x * np.float32(v_max / top) if top > v_max else x
    amperes = np.asarray(y, np.float64) * (1 / cell.r_on - 1 / cell.r_off) / np.asarray(chip["scale"])
    check(amperes, *tiled(chip, volts, tile, 6, 0.0))
    # The regression on uniform inputs gives the digital product back, for inputs of that size.
    tuned = mj.tune(hardware, chip, W, jax.random.key(1), vectors=2000)
    assert float((tuned["scale"] / chip["scale"])[0]) == pytest.approx(1 / v_max, rel=0.02)
