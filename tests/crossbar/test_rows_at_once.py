"""Partial row activation: groups of word lines read one after another, against reads of each group by itself."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import memjax as mj
from memjax.converters import BitSerial, PulseWidth

K, N, B = 11, 5, 4
W = np.random.default_rng(0).normal(size=(K, N)).astype(np.float32)
X = np.random.default_rng(1).uniform(-1.0, 1.0, (B, K)).astype(np.float32)
KEY = jax.random.key(0)
DAC = mj.Dac(bits=4, range=1.0)
ADC = mj.Adc(bits=6, range=5e-5)


def hardware(**options):
    return mj.Hardware(**{"tile": (4, 3), "dac": DAC, "adc": ADC} | options)


@jax.jit
def read(hardware, chip, x, key=None):
    return mj.matmul(hardware, chip, x, key)


def group_by_group(hardware, chip, x, key=None):
    """The sum of reads in which only the inputs of one group of each tile are driven."""
    whole, size = dataclasses.replace(hardware, rows_at_once=None), hardware.at_once
    number = np.arange(x.shape[-1]) % hardware.rows // size
    return sum(read(whole, chip, jnp.where(number == g, x, 0.0)) for g in range(-(-hardware.rows // size)))


CASES = {
    "pair": {},
    "one line": {"rows_at_once": 1},
    "digital": {"adc": mj.Adc(bits=6, range=5e-5, subtract="digital")},
    "dynamic": {"adc": mj.Adc(bits=6, range=mj.Dynamic())},
    "rows": {"mapping": mj.mapping.DualRow(), "tile": (10, 3), "rows_at_once": 4},
    "offset": {"mapping": mj.mapping.Offset()},
    "mirror": {"mapping": mj.mapping.CurrentMirror()},
    "slices": {"mapping": mj.mapping.BitSliced(3, 1), "cell": mj.Cell(levels=2)},
    "pairs": {"mapping": mj.mapping.Pairs((1.0, 0.25))},
    "serial": {"dac": mj.Dac(bits=4, range=1.0, encoding=BitSerial(3))},
    "pulses": {"dac": mj.Dac(bits=4, range=1.0, encoding=PulseWidth())},
    "batched": {"schedule": "batched"},
    "curved": {"effects": (mj.effects.SinhConduction(3.0),)},
    "wires": {"wires": mj.Wires(row=30.0, column=30.0, source=200.0)},
    "curved behind wires": {"wires": mj.Wires(row=30.0), "effects": (mj.effects.SinhConduction(3.0),)},
    "mirror behind wires": {"wires": mj.Wires(row=30.0), "mapping": mj.mapping.CurrentMirror()},
    "one tile": {"tile": (32, 8)},
}


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_each_group_is_converted_by_itself(options):
    h = hardware(**{"rows_at_once": 3} | options)
    chip = mj.program(h, W, KEY)
    y, expected = read(h, chip, X), group_by_group(h, chip, X)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    whole = read(dataclasses.replace(h, rows_at_once=None), chip, X)
    assert np.abs(whole - y).max() > 1e-3  # the rounding differs


@pytest.mark.parametrize("groups", [1, 2])
def test_convolution(groups):
    """Each position is a vector; groups that share tiles drive their own word lines."""
    kernel = np.random.default_rng(2).normal(size=(2, 2, 4 // groups, 4)).astype(np.float32)
    images = np.random.default_rng(3).uniform(size=(2, 4, 4, 4)).astype(np.float32)

    def convolve(params, x):
        numbers = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, params["w"], (1, 1), "SAME", None, None, numbers, groups)

    h = hardware(tile=(16, 8), rows_at_once=5)
    analog = mj.crossbarify(convolve, h)
    chip = analog.program({"w": kernel}, KEY, images)
    y = analog.apply(chip, {"w": kernel}, images)
    patches = lax.conv_general_dilated_patches(
        images, (2, 2), (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    patches = patches.reshape(-1, groups, 4 // groups, 4).transpose(1, 0, 3, 2).reshape(groups, 32, -1)
    matrices = kernel.reshape(-1, groups, 4 // groups).transpose(1, 0, 2)
    scale = np.abs(kernel).max()
    for group, (x, w) in enumerate(zip(patches, matrices, strict=True)):
        # One scale for all groups: the largest weight stands in a column that is not looked at.
        own = np.concatenate([w, np.full((len(w), 1), scale, np.float32)], axis=1)
        alone = mj.program(h, own, KEY)
        expected = group_by_group(h, alone, x)[:, :-1]
        found = np.asarray(y).reshape(32, groups, -1)[:, group]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_integer_arithmetic_is_exact(size):
    """One LSB is one product of a bit by a bit: as many bits as hold `size` of them are enough."""
    weights = np.random.default_rng(4).integers(-7, 8, (K, N)).astype(np.float32)
    weights[0, 0] = 7.0
    x = np.random.default_rng(5).integers(-7, 8, (B, K)).astype(np.float32)
    bits = int(np.ceil(np.log2(size + 1))) + 1
    h = mj.Hardware(
        cell=mj.Cell(10e3, np.inf, levels=2),
        mapping=mj.mapping.BitSliced(3, 1),
        tile=(8, 3),
        dac=mj.Dac(bits=4, range=7.0, encoding=BitSerial(3)),
        adc=mj.Adc(bits, range=(2 ** (bits - 1) - 1) * 0.2 / 10e3),
        rows_at_once=size,
    )
    np.testing.assert_allclose(read(h, mj.program(h, weights, KEY), x), x @ weights, rtol=1e-6, atol=1e-5)


def test_ideal_limit_and_the_same_chip():
    effects = (mj.effects.DeviceVariation(1e3, 1e4),)
    whole, parts = (hardware(adc=mj.Adc(), effects=effects, rows_at_once=n) for n in (None, 3))
    chip = mj.program(whole, W, KEY)
    jax.tree.map(np.testing.assert_array_equal, mj.program(parts, W, KEY), chip)
    np.testing.assert_allclose(read(parts, chip, X), read(whole, chip, X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [4, 6])
def test_all_lines_at_once_are_one_group(size):
    """Bit for bit, noise included."""
    effects = (mj.effects.ReadNoise(0.1),)
    whole, parts = (hardware(tile=(size, 3), effects=effects, rows_at_once=n) for n in (None, size))
    chip = mj.program(whole, W, KEY)
    np.testing.assert_array_equal(read(parts, chip, X, KEY), read(whole, chip, X, KEY))


def test_range_is_that_of_a_group():
    """v_max times the largest of min(sum |G|, 3 sqrt(sum G^2)) over groups of three, of the signed conductances."""
    h = hardware(adc=mj.Adc(bits=6), rows_at_once=3)
    chip = mj.program(h, W, KEY)
    signed = np.abs(np.asarray(chip["conductance"]["pos"] - chip["conductance"]["neg"], np.float64))
    groups = np.pad(signed, ((0, 0), (0, 2), (0, 0))).reshape(-1, 3, signed.shape[-1])
    expected = 0.2 * np.minimum(groups.sum(1), 3.0 * np.sqrt((groups**2).sum(1))).max()
    np.testing.assert_allclose(chip["adc_range"], expected, rtol=1e-5)


def test_calibration_sees_the_currents_of_groups():
    h = hardware(adc=mj.Adc(bits=6), dac=mj.Dac(bits=8, range=1.0), rows_at_once=3)
    analog = mj.crossbarify(lambda p, x: x @ p["w"], h)
    chip = analog.calibrate(analog.program({"w": W}, KEY, X), {"w": W}, X)
    signed = np.asarray(chip["w"]["conductance"]["pos"] - chip["w"]["conductance"]["neg"])
    volts = np.pad(0.2 * X, ((0, 0), (0, 1))).reshape(B, 3, 4)
    groups = [np.einsum("btr,trn->btn", volts[..., a:b], signed[:, a:b]) for a, b in ((0, 3), (3, 4))]
    np.testing.assert_allclose(chip["w"]["adc_range"], max(np.abs(g).max() for g in groups), rtol=1e-4)
    assert float(analog.clipping(chip, {"w": W}, X)["w"]) == 0.0


READS = 4000


def test_noise_of_driven_cells_counts_once_and_of_cells_at_rest_in_each_group():
    """Read noise is that of the driven cells; thermal noise that of all cells of the tile, in each of two groups."""
    x = jnp.broadcast_to(X[0], (READS, K))
    for effect, ratio in ((mj.effects.ReadNoise(0.1), 1.0), (mj.effects.ThermalNoise(1e12, 300.0), 2.0)):
        variance = []
        for size in (None, 4):
            h = hardware(tile=(8, 3), adc=mj.Adc(), effects=(effect,), rows_at_once=size)
            chip = mj.program(h, W[:8], KEY)
            variance.append(np.var(read(h, chip, x[:, :8], jax.random.key(3)), axis=0))
        np.testing.assert_allclose(variance[1] / variance[0], ratio, rtol=6 * 2 / np.sqrt(READS))


def test_groups_have_noise_of_their_own():
    """Two groups with the same cells and inputs: the variance of the sum is twice that of one, not four times."""
    h = hardware(tile=(8, 3), adc=mj.Adc(), effects=(mj.effects.ReadNoise(0.1),), rows_at_once=4)
    w, x = np.tile(W[:4], (2, 1)), jnp.broadcast_to(np.tile(X[0, :4], 2), (READS, 8))
    chip = mj.program(h, w, KEY)
    both = np.var(read(h, chip, x, KEY), axis=0)
    one = np.var(read(h, chip, x.at[:, 4:].set(0.0), KEY), axis=0)
    np.testing.assert_allclose(both / one, 2.0, rtol=12 / np.sqrt(READS))


def test_groups_without_inputs_are_not_converted():
    """A mid-rise converter reads half an LSB of nothing: 3 + 3 groups have inputs, the last tile holds 3 of 8 lines."""
    adc = mj.Adc(bits=6, range=5e-5, codes="mid_rise")
    h = hardware(tile=(8, 3), adc=adc, rows_at_once=3)
    lsb = 5e-5 / 32 / (0.2 * 9e-5)
    y = read(h, mj.program(h, np.ones((K, 1), np.float32), KEY), np.zeros((1, K), np.float32))
    np.testing.assert_allclose(y, 4 * 0.5 * lsb, rtol=1e-4)


@pytest.mark.parametrize("adc", [mj.Adc(bits=5), mj.Adc(bits=5, range=2e-6)], ids=["in range", "clipping"])
def test_gradients(adc):
    """Straight through: those of the digital product where nothing clips, and finite where it does."""
    h = hardware(adc=adc, rows_at_once=3, dac=mj.Dac(range=1.0))
    loss = lambda w, x: jnp.sum(mj.matmul(h, mj.program(h, w, KEY), x) * jnp.arange(1.0, N + 1))
    by_w, by_x = jax.jit(jax.grad(loss, (0, 1)))(W, X)
    if adc.range is None:
        digital = jax.grad(lambda x: jnp.sum(x @ W * jnp.arange(1.0, N + 1)))(X)
        np.testing.assert_allclose(by_x, digital, rtol=1e-4, atol=1e-4)
    assert np.isfinite(by_w).all()
    assert np.isfinite(by_x).all()
    assert np.abs(by_x).max() > 0.1


def test_jit_vmap_and_eager_agree():
    bits = jnp.array([4.0, 6.0])
    run = lambda b, x: mj.matmul(h := hardware(adc=mj.Adc(b), rows_at_once=3), mj.program(h, W, KEY), x)
    batch = jax.vmap(run, (0, None))(bits, X)
    for one, b in zip(batch, bits, strict=True):
        np.testing.assert_allclose(run(b, X), one, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows_at_once": 5}, r"Hardware\.rows_at_once must be at most the 4 word lines of a tile, got 5"),
        ({"rows_at_once": 0}, r"Hardware\.rows_at_once must be in \[1, "),
        ({"rows_at_once": 3, "mapping": mj.mapping.DualRow()}, r"rows_at_once must be a multiple of 2.*DualRow, got 3"),
    ],
)
def test_bad_groups(options, message):
    with pytest.raises(ValueError, match=message):
        hardware(**options)


def test_the_number_of_lines_is_static():
    with pytest.raises(TypeError, match=r"Hardware\.rows_at_once must be an integer"):
        hardware(rows_at_once=3.0)
    assert "at once     3 word lines of a tile" in str(hardware(rows_at_once=3))


def test_transposed_read_drives_all_bit_lines():
    """Gradients read from the array do not know of groups of word lines."""
    slopes = []
    for size in (None, 2):
        h = hardware(adc=mj.Adc(), rows_at_once=size, backward=mj.Backward(mj.Dac(bits=6), mj.Adc(bits=6)))
        chip = mj.program(h, W, KEY)
        slopes.append(jax.grad(lambda x, h=h, chip=chip: jnp.sum(jnp.sin(mj.matmul(h, chip, x))))(X))
    np.testing.assert_allclose(*slopes, rtol=1e-5, atol=1e-5)


def test_vectors_are_halved_where_a_group_clips():
    """The largest group current of a vector decides: 2.4 cells in a range of one needs two halvings."""
    one = 0.2 * 9e-5
    h = hardware(tile=(8, 2), dac=mj.Dac(range=1.0), adc=mj.Adc(bits=8, range=one), halvings=3, rows_at_once=4)
    chip = mj.program(h, np.ones((8, 1), np.float32), KEY)
    x = np.array([[0.1] * 8, [0.1] * 4 + [0.6] * 4, [0.2] * 8], np.float32)
    np.testing.assert_array_equal(mj.crossbar.reads(h, chip, x), [1, 3, 1])
    np.testing.assert_allclose(mj.matmul(h, chip, x)[:, 0], x.sum(1), atol=8 / 127)


def test_corrections_read_groups_too():
    """A gain for the crossbar makes up for a driver that is weak, as without groups."""
    h = hardware(adc=mj.Adc(bits=8), dac=mj.Dac(bits=8, range=1.0), rows_at_once=3)
    chip = mj.program(h, W, KEY)
    weak = chip | {"conductance": {name: 0.8 * g for name, g in chip["conductance"].items()}}
    tuned = mj.tune(h, weak, W, jax.random.key(1))
    np.testing.assert_allclose(tuned["scale"] / chip["scale"], 1.25, rtol=0.02)
