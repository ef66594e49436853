"""Noise of each read: its variance in closed form, and what is independent of what."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

K, N, B = 6, 5, 8000
CELL = mj.Cell(10e3, 100e3)
RANGE = 1 / 10e3 - 1 / 100e3
W = np.random.default_rng(0).uniform(-1, 1, (K, N)).astype(np.float32)
X = np.random.default_rng(1).uniform(-1, 1, K).astype(np.float32)
NOISE = mj.effects.ReadNoise(relative=0.02, absolute=5e-7)
# The variance of n normal samples is known to sqrt(2 / n); five of those.
TOLERANCE = 5 * np.sqrt(2 / B)


@jax.jit
def program_and_read(hardware, weights, x, key):
    chip = mj.program(hardware, weights, jax.random.key(0))
    return chip, mj.matmul(hardware, chip, x, key)


def many_reads(hardware, seed=0):
    """Chip, and many noisy results of one input vector, minus the mean."""
    chip, y = program_and_read(hardware, W, np.broadcast_to(X, (B, K)), jax.random.key(seed))
    return chip, np.asarray(y, np.float64) - np.asarray(y, np.float64).mean(0)


def cell_variance(g):
    return (0.02 * np.asarray(g, np.float64)) ** 2 + 5e-7**2


def output_variance(chip, mapping, tile):
    """Variance of each output, sum x^2 sigma^2 (gain scale / dG)^2, and the part that a mirror's reference adds."""
    cells = {n: np.asarray(g).reshape(-1, g.shape[-1])[:K] for n, g in chip["conductance"].items()}
    reference = np.zeros(N)
    if "reference" in cells:
        across = np.repeat(cells.pop("reference"), tile[1], axis=1)[:, :N]
        reference = (X**2) @ cell_variance(across)
    own = sum((X**2) @ cell_variance(g[:, :N]) for g in cells.values())
    scale = (mapping.gain * np.asarray(chip["scale"], np.float64) / RANGE) ** 2
    return (own + reference) * scale, reference * scale


@pytest.mark.parametrize(
    ("mapping", "subtract"),
    [
        (mj.mapping.DoubleColumn(), "analog"),
        (mj.mapping.DoubleColumn(), "digital"),
        (mj.mapping.DualRow(), "analog"),
        (mj.mapping.Offset(), "analog"),
        (mj.mapping.CurrentMirror(), "analog"),
        (mj.mapping.CurrentMirror(), "digital"),
    ],
)
def test_covariance_of_the_outputs(mapping, subtract):
    """Closed-form variance; columns are independent but for the reference that those of a tile share."""
    tile = (4, 3)
    hardware = mj.Hardware(
        cell=CELL, mapping=mapping, tile=tile, dac=mj.Dac(), adc=mj.Adc(subtract=subtract), effects=(NOISE,)
    )
    chip, noise = many_reads(hardware)
    total, common = output_variance(chip, mapping, tile)
    np.testing.assert_allclose(noise.var(0), total, rtol=TOLERANCE)
    covariance = np.cov(noise.T)
    for i in range(N):
        for j in range(i):
            expected = common[i] if i // tile[1] == j // tile[1] else 0.0
            assert abs(covariance[i, j] - expected) < TOLERANCE * np.sqrt(total[i] * total[j])


def test_noise_of_a_read_is_quantised_with_it():
    """Each of the T tiles adds LSB^2 / 12 where the noise spans many codes."""
    bits, top = 9, 4e-5
    hardware = mj.Hardware(cell=CELL, tile=(2, 5), dac=mj.Dac(v_max=0.2), adc=mj.Adc(bits, range=top), effects=(NOISE,))
    ideal = mj.Hardware(cell=CELL, tile=(2, 5), dac=mj.Dac(v_max=0.2), adc=mj.Adc(), effects=(NOISE,))
    (chip, quantised), (_, smooth) = many_reads(hardware), many_reads(ideal)
    lsb = top / 255 / 0.2 / RANGE * np.asarray(chip["scale"]) * np.abs(X).max()
    assert (smooth.std(0) > lsb).all()
    expected = output_variance(chip, hardware.mapping, hardware.tile)[0] + 3 * lsb**2 / 12
    np.testing.assert_allclose(quantised.var(0), expected, rtol=TOLERANCE)
    codes = quantised - quantised[0]
    np.testing.assert_allclose(codes / lsb, np.rint(codes / lsb), atol=1e-2)


