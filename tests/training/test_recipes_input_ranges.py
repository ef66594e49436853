"""Input ranges: how gradients reach them, what is seen of the inputs, and how they are learnt."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import memjax as mj
from memjax.training.recipes import input_ranges

KEY = jax.random.key(0)
W = np.array([[0.5, -1.0], [0.25, 0.75], [-0.6, 0.1]], np.float32)
X = np.array([[0.33, -0.71, 0.05], [1.62, 0.2, -0.4], [-0.9, -2.3, 0.61]], np.float32)
D = np.array([[1.0, -0.5], [0.3, 0.8], [-1.2, 0.4]], np.float32)  # errors that come back


def chip_of(bits):
    """(crossbars, chip, read as a function of the input range)."""
    hardware = mj.Hardware(tile=(4, 4), dac=mj.Dac(bits=bits), adc=mj.Adc(bits=None))
    analog = mj.crossbarify(lambda p, x: x @ p["w"], hardware)
    chip = analog.program({"w": W}, KEY, X)
    read = lambda r, x=X: analog.apply({"w": chip["w"] | {"dac_range": r}}, {"w": W}, x)
    return analog, chip, read


def test_the_gradient_of_a_range_is_that_of_a_learnt_step_size():
    """LSQ: an input beyond the range moves with it, another by its rounding error in units of the largest code."""
    read, r, n = chip_of(4)[2], 1.0, 7
    slope = jax.grad(lambda r: (D * read(r)).sum())(jnp.asarray(r))
    z = X.astype(float) * n / r
    by_input = np.where(np.abs(z) > n + 0.5, np.sign(z), (np.clip(np.round(z), -n, n) - z) / n)
    np.testing.assert_allclose(slope, (D * (by_input @ W)).sum(), rtol=1e-4)
    forward = jax.jvp(read, (jnp.asarray(r),), (jnp.asarray(1.0),))[1]
    np.testing.assert_allclose(forward, by_input @ W, rtol=1e-4, atol=1e-6)


def test_without_rounding_the_gradient_is_that_of_finite_differences():
    read, step = chip_of(None)[2], 1e-2  # the loss is linear in the range between two inputs
    loss = lambda r: float((D * read(jnp.asarray(r))).sum())
    slope = jax.grad(lambda r: (D * read(r)).sum())(jnp.asarray(0.8))
    np.testing.assert_allclose(slope, (loss(0.8 + step) - loss(0.8 - step)) / (2 * step), rtol=1e-3)


def test_inputs_are_seen_beside_the_range():
    analog, chip, _ = chip_of(4)
    use = analog.inputs({"w": chip["w"] | {"dac_range": jnp.asarray(0.7)}}, {"w": W}, X)["w"]
    np.testing.assert_allclose(use.inside, (np.abs(X) <= 0.7).mean(), rtol=1e-6)
    np.testing.assert_allclose(use.deviation, X.std(), rtol=1e-5)
    np.testing.assert_allclose(use.largest, np.abs(X).max())
    assert float(analog.inputs(chip, {"w": W}, X)["w"].inside) == 1.0  # a dynamic range leaves none out
    fixed = mj.crossbarify(analog.fn, mj.Hardware(tile=(4, 4), dac=mj.Dac(bits=4, range=0.5)))
    found = jax.jit(fixed.inputs)(fixed.program({"w": W}, KEY, X), {"w": W}, X)["w"].inside
    np.testing.assert_allclose(found, (np.abs(X) <= 0.5).mean(), rtol=1e-6)


def test_what_is_seen_has_the_shape_of_the_ranges():
    """Of a loop each step has its own inputs; the members of a stack share a range."""

    def model(p, x):
        deep = jax.lax.scan(lambda h, w: (jnp.tanh(h @ w), None), x, p["loop"])[0]
        return jnp.einsum("bi,eij->ebj", deep, p["stack"])

    p = {"loop": jnp.stack([jnp.eye(3), 2 * jnp.eye(3)]), "stack": jnp.ones((4, 3, 2))}
    analog = mj.crossbarify(model, mj.Hardware(tile=(4, 4), dac=mj.Dac(bits=8)))
    chip = analog.calibrate(analog.program(p, KEY, X), p, X)
    use = analog.inputs(chip, p, X)
    for name, entry in chip.items():
        assert all(value.shape == entry["dac_range"].shape for value in use[name])
    np.testing.assert_allclose(use["loop"].largest, [np.abs(X).max(), np.tanh(np.abs(X).max())], rtol=0.02)


def updated(tx, slopes, ranges, **arguments):
    change, _ = tx.update(slopes, tx.init(ranges), ranges, **arguments)
    return optax.apply_updates(ranges, change)


RANGES = {"a": jnp.array([1.0, 3.0]), "b": jnp.asarray(0.02)}
SLOPES = {"a": jnp.array([-0.4, 0.0]), "b": jnp.asarray(50.0)}
INSIDE = {"a": jnp.array([0.9, 0.96]), "b": jnp.asarray(1.0)}


def test_ranges_move_by_their_logarithm():
    """By -rate (r dL/dr + decay where nearly all are inside), for whatever size: they stay positive."""
    found = updated(input_ranges(optax.sgd(0.5), decay=0.1), SLOPES, RANGES, inside=INSIDE)
    np.testing.assert_allclose(found["a"], [np.exp(0.5 * 0.4), 3 * np.exp(-0.5 * 0.1)], rtol=1e-5)
    np.testing.assert_allclose(found["b"], 0.02 * np.exp(-0.5 * (0.02 * 50 + 0.1)), rtol=1e-5)
    always = updated(input_ranges(optax.sgd(0.5), decay=0.1, share=None), SLOPES, RANGES)
    np.testing.assert_allclose(always["a"], [np.exp(0.5 * (0.4 - 0.1)), 3 * np.exp(-0.5 * 0.1)], rtol=1e-5)
    wild = updated(input_ranges(optax.adam(3.0)), jax.tree.map(lambda s: 1e6 * s, SLOPES), RANGES, inside=INSIDE)
    assert min(float(value.min()) for value in wild.values()) > 0


def test_ranges_are_a_part_of_what_is_learnt():
    """Beside weights with an optimiser of their own, in one compiled step."""
    learnt = {"weights": {"a": jnp.ones((2, 2))}, "ranges": RANGES}
    parts = {"weights": optax.sgd(0.1), "ranges": input_ranges(optax.sgd(0.5), decay=0.1)}
    tx = optax.partition(parts, {name: name for name in learnt})
    step = jax.jit(lambda slopes, inside: updated(tx, slopes, learnt, inside=inside))
    found = step({"weights": {"a": jnp.ones((2, 2))}, "ranges": SLOPES}, INSIDE)
    alone = updated(parts["ranges"], SLOPES, RANGES, inside=INSIDE)
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-6), found["ranges"], alone)
    np.testing.assert_allclose(found["weights"]["a"], 0.9)


@pytest.mark.parametrize("start", [0.1, 20.0])
def test_a_range_finds_the_inputs(start):
    """From far below and far above, the mean square error of the read comes near that of the best range."""
    x = np.asarray(jax.random.normal(jax.random.key(1), (200, 3)))
    analog, chip, _ = chip_of(4)

    def error(ranges):
        read = analog.apply({"w": chip["w"] | {"dac_range": ranges["w"]}}, {"w": W}, x)
        return ((read - x @ W) ** 2).mean()

    tx = input_ranges(optax.adam(0.1))

    @jax.jit
    def step(carry, _):
        ranges, state = carry
        inside = analog.inputs({"w": chip["w"] | {"dac_range": ranges["w"]}}, {"w": W}, x)["w"].inside
        change, state = tx.update(jax.grad(error)(ranges), state, ranges, inside={"w": inside})
        return (optax.apply_updates(ranges, change), state), None

    ranges = {"w": jnp.asarray(start)}
    (learnt, _), _ = jax.lax.scan(step, (ranges, tx.init(ranges)), length=150)
    errors = jax.lax.map(lambda r: error({"w": r}), jnp.linspace(0.5, 5.0, 91))
    assert float(error(learnt)) < 1.15 * float(errors.min())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda tx: input_ranges(0.1), "optimiser must be a GradientTransformation such as optax.adam(1e-2), got 0.1"),
        (lambda tx: input_ranges(optax.sgd(1.0), decay=-1.0), "decay must be finite and in [0, inf], got -1.0"),
        (lambda tx: input_ranges(optax.sgd(1.0), share=1.5), "share must be finite and in [0, 1], got 1.5"),
        (lambda tx: tx.init({"a": 0.0}), "params['a'] must be finite and in (0, inf], got 0.0"),
        (lambda tx: tx.update(SLOPES, tx.init(RANGES)), "params must be given to the update of input_ranges, got None"),
        (lambda tx: tx.update(SLOPES, tx.init(RANGES), RANGES), "inside must be the fraction of inputs inside of each"),
        (lambda tx: updated(tx, SLOPES, RANGES, inside={"a": 1.0}), "inside must have an array for each of the ranges"),
        (lambda tx: updated(tx, SLOPES, RANGES, inside={"a": 1.0, "c": 1.0}), "\"['b']\"], got [\"['a']\", \"['c']\"]"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        make(input_ranges(optax.sgd(0.1)))
