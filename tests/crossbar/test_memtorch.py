"""The published tiled ADC of Lammie et al. as a composition: its power-of-two dynamic range, bit for bit."""

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
    g = np.asarray(chip["conductance"]["pos"]) - np.asarray(chip["conductance"]["neg"])
    tiles, rows, width = g.shape
    volts = np.pad(np.float32(v_max) * X, ((0, 0), (0, tiles * rows - K))).reshape(B, tiles, rows)
    total, largest_step = np.zeros((B, width)), np.zeros((B, width))
    for b in range(B):
        for t in range(tiles):
            for start in range(0, width, tile[1]):  # padding columns count
                across = slice(start, start + tile[1])
                read, step = quantise(volts[b, t] @ g[t][:, across], bits, overflow)
                total[b, across] += read
                largest_step[b, across] = np.maximum(largest_step[b, across], step)
    amperes = np.asarray(y, np.float64) * v_max * (1 / cell.r_on - 1 / cell.r_off) / np.asarray(chip["scale"])
    error = np.abs(amperes - total[:, :N]) / largest_step[:, :N]
    assert (error > 1e-3).mean() < 0.01  # rounding ties in float32
    assert error.max() < 1.001
