"""Bound management: vectors that clip are halved and read again."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import memjax as mj
from memjax.contraction import Convolution
from memjax.converters import Noise, RelativeToWeights

K, N, B = 11, 7, 40
RNG = np.random.default_rng(0)
W = RNG.normal(size=(K, N)).astype(np.float32)
# Vectors of very different sums, so that some clip once, some often and some never.
X = (RNG.normal(size=(B, K)) + np.linspace(0, 3, B)[:, None]).astype(np.float32)
KEY = jax.random.key(1)


def hardware(halvings, factor=1.5, bits=9, **parts):
    parts = {"tile": (16, 8), "dac": mj.Dac(bits=7, range=mj.Dynamic())} | parts
    return mj.Hardware(adc=mj.Adc(bits, range=RelativeToWeights(factor)), halvings=halvings, **parts)


def by_hand(x, w, halvings, factor=1.5, bits=9):
    """The loop for one vector and one tile, in float64: (y, reads)."""
    top, n, m = np.abs(x).max(), 2 ** (bits - 1) - 1, 63
    lsb = factor * np.abs(w).max() / n
    k, z = 0, None
    while z is None or (np.any(np.abs(z) > n + 0.5) and k <= halvings):
        codes = np.clip(np.rint(x / (top * 2**k / m)), -m, m)
        z = codes / m @ w / lsb
        k += 1
    return np.clip(np.rint(z), -n, n) * lsb * top * 2 ** (k - 1), k


@pytest.mark.parametrize("halvings", [1, 3, 6])
def test_each_vector_is_halved_until_it_fits(halvings):
    spec = hardware(halvings)
    chip = mj.program(spec, W, KEY)
    wanted = [by_hand(x, W.astype(np.float64), halvings) for x in X]
    y, reads = mj.matmul(spec, chip, X), mj.crossbar.reads(spec, chip, X)
    np.testing.assert_array_equal(reads, [count for _, count in wanted])
    assert {1, 2} <= set(np.asarray(reads).tolist())
    exact = np.array([value for value, _ in wanted])
    close = np.isclose(y, exact, atol=1e-3 * np.abs(exact).max())
    assert close.mean() > 0.9  # half of the largest code is a tie


def test_it_is_worth_its_reads():
    """The error of clipped vectors falls to that of rounding; vectors that do not clip stay as they are."""
    chip = mj.program(hardware(0), W, KEY)
    plain, bounded = (mj.matmul(hardware(h), chip, X) for h in (0, 6))
    reads = mj.crossbar.reads(hardware(6), chip, X)
    np.testing.assert_array_equal(plain[reads == 1], bounded[reads == 1])
    error = lambda y: np.abs(y - X @ W)[reads > 1].max()
    assert error(plain) > 5.0
    assert error(bounded) < 0.8
    np.testing.assert_array_equal(mj.crossbar.reads(hardware(0), chip, X), np.ones(B, int))


@pytest.mark.parametrize(
    "parts",
    [
        {"tile": (4, 3), "schedule": "batched"},
        {"mapping": mj.mapping.BitSliced(2, 2)},
        {"mapping": mj.mapping.CurrentMirror(), "tile": (4, 3)},
        {"dac": mj.Dac(bits=4, encoding=mj.converters.BitSerial(3))},
        {"dac": mj.Dac(bits=7, rescale=False)},
    ],
    ids=["tiles", "digits", "mirror", "bits", "voltages"],
)
def test_whatever_reads_it_once_halved_is_the_read_of_half_the_inputs(parts):
    """The last attempt of vectors that clip to the end is the read of x / 2^h, scaled back, bit for bit."""
    spec = hardware(2, factor=0.01, **parts)
    chip = mj.program(spec, W, KEY)
    static = lambda divided: dataclasses.replace(
        hardware(0, factor=0.01, **parts), dac=dataclasses.replace(spec.dac, range=1.0 * divided)
    )
    x = np.clip(X, -1, 1)  # whose largest is one, so that the dynamic range is
    x[:, 0] = 1.0
    np.testing.assert_array_equal(mj.crossbar.reads(spec, chip, x), np.full(B, 3))
    wanted = mj.matmul(static(4.0), chip, x)
    rescaled = wanted if spec.dac.rescale else 4.0 * wanted
    np.testing.assert_allclose(mj.matmul(spec, chip, x), rescaled, rtol=1e-5, atol=1e-5 * np.abs(rescaled).max())


def test_converters_apart_count_together():
    adc = mj.Adc(9, range=RelativeToWeights(2.0), subtract="digital")
    spec = dataclasses.replace(hardware(6), adc=adc)
    chip = mj.program(spec, W, KEY)
    reads = mj.crossbar.reads(spec, chip, X)
    assert reads.max() > 1
    assert np.abs(mj.matmul(spec, chip, X) - X @ W).max() < 1.0


def test_every_position_and_group_of_a_convolution_is_a_vector():
    x = jnp.asarray(RNG.normal(size=(2, 5, 4, 4)) + 2.0, jnp.float32).at[:, 0].multiply(0.05)
    w = jnp.asarray(RNG.normal(size=(3, 2, 2, 6)), jnp.float32)
    fn = lambda w, x: lax.conv_general_dilated(
        x, w, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=2
    )
    spec = hardware(5, factor=1.0, tile=(16, 8), dac=mj.Dac(bits=9, range=4.0))
    analog = mj.crossbarify(fn, spec)
    chip = analog.program(w, KEY, x)
    patches = Convolution(
        x.shape, w.shape, (0, 3, 1, 2), (3, 2, 0, 1), (0, 3, 1, 2), (1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1), 2
    ).rows(x)
    y = analog.apply(chip, w, x).reshape(-1, 2, 3)
    seen = set()
    for group in range(2):
        matrix = w[..., 3 * group : 3 * group + 3].reshape(-1, 3)
        own = hardware(5, factor=float(np.abs(w).max() / np.abs(matrix).max()), dac=mj.Dac(bits=9, range=4.0))
        alone = mj.program(own, matrix, KEY)
        found = mj.matmul(own, alone, patches[group])
        np.testing.assert_allclose(y[:, group], found, atol=0.05)
        seen |= set(np.asarray(mj.crossbar.reads(own, alone, patches[group])).tolist())
    assert len(seen) > 1


def test_noise_is_drawn_anew():
    """Of each read its own: vectors that were read once have the noise of a read without halvings."""
    adc = mj.Adc(9, range=RelativeToWeights(1.5), errors=(Noise(1.0),))
    spec, plain = (dataclasses.replace(hardware(h), adc=adc) for h in (6, 0))
    chip = mj.program(spec, W, KEY)
    y, one = mj.matmul(spec, chip, X, KEY), mj.matmul(plain, chip, X, KEY)
    reads = mj.crossbar.reads(spec, chip, X, KEY)
    np.testing.assert_array_equal(y[reads == 1], one[reads == 1])
    often = int(np.argmax(np.abs(X @ W).max(1)))
    many = jnp.broadcast_to(X[often], (4000, K))
    counted = np.asarray(mj.crossbar.reads(spec, chip, many, KEY))
    noisy = np.asarray(mj.matmul(spec, chip, many, KEY))[counted == np.median(counted)]
    lsb = 1.5 * np.abs(W).max() / 255 * np.abs(X[often]).max() * 2 ** (np.median(counted) - 1)
    np.testing.assert_allclose(np.std(noisy, axis=0).mean(), lsb * np.sqrt(1 + 1 / 12), rtol=0.05)


def test_gradients_are_those_of_the_product_where_nothing_clips_at_last():
    spec = hardware(6)
    chip = mj.program(spec, W, KEY)
    few = hardware(1, factor=0.5)
    slope = lambda spec, chip: jax.grad(lambda x: mj.matmul(spec, chip, x).sum())(jnp.asarray(X))
    np.testing.assert_allclose(slope(spec, chip), np.broadcast_to(W.sum(1), X.shape), rtol=1e-4, atol=1e-4)
    clipped = np.abs(slope(few, mj.program(few, W, KEY)) - W.sum(1)) > 0.1
    assert 3 < clipped.any(1).sum() < B  # what clips to the end has no gradient
    by_cells = jax.grad(lambda c: mj.matmul(spec, chip | {"conductance": c}, X).sum())(chip["conductance"])
    wanted = X.sum(0) * np.abs(W).max() / 9e-5
    np.testing.assert_allclose(by_cells["pos"][0, :K, 0], wanted, rtol=0.02)  # of the codes


def test_jit_vmap_and_transposed_reads():
    spec = hardware(4, backward=mj.Backward(mj.Dac(), mj.Adc(None)))
    chips = jax.vmap(lambda key: mj.program(spec, W * (1 + jax.random.uniform(key)), key))(jax.random.split(KEY, 2))
    together = jax.jit(jax.vmap(lambda chip: mj.matmul(spec, chip, X)))(chips)
    counted = jax.vmap(lambda chip: mj.crossbar.reads(spec, chip, X))(chips)
    for i in range(2):
        chip = jax.tree.map(lambda a, i=i: a[i], chips)
        np.testing.assert_allclose(together[i], mj.matmul(spec, chip, X), rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(counted[i], mj.crossbar.reads(spec, chip, X))
    d = jnp.ones((B, N))
    chip = jax.tree.map(lambda a: a[0], chips)
    back = jax.grad(lambda x: mj.matmul(spec, chip, x).sum())(jnp.asarray(X))
    np.testing.assert_allclose(back, d @ mj.weights(spec, chip).T, rtol=1e-4, atol=1e-4)


def test_costs_name_it():
    analog = mj.crossbarify(lambda w, x: x @ w, hardware(3))
    excluded = mj.cost.report(analog, W, X).excluded
    assert any("Hardware.halvings, up to 3" in line for line in excluded)


@pytest.mark.parametrize("value", [-1, 25, 1.5])
def test_bad_input(value):
    with pytest.raises((TypeError, ValueError), match="Hardware.halvings"):
        mj.Hardware(halvings=value)
