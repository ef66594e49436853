"""One cell per weight over the range [min W, max W], with its middle added digitally."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import memjax as mj
from memjax.mapping import Offset

K, N = 9, 5
RNG = np.random.default_rng(0)
W = RNG.uniform(2.0, 3.0, (K, N)).astype(np.float32)
X = RNG.normal(size=(6, K)).astype(np.float32)
KEY = jax.random.key(1)


def hardware(mapping=None, subtract="analog", cell=None, **parts):
    mapping = Offset(centred=True) if mapping is None else mapping
    cell = mj.Cell() if cell is None else cell
    return mj.Hardware(cell, mapping, (4, 3), mj.Dac(), mj.Adc(subtract=subtract), **parts)


@pytest.mark.parametrize("scaling", ["matrix", "column"])
@pytest.mark.parametrize("subtract", ["analog", "digital"])
def test_the_read_is_the_product(scaling, subtract):
    spec = hardware(Offset(scaling, centred=True), subtract)
    chip = mj.program(spec, W, KEY)
    axis = 0 if scaling == "column" else None
    low, high = (np.broadcast_to(f(W, axis=axis), N) for f in (np.min, np.max))
    np.testing.assert_allclose(chip["middle"], (low + high) / 2, rtol=1e-6)
    np.testing.assert_allclose(chip["scale"], (high - low) / 2, rtol=1e-5)
    np.testing.assert_allclose(mj.matmul(spec, chip, X), X @ W, atol=1e-4)
    g = mj.crossbar.cells(chip)["cell"]
    np.testing.assert_allclose([g.min(), g.max()], [spec.cell.g_off, spec.cell.g_on], rtol=1e-5)


def test_all_levels_are_between_the_smallest_and_the_largest_weight():
    """Error at most half a level of max W - min W; held about zero, of 2 max W."""
    cell = mj.Cell(levels=8)
    centred, about_zero = (
        np.abs(mj.weights(h, mj.program(h, W, KEY)) - W).max()
        for h in (hardware(cell=cell), hardware(Offset(), cell=cell))
    )
    assert centred <= (W.max() - W.min()) / 14 * 1.001
    assert about_zero > 3 * centred


def test_constant_weights_and_gradients():
    spec = hardware()
    constant = np.full((K, N), 1.7, np.float32)
    np.testing.assert_allclose(mj.matmul(spec, mj.program(spec, constant, KEY), X), X @ constant, rtol=1e-5)
    value = lambda w: mj.matmul(spec, mj.program(spec, w, KEY), X).sum()
    np.testing.assert_allclose(jax.grad(value)(W), np.broadcast_to(X.sum(0)[:, None], W.shape), rtol=1e-3, atol=1e-3)


def test_chips_of_its_kind():
    """Written again, aged and compensated, fitted, of groups; jit and vmap give the same chip."""
    spec = hardware(effects=(mj.effects.Drift(0.1),))
    chip = mj.program(spec, W, KEY)
    jax.tree.map(np.testing.assert_array_equal, chip, jax.jit(lambda w: mj.program(spec, w, KEY))(W))
    again = mj.reprogram(spec, chip, -W, KEY)
    np.testing.assert_allclose(again["middle"], -chip["middle"])
    np.testing.assert_allclose(mj.matmul(spec, again, X), -(X @ W), atol=1e-4)
    aged = mj.age(spec, chip, KEY, seconds=1e3)
    # Cells drift as one; the middle, being digital, does not.
    g = mj.crossbar.cells(aged)["cell"]
    mid = (spec.cell.g_on + spec.cell.g_off) / 2
    held = 2 * (g - mid) / (spec.cell.g_on - spec.cell.g_off) * chip["scale"] + chip["middle"]
    np.testing.assert_allclose(mj.weights(spec, aged), held, rtol=1e-4)
    scaled = chip | {"scale": 0.5 * chip["scale"]}
    tuned = mj.tune(hardware(), scaled, W, KEY)
    np.testing.assert_allclose(tuned["scale"], chip["scale"], rtol=1e-3)

    fn = lambda w, x: lax.conv_general_dilated(
        x, w, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=2
    )
    w, x = jnp.asarray(RNG.uniform(2, 3, (2, 2, 1, 4)), jnp.float32), jnp.asarray(RNG.normal(size=(2, 4, 4, 2)))
    analog = mj.crossbarify(fn, hardware())
    np.testing.assert_allclose(analog.apply(analog.program(w, KEY, x), w, x), fn(w, x), atol=1e-4)


def test_bad_input():
    chip = mj.program(hardware(Offset()), W, KEY)
    with pytest.raises(ValueError, match="chip must hold 'middle'"):
        mj.matmul(hardware(), chip, X)
    with pytest.raises(ValueError, match="mapping must hold weights about zero"):
        mj.mapping.weights_to_conductances(Offset(centred=True), mj.Cell(), W)
