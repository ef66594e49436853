"""Integer weights and inputs: with enough bits a crossbar does integer arithmetic."""

import jax
import numpy as np
import pytest

import memjax as mj

K, N, B = 13, 6, 7
TOP, LARGEST = 7, 15  # largest weight and largest input
RANDOM = np.random.default_rng(0)
W = RANDOM.integers(-TOP, TOP + 1, (K, N))
W[0, 0], X = TOP, RANDOM.integers(-LARGEST, LARGEST + 1, (B, K))
# G_off is one conductance step of a pair (two of a single cell), so that the current of every state is an integer.
STEP = 1e-6
CELL = {"pair": mj.Cell(1 / (8 * STEP), 1 / STEP, levels=8), "single": mj.Cell(1 / (8 * STEP), 1 / STEP, levels=15)}

LAYOUTS = [
    ("DoubleColumn", "analog"),
    ("DoubleColumn", "digital"),
    ("DualRow", "analog"),
    ("Offset", "analog"),
    ("Offset", "digital"),
    ("CurrentMirror", "analog"),
    ("CurrentMirror", "digital"),
]
TILES = [(2, 1), (5, 4), (26, 2), (64, 64)]


@jax.jit
def run(hardware, weights, x):
    return mj.matmul(hardware, mj.program(hardware, weights, jax.random.key(0)), x)


def hardware(name, subtract, tile, units_per_lsb, bits, schedule=None):
    """Hardware whose DAC code is the input and whose ADC has an LSB of some units (one unit: 1 x 1)."""
    pair = name.startswith("D")
    v_max = 0.15
    unit = v_max / LARGEST * STEP / (1 if pair else 2)
    return mj.Hardware(
        cell=CELL["pair" if pair else "single"],
        mapping=getattr(mj.mapping, name)(),
        tile=tile,
        dac=mj.Dac(bits=5, v_max=v_max, range=float(LARGEST)),
        adc=mj.Adc(bits=bits, range=unit * units_per_lsb * (2 ** (bits - 1) - 1), subtract=subtract),
        schedule=schedule,
    )


@pytest.mark.parametrize(("name", "subtract"), LAYOUTS)
@pytest.mark.parametrize("tile", TILES)
def test_an_lsb_of_one_unit_counts_exactly(name, subtract, tile):
    y = np.asarray(run(hardware(name, subtract, tile, 1.0, 13), W, X))
    np.testing.assert_array_equal(np.rint(y), X @ W)
    np.testing.assert_allclose(y, X @ W, atol=1e-4)


@pytest.mark.parametrize(("name", "subtract"), LAYOUTS)
def test_finer_lsb_rounds_to_the_integer(name, subtract):
    y = run(hardware(name, subtract, (4, 4), 0.01, 19, "batched"), W, X)
    np.testing.assert_array_equal(np.rint(y), X @ W)


def test_coarser_lsb_does_not():
    """The tests above can fail: three bits less lose the integers."""
    y = np.asarray(run(hardware("DoubleColumn", "analog", (4, 4), 8.0, 10), W, X))
    assert (np.rint(y) != X @ W).mean() > 0.5
