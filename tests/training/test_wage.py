"""The rule of DNN+NeuroSim against its written formulas, for given random numbers and in distribution."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from laws import T

wage_step = jax.jit(T.wage_step, static_argnames=("bits", "gradient_bits"))
KEY = jax.random.key(0)
A_UP, A_DOWN = 32 * 0.702081, 32 * 0.848677  # labels 1.75 and 1.46


def delta(w, x, a_up, a_down, levels, bits):
    """What the device curve takes off a weight, by its inverse and forward formulas."""
    limit = 1 - 1 / 2 ** (bits - 1)
    d = np.round(x / 2 * levels)
    a = np.where(d < 0, a_up, a_down)
    b = 2 / (1 - np.exp(-levels / a))
    n = -a * np.log(1 - (w + 1) / b)
    return w - np.clip(b * (1 - np.exp(-(n - d) / a)) - 1, -limit, limit)


def transcription(w, x, u, z, a_up, a_down, levels=32, bits=5, gradient_bits=5, c2c=0.003):
    g = np.floor(delta(w, x, a_up, a_down, levels, bits) + u) / 2 ** (gradient_bits - 1)
    limit = 1 - 1 / 2 ** (bits - 1)
    return np.clip(w - g + 2 * c2c * z * (g != 0), -limit, limit)


@pytest.mark.parametrize(
    "options",
    [
        {},
        dict(bend_up=A_UP, bend_down=-A_DOWN),
        dict(bend_up=64 * 0.386830, bend_down=-64 * 0.192406, levels=64, bits=6, gradient_bits=4, c2c=0.05),
    ],
)
def test_formulas(options, x64):
    options = dict(bend_up=A_UP, bend_down=A_DOWN) | options
    random = np.random.default_rng(0)
    limit = 1 - 2.0 ** (1 - options.get("bits", 5))
    w = np.clip(random.integers(-16, 17, 3000) / 16 + random.normal(0, 0.006, 3000), -limit, limit)
    x, u, z = random.normal(0, 0.5, 3000), random.uniform(size=3000), random.normal(size=3000)
    bends = options.pop("bend_up"), options.pop("bend_down")
    expected = transcription(w, x, u, z, *bends, **options)
    np.testing.assert_allclose(wage_step(w, x, u, z, *bends, **options), expected, rtol=0, atol=1e-12)
    assert (np.abs(expected - w) > 0.05).sum() > 100


def test_updates_are_whole_steps():
    """Without noise every change is a multiple of 1/16 (up to the bounds), up or down as asked for."""
    random = np.random.default_rng(1)
    w = jnp.asarray(random.integers(-10, 11, 4096) / 16, jnp.float32)
    x, u = random.normal(0, 0.3, 4096), random.uniform(size=4096)
    new = np.asarray(wage_step(w, x, u, np.zeros(4096), A_UP, A_DOWN), np.float64)
    steps = 16 * (new - np.asarray(w, np.float64))
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-5)
    assert set(np.unique(np.round(steps))) >= {-1, 0, 1}
    still = np.round(x * 16) == 0
    np.testing.assert_array_equal(steps[still & (u < 0.999)], 0)


def test_the_curve_sets_the_odds_of_a_step():
    """Of n equal cells a binomial number is updated, with the change that the device would make as its probability."""
    n = 20_000
    weight, grad = jnp.full(n, 0.25), jnp.full(n, -0.3)
    tx = T.neurosim_wage(KEY, c2c=0.0, rate=0.25)
    change, _ = jax.jit(tx.update)(grad, tx.init(weight), weight)
    # Mean gradient -0.03, whose power of two is 2^-5: x = -0.24, 4 pulses up.
    p = -float(delta(np.array(0.25), 0.25 * -0.03 / 2**-5, A_UP, A_DOWN, 32, 5))
    assert 0.1 < p < 0.9
    assert set(np.unique(change)) == {0.0, np.float32(1 / 16)}
    assert abs((np.asarray(change) > 0).sum() - n * p) < 5 * np.sqrt(n * p * (1 - p))


def test_noise_is_added_once_to_cells_that_are_updated():
    n = 20_000
    weight, grad = jnp.zeros(n), jnp.full(n, 1.0)
    tx = T.neurosim_wage(KEY, c2c=0.003)
    change, _ = jax.jit(tx.update)(grad, tx.init(weight), weight)
    change = np.asarray(change, np.float64)
    updated = change != 0
    assert 0.2 < updated.mean() < 0.999
    noise = change[updated] + 1 / 16
    assert abs(noise.mean()) < 5 * 0.006 / np.sqrt(updated.sum())
    assert noise.std() == pytest.approx(0.006, rel=5 / np.sqrt(2 * updated.sum()))


def test_momentum_and_shift(x64):
    """The running mean, and its normalisation by the power of two next to its maximum in each array."""
    random = np.random.default_rng(2)
    params = {"a": jnp.asarray(random.uniform(-0.5, 0.5, (3, 4))), "b": jnp.zeros(5)}
    tx = T.neurosim_wage(KEY, momentum=0.8)
    update = jax.jit(tx.update)
    state, velocity = tx.init(params), {"a": 0.0, "b": 0.0}
    for _ in range(3):
        grads = {"a": random.normal(size=(3, 4)), "b": np.zeros(5)}
        change, state = update(grads, state, params)
        velocity = {name: 0.8 * velocity[name] + 0.2 * grads[name] for name in params}
        np.testing.assert_allclose(state.arrays[0].velocity, velocity["a"], rtol=1e-12)
        np.testing.assert_array_equal(change["b"], 0.0)
        params = optax.apply_updates(params, change)
    np.testing.assert_allclose(state.arrays[0].bend_up, A_UP, rtol=1e-5)
    np.testing.assert_allclose(state.arrays[1].bend_down, A_DOWN, rtol=1e-5)
    assert state.count == 3


def test_scale_of_the_gradient_does_not_matter():
    """A factor of a power of two is undone by the shift, bit by bit."""
    weight, grad = jnp.linspace(-0.8, 0.8, 50), jnp.linspace(-1.0, 1.0, 50)
    tx = T.neurosim_wage(KEY)
    update = jax.jit(tx.update)
    changes = [update(s * grad, tx.init(weight), weight)[0] for s in (1.0, 2.0**-20, 2.0**10)]
    np.testing.assert_array_equal(changes[0], changes[1])
    np.testing.assert_array_equal(changes[0], changes[2])
    assert (np.asarray(changes[0]) != 0).any()


def test_labels_spread_over_cells():
    """The label of each cell from its A, by the definition: off by the same number in both directions."""
    up, down = jax.jit(T.neurosim_wage(KEY, d2d=0.1).init)({"w": jnp.zeros(2000)}).arrays[0][1:]

    def label(bend):
        a = np.asarray(bend, np.float64) / 32
        q = -np.expm1(-1 / a)
        return 10.101526 * ((1 - a * q) / q + a * np.log(a * q))

    off = label(up) - 1.75
    np.testing.assert_allclose(label(down) - 1.46, off, atol=2e-3)
    assert abs(off.mean()) < 5 * 0.1 / np.sqrt(2000)
    assert off.std() == pytest.approx(0.1, rel=5 / np.sqrt(4000))


def test_it_trains():
    """A linear classifier of two groups, from scratch."""
    random = np.random.default_rng(0)
    x = jnp.asarray(random.normal(size=(128, 16)), jnp.float32)
    y = jnp.asarray(x @ random.normal(size=16) > 0, jnp.float32)
    loss = lambda w: jnp.mean(optax.sigmoid_binary_cross_entropy(x @ w, y))
    tx = T.neurosim_wage(KEY)

    @jax.jit
    def step(w, state):
        change, state = tx.update(jax.grad(loss)(w), state, w)
        return optax.apply_updates(w, change), state

    w = jnp.zeros(16)
    state = tx.init(w)
    for _ in range(60):
        w, state = step(w, state)
    assert jnp.abs(w).max() <= 15 / 16
    assert ((x @ w > 0) == (y > 0)).mean() > 0.85


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: T.neurosim_wage(KEY, rate=0.0), ValueError, r"neurosim_wage.rate must be finite and in \(0, inf\]"),
        (lambda: T.neurosim_wage(KEY, momentum=1.5), ValueError, r"neurosim_wage.momentum .* \[0, 1\], got 1.5"),
        (lambda: T.neurosim_wage(KEY, ltp=10.0), ValueError, r"neurosim_wage.ltp .* \[-9, 9\], got 10.0"),
        (lambda: T.neurosim_wage(KEY, levels=1), ValueError, "neurosim_wage.levels"),
        (lambda: T.neurosim_wage(KEY, bits=1), ValueError, r"neurosim_wage.bits must be in \[2, 16\], got 1"),
        (lambda: T.neurosim_wage(KEY, gradient_bits=5.0), TypeError, "neurosim_wage.gradient_bits must be an integer"),
        (lambda: T.neurosim_wage(KEY, c2c=-1.0), ValueError, "neurosim_wage.c2c"),
        (
            lambda: T.neurosim_wage(KEY).update(jnp.ones(2), T.neurosim_wage(KEY).init(jnp.ones(2))),
            ValueError,
            "params must be given to the update of a pulsed transformation, got None",
        ),
    ],
)
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()
