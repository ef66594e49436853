"""Gradients: exact where the physics is smooth, straight-through where it is rounded."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

K, N, B = 9, 5, 6
W = np.random.default_rng(0).uniform(-1, 1, (K, N)).astype(np.float32)
X = np.random.default_rng(1).uniform(-1, 1, (B, K)).astype(np.float32)
C = np.random.default_rng(2).normal(size=(B, N)).astype(np.float32)
KEY = jax.random.key(0)
MAPPINGS = {
    "DoubleColumn": mj.mapping.DoubleColumn(),
    "DualRow": mj.mapping.DualRow(),
    "Offset": mj.mapping.Offset(),
    "CurrentMirror": mj.mapping.CurrentMirror(),
}
each_mapping = pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=MAPPINGS)


@pytest.mark.parametrize("mapping", [mj.mapping.DoubleColumn(), mj.mapping.CurrentMirror()])
def test_smooth_limit_against_finite_differences(mapping):
    """Ideal converters, continuous states: through device variation, writing, drift, noise and the read."""

    def loss(physics, weights, x):
        effects = (
            mj.effects.DeviceVariation(physics["r_on_std"], physics["r_off_std"], "lognormal"),
            mj.effects.ProgrammingNoise(relative=physics["write"]),
            mj.effects.Drift(nu=physics["nu"]),
            mj.effects.ReadNoise(relative=physics["read"]),
        )
        cell = mj.Cell(1e4 * physics["r_on"], 1e5 * physics["r_off"])
        hardware = mj.Hardware(
            cell=cell, mapping=mapping, tile=(4, 3), dac=mj.Dac(v_max=physics["v_max"]), adc=mj.Adc(), effects=effects
        )
        chip = mj.age(hardware, mj.program(hardware, weights, KEY), KEY, seconds=50.0)
        return jnp.sum(mj.matmul(hardware, chip, x, KEY) * C)

    with jax.enable_x64(True):
        physics = {
            "r_on": 1.0,
            "r_off": 1.0,
            "r_on_std": 300.0,
            "r_off_std": 5e3,
            "write": 0.02,
            "nu": 0.1,
            "read": 0.03,
            "v_max": 0.2,
        }
        arguments = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), (physics, W, X))
        slopes = jax.jit(jax.grad(loss, (0, 1, 2)))(*arguments)
        # Along random directions, relative to each number: a spread of 5 kohm is moved as visibly as a weight.
        leaves, structure = jax.tree.flatten(arguments)
        ways = [a * np.random.default_rng(9).uniform(0.5, 1.5, a.shape) for a in leaves]
        moved = lambda step: structure.unflatten([a + step * w for a, w in zip(leaves, ways, strict=True)])
        at, h = jax.jit(lambda step: loss(*moved(step))), 1e-5
        along = sum(jnp.sum(s * w) for s, w in zip(jax.tree.leaves(slopes), ways, strict=True))
        np.testing.assert_allclose(along, (at(h) - at(-h)) / (2 * h), rtol=1e-5)
        slope = slopes[0]
        # A single cell seldom sits at the end of its range, where its own R_on or R_off matters.
        spreads = {"r_on_std", "r_off_std"} if "pos" in mapping.arrays else set()
        matter = {"r_on", "r_off", "nu", "write", "read"} | spreads
        assert all(abs(slope[name]) > 1e-6 for name in matter)
        assert abs(slope["v_max"]) < 1e-9  # the voltage is undone exactly


def test_gradient_of_clipping_is_masked():
    """Partial sums outside the converter's range pass no gradient: against the mask computed by hand."""
    top = 0.6  # of the converter, in units of weight x input
    adc = mj.Adc(bits=12, range=top * 0.2 * 9e-5)
    weights = W.copy()
    weights[0, 0] = 1.0
    hardware = mj.Hardware(tile=(4, 3), dac=mj.Dac(v_max=0.2, range=1.0), adc=adc)

    def loss(weights, x):
        return jnp.sum(mj.matmul(hardware, mj.program(hardware, weights, KEY), x) * C)

    d_weights, d_x = jax.jit(jax.grad(loss, (0, 1)))(weights, X)
    expected_w, expected_x = np.zeros((K, N)), np.zeros((B, K))
    clipped = 0
    for start in range(0, K, 4):
        rows = slice(start, start + 4)
        inside = np.abs(X[:, rows] @ weights[rows]) <= top
        clipped += (~inside).sum()
        expected_x[:, rows] = (C * inside) @ weights[rows].T
        expected_w[rows] = X[:, rows].T @ (C * inside)
    assert clipped > 10
    np.testing.assert_allclose(d_x, expected_x, atol=1e-4)
    free = np.ones((K, N), bool)
    free[0, 0] = False  # the largest weight also sets the scale of the converter's range
    np.testing.assert_allclose(np.asarray(d_weights)[free], expected_w[free], atol=1e-4)


