"""Groups of a convolution in shared tiles: exact, dense, and read one by one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import memjax as mj
from memjax.contraction import Convolution
from memjax.crossbar import Packing

KEY = jax.random.key(0)
# (kernel, inputs and outputs of a group, groups): small blocks, blocks of two columns, taller than a tile, wider.
SHAPES = [(3, 1, 1, 20), (3, 1, 2, 7), (3, 2, 3, 2), (1, 3, 20, 3)]


def grouped(groups):
    def convolve(w, x):
        numbers = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=numbers, feature_group_count=groups)

    return convolve


def arguments(kernel, inputs, outputs, groups):
    w = jax.random.normal(KEY, (kernel, kernel, inputs, outputs * groups))
    return w, jax.random.normal(KEY, (2, 5, 5, inputs * groups))


@pytest.mark.parametrize("shape", SHAPES)
def test_packing_is_undone(shape):
    kernel, inputs, outputs, groups = shape
    packing = Packing(groups, kernel * kernel * inputs, outputs, 16, 16)
    stack = np.arange(1.0, 1 + groups * packing.inputs * outputs).reshape(groups, packing.inputs, outputs)
    packed = packing.pack(jnp.asarray(stack))
    assert packed.shape == packing.shape
    assert np.count_nonzero(packed) == stack.size
    assert np.array_equal(packing.unpack(packed), stack)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "mapping",
    [mj.mapping.DoubleColumn(), mj.mapping.DualRow(), mj.mapping.CurrentMirror()],
    ids=lambda m: type(m).__name__,
)
def test_the_ideal_limit_is_the_digital_convolution(shape, mapping):
    fn, (w, x) = grouped(shape[-1]), arguments(*shape)
    analog = mj.crossbarify(fn, mj.Hardware(mapping=mapping, tile=(16, 16), dac=mj.Dac(), adc=mj.Adc()))
    y = analog.apply(analog.program(w, KEY, x), w, x)
    assert np.allclose(y, fn(w, x), rtol=1e-5, atol=1e-5 * np.abs(y).max())


def test_64_depthwise_channels_take_one_pair_of_tiles():
    w, x = arguments(3, 1, 1, 64)
    analog = mj.crossbarify(grouped(64), mj.Hardware(tile=(128, 128)))
    (entry,) = analog.plan(w, x).crossbars
    assert (entry.matrix, entry.copies, entry.tiles, entry.used) == ((9, 1), 64, 2, 2 * 64 * 9)
    chip = analog.program(w, KEY, x)
    assert chip[""]["conductance"]["pos"].shape == (1, 128, 128)


def test_a_group_reads_as_if_it_had_tiles_of_its_own():
    """The codes of a converter with a given range are those of a dense layer for each group."""
    shape = (3, 1, 2, 7)
    hardware = mj.Hardware(tile=(16, 16), dac=mj.Dac(bits=6, range=3.0), adc=mj.Adc(bits=5, range=1e-4))
    fn, (w, x) = grouped(7), arguments(*shape)
    w = w / jnp.abs(w).max((0, 1, 2))  # every column fills the range, so that its scale is that of all
    analog = mj.crossbarify(fn, hardware)
    y = analog.apply(analog.program(w, KEY, x), w, x)
    for group in range(7):
        part, own = x[..., group : group + 1], w[..., 2 * group : 2 * group + 2]
        alone = mj.crossbarify(grouped(1), hardware)
        expected = alone.apply(alone.program(own, KEY, part), own, part)
        assert np.array_equal(y[..., 2 * group : 2 * group + 2], expected)


def test_the_range_of_the_converter_is_that_of_one_group():
    """Word lines of other groups are at zero volts: their conductances add nothing to the currents."""
    contraction = Convolution((1, 5, 5, 7), (3, 3, 1, 7), (0, 3, 1, 2), (3, 2, 0, 1), (0, 3, 1, 2), (1, 1),
                              ((1, 1), (1, 1)), (1, 1), (1, 1), 7)  # fmt: skip
    hardware = mj.Hardware(tile=(64, 2))
    packing = Packing.of(hardware, contraction)
    assert packing is not None
    assert (packing.blocks, packing.slots, packing.sets) == (7, 2, 1)
    w = jnp.ones((3, 3, 1, 7))
    chip = mj.crossbarify(grouped(7), hardware).program(w, KEY, jnp.ones((1, 5, 5, 7)))[""]
    cell = hardware.cell
    assert np.allclose(chip["adc_range"], 0.2 * 9 * (cell.g_on - cell.g_off), rtol=1e-5)


def test_tuned_and_compensated_with_the_word_lines_of_a_group():
    """Nothing clips, so that there is nothing to correct."""
    fn, (w, x) = grouped(20), arguments(3, 1, 1, 20)
    analog = mj.crossbarify(fn, mj.Hardware(tile=(64, 8), adc=mj.Adc(bits=10)))
    chip = analog.program(w, KEY, x)
    for corrected in (analog.tune(chip, w, KEY, x), analog.compensate(chip, chip, KEY)):
        assert np.allclose(corrected[""]["scale"], chip[""]["scale"], rtol=5e-3)


@pytest.mark.parametrize("shape", SHAPES[:3])
def test_gradients_through_the_transposed_array(shape):
    fn, (w, x) = grouped(shape[-1]), arguments(*shape)
    ideal = mj.Backward(dac=mj.Dac(), adc=mj.Adc())
    analog = mj.crossbarify(fn, mj.Hardware(tile=(16, 16), dac=mj.Dac(), adc=mj.Adc(), backward=ideal))
    chip = analog.program(w, KEY, x)
    along = jax.random.normal(KEY, fn(w, x).shape)
    found = jax.grad(lambda x: (analog.apply(chip, w, x) * along).sum())(x)
    expected = jax.grad(lambda x: (fn(w, x) * along).sum())(x)
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
