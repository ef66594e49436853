"""Errors drawn from a matrix, against explicit cells and against integers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chi2

import memjax as mj
from memjax.reliability import choose_rows, inject, sop_confusion_exact, sop_hardware

KEY = jax.random.key(0)
CHIPS = 4000


@jax.jit
def reads(hardware, weights, x, keys):
    """One read of each of many chips, [chips, B, N]."""

    def one(key):
        write, read = jax.random.split(key)
        return mj.matmul(hardware, mj.program(hardware, weights, write), x, read)

    return jax.lax.map(one, keys, batch_size=500)


def assert_drawn_from(confusion, ideal, decoded):
    """Chi-squared test of decoded sums against the rows of their ideal ones, at 99.99 % confidence."""
    last = len(confusion) - 1
    statistic, freedom = 0.0, 0
    for k in np.unique(ideal):
        found = np.bincount(np.clip(decoded[ideal == k], 0, last), minlength=last + 1)
        expected = confusion[k] * found.sum()
        often = expected > 5
        bins = lambda counts, often=often: np.append(counts[often], counts[~often].sum())
        found, expected = bins(found), bins(expected)
        if expected[-1] < 5:  # what is rare goes with the most frequent
            rare, often = expected[-1], int(np.argmax(expected[:-1]))
            found[often] += found[-1]
            expected[often] += rare
            found, expected = found[:-1], expected[:-1]
        statistic += ((found - expected) ** 2 / expected).sum()
        freedom += len(found) - 1
    assert freedom > 5
    assert statistic < chi2.ppf(0.9999, freedom)


@pytest.mark.parametrize(("rows", "sigma"), [(7, 0.2), (3, 0.5)])
def test_injected_errors_are_those_of_explicit_cells(rows, sigma):
    """Columns of 0 to N ones, all word lines driven: explicit cells and injected errors, each against the matrix."""
    device = {"rows": rows, "r_on": 10e3, "r_off": 1e6, "sigma": sigma}
    hardware = sop_hardware(slices=1, planes=1, tile=(rows, rows + 1), **device)
    weights = np.tril(np.ones((rows + 1, rows)), -1).T.astype(np.float32)
    confusion = sop_confusion_exact(**device)
    ideal = np.broadcast_to(np.arange(rows + 1), (CHIPS, rows + 1))
    keys = jax.random.split(KEY, CHIPS)
    for one in (hardware, inject(hardware, confusion)):
        y = np.asarray(reads(one, weights, np.ones((1, rows), np.float32), keys))[:, 0]
        np.testing.assert_allclose(y, np.rint(y), atol=1e-4)
        assert_drawn_from(confusion, ideal, np.rint(y).astype(int))


def test_any_inputs_where_zeros_do_not_conduct():
    """Random bits on half of the word lines: P(. | k) does not depend on how many of them are driven."""
    device = {"rows": 5, "r_on": 10e3, "r_off": np.inf, "sigma": 0.3}
    hardware = sop_hardware(slices=1, planes=1, tile=(10, 8), **device)
    generator = np.random.default_rng(0)
    weights = generator.integers(0, 2, (10, 8)).astype(np.float32)
    weights[0, 0] = 1.0
    x = generator.integers(0, 2, (6, 10)).astype(np.float32)
    x[:, 5:] = 0.0
    confusion = sop_confusion_exact(**device)
    keys = jax.random.split(KEY, CHIPS // 4)
    ideal = np.broadcast_to((x @ weights).astype(int), (len(keys), 6, 8))
    # Reads of one chip share cells, so of explicit ones a column and a vector is looked at in each chip.
    pick = np.arange(len(keys)) % 6, np.arange(len(keys)) // 6 % 8
    for one, own in ((hardware, True), (inject(hardware, confusion), False)):
        decoded = np.rint(reads(one, weights, x, keys)).astype(int)
        take = lambda a, own=own: a[np.arange(len(keys)), *pick] if own else a
        assert_drawn_from(confusion, take(ideal), take(decoded))


def integers(rows):
    generator = np.random.default_rng(1)
    weights = generator.integers(-3, 4, (20, 6)).astype(np.float32)
    weights[0, 0] = 3.0
    x = generator.integers(0, 4, (4, 20)).astype(np.float32)
    x[:, 0] = 3.0
    return sop_hardware(rows=rows, r_on=10e3, r_off=1e6, sigma=0.2, slices=2, planes=2, tile=(8, 4)), weights, x


def test_without_errors_sums_are_exact():
    """Two bits of weights and inputs: no spread, and no errors injected, are integer arithmetic."""
    hardware, weights, x = integers(3)
    exact = dataclasses.replace(hardware, effects=())
    for one in (exact, inject(hardware, np.eye(4))):
        y = mj.matmul(one, mj.program(one, weights, KEY), x, KEY)
        np.testing.assert_allclose(y, x @ weights, rtol=1e-5, atol=1e-3)


def test_explicit_cells_err_alike_in_every_read():
    """Of inputs x = sum 2^p b_p the errors of a cell add up to x times it, injected ones to sum 4^p b_p in variance.

    Even x in 0..7 is half its bits: E[x^2] / E[sum 4^p b_p] = 17.5 / 10.5 of the variance. Over many vectors the errors
    of one chip stay, injected ones average out.
    """
    device = {"rows": 16, "r_on": 10e3, "r_off": 1e6, "sigma": 0.5}
    hardware = sop_hardware(slices=1, planes=3, tile=(16, 16), **device)
    generator = np.random.default_rng(0)
    weights = generator.integers(0, 2, (16, 16)).astype(np.float32)
    x = generator.integers(0, 8, (40, 16)).astype(np.float32)
    weights[0], x[:, 0] = 1.0, 7.0
    keys = jax.random.split(KEY, 500)
    injected = inject(hardware, sop_confusion_exact(**device))
    explicit, fresh = (np.asarray(reads(one, weights, x, keys)) - x @ weights for one in (hardware, injected))
    # Rounding adds to both, and clipping takes a little away.
    assert explicit.var(0).mean() / fresh.var(0).mean() == pytest.approx(17.5 / 10.5, rel=0.12)
    assert fresh.mean(1).std() < 0.2 * fresh.std()
    assert explicit.mean(1).std() > 0.8 * explicit.std()


def test_a_certain_error_adds_up():
    """Every sum below 3 reads one more: in each group, plane and slice of both signs."""
    hardware, weights, x = integers(3)
    always = np.eye(4)[[1, 2, 3, 3]]
    one = inject(hardware, always)
    y = mj.matmul(one, mj.program(one, weights, KEY), x, KEY)
    expected = np.zeros((4, 6))
    bits = lambda a: (a.astype(int)[..., None] >> np.arange(2)) & 1
    for tile in (slice(0, 8), slice(8, 16), slice(16, 20)):
        start, stop = tile.start, tile.stop
        for first in range(start, stop, 3):
            group = slice(first, min(first + 3, stop))
            for sign in (1, -1):
                held = bits(np.maximum(sign * weights[group], 0))
                sums = np.einsum("brp,rns->bnps", bits(x[:, group]), held)
                expected += sign * np.einsum(
                    "bnps,p,s->bn", np.minimum(sums + 1, 3), 2 ** np.arange(2), 2 ** np.arange(2)
                )
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-3)


def test_network():
    """Through crossbarify: one compilation for all matrices; the key decides, gradients are the digital ones."""
    hardware, weights, x = integers(4)
    apply = lambda params, x: jax.nn.relu(x @ params["w"])
    params = {"w": weights}

    def loss(x, confusion, key):
        analog = mj.crossbarify(apply, inject(hardware, confusion))
        y = analog.apply(analog.program(params, KEY, x), params, x, key=key)
        return jnp.sum(y), y

    matrices = jnp.stack([sop_confusion_exact(rows=4, r_on=10e3, r_off=1e6, sigma=s) for s in (0.0, 0.4)])
    run = jax.jit(jax.vmap(jax.grad(loss, has_aux=True), (None, 0, None)))
    slopes, (exact, noisy) = run(x, matrices.astype(jnp.float32), KEY)
    digital = apply(params, x)
    np.testing.assert_allclose(exact, digital, rtol=1e-5, atol=1e-2)
    assert np.abs(noisy - digital).max() > 1
    np.testing.assert_allclose(slopes[0], jax.grad(lambda x: apply(params, x).sum())(x), rtol=1e-4, atol=1e-2)
    np.testing.assert_array_equal(run(x, matrices.astype(jnp.float32), KEY)[1][1], noisy)
    assert np.abs(run(x, matrices.astype(jnp.float32), jax.random.key(1))[1][1] - noisy).max() > 1
    analog = mj.crossbarify(apply, inject(hardware, matrices[1]))
    with pytest.raises(ValueError, match="key must be a PRNG key"):
        analog.apply(analog.program(params, KEY, x), params, x)


def test_bad_arguments():
    hardware, *_ = integers(4)
    with pytest.raises(ValueError, match=r"confusion must have shape \(5, 5\), since 4 word lines.*got \(4, 4\)"):
        inject(hardware, np.eye(4))
    with pytest.raises(ValueError, match="confusion must have rows that sum to 1, got 0.5 in row 0"):
        inject(hardware, np.eye(5) / 2)
    with pytest.raises(ValueError, match="hardware must have BinaryColumns.*got DoubleColumn and Amplitude"):
        inject(mj.Hardware(), np.eye(65))
    with pytest.raises(TypeError, match="hardware must be a Hardware"):
        inject(None, np.eye(2))
    with pytest.raises(ValueError, match=r"Hardware\.rows_at_once must be at most the 8 word lines"):
        sop_hardware(rows=9, r_on=1e4, r_off=1e6, sigma=0.1, tile=(8, 8))


def test_choice_of_rows():
    score = {1: 1.0, 4: 0.97, 8: 0.9, 16: 0.95, 32: 0.5}
    tried = []

    def measure(rows):
        tried.append(rows)
        return score[rows]

    assert choose_rows(measure, score, 0.96) == 4
    assert tried == [32, 16, 8, 4]
    assert choose_rows(measure, [8, 1, 4], 0.9) == 8
    with pytest.raises(
        ValueError, match=r"target must be reached by one of the candidates, got 2 with scores \{4: 0.97"
    ):
        choose_rows(measure, [4], 2.0)
    with pytest.raises(ValueError, match="candidates must hold at least one"):
        choose_rows(measure, [], 0.5)
    rate = lambda n: -mj.reliability.error_rates(sop_confusion_exact(rows=n, r_on=1e4, r_off=1e6, sigma=0.1)).max()
    assert choose_rows(rate, range(1, 20), -0.01) == 4  # of five, four ones err with 2 (1 - Phi(2.5)) = 0.012
