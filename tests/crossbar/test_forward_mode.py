"""Forward mode, and derivatives of derivatives: the same straight-through gradients from the other side."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import memjax as mj
from memjax import converters
from memjax.crossbar import _codes

K, N, B = 11, 7, 5
KEY = jax.random.key(3)
W = jax.random.normal(jax.random.key(0), (K, N))
X = jax.random.normal(jax.random.key(1), (B, K))
IMAGES = jax.random.normal(jax.random.key(2), (5, 6, 5, 4))
KERNEL = jax.random.normal(jax.random.key(4), (3, 3, 2, 6))
ERRORS = (converters.Noise(0.3), converters.Offset(0.5), converters.Gain(0.1), converters.Flash(0.3))
CONVERTERS = {
    "masked": mj.Adc(bits=6),
    "passing": mj.Adc(bits=6, clip_gradient=False),
    "dynamic": mj.Adc(bits=6, range=mj.Dynamic()),
    "overflowing": mj.Adc(bits=6, range=mj.Dynamic(overflow=0.2)),
    "logarithmic": mj.LogAdc(bits=6),
    "with errors": mj.Adc(bits=6, errors=ERRORS),
}
ENCODINGS = {"bits": converters.BitSerial(5), "durations": converters.PulseWidth()}
PARTS = {name: {"adc": adc} for name, adc in CONVERTERS.items()} | {
    name: {"dac": mj.Dac(bits=6, encoding=encoding)} for name, encoding in ENCODINGS.items()
}


HARDWARE = mj.Hardware(tile=(4, 3), dac=mj.Dac(bits=6, range=3.0), adc=mj.Adc(bits=6))


def convolve(params, x):
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, params["w"], (2, 1), "SAME", dimension_numbers=numbers, feature_group_count=2)


def reading(schedule, parts):
    """(the read as a function of chip and inputs, the chip)."""
    hardware = mj.Hardware(tile=(4, 3), effects=(mj.effects.ReadNoise(0.05),), schedule=schedule, **parts)
    return lambda chip, x: mj.matmul(hardware, chip, x, KEY), mj.program(hardware, W, KEY)


def random_like(tree, seed):
    keys = iter(jax.random.split(jax.random.key(seed), len(jax.tree.leaves(tree))))
    return jax.tree.map(lambda a: jnp.std(a) * jax.random.normal(next(keys), a.shape), tree)


def dot(a, b):
    return sum(jnp.vdot(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


@partial(jax.jit, static_argnums=0)
def both_sides(f, arguments, along, against):
    """(u . J v, J^T u . v)."""
    _, tangent = jax.jvp(f, arguments, along)
    _, pull = jax.vjp(f, *arguments)
    return dot(tangent, against), dot(pull(against), along)


def agree(f, *arguments):
    against = jax.random.normal(jax.random.key(6), jax.eval_shape(f, *arguments).shape)
    forward, reverse = both_sides(f, arguments, random_like(arguments, 5), against)
    assert abs(reverse) > 1e-3
    np.testing.assert_allclose(forward, reverse, rtol=1e-3)


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_both_modes_are_of_one_jacobian(parts):
    f, chip = reading("scan", parts)
    agree(f, chip, X)


def test_both_modes_of_a_convolution_in_chunks(monkeypatch):
    monkeypatch.setattr(_codes, "CACHE_BYTES", {jax.default_backend(): 4})
    analog = mj.crossbarify(convolve, mj.Hardware(tile=(4, 3)))
    chip = analog.program({"w": KERNEL}, KEY, IMAGES)
    agree(lambda chip, x: analog.apply(chip, {"w": KERNEL}, x), chip, IMAGES)


def test_schedules():
    tangents = []
    for schedule in ("scan", "batched"):
        f, chip = reading(schedule, {})
        tangents.append(jax.jit(partial(jax.jvp, f))((chip, X), random_like((chip, X), 5))[1])
    scan, batched = tangents
    # A current at the edge of the range may fall either way; nothing else may differ.
    assert (np.abs(scan - batched) <= 1e-4 * np.abs(scan).max()).mean() > 0.95


def test_hessians_are_symmetric():
    """Forward over reverse and reverse over forward give the same products, also inside a scan."""
    chip = mj.program(HARDWARE, W, KEY)

    def loss(x):
        step = lambda total, row: (total + jnp.sum(jnp.tanh(mj.matmul(HARDWARE, chip, row)) ** 2), None)
        return lax.scan(step, 0.0, x)[0]

    u, v = random_like((X, X), 7)

    @jax.jit
    def products(x):
        along = lambda v: jax.jvp(jax.grad(loss), (x,), (v,))[1]
        return dot(u, along(v)), dot(v, along(u)), dot(u, jax.grad(lambda x: jax.jvp(loss, (x,), (v,))[1])(x))

    one, turned, reverse_over_forward = products(X)
    assert abs(one) > 1e-2
    np.testing.assert_allclose([turned, reverse_over_forward], one, rtol=1e-3)


def test_hessian_of_a_quadratic_loss():
    """|x W|^2 / 2 has the Hessian W W^T, also read with few bits, where clipping passes gradients."""
    hardware = mj.Hardware(tile=(4, 3), dac=mj.Dac(bits=4, range=3.0, clip_gradient=False), adc=CONVERTERS["passing"])
    chip = mj.program(hardware, W, KEY)
    loss = lambda x: jnp.sum(mj.matmul(hardware, chip, x) ** 2) / 2.0
    np.testing.assert_allclose(jax.jit(jax.hessian(loss))(X[0]), W @ W.T, rtol=1e-4, atol=1e-4)
