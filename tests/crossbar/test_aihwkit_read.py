"""The analog read of aihwkit, composed of memjax's parts, against its equations in NumPy."""

import jax
import numpy as np
import pytest

import memjax as mj
from memjax.converters import Asymmetry, Compression, Noise, RelativeToWeights

K, N, B = 24, 10, 60
BOUND, OUT, INP = 3.0, 255, 63  # out_bound; 1 / out_res = 510 and 1 / inp_res = 126 steps over both signs
RNG = np.random.default_rng(0)
W = RNG.uniform(-1, 1, (K, N))
W[0, 0] = 1.0  # max |W| = 1, as its tiles are scaled
X = RNG.normal(size=(B, K)) + np.linspace(0, 1, B)[:, None]
KEY = jax.random.key(0)
SCALES = {
    "abs max": (lambda x: np.abs(x).max(), mj.Dynamic()),
    "max": (lambda x: x.max(), mj.Dynamic(signed=True)),
    "average": (lambda x: 2.5 * np.abs(x).mean(), mj.Dynamic(mean=2.5)),
    "constant": (lambda x: 1.5, 1.5),
}


def aihwkit(x, scale, halvings, inp_asymmetry=0.0, n=0.0, out_asymmetry=0.0):
    """One vector: (y, reads). Quantise, clip, multiply, bend, quantise, clip; double the scale while it clips."""
    reads, r = 0, 1.0
    while True:
        code = np.clip(np.rint(x / (scale(x) * r) * INP) / INP, -1, 1)
        code = np.where(code < 0, (1 - inp_asymmetry) * code, code)
        y = code @ W
        y = np.where(y < 0, (1 - out_asymmetry) * y, y)
        y = y / (1 + np.abs(n * y))
        y = np.rint(y / BOUND * OUT) / OUT * BOUND
        reads += 1
        if np.all(np.abs(y) <= BOUND) or reads > halvings:
            return np.clip(y, -BOUND, BOUND) * scale(x) * r, reads
        r *= 2


def hardware(range, halvings, errors=(), **dac):
    return mj.Hardware(
        tile=(K, N),
        dac=mj.Dac(bits=7, range=range, **dac),
        adc=mj.Adc(bits=9, range=RelativeToWeights(BOUND), errors=errors),
        halvings=halvings,
    )


def agree(spec, wanted, reads):
    chip = mj.program(spec, W.astype(np.float32), KEY)
    np.testing.assert_array_equal(mj.crossbar.reads(spec, chip, X.astype(np.float32)), reads)
    y = np.asarray(mj.matmul(spec, chip, X.astype(np.float32)))
    close = np.isclose(y, wanted, rtol=1e-4, atol=1e-4)
    assert close.mean() > 0.9  # half of the largest code is a tie
    assert np.abs(y - wanted).max() < 0.15


@pytest.mark.parametrize("name", SCALES)
@pytest.mark.parametrize("halvings", [0, 4])
def test_scales_and_bounds_of_the_inputs(name, halvings):
    scale, range = SCALES[name]
    wanted, reads = zip(*(aihwkit(x, scale, halvings) for x in X), strict=True)
    agree(hardware(range, halvings), np.array(wanted), reads)
    assert len(set(reads)) == 1 or halvings


def test_bent_and_asymmetric():
    wanted, reads = zip(*(aihwkit(x, SCALES["abs max"][0], 4, 0.1, 0.05, 0.2) for x in X), strict=True)
    # Its non-linearity is per unit of the output, ours per full scale (of 256 LSB).
    errors = (Asymmetry(0.2), Compression(0.05 * BOUND * 256 / 255))
    agree(hardware(mj.Dynamic(), 4, errors, asymmetry=0.1), np.array(wanted), reads)


def test_noise_of_the_outputs():
    """out_noise is out_noise * 255 / out_bound LSB."""
    count, out_noise = 4000, 0.06
    spec = hardware(mj.Dynamic(), 0, (Noise(out_noise * OUT / BOUND),))
    chip = mj.program(spec, W.astype(np.float32), KEY)
    x = np.broadcast_to(0.2 * X[0] / np.abs(X[0]).max(), (count, K)).astype(np.float32)
    noise = np.std(mj.matmul(spec, chip, x, jax.random.key(1)), axis=0) / np.abs(x).max()
    wanted = np.sqrt(out_noise**2 + (BOUND / OUT) ** 2 / 12)
    free = np.abs(x[0] @ W / np.abs(x).max()) < BOUND - 4 * out_noise
    assert free.sum() > 5
    np.testing.assert_allclose(noise[free], wanted, rtol=5 / np.sqrt(2 * count))
