"""Padding cells are real cells, and add nothing to the result."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

K, N = 11, 7
W = np.random.default_rng(0).normal(size=(K, N)).astype(np.float32)
X = np.random.default_rng(1).normal(size=(6, K)).astype(np.float32)
MAPPINGS = {
    "DoubleColumn": mj.mapping.DoubleColumn(),
    "DualRow": mj.mapping.DualRow(),
    "Offset": mj.mapping.Offset(),
    "CurrentMirror": mj.mapping.CurrentMirror(),
}
each_mapping = pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=MAPPINGS)
program, matmul = jax.jit(mj.program), jax.jit(mj.matmul)


@each_mapping
@pytest.mark.parametrize("tile", [(4, 3), (16, 8), (5, 7)])
def test_cells_of_whole_tiles(mapping, tile):
    """ceil(K / rows) x ceil(N / columns) tiles, those beyond the matrix at G_off."""
    hardware = mj.Hardware(mapping=mapping, tile=tile)
    chip = program(hardware, W, jax.random.key(0))
    rows = tile[0] // 2 if mapping.word_lines == 2 else tile[0]
    down, across = -(-K // rows), -(-N // tile[1])
    for name, g in chip["conductance"].items():
        width = across if name == "reference" else across * tile[1]
        assert g.shape == (down, rows, width)
        g = np.asarray(g).reshape(down * rows, width)
        assert (g[K:] == np.float32(hardware.cell.g_off)).all()
        if name != "reference":
            assert (g[:, N:] == np.float32(hardware.cell.g_off)).all()
            assert g[:K, :N].min() >= np.float32(hardware.cell.g_off)
            assert g[:K, :N].max() <= np.float32(hardware.cell.g_on)


@each_mapping
@pytest.mark.parametrize("adc", [mj.Adc(), mj.Adc(bits=7), mj.Adc(bits=7, range=2e-5)])
def test_padding_cells_add_nothing(mapping, adc):
    hardware = mj.Hardware(mapping=mapping, tile=(6, 4), adc=adc)
    chip = program(hardware, W, jax.random.key(0))
    altered = {}
    for name, g in chip["conductance"].items():
        flat = np.array(g).reshape(-1, g.shape[-1])
        flat[K:] = 1e-4
        if name != "reference":
            flat[:, N:] = 7e-5
        altered[name] = flat.reshape(g.shape)
    y = matmul(hardware, chip, X)
    np.testing.assert_array_equal(matmul(hardware, chip | {"conductance": altered}, X), y)


def test_padding_cells_vary_like_all_cells():
    hardware = mj.Hardware(tile=(16, 8), effects=(mj.effects.DeviceVariation(1e3, 1e4),))
    chip = program(hardware, W, jax.random.key(0))
    padding = np.asarray(chip["conductance"]["pos"])[0, K:]
    assert len(np.unique(padding)) > 0.3 * padding.size
    # They are written to G_off: those that cannot reach it end in their own high-resistance state.
    low = np.asarray(chip["low"]["pos"])[0, K:]
    np.testing.assert_array_equal(padding, np.maximum(low, np.float32(1 / 100e3)))


@each_mapping
@pytest.mark.parametrize("tile", [(2 * K, N), (2 * K, 64), (64, 64)])
def test_range_of_the_converter_does_not_depend_on_padding(mapping, tile):
    """The estimated range is that of the columns that are read, driven by the word lines that are driven."""
    snug = mj.Hardware(mapping=mapping, tile=(K * mapping.word_lines, N))
    reference = program(snug, W, jax.random.key(0))["adc_range"]
    padded = program(mj.Hardware(mapping=mapping, tile=tile), W, jax.random.key(0))["adc_range"]
    np.testing.assert_allclose(padded, reference, rtol=1e-6)


def test_zero_padding_of_the_input_is_free():
    """A matrix with rows of zeros below gives what it gives without them."""
    hardware = mj.Hardware(tile=(4, 8), dac=mj.Dac(), adc=mj.Adc())
    longer = jnp.pad(W, ((0, 9), (0, 0)))
    y = matmul(hardware, program(hardware, W, jax.random.key(0)), X)
    padded = matmul(hardware, program(hardware, longer, jax.random.key(0)), jnp.pad(X, ((0, 0), (0, 9))))
    np.testing.assert_allclose(padded, y, atol=1e-5)
