"""Cost of look-up networks: what is counted, and what it is made of."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

KEY = jax.random.key(0)
X = jnp.asarray(np.random.default_rng(0).normal(size=(7, 40)), jnp.float32)
W = jnp.asarray(np.random.default_rng(1).normal(size=(40, 6)), jnp.float32)
LOOKUP = mj.lookup.cluster(lambda w, x: x @ w, W, X, 4, 3, key=KEY)


def test_counts_bound_what_the_counters_hold():
    counts = mj.lookup.cost_report(LOOKUP, W, X).counts[""]
    codes, keys = np.asarray(LOOKUP.codes[""]), LOOKUP.codebooks[""].inputs
    inputs = np.asarray(jnp.argmin(jnp.abs(X[..., None] - keys), axis=-1))
    pairs = 3 * codes + inputs[:, :, None]  # [vector, row, column]
    held = np.stack([np.sum(pairs == kind, axis=1) for kind in range(12)])
    assert counts.increments == held.sum() == 7 * 40 * 6
    assert counts.searches == 7 * 40
    assert np.count_nonzero(held) <= counts.reads == 7 * 6 * 12
    bits = sum(int(number).bit_count() for number in held.ravel())
    assert 0.5 * counts.additions < bits <= counts.additions
    assert held.max() < 2**counts.counter_bits


def test_sums_of_fewer_products_than_kinds_read_each_once():
    fine = mj.lookup.cluster(lambda w, x: x @ w, W, X, 16, 16, key=KEY)
    counts = mj.lookup.cost_report(fine, W, X).counts[""]
    assert counts.reads == counts.additions == counts.increments


def test_energy_is_uses_times_that_of_components_and_grows_with_keys():
    technology = mj.cost.Technology.isaac()
    found = mj.lookup.cost_report(LOOKUP, W, jax.ShapeDtypeStruct(X.shape, X.dtype), technology=technology)
    counts, bit = found.counts[""], float(technology.register.energy)
    expected = {
        "search": counts.searches * 3 * 16 * bit,
        "codes": counts.increments * 2 * bit,
        "counters": counts.increments * 2 * bit,
        "tables": counts.reads * 16 * float(technology.buffer.energy),
        "adders": counts.additions * float(technology.shift_add.energy),
    }
    assert {name: float(cost.energy) for name, cost in found.by_component.items()} == pytest.approx(expected)
    assert float(found.energy) == pytest.approx(sum(expected.values()))
    assert float(found.digital) == pytest.approx(7 * 40 * 6 * float(technology.mac.energy))
    assert all("assumed" in source for source in found.sources.values())
    assert "tables" in str(found)
    fine = mj.lookup.cluster(lambda w, x: x @ w, W, X, 4, 30, key=KEY)
    assert mj.lookup.cost_report(fine, W, X).energy > found.energy


def test_convolutions_code_each_number_once_and_loops_have_tables_of_their_own():
    kernel, x = jnp.ones((2, 1, 3, 3)).at[0].set(2.0), jnp.arange(50.0).reshape(1, 1, 5, 10)
    conv = lambda k, x: jax.lax.conv(x, k, (1, 1), "VALID")
    counts = mj.lookup.cost_report(mj.lookup.cluster(conv, kernel, x, 2, 4, key=KEY), kernel, x).counts[""]
    assert (counts.searches, counts.vectors, counts.rows, counts.columns) == (50, 24, 9, 2)
    loop = lambda w, x: jax.lax.scan(lambda h, w: (jnp.tanh(h @ w), None), x, w)[0]
    weights = jnp.stack([W[:6], W[6:12]])
    counts = mj.lookup.cost_report(mj.lookup.cluster(loop, weights, X[:, :6], 2, 4, key=KEY), weights, X[:, :6]).counts[
        ""
    ]
    assert (counts.tables, counts.vectors, counts.increments) == (2, 14, 2 * 7 * 36)


def test_bad_input():
    with pytest.raises(TypeError, match="lookup must be a Lookup"):
        mj.lookup.cost_report(W, W, X)