def test_independent_between_reads_rows_and_tiles():
    hardware = mj.Hardware(cell=CELL, tile=(3, 2), dac=mj.Dac(), adc=mj.Adc(), effects=(NOISE,))
    chip, first = many_reads(hardware, 0)
    _, again = many_reads(hardware, 0)
    _, other = many_reads(hardware, 1)
    np.testing.assert_array_equal(first, again)
    sigma = first.std(0)
    assert (np.abs((first * other).mean(0)) < 5 * sigma**2 / np.sqrt(B)).all()
    assert (np.abs((first[1:] * first[:-1]).mean(0)) < 5 * sigma**2 / np.sqrt(B)).all()
    # Two row tiles: the variances of their noises add, which they would not if the draws were the same.
    np.testing.assert_allclose(first.var(0), output_variance(chip, hardware.mapping, (3, 2))[0], rtol=TOLERANCE)


def test_no_noise_is_noiseless():
    silent = mj.Hardware(tile=(3, 2), effects=(mj.effects.ReadNoise(),))
    plain = mj.Hardware(tile=(3, 2))
    x = np.random.default_rng(2).normal(size=(9, K))
    key = jax.random.key(0)
    np.testing.assert_allclose(program_and_read(silent, W, x, key)[1], program_and_read(plain, W, x, key)[1], rtol=1e-6)


def test_gradient_at_zero_input_and_noise_is_finite():
    def loss(relative, x):
        hardware = mj.Hardware(tile=(3, 2), dac=mj.Dac(), adc=mj.Adc(), effects=(mj.effects.ReadNoise(relative),))
        chip = mj.program(hardware, W, jax.random.key(0))
        return mj.matmul(hardware, chip, x, jax.random.key(1)).sum()

    for relative, x in ((0.0, jnp.ones(K)), (0.1, jnp.zeros(K))):
        slopes = jax.jit(jax.grad(loss, (0, 1)))(relative, x)
        assert all(bool(jnp.isfinite(s).all()) for s in slopes)


@pytest.mark.parametrize("effect", [mj.effects.ThermalNoise(1e9, 350.0), mj.effects.ShotNoise(1e9)])
@pytest.mark.parametrize("subtract", ["analog", "digital"])
def test_noise_of_the_circuit(effect, subtract):
    """4 k T G and 2 q G |V| per hertz, summed over all cells of a bit line, padding included."""
    tile, v_max = (4, 3), 0.2
    hardware = mj.Hardware(
        cell=CELL, tile=tile, dac=mj.Dac(v_max=v_max, range=1.0), adc=mj.Adc(subtract=subtract), effects=(effect,)
    )
    chip, noise = many_reads(hardware)
    volts = np.abs(np.pad(X, (0, 2))) * v_max
    per_cell = {
        mj.effects.ThermalNoise: lambda g: 4 * 1.380649e-23 * 350 * 1e9 * g.sum(0),
        mj.effects.ShotNoise: lambda g: 2 * 1.602176634e-19 * 1e9 * volts @ g,
    }[type(effect)]
    cells = [np.asarray(g, np.float64).reshape(-1, g.shape[-1])[:, :N] for g in chip["conductance"].values()]
    expected = sum(map(per_cell, cells)) * (np.asarray(chip["scale"], np.float64) / RANGE / v_max) ** 2
    np.testing.assert_allclose(noise.var(0), expected, rtol=TOLERANCE)
