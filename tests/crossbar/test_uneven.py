"""Reads whose drivers and converters are not linear, or not equal."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.converters import Amplitude, Asymmetry, BitSerial, Compression, Noise, PulseWidth

K, N = 8, 5
RNG = np.random.default_rng(0)
W, X = RNG.normal(size=(K, N)).astype(np.float32), RNG.uniform(-1, 1, (6, K)).astype(np.float32)
KEY = jax.random.key(1)


def hardware(dac=None, errors=(), bits=16, tile=(K, N)):
    adc = mj.Adc(bits, range=3e-4 if bits else None, errors=errors)
    return mj.Hardware(tile=tile, dac=mj.Dac(range=1.0) if dac is None else dac, adc=adc)


@pytest.mark.parametrize("encoding", [Amplitude(), BitSerial(7), PulseWidth()], ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("bits", [None, 16])
def test_negative_inputs_are_smaller(encoding, bits):
    """y = W^T x', x' = (1 - a) x where x < 0."""
    spec = hardware(mj.Dac(bits=8, range=1.0, encoding=encoding, asymmetry=0.25), bits=bits)
    codes = np.rint(X * 127)
    wanted = np.where(codes < 0, 0.75 * codes, codes) / 127 @ W
    chip = mj.program(spec, W, KEY)
    np.testing.assert_allclose(mj.matmul(spec, chip, X), wanted, atol=2e-3)
    slope = jax.grad(lambda x: mj.matmul(spec, chip, x).sum())(jnp.asarray(X))
    np.testing.assert_allclose(slope, np.where(codes < 0, 0.75, 1.0) * W.sum(1), rtol=1e-3, atol=1e-3)


def test_their_power_is_smaller_too():
    analog = mj.crossbarify(lambda w, x: x @ w, hardware(mj.Dac(range=1.0, asymmetry=0.5)))
    chip = analog.program(W, KEY, X)
    one, other = (float(*analog.power(chip, W, x).values()) for x in (np.abs(X), -np.abs(X)))
    assert other == pytest.approx(0.25 * one, rel=1e-5)


def test_asymmetries_are_swept():
    chip = mj.program(hardware(), W, KEY)
    read = lambda a: mj.matmul(hardware(mj.Dac(range=1.0, asymmetry=a)), chip, X)
    swept = jax.jit(jax.vmap(read))(jnp.array([0.0, 0.3]))
    np.testing.assert_allclose(swept[0], mj.matmul(hardware(), chip, X), atol=1e-3)
    np.testing.assert_allclose(swept[1], read(0.3), atol=1e-3)


def test_outputs_are_bent_by_each_converter():
    """Asymmetry, then an S-shape, with the numbers that the chip holds, in every tile."""
    errors = (Asymmetry(0.2, 0.05), Compression(0.4, 0.1))
    spec = hardware(errors=errors, tile=(4, 3))
    chip = mj.program(spec, W, KEY)
    made = {name: np.asarray(values, np.float64)[:, 0] for name, values in chip["adc"]["pos-neg"].items()}
    g = np.asarray(chip["conductance"]["pos"] - chip["conductance"]["neg"], np.float64)
    volts = 0.2 * X.astype(np.float64).reshape(6, 2, 4)
    z = np.einsum("btr,trn->tbn", volts, g) / (3e-4 / (2**15 - 1))
    z = np.where(z < 0, z * (1 - made["Asymmetry"][:, None]), z)
    z = z / (1 + np.abs(made["Compression"][:, None] * z) / 2**15)
    wanted = z.sum(0)[:, :N] * (3e-4 / (2**15 - 1)) * np.asarray(chip["scale"]) / 9e-5 / 0.2
    np.testing.assert_allclose(mj.matmul(spec, chip, X), wanted, atol=2e-3)
    assert np.abs(wanted - X @ W).max() > 0.1


def test_noise_of_each_column():
    """Columns have the deviations that the chip holds; without a key a read has none, and nothing else changes."""
    count = 4000
    noise = Noise(200.0, spread=0.5)
    spec, plain = hardware(errors=(noise,)), hardware()
    chip = mj.program(spec, W, KEY)
    np.testing.assert_array_equal(chip["conductance"]["pos"], mj.program(plain, W, KEY)["conductance"]["pos"])
    relative = np.asarray(chip["adc"]["pos-neg"]["Noise"])[0, 0, :N]
    assert relative.std() > 0.2
    y = mj.matmul(spec, chip, jnp.broadcast_to(X[0], (count, K)), jax.random.key(2))
    lsb = 3e-4 / (2**15 - 1) * float(chip["scale"][0]) / 9e-5 / 0.2
    np.testing.assert_allclose(np.std(y, axis=0), 200.0 * lsb * relative, rtol=5 / np.sqrt(2 * count))
    analog = mj.crossbarify(lambda w, x: x @ w, spec)
    whole = analog.program(W, KEY, X)
    np.testing.assert_array_equal(*analog.clipping(whole, W, X).values(), 0.0)
    with pytest.raises(ValueError, match="key must be a PRNG key, since Hardware.adc has noise"):
        mj.matmul(spec, chip, X)


def test_noise_without_spread_is_the_same_as_ever():
    spec = hardware(errors=(Noise(50.0),))
    chip = mj.program(spec, W, KEY)
    assert "adc" not in chip
    equal = dataclasses.replace(spec, adc=dataclasses.replace(spec.adc, errors=(Noise(50.0, spread=0.0),)))
    np.testing.assert_array_equal(mj.matmul(spec, chip, X, KEY), mj.matmul(equal, mj.program(equal, W, KEY), X, KEY))


def test_bad_input():
    with pytest.raises(ValueError, match="Dac.asymmetry"):
        mj.Dac(asymmetry=1.5)
    with pytest.raises(ValueError, match="Dac.asymmetry must be None for cells with a current-voltage relation"):
        mj.Hardware(dac=mj.Dac(bits=8, encoding=BitSerial(7), asymmetry=0.1), effects=(mj.effects.SinhConduction(1.0),))
    with pytest.raises(ValueError, match="errors of its own but Noise"):
        mj.Backward(adc=mj.Adc(8, errors=(Noise(1.0, spread=0.1),)))
