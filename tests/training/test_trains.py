"""Pulse trains: management, shortening and the forms without chance against their formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from laws import P, T

import memjax as mj
from memjax.training.pulses._trains import trains

KEY = jax.random.key(0)
STEP = 1e-3
WIDE = T.ConstantStep(P(step=STEP, low=-10.0, high=10.0))
RNG = np.random.default_rng(0)
X, D = RNG.normal(size=(7, 5)), 0.3 * RNG.normal(size=(7, 4))
ALL = [T.PulseTrains(31, *flags) for flags in ((True, True), (True, False), (False, True), (False, False))]


def by_formula(x, d, rate, how):
    """(probabilities of x, of d, slots) of one sample, written out in float64."""
    k = rate * abs(x).max() * abs(d).max() / STEP
    slots = min(max(np.ceil(k), 1), how.length) if how.shorten else how.length
    if how.management:
        largest = abs(d).max() * min(1.0, how.length / k)
        d = np.clip(d, -largest, largest)
        balance = np.sqrt(largest / abs(x).max())
    else:
        balance = 1.0
    gain = np.sqrt(rate / (STEP * slots))
    p_x, p_d = np.minimum(abs(x) * gain * balance, 1), np.minimum(abs(d) * gain / balance, 1)
    if how.resolution is not None:
        p_x, p_d = (how.resolution * np.round(p / how.resolution) for p in (p_x, p_d))
    return p_x, p_d, slots


@pytest.mark.parametrize("rate", [0.002, 0.05, 0.5])
@pytest.mark.parametrize("how", [*ALL, T.PulseTrains(31, resolution=0.05)])
def test_of_every_management(how, rate):
    made = trains(jnp.asarray(X), jnp.asarray(D), rate, STEP, how)
    for index in range(len(X)):
        p_x, p_d, slots = by_formula(X[index], D[index], rate, how)
        np.testing.assert_allclose(np.abs(made.x[index]), p_x, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(np.abs(made.d[index]), p_d, rtol=1e-4, atol=1e-6)
        assert made.length[index] == slots


def counts_by_formula(rate, how):
    """Signed pulses of each sample, [S, K, N]."""
    found = []
    for x, d in zip(X, D, strict=True):
        p_x, p_d, slots = by_formula(x, d, rate, how)
        if how.form == "implicit":
            size = np.round(slots * np.outer(p_x, p_d))
        else:
            size = np.round(np.outer(np.round(slots * p_x), np.round(slots * p_d)) / slots)
        found.append(-np.sign(np.outer(x, d)) * size)
    return np.stack(found)


def written(law, how, rate, weight, **options):
    """(weights after one mini-batch, pulses sent)."""
    loss = lambda params, x: jnp.sum((x @ params["w"]) * jnp.asarray(D, jnp.float32))
    params = {"w": jnp.asarray(weight, jnp.float32)}
    gradient = mj.value_and_outer(loss)(params, jnp.asarray(X, jnp.float32))[1]
    settings = {name: getattr(how, name) for name in ("length", "management", "shorten", "form", "resolution")}
    tx = T.coincidence(law, KEY, rate, counted=True, **settings, **options)
    change, state = jax.jit(tx.update)(gradient, tx.init(params), params)
    return optax.apply_updates(params, change)["w"], T.pulses_sent(state, params)["w"]


@pytest.mark.parametrize("fidelity", ["sequential", "batch"])
@pytest.mark.parametrize("form", ["implicit", "mean_count"])
@pytest.mark.parametrize("flags", [(True, True), (False, False)])
def test_without_chance_every_sample_has_the_pulses_of_the_formula(form, flags, fidelity):
    how, rate = T.PulseTrains(31, *flags, form=form), 0.05
    after, sent = written(WIDE, how, rate, np.zeros((5, 4)), fidelity=fidelity)
    count = counts_by_formula(rate, how)
    assert np.abs(count).max() > 3
    np.testing.assert_allclose(after, STEP * count.sum(0), atol=1e-6)
    np.testing.assert_array_equal(sent.up, np.maximum(count, 0).sum(0))
    np.testing.assert_array_equal(sent.down, np.maximum(-count, 0).sum(0))


def test_in_sequence_pulses_meet_the_weight_that_the_last_sample_left():
    """Soft bounds, whose steps depend on the weight, replayed pulse by pulse in float64."""
    how, rate = T.PulseTrains(31, form="implicit"), 0.05
    start = RNG.uniform(-0.5, 0.5, (5, 4))
    after, _ = written(T.SoftBounds(P(step=STEP)), how, rate, start, fidelity="sequential")
    w = start.copy()
    for count in counts_by_formula(rate, how):
        n = np.abs(count)
        w = np.where(count > 0, 1 + (w - 1) * (1 - STEP) ** n, -1 + (w + 1) * (1 - STEP) ** n)
    np.testing.assert_allclose(after, w, atol=3e-6)


def test_pulses_of_random_trains_are_counted_in_every_fidelity():
    how, rate, zero = T.PulseTrains(), 0.05, np.zeros((5, 4))
    counts = {}
    for fidelity in ("sequential", "batch", "moments"):
        after, sent = written(WIDE, how, rate, zero, fidelity=fidelity)
        np.testing.assert_allclose(after, STEP * (sent.up - sent.down), atol=2e-6)
        counts[fidelity] = sent
    jax.tree.map(np.testing.assert_array_equal, counts["sequential"], counts["batch"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"management": False, "shorten": True},
            "'batch' or 'sequential' for PulseTrains with shorten",
        ),
        ({"resolution": 0.1}, "fidelity must be 'batch' or 'sequential' for PulseTrains with resolution"),
        ({"form": "regular"}, "PulseTrains.form must be one of 'stochastic', 'mean_count', 'implicit', got 'regular'"),
        ({"resolution": 0.0, "fidelity": "batch"}, "PulseTrains.resolution must be finite and in"),
    ],
)
def test_trains_that_do_not_fit_are_refused_when_made(options, message):
    with pytest.raises(ValueError, match=message):
        T.coincidence(WIDE, KEY, 0.1, **options)
