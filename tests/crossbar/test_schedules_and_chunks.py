"""How the work is cut does not change the numbers: schedules, chunks, batches."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import memjax as mj
from memjax.crossbar import _codes

K, N, B = 11, 7, 23
W = np.random.default_rng(0).normal(size=(K, N)).astype(np.float32)
X = np.random.default_rng(1).normal(size=(B, K)).astype(np.float32)
KEY = jax.random.key(3)
NOISE = (mj.effects.ReadNoise(0.05),)
CONVERTERS = {
    "masked": mj.Adc(bits=6),
    "passing": mj.Adc(bits=6, clip_gradient=False),
    "dynamic": mj.Adc(bits=6, range=mj.Dynamic(overflow=0.2)),
    "digital": mj.Adc(bits=6, subtract="digital"),
    "logarithmic": mj.LogAdc(bits=6),
}


def value_and_gradients(hardware, apply, weights, x):
    """Outputs, and the gradients of weights and inputs, freshly compiled."""

    def loss(weights, x):
        y = apply(hardware, weights, x)
        return jnp.sum(y * jnp.cos(jnp.arange(y.size)).reshape(y.shape)), y

    (_, y), slopes = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))(weights, x)
    return y, *slopes


def product(hardware, weights, x):
    return mj.matmul(hardware, mj.program(hardware, weights, KEY), x, KEY)


def agree(a, b):
    for one, other in zip(a, b, strict=True):
        one, other = np.asarray(one), np.asarray(other)
        # A rounding tie, or a current at the edge of the range, may fall either way; nothing else may differ.
        close = np.abs(one - other) <= 1e-4 * np.abs(one).max()
        assert close.mean() > 0.98


@pytest.fixture(scope="module", params=CONVERTERS)
def scanned(request):
    """Hardware that reads one row of tiles after another, and what comes of it."""
    hardware = mj.Hardware(tile=(4, 3), adc=CONVERTERS[request.param], effects=NOISE, schedule="scan")
    return hardware, value_and_gradients(hardware, product, W, X)


def test_scan_and_batched_schedules(scanned):
    hardware, whole = scanned
    agree(value_and_gradients(dataclasses.replace(hardware, schedule="batched"), product, W, X), whole)


def test_chunks_of_rows(scanned, monkeypatch):
    hardware, whole = scanned
    monkeypatch.setattr(_codes, "CACHE_BYTES", {jax.default_backend(): 4 * (K + N) * 5})
    agree(value_and_gradients(hardware, product, W, X), whole)


@pytest.mark.parametrize("groups", [1, 2])
def test_chunks_of_a_convolution(groups, monkeypatch):
    hardware = mj.Hardware(tile=(8, 3), dac=mj.Dac(bits=8, range=3.0), effects=NOISE)
    kernel = np.random.default_rng(2).normal(size=(3, 3, 4 // groups, 6)).astype(np.float32)
    images = np.random.default_rng(3).normal(size=(5, 6, 6, 4)).astype(np.float32)

    def convolve(params, x):
        numbers = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, params["w"], (1, 1), "SAME", None, None, numbers, groups)

    def apply(hardware, weights, x):
        analog = mj.crossbarify(convolve, hardware)
        params = {"w": weights}
        return analog.apply(analog.program(params, KEY, x), params, x, key=KEY)

    whole = value_and_gradients(hardware, apply, kernel, images)
    monkeypatch.setattr(_codes, "CACHE_BYTES", {jax.default_backend(): 4})
    agree(whole, value_and_gradients(hardware, apply, kernel, images))
    digital = np.asarray(convolve({"w": kernel}, images))
    assert np.std(whole[0] - digital) < 0.2 * np.std(digital)


def test_reads_do_not_depend_on_the_batch():
    """The noise of a vector depends on its place in the batch, not on what comes after it."""
    hardware = mj.Hardware(tile=(4, 3), adc=mj.Adc(), dac=mj.Dac(), effects=NOISE)
    chip = mj.program(hardware, W, KEY)
    read = jax.jit(mj.matmul)
    whole = read(hardware, chip, X, KEY)
    for size in (1, 4, 22):
        np.testing.assert_allclose(read(hardware, chip, X[:size], KEY), whole[:size], atol=1e-5)
    folded = read(hardware, chip, X[:22].reshape(2, 11, K), KEY)
    np.testing.assert_allclose(folded.reshape(22, N), whole[:22], atol=1e-5)
