"""Calibrated ranges and clipping rates, against currents computed with NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import memjax as mj

ROWS, V_MAX, G_ON, G_OFF = 16, 0.2, 1e-4, 1e-5


def linear(p, x):
    return x @ p["w"]


def currents(w, x, full_scale, part):
    """Currents [A] of every tile, vector and column: of the pair of cells, or of one of the two."""
    voltage = V_MAX * x / full_scale
    pair = {"pos": np.maximum(w, 0), "neg": np.maximum(-w, 0)}
    cells = {name: G_OFF + (G_ON - G_OFF) * half / np.abs(w).max() for name, half in pair.items()}
    signed = cells["pos"] - cells["neg"] if part == "pair" else cells[part]
    tiles = [slice(start, start + ROWS) for start in range(0, len(w), ROWS)]
    return np.stack([voltage[:, rows] @ signed[rows] for rows in tiles])


def hardware(**converters):
    return mj.Hardware(**{"dac": mj.Dac(bits=8), "adc": mj.Adc(bits=8), "tile": (ROWS, 16)} | converters)


@pytest.fixture
def setup(draw):
    return draw((40, 18)), draw((30, 40))


def test_hundredth_percentile_is_the_exact_maximum(setup):
    w, x = setup
    analog = mj.crossbarify(linear, hardware())
    chip = analog.calibrate(analog.program({"w": w}, jax.random.key(0), x), {"w": w}, x, percentile=100)
    w, x = np.asarray(w, float), np.asarray(x, float)
    top = np.abs(x).max()
    assert chip["w"]["dac_range"] == pytest.approx(top, rel=1e-6)
    assert chip["w"]["adc_range"] == pytest.approx(np.abs(currents(w, x, top, "pair")).max(), rel=1e-5)
    assert analog.clipping(chip, {"w": w}, x) == {"w": 0.0}


def test_with_digital_subtraction_each_array_is_looked_at(setup):
    w, x = setup
    analog = mj.crossbarify(linear, hardware(adc=mj.Adc(bits=8, subtract="digital")))
    chip = analog.calibrate(analog.program({"w": w}, jax.random.key(0), x), {"w": w}, x, percentile=100)
    w, x = np.asarray(w, float), np.asarray(x, float)
    seen = [np.abs(currents(w, x, np.abs(x).max(), part)).max() for part in ("pos", "neg")]
    assert chip["w"]["adc_range"] == pytest.approx(max(seen), rel=1e-5)


@pytest.mark.parametrize("percentile", [50.0, 95.0])
def test_percentile_and_clipping_rate(setup, percentile):
    w, x = setup
    analog = mj.crossbarify(linear, hardware(dac=mj.Dac(range=4.0), adc=mj.Adc(bits=4)))
    chip = analog.calibrate(analog.program({"w": w}, jax.random.key(0), x), {"w": w}, x, percentile=percentile)
    assert "dac_range" not in chip["w"]
    magnitude = np.abs(currents(np.asarray(w, float), np.asarray(x, float), 4.0, "pair"))
    full_scale = float(chip["w"]["adc_range"])
    assert full_scale == pytest.approx(np.percentile(magnitude, percentile), rel=0.01)
    # A code of +-7 stands for everything up to half a step above the full scale.
    expected = np.mean(magnitude > full_scale * 7.5 / 7)
    assert expected > 0
    assert analog.clipping(chip, {"w": w}, x)["w"] == pytest.approx(expected, abs=1.5 / magnitude.size)


def test_only_a_missing_range_is_set(setup):
    w, x = setup
    analog = mj.crossbarify(linear, hardware(adc=mj.Adc(bits=8, range=1e-4)))
    chip = analog.calibrate(analog.program({"w": w}, jax.random.key(0), x), {"w": w}, x)
    assert "dac_range" in chip["w"]
    assert "adc_range" not in chip["w"]


def test_calibration_does_not_depend_on_an_earlier_one(setup):
    w, x = setup
    analog = mj.crossbarify(linear, hardware())
    chip = analog.program({"w": w}, jax.random.key(0), x)
    once = analog.calibrate(chip, {"w": w}, x)
    twice = analog.calibrate(analog.calibrate(chip, {"w": w}, 10 * x), {"w": w}, x)
    assert jax.tree.all(jax.tree.map(np.array_equal, once, twice))


def test_every_crossbar_and_scanned_layer_has_a_range_of_its_own(draw):
    def fn(p, x):
        image = lax.conv_general_dilated(
            x, p["kernel"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=2
        )
        return lax.scan(lambda h, w: (jnp.tanh(h @ w), jnp.abs(h).max()), image, p["layers"])

    p = {"kernel": draw((3, 3, 2, 6)), "layers": draw((3, 6, 6))}
    x = draw((2, 4, 4, 4)) * jnp.array([1.0, 1.0, 5.0, 5.0])  # the second group sees five times the signal
    analog = mj.crossbarify(fn, hardware())
    chip = analog.calibrate(analog.program(p, jax.random.key(0), x), p, x, percentile=100)
    kernel, layers = chip["kernel"], chip["layers"]
    assert kernel["adc_range"].shape == ()  # groups share tiles and their converters: that of the largest currents
    quiet = analog.calibrate(chip, p, x.at[..., 2:].set(0.0), percentile=100)["kernel"]
    assert kernel["adc_range"] * kernel["dac_range"] > 2 * quiet["adc_range"] * quiet["dac_range"]
    np.testing.assert_allclose(kernel["dac_range"], jnp.abs(x).max(), rtol=1e-6)
    np.testing.assert_allclose(layers["dac_range"], fn(p, x)[1], rtol=1e-5)
    assert layers["adc_range"].shape == (3,)
    assert len(set(layers["adc_range"].tolist())) == 3


def test_ranges_of_a_shared_crossbar_and_of_branches_cover_every_use(draw):
    def fn(p, x):
        y = lax.cond(x.sum() > 0, lambda x: x @ p["w"], lambda x: 3 * x @ p["v"], x)
        return y + (2 * x) @ p["w"] + lax.fori_loop(0, 2, lambda i, h: (x * (i + 2)) @ p["w"] + 0 * h, y)

    p, x = {"w": draw((5, 5)), "v": draw((5, 5))}, jnp.abs(draw((3, 5)))
    analog = mj.crossbarify(fn, hardware())
    chip = analog.calibrate(analog.program(p, jax.random.key(0), x), p, x, percentile=100)
    assert chip["w"]["dac_range"] == pytest.approx(3 * float(x.max()), rel=1e-6)
    assert analog.clipping(chip, p, x)["w"] == 0.0


def test_inside_jit(setup, error):
    w, x = setup
    analog = mj.crossbarify(linear, hardware())
    chip = analog.program({"w": w}, jax.random.key(0), x)
    found = jax.jit(lambda chip: analog.calibrate(chip, {"w": w}, x))(chip)
    assert error(found, analog.calibrate(chip, {"w": w}, x)) <= 1e-6


def test_nothing_to_calibrate_is_an_error(setup):
    w, x = setup
    analog = mj.crossbarify(linear, hardware(dac=mj.Dac(range=4.0), adc=mj.Adc()))
    chip = analog.program({"w": w}, jax.random.key(0), x)
    with pytest.raises(ValueError, match=r"calibrate needs a converter with range=None \(and bits\) in hardware"):
        analog.calibrate(chip, {"w": w}, x)


@pytest.mark.parametrize(
    "effect", [mj.effects.SinhConduction(10.0), mj.effects.Temperature(400.0), mj.effects.ReadNoise(relative=0.3)]
)
def test_nothing_clips_in_the_range_of_the_largest_current(setup, effect):
    """Calibration and the clipping rate see the same currents: every effect but the noise of reads."""
    w, x = setup
    analog = mj.crossbarify(linear, hardware(effects=(effect,)))
    chip = analog.calibrate(analog.program({"w": w}, jax.random.key(0), x), {"w": w}, x, percentile=100)
    assert analog.clipping(chip, {"w": w}, x) == {"w": 0.0}
    assert analog.converters(chip, {"w": w}, x)["w"].used.max() == pytest.approx(
        1.0, abs=1 / 127
    )  # half a step of the DAC


def test_clipping_rate_of_a_logarithmic_converter():
    """Its full scale is the last level: what lies beyond it clips."""
    w, x = jnp.eye(4), jnp.abs(jax.random.normal(jax.random.key(0), (1000, 4)))
    hardware = mj.Hardware(dac=mj.Dac(range=10.0), adc=mj.LogAdc(bits=6), tile=(4, 4))
    analog = mj.crossbarify(lambda w, x: x @ w, hardware)
    chip = analog.calibrate(analog.program(w, jax.random.key(1), x), w, x, percentile=95.0)
    (rate,) = analog.clipping(chip, w, x).values()
    assert abs(float(rate) - 0.05) < 0.005


def test_the_use_of_the_converters_by_tile(draw):
    """Three rows and two columns of tiles, of which one has inputs ten times as large: it clips, by hand."""
    hardware = mj.Hardware(tile=(4, 3), dac=mj.Dac(range=10.0), adc=mj.Adc(bits=6, range=1e-5))
    w, x = draw((12, 5)), draw((7, 12)) * jnp.repeat(jnp.array([0.1, 1.0, 10.0]), 4)
    analog = mj.crossbarify(lambda w, x: x @ w, hardware)
    chip = analog.program(w, jax.random.key(0), x)
    use = analog.converters(chip, w, x)[""]
    assert use.clipping.shape == use.used.shape == (3, 2)
    # Currents of a tile [A]: DAC of 10 units at v_max, weights at the full range at scale.
    volts = jnp.clip(x, -10, 10) / 10.0 * hardware.dac.v_max
    siemens = w / jnp.abs(w).max() * (hardware.cell.g_on - hardware.cell.g_off)
    currents = jnp.einsum("btr,trn->tbn", volts.reshape(7, 3, 4), siemens.reshape(3, 4, 5))
    by_tile = [[currents[row, :, :3], currents[row, :, 3:]] for row in range(3)]
    top = 1e-5 * (1 + 0.5 / 31)
    for row in range(3):
        for column in range(2):
            z = jnp.abs(by_tile[row][column])
            assert use.used[row, column] == pytest.approx(float(z.max() / 1e-5), rel=1e-4)
            assert use.clipping[row, column] == pytest.approx(float((z > top).mean()), abs=1e-6)
    assert use.clipping.max() > 0
    every = (jnp.array([3, 2]) / 5 * use.clipping).sum() / 3
    assert analog.clipping(chip, w, x)[""] == pytest.approx(float(every), rel=1e-5)