@each_mapping
@pytest.mark.parametrize("adc", [mj.Adc(4, clip_gradient=False), mj.Adc(4, range=mj.Dynamic()), mj.Adc()])
def test_passing_gradient_is_that_of_the_digital_product(mapping, adc):
    """Also for zero weights, weights of equal magnitude, and the largest input."""
    weights = W.copy()
    weights[1], weights[2] = 0.0, [1.0, -1.0, 1.0, -1.0, 1.0]
    hardware = mj.Hardware(mapping=mapping, tile=(4, 3), dac=mj.Dac(bits=5), adc=adc, cell=mj.Cell(levels=201))

    def loss(weights, x):
        return jnp.sum(mj.matmul(hardware, mj.program(hardware, weights, KEY), x) * C)

    d_weights, d_x = jax.jit(jax.grad(loss, (0, 1)))(weights, X)
    np.testing.assert_allclose(d_x, C @ weights.T, atol=0.03)  # of the programmed weights, 200 steps
    ordinary = np.ones((K, N), bool)
    ordinary[2] = False  # the weights that set the scale also carry the rounding errors of all others
    top = np.abs(X).max(1, keepdims=True)
    inputs = np.rint(X / top * 15) / 15 * top
    np.testing.assert_allclose(np.asarray(d_weights)[ordinary], (inputs.T @ C)[ordinary], atol=1e-3)


def test_backward_under_vmap():
    hardware = mj.Hardware(tile=(4, 3), adc=mj.Adc(5), effects=(mj.effects.DeviceVariation(1e3, 1e4),))

    def loss(key, x):
        return jnp.sum(mj.matmul(hardware, mj.program(hardware, W, key), x) * C)

    keys = jax.random.split(KEY, 3)
    together = jax.jit(jax.vmap(jax.grad(loss, 1), (0, None)))(keys, X)
    alone = jnp.stack([jax.jit(jax.grad(loss, 1))(k, X) for k in keys])
    assert (np.abs(together - alone) < 1e-4).mean() > 0.97  # partial sums at the edge of the range


@pytest.mark.parametrize("clip_gradient", [True, False])
def test_gradient_of_the_converters_range(clip_gradient):
    """Learned step size: d y / d range = sum over tiles of (code - z) inside, of the end code outside, per LSB."""
    unit = 0.2 * 9e-5  # current of a product of 1
    steps = 7

    def y(top):
        adc = mj.Adc(bits=4, range=top * unit, clip_gradient=clip_gradient)
        hardware = mj.Hardware(tile=(4, 3), dac=mj.Dac(v_max=0.2, range=1.0), adc=adc)
        return mj.matmul(hardware, mj.program(hardware, W / np.abs(W).max(), KEY), X)

    top = 0.6
    slope = jax.jit(jax.jacrev(y))(top)
    expected = np.zeros((B, N))
    for start in range(0, K, 4):
        z = X[:, start : start + 4] @ (W / np.abs(W).max())[start : start + 4] / top * steps
        code = np.clip(np.rint(z), -steps, steps)
        expected += code - (np.where(np.abs(z) <= steps + 0.5, z, 0.0) if clip_gradient else z)
    np.testing.assert_allclose(slope, expected / steps, atol=2e-4)


def test_chips_that_clip_and_chips_that_do_not_in_one_batch():
    """The choice between the two backward passes is common to a batch: each gradient is as it is alone."""
    hardware = mj.Hardware(mj.Cell(), tile=(8, 8), dac=mj.Dac(bits=8, range=1.0), adc=mj.Adc(bits=6))
    weights = jax.random.normal(jax.random.key(0), (20, 9))
    chip = mj.program(hardware, weights, jax.random.key(1))
    ranges = chip["adc_range"] * jnp.array([0.05, 1.0, 100.0])
    x = jax.random.uniform(jax.random.key(2), (5, 20), minval=-1.0)

    def slope(full_scale, x):
        return jax.grad(lambda x: jnp.sum(jnp.sin(mj.matmul(hardware, chip | {"adc_range": full_scale}, x))))(x)

    together = jax.vmap(slope, (0, None))(ranges, x)
    for one, full_scale in zip(together, ranges, strict=True):
        np.testing.assert_allclose(one, slope(full_scale, x), rtol=1e-4, atol=1e-5)
    assert jnp.abs(together[0]).sum() < 0.7 * jnp.abs(together[1]).sum()
