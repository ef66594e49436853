"""Stochastic pulse trains against their theory."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats

import memjax as mj
from memjax.training import ConstantStep, Outer, Population, PulseTrains, SoftBounds, coincidence
from memjax.training.pulses import _trains
from memjax.training.pulses._lists import apply_drawn
from memjax.training.pulses._moments import Moments, draw
from memjax.training.pulses._outer import counts_of, moments_of

STEP, RATE = 1e-3, 0.002
WIDE = ConstantStep(Population(step=STEP, low=-10.0, high=10.0))


def samples(seed=0, count=6, inputs=5, outputs=4):
    """Inputs and errors of some samples, with zeros among them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, inputs)) * (rng.random((count, inputs)) < 0.8)
    d = rng.normal(size=(count, outputs)) * rng.uniform(0.1, 1.0, (count, 1))
    return x, d


def outer(x, d):
    """The `Outer` of a dense layer with these inputs and errors."""
    loss = lambda params, x: jnp.sum((x @ params["w"]) * jnp.asarray(d, jnp.float32))
    weight = {"w": jnp.zeros((x.shape[1], d.shape[1]))}
    return mj.value_and_outer(loss)(weight, jnp.asarray(x, jnp.float32))[1]["w"]


def how(management):
    return PulseTrains(31, management, management)


def published(x, d, rate, step, length, management):
    """(p_x, p_d, slots) of one sample, transcribed from the written rule in float64."""
    if not management:
        gain = np.sqrt(rate / (step * length))
        return np.minimum(gain * np.abs(x), 1), np.minimum(gain * np.abs(d), 1), length
    x_max, d_max = np.abs(x).max(), np.abs(d).max()
    k = rate * x_max * d_max / step
    slots = max(1, min(np.ceil(k), length))
    if k > length:
        d_max *= length / k
    base = np.sqrt(rate / (step * slots))
    a, b = base * np.sqrt(x_max / d_max), base * np.sqrt(d_max / x_max)
    return np.minimum(b * np.abs(x), 1), np.minimum(a * np.abs(d), 1), slots


def theory(x, d, rate, management, length=31):
    """Mean and variance of the upward and downward counts of all samples."""
    mean, variance = (np.zeros((2, x.shape[1], d.shape[1])) for _ in range(2))
    for one_x, one_d in zip(x, d, strict=True):
        p_x, p_d, slots = published(one_x, one_d, rate, STEP, length, management)
        p = np.outer(p_x, p_d)
        for index, sign in enumerate((-1, 1)):
            there = np.sign(np.outer(one_x, one_d)) == sign
            mean[index] += slots * p * there
            variance[index] += slots * p * (1 - p) * there
    return mean, variance


