"""Numbers that a read takes from the specification, in closed form: ranges, the transposed array, corrections."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import memjax as mj
from memjax import crossbar
from memjax.crossbar._terminals import attenuated

E = mj.effects
KEY = jax.random.key(0)
CELL = mj.Cell(10e3, 100e3)
SPAN = 1e-4 - 1e-5
V_MAX = 0.3
DRAW = np.random.default_rng(0)


def hardware(**parts):
    return mj.Hardware(**{"cell": CELL, "tile": (64, 8), "dac": mj.Dac(8, V_MAX)} | parts)


def signed(entry):
    """Pairs subtracted, of every row tile [T, rows, width]."""
    pos, neg = (np.asarray(entry["conductance"][name], np.float64) for name in ("pos", "neg"))
    return pos - neg


def expected_top(tiles):
    """max over bit lines of min(sum |G|, 3 sqrt(sum G^2)), the sums over the word lines."""
    return np.minimum(np.abs(tiles).sum(-2), 3.0 * np.sqrt((tiles**2).sum(-2))).max()


@pytest.mark.parametrize("rows", [70, 6])
def test_range_of_an_analog_converter(rows):
    """64 word lines reach three times the root mean square, six word lines the sum of all."""
    weights = np.sign(DRAW.normal(size=(rows, 12))) * DRAW.uniform(0.8, 1.0, (rows, 12))
    entry = mj.program(hardware(), weights, KEY)
    np.testing.assert_allclose(entry["adc_range"], V_MAX * expected_top(signed(entry)), rtol=1e-5)
    by_sum = np.abs(signed(entry)).sum(1).max()
    assert (expected_top(signed(entry)) < 0.9 * by_sum) == (rows == 70)


def test_range_of_a_digital_converter_is_the_largest_sum_of_any_array():
    """Positive weights: the array of the negative ones is at G_off."""
    weights = DRAW.uniform(0.5, 1.0, (20, 8))
    entry = mj.program(hardware(adc=mj.Adc(8, subtract="digital")), weights, KEY)
    top = np.asarray(entry["conductance"]["pos"], np.float64)[:, :20].sum(1).max()
    np.testing.assert_allclose(entry["adc_range"], V_MAX * top, rtol=1e-5)


def test_range_of_several_kinds_of_conversion_is_that_of_the_largest():
    """The most significant digits are all zero, the least significant ones are not."""
    weights = np.full((20, 8), 1.0 / 15)
    weights[0, 0] = 1.0
    entry = mj.program(hardware(mapping=mj.mapping.BitSliced(2, 2)), weights, KEY)
    g = {name: np.asarray(array, np.float64) for name, array in entry["conductance"].items()}
    least, most = (expected_top(g[f"pos_{k}"] - g[f"neg_{k}"]) for k in (0, 1))
    assert least > 1.5 * most
    np.testing.assert_allclose(entry["adc_range"], V_MAX * least, rtol=1e-5)


def test_range_where_no_current_flows_is_that_of_a_full_cell():
    entry = mj.program(hardware(), np.zeros((5, 4)), KEY)
    np.testing.assert_allclose(entry["adc_range"], V_MAX * 1e-4, rtol=1e-6)


@pytest.mark.parametrize("at_once", [2, 6])
def test_range_for_word_lines_that_are_driven_in_turn(at_once):
    weights = DRAW.uniform(0.2, 1.0, (6, 4))
    entry = crossbar.program_all(hardware(tile=(6, 4)), {"w": weights}, KEY, at_once=at_once)["w"]
    turns = [signed(entry)[0, start : start + at_once] for start in range(0, 6, at_once)]
    np.testing.assert_allclose(entry["adc_range"], V_MAX * max(map(expected_top, turns)), rtol=1e-5)
    assert float(entry["driven"]) == at_once


def test_the_transposed_read_factor_by_factor():
    """Errors times the scale of their column over the largest, DAC, tiles driven from the other side, ADC, largest."""
    rows, columns, inputs, outputs, batch = 4, 3, 6, 8, 5
    backward = mj.Backward(mj.Dac(bits=5, v_max=0.25, range=2.0), mj.Adc(bits=6))
    spec = hardware(
        tile=(rows, columns), mapping=mj.mapping.DoubleColumn("column"), adc=mj.Adc(bits=None), backward=backward
    )
    weights = (DRAW.normal(size=(inputs, outputs)) * np.geomspace(1, 20, outputs)).astype(np.float32)
    chip = mj.program(spec, weights, KEY)
    d = DRAW.normal(size=(batch, outputs)).astype(np.float32)
    found = jax.grad(lambda x: jnp.sum(mj.matmul(spec, chip, x) * d))(jnp.ones((batch, inputs)))

    scale = np.abs(weights).max(0).astype(np.float64)
    errors = d * scale / scale.max()
    top = 2.0
    volts = 0.25 * np.clip(np.rint(errors / top * 15), -15, 15) / 15
    g = signed(chip).reshape(-1, 9)[:inputs, :outputs].T
    tiles = [g[start : start + columns] for start in range(0, outputs, columns)]  # driven together
    blocks = [t[:, a : a + rows] for t in tiles for a in range(0, inputs, rows)]
    lsb = 0.25 * max(map(expected_top, blocks)) / 31
    codes = sum(
        np.clip(np.rint(volts[:, i * columns : (i + 1) * columns] @ tile / lsb), -31, 31)
        for i, tile in enumerate(tiles)
    )
    expected = codes * lsb / 0.25 * top / SPAN * scale.max()
    step = lsb / 0.25 * top / SPAN * scale.max()
    error = np.abs(found - expected) / step
    assert (error > 1e-2).mean() < 0.1  # a tie of rounding
    assert error.max() < 1.01


def test_vectors_of_a_correction_span_the_calibrated_range():
    """Three bits of a DAC whose calibrated range is 10: sum x Q(x) / sum Q(x)^2 over uniform inputs."""
    spec = hardware(tile=(8, 8), dac=mj.Dac(bits=3), adc=mj.Adc(bits=None))
    weights = DRAW.normal(size=(20, 8)).astype(np.float32)
    chip = mj.program(spec, weights, KEY) | {"dac_range": jnp.asarray(10.0)}
    tuned = mj.tune(spec, chip, weights, KEY, vectors=3000)
    x = np.linspace(-1, 1, 10_001)
    q = np.clip(np.rint(3 * x), -3, 3) / 3
    np.testing.assert_allclose(tuned["scale"] / chip["scale"], (x * q).sum() / (q * q).sum(), rtol=5e-3)


def test_vectors_of_a_correction_drive_every_group_in_turn():
    """Half the conductance in the second half of the word lines: (A + B / 2) / (A + B / 4) of their energies."""
    spec = hardware(tile=(4, 8), dac=mj.Dac(range=1.0), adc=mj.Adc(bits=None))
    weights = {"w": DRAW.normal(size=(4, 8)).astype(np.float32)}
    chip = crossbar.program_all(spec, weights, KEY, at_once=2)
    half = jnp.asarray([1.0, 1.0, 0.5, 0.5])[:, None]
    chip["w"]["conductance"] = {name: g * half for name, g in chip["w"]["conductance"].items()}
    tuned = crossbar.tune_all(spec, chip, weights, KEY, vectors=4000)
    upper, lower = (weights["w"] ** 2).reshape(2, -1).sum(1)
    factor = (upper + lower / 2) / (upper + lower / 4)
    np.testing.assert_allclose(tuned["w"]["scale"] / chip["w"]["scale"], factor, rtol=0.02)


@pytest.mark.parametrize("shape", [(3, 1, 1, 20), (1, 3, 2, 20)])
def test_columns_of_packed_groups_have_scales_of_their_own(shape):
    kernel, inputs, outputs, groups = shape
    w = jax.random.normal(KEY, (kernel, kernel, inputs, outputs * groups)) * jnp.arange(1.0, 1 + outputs * groups)
    x = jax.random.normal(jax.random.key(1), (2, 4, 4, inputs * groups))

    def convolve(w, x):
        numbers = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=numbers, feature_group_count=groups)

    spec = hardware(
        tile=(16, 16), mapping=mj.mapping.DoubleColumn("column"), dac=mj.Dac(range=8.0), adc=mj.Adc(bits=None)
    )
    analog = mj.crossbarify(convolve, spec)
    chip = analog.program(w, KEY, x)
    assert len(np.unique(chip[""]["scale"])) > 5
    y = analog.apply(chip, w, x)
    np.testing.assert_allclose(y, convolve(w, x), rtol=1e-4, atol=1e-4 * np.abs(y).max())


def test_packed_groups_are_converted_by_the_converters_of_their_tile():
    """Offsets of the codes at zero input: of the row tile and the bit line that a group stands on."""
    groups, rows, columns = 5, 16, 4  # 1 x 18 per group: two row tiles, four side by side, in two sets
    w = jnp.ones((3, 3, 2, groups))
    adc = mj.Adc(8, range=1e-4, errors=(mj.converters.Offset(20.0),))
    spec = hardware(tile=(rows, columns), adc=adc)

    def convolve(w, x):
        numbers = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=numbers, feature_group_count=groups)

    x = jnp.zeros((1, 2, 2, 2 * groups))
    analog = mj.crossbarify(convolve, spec)
    chip = analog.program(w, KEY, x)
    offsets = np.rint(np.asarray(chip[""]["adc"]["pos-neg"]["Offset"])[:, 0])
    assert offsets.shape == (4, 4)
    codes = np.array([offsets[2 * (g // 4) : 2 * (g // 4) + 2, g % 4].sum() for g in range(groups)])
    lsb = 1e-4 / 127 / V_MAX / SPAN * np.asarray(chip[""]["scale"])[np.arange(groups) % 4]
    np.testing.assert_allclose(analog.apply(chip, w, x)[0, 0, 0], codes * lsb, rtol=1e-5)


def test_padding_cells_of_a_measured_chip():
    """At G_off, between the bounds of the cell."""
    faulty = hardware(tile=(8, 8), effects=(E.StuckAt(),))
    measured = {name: np.full((5, 4), g) for name, g in (("pos", 5e-6), ("neg", 3e-4))}
    chip = mj.chip_from_conductances(faulty, measured)
    for part, outside in {"conductance": (1e-5, 1e-5), "low": (1e-5, 1e-5), "high": (1e-4, 1e-4)}.items():
        for name, padding in zip(("pos", "neg"), outside, strict=True):
            np.testing.assert_allclose(chip[part][name][0, 5:], padding, rtol=1e-6)
    np.testing.assert_allclose(chip["low"]["pos"][0, :5, :4], 5e-6, rtol=1e-6)
    np.testing.assert_allclose(chip["low"]["neg"][0, :5, :4], 1e-5, rtol=1e-6)
    np.testing.assert_allclose(chip["high"]["pos"][0, :5, :4], 1e-4, rtol=1e-6)
    np.testing.assert_allclose(chip["high"]["neg"][0, :5, :4], 3e-4, rtol=1e-6)


def test_noise_behind_wires_is_that_of_the_share_of_the_voltage():
    """u = w = sqrt(r), r the share that the terminals see: powers go with u^2 w^2, u w^2 and w^2."""
    cells, share = np.array([[1e-4, 2e-5, 0.0]]), np.array([[0.25, 0.81, 1.0]])
    power = E.Power(squared=np.full((1, 3), 2.0), linear=np.full((1, 3), 3.0), constant=np.full((1, 3), 5.0))
    found = attenuated({"pos": power}, {"pos": cells}, {"pos": cells * share})["pos"]
    free = np.array([0.25, 0.81, 0.0])  # a cell that does not conduct has no noise of its current
    for part, strength, exponent in zip(found, (2.0, 3.0, 5.0), (2.0, 1.5, 1.0), strict=True):
        np.testing.assert_allclose(part[0], strength * free**exponent, rtol=1e-5)
