"""Imperfect converters in a whole read."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.converters import Flash, Gain, Noise, Offset, Ramp, Sar

K, N, B = 11, 7, 6
W = np.random.default_rng(0).normal(size=(K, N)).astype(np.float32)
X = np.random.default_rng(1).normal(size=(B, K)).astype(np.float32)
KEY = jax.random.key(0)
MADE = (Gain(0.05), Offset(1.5), Ramp(0.5, 0.5), Sar(0.03, resolution=8))


@jax.jit
def program(hardware, weights, key):
    return mj.program(hardware, weights, key)


@jax.jit
def read(hardware, chip, x, key=None):
    return mj.matmul(hardware, chip, x, key)


def hardware(errors, mapping=None, subtract="analog", range=None, bits=6, **options):
    adc = mj.Adc(bits=bits, range=range, subtract=subtract, errors=errors)
    mapping = mj.mapping.DoubleColumn() if mapping is None else mapping
    return mj.Hardware(mapping=mapping, tile=(4, 3), adc=adc, **options)


def test_every_tile_column_has_a_converter_of_its_own():
    """Drawn with the tile's key: a larger matrix has the same converters and more."""
    chip = program(hardware((Offset(1.0), Sar(0.1, resolution=8), Ramp(1.0, 1.0))), W, KEY)
    made = chip["adc"]["pos-neg"]
    assert {name: a.shape for name, a in made.items()} == {"Offset": (3, 1, 9), "Sar": (3, 9, 9), "Ramp": (3, 2, 9)}
    offsets = np.asarray(made["Offset"])
    assert len(np.unique(offsets)) == offsets.size
    ramps = np.asarray(made["Ramp"])
    np.testing.assert_array_equal(ramps[..., :3], np.broadcast_to(ramps[..., :1], (3, 2, 3)))
    assert len(np.unique(ramps)) == 3 * 3 * 2
    larger = program(hardware((Offset(1.0),)), np.pad(W, ((0, 8), (0, 4))), KEY)["adc"]["pos-neg"]["Offset"]
    np.testing.assert_array_equal(larger[:3, :, :9], offsets)