@pytest.mark.parametrize("management", [True, False])
@pytest.mark.parametrize("rate", [0.002, 0.02, 0.3])
def test_trains_are_those_of_the_written_rule(rate, management):
    x, d = samples()
    made = _trains.trains(jnp.asarray(x), jnp.asarray(d), rate, STEP, how(management))
    for index in range(len(x)):
        p_x, p_d, slots = published(x[index], d[index], rate, STEP, 31, management)
        np.testing.assert_allclose(np.abs(made.x[index]), p_x, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(np.abs(made.d[index]), p_d, rtol=1e-4, atol=1e-6)
        assert made.length[index] == slots


@pytest.mark.parametrize("management", [True, False])
@pytest.mark.parametrize("rate", [0.005, 0.3])
def test_counts_drawn_slot_by_slot_have_the_mean_and_variance_of_theory(rate, management):
    x, d = samples()
    draws = 4000
    count = jax.jit(jax.vmap(lambda key: counts_of(outer(x, d), rate, STEP, how(management), key)))
    counts = np.stack(count(jax.random.split(jax.random.key(1), draws)))
    mean, variance = theory(x, d, rate, management)
    # 40 cells: 4.5 standard errors are passed with the probability 3e-4 by any.
    assert np.all(np.abs(counts.mean(1) - mean) <= 4.5 * np.sqrt(variance / draws) + 1e-6)
    fourth = ((counts - counts.mean(1, keepdims=True)) ** 4).mean(1)
    error = np.sqrt(np.maximum(fourth - variance**2, 0) / draws)
    assert np.all(np.abs(counts.var(1) - variance) <= 5.0 * error + 1e-3)


@pytest.mark.parametrize("management", [True, False])
@pytest.mark.parametrize("rate", [0.005, 0.3])
def test_moments_from_products_are_close_to_those_of_theory(rate, management):
    x, d = samples()
    moments = moments_of(outer(x, d), rate, jnp.asarray(STEP), how(management))
    mean, variance = theory(x, d, rate, management)
    np.testing.assert_allclose(np.stack([moments.up, moments.down]), mean, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(moments.up + moments.down - moments.excess, variance.sum(0), rtol=2e-3, atol=1e-4)


def test_clipped_updates_saturate_at_the_length_of_the_train():
    x, d = samples(count=1)
    moments = moments_of(outer(x, d), 50.0, jnp.asarray(STEP), how(True))
    assert max(moments.up.max(), moments.down.max()) <= 31.0 * (1 + 1e-5)
    assert max(moments.up.max(), moments.down.max()) > 30.0


def of_samples(up, down, cells=200_000):
    """Moments of cells of which all have these samples (slots, probability) in each direction."""
    mean = lambda samples: sum(slots * p for slots, p in samples)
    excess = sum(slots * p * p for slots, p in (*up, *down))
    return Moments(*(jnp.full(cells, value, jnp.float32) for value in (mean(up), mean(down), excess)))


MIXTURES = {
    "few": (((31, 2e-4), (5, 1e-3)), ((3, 1e-3),)),
    "two against one": (((1, 0.4), (2, 0.1)), ((1, 0.05),)),
    "one against three": (((4, 0.02),), ((1, 0.7), (1, 0.3), (3, 0.1))),
    "many": (((31, 0.05), (20, 0.1)), ((31, 0.02),)),
    "nearly normal": (((31, 0.16), (3, 0.2)), ((31, 0.18), (31, 0.02))),
    "normal": (((31, 0.3), (31, 0.4)), ((31, 0.2), (31, 0.05))),
}


@pytest.mark.parametrize("name", MIXTURES)
def test_drawn_counts_have_the_means_and_the_variance_of_their_samples(name):
    """Means of both directions and the variance of their difference, which is all that the weight sees."""
    up, down = MIXTURES[name]
    moments = of_samples(up, down)
    drawn = draw(moments, jax.random.key(len(name)))
    counts = np.stack([drawn.up, drawn.down]).astype(np.float64)
    assert np.all((counts == np.round(counts)) & (counts >= 0))
    variance = sum(slots * p * (1 - p) for slots, p in (*up, *down))
    size = counts.shape[1]
    # 6 cases of three figures: 4.5 standard errors are passed with the probability 1e-4 by any.
    for mean, drawn_mean, deviation in zip(moments[:2], counts.mean(1), counts.std(1), strict=True):
        assert abs(drawn_mean - mean[0]) <= 4.5 * deviation / np.sqrt(size)
    net = counts[0] - counts[1]
    error = np.sqrt((((net - net.mean()) ** 2 - net.var()) ** 2).mean() / size)
    assert abs(net.var() - variance) <= 4.5 * error


def test_of_one_sample_the_drawn_counts_are_binomial():
    slots, p = 10, 0.3
    for index, moments in enumerate((of_samples(((slots, p),), ()), of_samples((), ((slots, p),)))):
        drawn = draw(moments, jax.random.key(2))
        np.testing.assert_array_equal(drawn[1 - index], 0)
        observed = np.bincount(np.asarray(drawn[index]).astype(int), minlength=slots + 1)
        expected = stats.binom(slots, p).pmf(np.arange(slots + 1)) * observed.sum()
        merged = lambda a: np.append(a[:8], a[8:].sum())
        assert stats.chisquare(merged(observed), merged(expected)).pvalue > 1e-3


def test_both_directions_are_drawn_independently():
    """The downward count says nothing of the upward one: their joint distribution is the product."""
    moments = of_samples(((7, 0.1), (2, 0.2)), ((3, 0.15), (9, 0.05)))
    up, down = (np.minimum(np.asarray(count).astype(int), 3) for count in draw(moments, jax.random.key(5)))
    table = np.zeros((4, 4))
    np.add.at(table, (up, down), 1)
    assert stats.chi2_contingency(table).pvalue > 1e-3


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_counts_drawn_for_lists_of_cells_are_those_of_whole_arrays(share):
    """What they change is what `draw` and `apply_pulses` do; also for several chips at once."""
    rng = np.random.default_rng(1)
    mean = rng.exponential(1.0, (2, 3, 2000)) * (rng.random((3, 2000)) < share)
    moments = Moments(*jnp.asarray(mean, jnp.float32), jnp.asarray(0.1 * (mean**2).sum(0), jnp.float32))
    law = SoftBounds(Population(step=0.01, asymmetry=0.4, noise=0.3))
    made, weight = law.make(jax.random.key(2), (2000,)), jnp.zeros((3, 2000))
    keys = jax.random.split(jax.random.key(3), (3, 2))
    one = lambda weight, moments, keys: apply_drawn(law, weight, moments, made, *keys)[0]
    together = jax.jit(jax.vmap(one))(weight, moments, keys)
    for index, (*own, chip_keys) in enumerate(zip(*moments, keys, strict=True)):
        counts = draw(Moments(*own), chip_keys[0])
        expected = mj.training.apply_pulses(law, weight[index], *counts, made, chip_keys[1])
        np.testing.assert_allclose(together[index], expected, atol=1e-6)
        np.testing.assert_allclose(jax.jit(one)(weight[index], Moments(*own), chip_keys), expected, atol=1e-6)
    assert np.abs(together).max() > 0.02


@pytest.mark.parametrize("fidelity", ["moments", "batch", "sequential"])
def test_the_mean_update_is_that_of_gradient_descent(fidelity):
    x, d = samples(3)
    gradient = {"w": outer(x, d)}
    params = {"w": jnp.zeros(gradient["w"].shape)}

    def one(key):
        tx = coincidence(WIDE, key, RATE, fidelity=fidelity)
        return tx.update(gradient, tx.init(params), params)[0]["w"]

    updates = np.asarray(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(4), 2000)), np.float64)
    error = updates.std(0) / np.sqrt(len(updates)) + 1e-7
    assert np.all(np.abs(updates.mean(0) + RATE * x.T @ d) <= 4.5 * error + 0.01 * RATE * np.abs(x.T @ d))


