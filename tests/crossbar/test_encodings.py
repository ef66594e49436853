"""Amplitude, pulse-width and bit-serial inputs through a whole read."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.converters import Amplitude, BitSerial, PulseWidth

K, N, B = 11, 5, 6
LARGEST = 15  # of five bits
STEP = 1e-6
RANDOM = np.random.default_rng(0)
W = RANDOM.integers(-7, 8, (K, N)).astype(np.float32)
W[0, 0], X = 7, RANDOM.integers(-LARGEST, LARGEST + 1, (B, K)).astype(np.float32)
CELL = mj.Cell(1 / (8 * STEP), 1 / STEP, levels=8)
ENCODINGS = {"amplitude": Amplitude(), "pulse width": PulseWidth(), "bit serial": BitSerial(4), "more": BitSerial(6)}
each_encoding = pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
KEY = jax.random.key(0)


@jax.jit
def run(hardware, x, key=None):
    return mj.matmul(hardware, mj.program(hardware, W, KEY), x, key)


def hardware(encoding, adc, **options):
    dac = mj.Dac(bits=5, v_max=0.15, range=float(LARGEST), encoding=encoding)
    return mj.Hardware(**{"cell": CELL, "tile": (4, 3), "dac": dac, "adc": adc} | options)


@each_encoding
@pytest.mark.parametrize("mapping", [mj.mapping.DoubleColumn(), mj.mapping.Offset()])
def test_integers(encoding, mapping):
    """An ideal converter, and one with an LSB of one weight x one unit of drive, count exactly."""
    cell = CELL if mapping.gain == 1 else eqx.tree_at(lambda c: c.levels, CELL, 15)
    unit = STEP / mapping.gain * 0.15 / (1 if isinstance(encoding, BitSerial) else LARGEST)
    # A plane needs fewer bits: 4 cells of 7 at most, not 4 * 7 * 15.
    bits = 7 if isinstance(encoding, BitSerial) else 12
    for adc in (mj.Adc(), mj.Adc(bits=bits, range=unit * (2 ** (bits - 1) - 1))):
        y = np.asarray(run(hardware(encoding, adc, mapping=mapping, cell=cell), X))
        np.testing.assert_array_equal(np.rint(y), X @ W)
        np.testing.assert_allclose(y, X @ W, atol=2e-3)


def serial_read(top_of_adc):
    """Bit-serial read in NumPy: every plane of every tile is converted by itself, in weight x one."""
    total = np.zeros((B, N))
    for p in range(4):
        plane = np.sign(X) * ((np.abs(X).astype(int) >> p) & 1)
        for rows in (slice(0, 4), slice(4, 8), slice(8, 11)):
            current = plane[:, rows] @ W[rows]
            top = top_of_adc
            if top_of_adc is None:  # the largest current of each tile and vector
                tiles = [current[:, :3], current[:, 3:]]
                top = np.repeat(np.stack([np.abs(t).max(1) for t in tiles], 1), 3, 1)[:, :N]
            lsb = np.where(top > 0, top, 1) / 7
            total += 2**p * np.clip(np.rint(np.float32(current / lsb)), -7, 7) * lsb
    return total


@pytest.mark.parametrize("schedule", ["scan", "batched"])
@pytest.mark.parametrize("dynamic", [False, True])
def test_every_plane_is_converted(schedule, dynamic):
    """Four bits, static (half the full current, so that planes clip) and dynamic ranges, against NumPy."""
    top = 14.3
    adc = mj.Adc(bits=4, range=mj.Dynamic() if dynamic else top * STEP * 0.15)
    y = run(hardware(BitSerial(4), adc, schedule=schedule), X)
    expected = serial_read(None if dynamic else top)
    assert np.abs(expected - X @ W).max() > 5
    close = np.abs(np.asarray(y) - expected) < 1e-2
    assert close.mean() > (0.8 if dynamic else 0.999)  # integers over an integer full scale often tie


def test_range_of_the_chip_serves_planes_and_calibration_sees_them():
    """The range without data is that of one v_max for all; the largest plane current sets the calibrated one."""
    serial = hardware(BitSerial(4), mj.Adc(bits=12))
    fine = np.asarray(run(serial, X))
    np.testing.assert_allclose(fine, X @ W, atol=0.02 * np.abs(X @ W).max())
    analog = mj.crossbarify(lambda w, x: x @ w, serial)
    chip = analog.program(W, KEY, X)
    chip = analog.calibrate(chip, W, X, percentile=100)
    (entry,) = chip.values()
    largest = 0.0
    for p in range(4):
        plane = np.sign(X) * ((np.abs(X).astype(int) >> p) & 1)
        largest = max(largest, *(np.abs(plane[:, s : s + 4] @ W[s : s + 4]).max() for s in (0, 4, 8)))
    np.testing.assert_allclose(entry["adc_range"], largest * STEP * 0.15, rtol=1e-5)
    assert analog.clipping(chip, W, X) == {next(iter(chip)): 0.0}


READS = 6000


@partial(jax.jit, static_argnums=0)
def spread(encoding, x):
    """Variance of each output over many reads, in (weight x code)^2."""
    noise = (mj.effects.ReadNoise(absolute=0.3 * STEP),)
    h = hardware(encoding, mj.Adc(), effects=noise)
    return jnp.var(mj.matmul(h, mj.program(h, W, KEY), jnp.broadcast_to(x, (READS, K)), KEY), axis=0)


@pytest.mark.parametrize(
    ("encoding", "power"),
    [
        (Amplitude(), lambda c: c**2),
        (PulseWidth(), lambda c: LARGEST * c),
        (BitSerial(5), lambda c: sum(4.0**p * ((c.astype(int) >> p) & 1) for p in range(4))),
    ],
)
def test_read_noise(encoding, power):
    """Variance: s^2 c^2 of an amplitude, s^2 n |c| of a pulse, s^2 sum of 4^p b_p of the planes; two cells each."""
    expected = 2 * 0.3**2 * power(np.abs(X[0])).sum()
    # The variance of n normal samples is known to sqrt(2 / n); five of those.
    np.testing.assert_allclose(spread(encoding, X[0]), expected, rtol=5 * np.sqrt(2 / READS))


@pytest.mark.parametrize("encoding", [PulseWidth(), BitSerial(6)])
def test_gradients(encoding):
    """Unclipped: those of the digital product. Clipped planes pass none of their share."""

    def loss(w, x, range):
        h = hardware(encoding, mj.Adc(bits=6, range=range), effects=(mj.effects.ReadNoise(0.0),))
        return jnp.sum(mj.matmul(h, mj.program(h, w, KEY), x, KEY) * jnp.arange(1.0, N + 1))

    slopes = jax.jit(jax.grad(loss, (0, 1)))
    d_w, d_x = slopes(W, X, 1e-3)
    c = np.broadcast_to(np.arange(1.0, N + 1), (B, N))
    np.testing.assert_allclose(d_x, c @ W.T, rtol=1e-4)
    ordinary = np.abs(W) < 7  # the largest also set the scale
    np.testing.assert_allclose(np.asarray(d_w)[ordinary], (X.T @ c)[ordinary], rtol=1e-4, atol=1e-2)
    clipped = slopes(W, X, 1e-7)
    assert all(bool(jnp.isfinite(s).all()) for s in clipped)
    assert np.abs(clipped[1]).mean() < 0.5 * np.abs(d_x).mean()


def test_resolution_may_be_traced_and_batches_do_not_matter():
    """One compilation for all resolutions; planes above the resolution are zero."""
    noise = (mj.effects.ReadNoise(absolute=0.1 * STEP),)

    def read(bits, x):
        dac = mj.Dac(bits=bits, v_max=0.15, range=float(LARGEST), encoding=BitSerial(7))
        return run(hardware(BitSerial(7), mj.Adc(bits=9, range=4e-6), dac=dac, effects=noise), x, KEY)

    together = jax.jit(jax.vmap(read, (0, None)))(jnp.array([2, 5, 8]), X)
    np.testing.assert_allclose(read(jnp.asarray(5), X[:4]), together[1, :4], atol=0.2)
    errors = np.abs(together - X @ W).mean((1, 2))
    assert errors[0] > 3 * errors[1] > 3 * errors[2]
