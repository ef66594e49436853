"""The whole read against an independent implementation in NumPy: tile by tile, in volts, siemens and amperes."""

import equinox as eqx
import jax
import numpy as np
import pytest

import memjax as mj

K, N, B = 11, 7, 40
W = np.random.default_rng(0).normal(size=(K, N)).astype(np.float32)
X = np.random.default_rng(1).normal(size=(B, K)).astype(np.float32)
LAYOUTS = {
    "DoubleColumn-analog": (mj.mapping.DoubleColumn(), "analog"),
    "DoubleColumn-digital": (mj.mapping.DoubleColumn(), "digital"),
    "DualRow": (mj.mapping.DualRow(scaling="column"), "analog"),
    "Offset-analog": (mj.mapping.Offset(percentile=95.0), "analog"),
    "Offset-digital": (mj.mapping.Offset(scaling="column"), "digital"),
    "CurrentMirror-analog": (mj.mapping.CurrentMirror(gain_error=0.03), "analog"),
    "CurrentMirror-digital": (mj.mapping.CurrentMirror(gain_error=-0.02), "digital"),
}
each_layout = pytest.mark.parametrize(("mapping", "subtract"), LAYOUTS.values(), ids=LAYOUTS)


def convert(current, adc, full_scale, half):
    """Currents read by a symmetric converter [A]."""
    if isinstance(adc.range, mj.Dynamic):
        full_scale = np.abs(current).max() or 1.0
    lsb = full_scale / half
    return np.clip(np.rint(current / lsb), -half, half) * lsb


def read(hardware, chip, x):
    """(outputs, the output of one LSB of the converters) of the vectors `x`, in float64."""
    cell, dac, adc, mapping = hardware.cell, hardware.dac, hardware.adc, hardware.mapping
    g = {name: np.asarray(array, np.float64) for name, array in chip["conductance"].items()}
    scale = np.asarray(chip["scale"], np.float64)
    tiles, rows, _ = next(iter(g.values())).shape
    columns = hardware.tile[1]
    g_on, g_off = 1 / cell.r_on, 1 / cell.r_off
    steps, half = 2 ** (dac.bits - 1) - 1, 2 ** (adc.bits - 1) - 1
    full_scale = None if isinstance(adc.range, mj.Dynamic) else float(chip.get("adc_range", adc.range))
    result = np.zeros((len(x), N))
    for b, vector in enumerate(np.asarray(x, np.float64)):
        top = np.abs(vector).max() if dac.range is None else dac.range
        code = np.clip(np.rint(np.float32(vector) / np.float32(top) * steps), -steps, steps)
        volts = np.pad(dac.v_max * code / steps, (0, tiles * rows - K)).reshape(tiles, rows)
        for t in range(tiles):
            for start in range(0, N, columns):
                across = slice(start, start + columns)
                current = {n: volts[t] @ a[t][:, across] for n, a in g.items() if n != "reference"}
                if "reference" in g:
                    current["reference"] = volts[t] @ g["reference"][t][:, [start // columns]]
                gain_error = getattr(mapping, "gain_error", 0.0)
                middle = (g_on + g_off) / 2 * volts[t].sum()
                if hardware.adc.subtract == "digital":
                    current = {n: convert(i, adc, full_scale, half) for n, i in current.items()}
                if "pos" in current:
                    signed = current["pos"] - current["neg"]
                elif "reference" in current:
                    signed = current["cell"] - (1 + gain_error) * current["reference"]
                else:
                    signed = current["cell"] - middle
                if hardware.adc.subtract == "analog":
                    signed = convert(signed, adc, full_scale, half)
                kept = min(columns, N - start)
                weight = mapping.gain * signed[:kept] / (g_on - g_off) * scale[across] / dac.v_max * top
                result[b, across] += weight
    return result


def imperfect(hardware, chip):
    """The chip with every cell somewhere in its range, some stuck at its ends, padding included."""
    random = np.random.default_rng(6)
    g_off, g_on = 1 / hardware.cell.r_off, 1 / hardware.cell.r_on
    cells = {}
    for name, g in chip["conductance"].items():
        moved = np.clip(g * random.normal(1.0, 0.1, g.shape), g_off, g_on)
        u = random.uniform(size=g.shape)
        cells[name] = np.where(u < 0.05, g_on, np.where(u > 0.9, g_off, moved)).astype(np.float32)
    return chip | {"conductance": cells}


def compare(hardware):
    chip = imperfect(hardware, jax.jit(mj.program)(hardware, W, jax.random.key(0)))
    y = jax.jit(mj.matmul)(hardware, chip, X)
    expected = read(hardware, chip, X)
    # A code that falls on a rounding tie may differ in float32: rare, and then by one LSB.
    error = np.abs(np.asarray(y) - expected)
    top = np.abs(expected).max()
    assert (error > 2e-5 * top).mean() < 0.01
    assert error.max() < 0.1 * top
    return expected


@each_layout
@pytest.mark.parametrize("tile", [(4, 3), (32, 16)])
def test_range_of_the_chip(mapping, subtract, tile):
    adc = mj.Adc(bits=8, subtract=subtract)
    compare(mj.Hardware(mapping=mapping, tile=tile, dac=mj.Dac(bits=6), adc=adc))


@each_layout
def test_static_ranges_that_clip(mapping, subtract):
    top = 2e-5 if subtract == "digital" else 1e-5
    hardware = mj.Hardware(
        mapping=mapping,
        tile=(4, 3),
        dac=mj.Dac(bits=6, range=1.2),
        adc=mj.Adc(bits=7, range=top, subtract=subtract),
    )
    clipped = compare(hardware)
    wide = eqx.tree_at(lambda h: h.adc.range, hardware, 100 * top)
    assert np.abs(clipped).max() < np.abs(compare(wide)).max()


@each_layout
def test_dynamic_range_of_each_tile(mapping, subtract):
    adc = mj.Adc(bits=6, range=mj.Dynamic(), subtract=subtract)
    compare(mj.Hardware(mapping=mapping, tile=(4, 3), dac=mj.Dac(bits=6), adc=adc))