def test_in_sequence_or_as_a_batch_constant_steps_add_up_to_the_same():
    x, d = samples(5)
    gradient, params = {"w": outer(x, d)}, {"w": jnp.zeros((5, 4))}
    updates = []
    for fidelity in ("batch", "sequential"):
        tx = coincidence(WIDE, jax.random.key(6), 0.1, fidelity=fidelity)
        updates.append(tx.update(gradient, tx.init(params), params)[0]["w"])
    np.testing.assert_allclose(updates[0], updates[1], atol=1e-6)


def test_the_fast_forms_are_close_to_the_sequential_one_on_an_asymmetric_device():
    """Mean weight after many samples, soft bounds and noise: within 3 % of the range."""
    law = SoftBounds(Population(step=0.01, asymmetry=0.4, noise=0.3))
    x, d = samples(7, count=40)
    gradient, params = {"w": outer(x, d)}, {"w": jnp.full((5, 4), 0.2)}

    def mean(fidelity):
        def one(key):
            tx = coincidence(law, key, 0.05, fidelity=fidelity)
            return params["w"] + tx.update(gradient, tx.init(params), params)[0]["w"]

        return jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(8), 200)).mean(0)

    exact = mean("sequential")
    assert np.abs(exact - params["w"]).max() > 0.1
    for fidelity in ("batch", "moments"):
        np.testing.assert_allclose(mean(fidelity), exact, atol=0.06)


def test_a_convolution_counts_every_patch():
    x = jax.random.normal(jax.random.key(0), (2, 5, 5, 2))
    params = {"w": 0.3 * jax.random.normal(jax.random.key(1), (3, 3, 2, 3))}
    target = jax.random.normal(jax.random.key(2), (2, 3, 3, 3))

    def loss(params, x):
        y = jax.lax.conv_general_dilated(x, params["w"], (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return ((y - target) ** 2).sum()

    gradient = mj.value_and_outer(loss)(params, x)[1]["w"]
    rows, errors = (np.asarray(part, np.float64) for part in gradient.samples())
    mean, variance = theory(rows, errors, RATE, True)
    moments = moments_of(gradient, RATE, jnp.asarray(STEP), how(True))
    np.testing.assert_allclose(np.stack([moments.up, moments.down]), mean, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(moments.up + moments.down - moments.excess, variance.sum(0), rtol=1e-2, atol=1e-3)


def test_training_with_digital_biases_and_a_schedule():
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(64, 6)), jnp.float32)
    target = jnp.asarray(rng.uniform(-0.4, 0.4, (6, 3)), jnp.float32)
    params = {"w": jnp.zeros((6, 3)), "b": jnp.full(3, 0.5)}
    loss = lambda params, x: ((x @ params["w"] + params["b"] - x @ target) ** 2).mean()
    rate = optax.exponential_decay(0.3, 100, 0.3)
    law = ConstantStep(Population(step=2e-3, step_spread=0.3, noise=0.3))
    tx = optax.partition(
        {"analog": coincidence(law, jax.random.key(1), rate), "digital": optax.sgd(0.1)},
        {"w": "analog", "b": "digital"},
    )
    state = tx.init(params)

    @jax.jit
    def step(params, state):
        _, gradient = mj.value_and_outer(loss)(params, x)
        updates, state = tx.update(gradient, state, params)
        return optax.apply_updates(params, updates), state

    before = loss(params, x)
    for _ in range(150):
        params, state = step(params, state)
    assert loss(params, x) < 0.02 * before


def test_arrays_that_are_no_outer_product_are_refused():
    params = {"b": jnp.zeros(3)}
    tx = coincidence(WIDE, jax.random.key(0), 0.1)
    with pytest.raises(ValueError, match="updates must be outer products .* got an array for 'b'.*optax.partition"):
        tx.update({"b": jnp.ones(3)}, tx.init(params), params)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fidelity": "exact"}, "fidelity must be one of 'moments', 'batch', 'sequential', got 'exact'"),
        ({"length": 64}, r"length must be finite and in \[1, 32\], got 64"),
        ({"rate": -1.0}, "rate must be finite and in .*, got -1.0"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        coincidence(WIDE, jax.random.key(0), **({"rate": 0.1} | options))


def test_an_outer_product_is_a_pytree():
    x, d = samples()
    one = outer(x, d)
    doubled = jax.tree.map(lambda leaf: 2.0 * leaf, one)
    assert isinstance(doubled, Outer)
    np.testing.assert_allclose(doubled.gradient, 4.0 * one.gradient, rtol=1e-6)