@pytest.mark.parametrize(
    ("mapping", "subtract", "names"),
    [
        (mj.mapping.DoubleColumn(), "digital", {"pos": 9, "neg": 9}),
        (mj.mapping.CurrentMirror(), "digital", {"cell": 9, "reference": 3}),
        (mj.mapping.BitSliced(2, 1), "analog", {"pos_0-neg_0": 9, "pos_1-neg_1": 9}),
    ],
)
def test_offsets_add_up(mapping, subtract, names):
    """An offset of o LSB at every conversion: sum over tiles and conversions of factor x o, at zero input exactly."""
    h = hardware((Offset(5.0),), mapping, subtract, range=1e-4)
    chip = program(h, W, KEY)
    offsets = {name: np.asarray(made["Offset"])[:, 0] for name, made in chip["adc"].items()}
    assert {name: array.shape[-1] for name, array in offsets.items()} == names
    expected = 0
    for conversion in h.conversions[0]:
        codes = np.rint(offsets[conversion.name]).sum(0)
        codes = np.repeat(codes, 9 // len(codes))[:N]
        expected = expected + float(conversion.factor) * codes
    scale = mapping.gain * np.asarray(chip["scale"]) / 9e-5 * (1e-4 / 31) / 0.2
    y = read(h, chip, np.zeros((1, K), np.float32))  # a vector of zeros has a DAC range of one
    np.testing.assert_allclose(y[0], expected * scale, rtol=1e-5, atol=1e-6)


@pytest.mark.optimised
def test_no_strength_is_no_error():
    """Bit for bit, with a key or without."""
    plain, zero = hardware(()), hardware((Noise(), Gain(), Offset(), Flash(), Ramp()))
    chip = program(zero, W, KEY)
    assert chip.keys() - {"adc"} == program(plain, W, KEY).keys()
    np.testing.assert_array_equal(read(zero, chip, X, KEY), read(plain, chip, X))


READS = 4000


@pytest.mark.parametrize("range", [4e-5, mj.Dynamic()])
def test_noise_of_the_converter(range):
    """Each of T tiles adds (std^2 + 1/12) LSB^2, independently for rows and columns."""
    std = 1.5
    h = hardware((Noise(std),), range=range, dac=mj.Dac(bits=8))
    chip = program(h, W, KEY)
    y = np.asarray(read(h, chip, np.broadcast_to(X[0], (READS, K)), jax.random.key(4)))
    noise = y - y.mean(0)
    scale = float(chip["scale"][0]) / 9e-5 / 0.2 * np.abs(X[0]).max()
    if isinstance(range, mj.Dynamic):
        g = np.asarray(chip["conductance"]["pos"] - chip["conductance"]["neg"], np.float64)
        volts = np.pad(0.2 * np.rint(X[0] / np.abs(X[0]).max() * 127) / 127, (0, 1)).reshape(3, 4)
        top = np.abs(np.einsum("tr,trn->tn", volts, g)).reshape(3, 3, 3).max(-1).repeat(3, -1)[:, :N]
    else:
        top = np.full((3, N), range)
    expected = ((top / 31 * scale) ** 2).sum(0) * (std**2 + 1 / 12)
    # Clipping at the top code cuts the noise of the current that defines a dynamic range.
    free = slice(None) if range == 4e-5 else noise.var(0) > 0.8 * expected
    np.testing.assert_allclose(noise.var(0)[free], expected[free], rtol=5 * np.sqrt(2 / READS) + 0.02)
    correlation = np.corrcoef(noise.T) - np.eye(N)
    assert np.abs(correlation).max() < 5 / np.sqrt(READS)
    assert np.abs((noise[1:] * noise[:-1]).mean(0) / noise.var(0)).max() < 5 / np.sqrt(READS)
    assert h.noisy
    with pytest.raises(ValueError, match=r"key must be a PRNG key, since Hardware\.adc has noise, got None"):
        mj.matmul(h, chip, X)


def test_one_compilation_for_all_strengths_and_gradients_are_finite():
    @jax.jit
    @partial(jax.vmap, in_axes=(0, None, None))
    def run(strength, w, x):
        def loss(strength, w, x):
            errors = (Noise(strength), *(jax.tree.map(lambda s: s * strength, e) for e in MADE))
            h = hardware(errors, bits=6.0 + strength)
            y = mj.matmul(h, mj.program(h, w, KEY), x, KEY)
            return jnp.sum(y * jnp.arange(N)), y

        (_, y), slopes = jax.value_and_grad(loss, (0, 1, 2), has_aux=True)(strength, w, x)
        return y, slopes

    y, slopes = run(jnp.array([0.0, 0.5, 2.0]), W, X)
    assert all(bool(jnp.isfinite(s).all()) for s in slopes)
    errors = np.abs(y - X @ W).mean((1, 2))
    assert errors[0] < errors[1] < errors[2]
    inside = np.broadcast_to(np.arange(N, dtype=float), (B, N)) @ W.T
    assert np.abs(slopes[2][0] - inside).max() < 0.3 * np.abs(inside).max()


@pytest.mark.parametrize("range", [4e-5, mj.Dynamic()])
def test_schedules_and_batches(range):
    errors = (Noise(0.5), Offset(1.0), Flash(0.3))
    scan, batched = (hardware(errors, range=range, schedule=schedule) for schedule in ("scan", "batched"))
    chip = program(scan, W, KEY)
    whole = read(scan, chip, X, KEY)
    for other, x in ((batched, X), (scan, X[:4])):
        close = np.abs(read(other, chip, x, KEY) - whole[: len(x)]) < 1e-4
        assert close.mean() > 0.97  # rounding ties


def test_ideal_converters_ignore_errors_and_other_chips_are_refused():
    analog = mj.crossbarify(lambda w, x: x @ w, hardware((Offset(1.0), Noise(0.5))))
    chip = analog.calibrate(analog.program(W, KEY, X), W, X)
    (entry,) = chip.values()
    assert set(entry["adc"]) == {"pos-neg"}
    assert np.isfinite(list(analog.clipping(chip, W, X).values())).all()
    assert analog.apply(chip, W, X, key=KEY).shape == (B, N)
    with pytest.raises(ValueError, match=r"chip must hold the converter errors \['Gain', 'Offset'\] of 'pos-neg'"):
        mj.matmul(hardware((Offset(1.0), Gain(0.1))), entry, X)
