"""`pulsed`: what is asked for is sent as pulses, nothing is lost, nothing happens silently."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from laws import P, T
from scipy import stats

import memjax as mj

KEY = jax.random.key(0)
FINE = T.ConstantStep(P(step=2.0**-7, low=-8.0, high=8.0))


def run(tx, params, updates, jit=True):
    """Parameters and state after a sequence of updates."""
    init, update = (tx.init, jax.jit(tx.update)) if jit else tx
    state = init(params)
    for wanted in updates:
        change, state = update(wanted, state, params)
        params = optax.apply_updates(params, change)
    return params, state


@pytest.mark.parametrize("truncate", [False, True])
def test_everything_asked_for_is_sent_or_kept(truncate):
    """Integer-valued: the sum of what was asked is exactly that of the pulses and the residue."""
    wanted = np.random.default_rng(0).integers(-40, 41, (30, 50)) * 2.0**-10
    tx = T.pulsed(FINE, KEY, rule=T.Deterministic(truncate=truncate))
    weight, state = run(tx, jnp.zeros(50), jnp.asarray(wanted, jnp.float32))
    np.testing.assert_array_equal(weight + state.arrays[0].residue, wanted.sum(0))
    np.testing.assert_array_equal(np.mod(weight, 2.0**-7), 0)
    assert np.abs(state.arrays[0].residue).max() <= 2.0**-7 * (1 if truncate else 0.5)
    assert np.abs(state.arrays[0].residue).max() > 0
    assert state.count == 30


def test_everything_asked_for_is_sent_or_kept_to_rounding(precision):
    eps = np.finfo(precision).eps
    wanted = np.random.default_rng(1).normal(0, 0.02, (40, 50))
    law = T.ConstantStep(P(step=0.003, low=-8.0, high=8.0))
    weight, state = run(T.pulsed(law, KEY), jnp.zeros(50), jnp.asarray(wanted))
    assert weight.dtype == precision
    np.testing.assert_allclose(
        weight + state.arrays[0].residue, wanted.sum(0), rtol=0, atol=200 * eps * np.abs(wanted).max()
    )


def test_long_updates_take_several_turns():
    """At most so many pulses at once; the rest is kept."""
    tx = T.pulsed(FINE, KEY, rule=T.Deterministic(most=4))
    sent = []
    params, state, update = jnp.zeros(2), tx.init(jnp.zeros(2)), jax.jit(tx.update)
    for wanted in (jnp.array([10.0, -5.0]) * 2.0**-7, *[jnp.zeros(2)] * 3):
        change, state = update(wanted, state, params)
        params = params + change
        sent.append(change * 2.0**7)
    np.testing.assert_array_equal(sent, [[4, -4], [4, -1], [2, 0], [0, 0]])


def test_truncation_waits_for_a_whole_step():
    want, step = jnp.array([0.9, -1.9, 0.4]), jnp.array(1.0)
    counts = [T.Deterministic(truncate=t).counts(want, step, KEY)[0] for t in (True, False)]
    np.testing.assert_array_equal(counts, [[0, -1, 0], [1, -2, 0]])


def test_manhattan_rule():
    """One pulse of the right sign, none within the threshold; nothing is kept."""
    tx = T.pulsed(FINE, KEY, rule=T.Sign(threshold=0.1))
    weight, state = run(tx, jnp.zeros(5), [jnp.array([5.0, -0.2, 0.1, -0.05, 0.0])] * 3)
    np.testing.assert_array_equal(weight, 3 * 2.0**-7 * np.array([1, -1, 0, 0, 0]))
    assert state.arrays[0].residue is None


def test_pulses_are_those_of_the_law():
    """One update is `apply_net` on the same cells; counts may also be given."""
    law = T.SoftBounds(P(step=0.02, step_spread=0.2, high_spread=0.1))
    tx = T.pulsed(law, KEY)
    weight = jnp.linspace(-0.5, 0.5, 20)
    state, update = tx.init({"w": weight}), jax.jit(tx.update)
    made = state.arrays[0].cells.made
    count = jnp.arange(-10.0, 10.0)
    change, after = update({"w": count * law.granularity}, state, {"w": weight})
    np.testing.assert_allclose(weight + change["w"], jax.jit(T.apply_net)(law, weight, count, made), atol=1e-6)
    given = T.Counts(jnp.maximum(count, 0), jnp.maximum(-count, 0))
    change, after = update({"w": given}, after._replace(seen=state.seen), {"w": weight})
    np.testing.assert_allclose(weight + change["w"], jax.jit(T.apply_pulses)(law, weight, *given, made), atol=1e-6)
    np.testing.assert_allclose(after.arrays[0].residue, 0.0, atol=1e-6)


@pytest.mark.parametrize("law", [T.PiecewiseStep(P(step=0.02), (1.0, 0.2), (0.2, 1.0)), T.SoftBounds(P(step=0.02))])
def test_pulses_without_noise_are_those_of_one_after_another(law):
    weight, wanted = jnp.linspace(-0.5, 0.5, 8), jnp.linspace(-0.1, 0.1, 8)
    apply_net = jax.jit(T.apply_net, static_argnames="one_by_one")
    after, state = run(T.pulsed(law, KEY), weight, [wanted])
    count = jnp.round(wanted / law.granularity)
    expected = apply_net(law, weight, count, state.arrays[0].cells.made, one_by_one=True)
    np.testing.assert_allclose(after, expected, atol=1e-6)


def test_write_noise_is_seen_and_forgotten():
    """Hidden weights carry the pulses; what is seen of a written cell is off by a fresh normal number."""
    n, step, sent = 4000, 2.0**-7, 3 * 2.0**-7
    law = T.ConstantStep(P(step=step, low=-8.0, high=8.0, write_noise=20.0))
    tx = T.pulsed(law, KEY)
    wanted = jnp.where(jnp.arange(n) < n // 2, sent, 0.0)
    first, _ = run(tx, jnp.full(n, 0.25), [wanted])
    second, state = run(tx, jnp.full(n, 0.25), [wanted] * 2)
    np.testing.assert_array_equal(state.arrays[0].cells.hidden, 0.25 + 2 * wanted)
    errors = [np.asarray(seen - 0.25 - k * wanted) / (20 * step) for k, seen in ((1, first), (2, second))]
    for error in errors:
        assert stats.kstest(error[: n // 2], stats.norm.cdf).pvalue > 1e-4
        np.testing.assert_array_equal(error[n // 2 :], 0)
    assert abs(np.corrcoef(errors[0][: n // 2], errors[1][: n // 2])[0, 1]) < 5 / np.sqrt(n // 2)


def test_decay_and_noise_are_part_of_an_update():
    law = T.ConstantStep(P(lifetime=10.0))
    weight, _ = run(T.pulsed(law, KEY), jnp.array([0.5, -0.2]), [jnp.zeros(2)] * 5)
    np.testing.assert_allclose(weight, np.array([0.5, -0.2]) * 0.9**5, rtol=1e-5)
    noisy = T.ConstantStep(P(step=0.01, noise=0.5))
    tx, n = T.pulsed(noisy, KEY), 2000
    first, second = (run(tx, jnp.zeros(n), [jnp.full(n, 0.04)] * k)[0] for k in (1, 2))
    for k, change in ((1, first), (1, second - first)):
        assert stats.kstest((np.asarray(change) - 0.04 * k) / 0.01, stats.norm.cdf).pvalue > 1e-4
    assert abs(np.corrcoef(first, second - first)[0, 1]) < 5 / np.sqrt(n)


def test_weights_beyond_the_bounds_are_brought_inside():
    law = T.ConstantStep(P(low=-0.5, high=0.5))
    weight, _ = run(T.pulsed(law, KEY), jnp.array([-3.0, 0.1, 0.9]), [jnp.zeros(3)])
    np.testing.assert_allclose(weight, [-0.5, 0.1, 0.5], rtol=1e-6)


def test_conductances_are_weights_of_their_range(x64):
    """The same training in units of the law and in siemens: dL/dg = (G_on - G_off) dL/dG."""
    law, ends = T.SoftBounds(P(step=0.01, step_spread=0.2, high_spread=0.1, noise=0.1)), (1e-6, 1e-4)
    weight = np.linspace(-0.8, 0.8, 9)
    width = ends[1] - ends[0]
    wanted = np.random.default_rng(0).normal(0, 0.05, (5, 9))
    plain, _ = run(T.pulsed(law, KEY), jnp.asarray(weight), jnp.asarray(wanted))
    siemens = ends[0] + (weight + 1) / 2 * width
    cells, _ = run(T.pulsed(law, KEY, range=ends), jnp.asarray(siemens), jnp.asarray(wanted / (2 * width)))
    np.testing.assert_allclose(cells, ends[0] + (plain + 1) / 2 * width, rtol=1e-9)


def test_no_conductance_is_negative():
    """Neither by the spread of the bounds, nor by write noise, nor by the rounding of a change."""
    law = T.ConstantStep(P(step=0.1, low_spread=1.0, write_noise=10.0, noise=1.0))
    tx = T.pulsed(law, KEY, range=(1e-5, 1e-4))
    conductance, state = run(tx, jnp.linspace(1e-5, 1e-4, 500), [jnp.full(500, -1e5)] * 3)
    assert (state.arrays[0].cells.made["low"] < -1).any()
    assert conductance.min() == 0
    assert state.arrays[0].cells.hidden.min() >= -1 - 2 / 9 - 1e-6


def test_alterations_after_the_pulses_are_noticed():
    """Outside jit an error that says so, inside a flag; a transformation before the pulses is no alteration."""
    good = optax.chain(optax.scale(0.5), T.pulsed(FINE, KEY))
    _, state = run(good, jnp.ones(4), [jnp.full(4, 0.1)] * 3)
    assert not state[1].altered
    bad = optax.chain(T.pulsed(FINE, KEY), optax.add_decayed_weights(0.1))
    _, state = run(bad, jnp.ones(4), [jnp.full(4, 0.1)] * 3)
    assert state[0].altered
    with pytest.raises(ValueError, match="'w' was changed since: a pulsed transformation must be the last"):
        run(bad, {"w": jnp.ones(4)}, [{"w": jnp.full(4, 0.1)}] * 2, jit=False)
    tx = T.pulsed(FINE, KEY, range=(1e-6, 1e-4))  # tiny numbers are seen as well
    state = tx.init(jnp.full(3, 5e-5))
    _, state = tx.update(jnp.full(3, 1e3), state, jnp.full(3, 5e-5))
    with pytest.raises(ValueError, match="was changed since"):
        tx.update(jnp.zeros(3), state, jnp.full(3, 5e-5))


def test_same_key_same_cells_whatever_stands_beside():
    """Cells and noise of a parameter depend on the key and its name; not on others, their order, or compilation."""
    law = T.SoftBounds(P(step=0.002, step_spread=0.3, noise=3.0))
    tx = T.pulsed(law, KEY)
    wanted = jnp.linspace(-0.02, 0.02, 6).reshape(2, 3)
    alone, _ = run(tx, {"b": jnp.zeros((2, 3))}, [{"b": wanted}] * 2)
    beside = {"a": jnp.zeros(4), "b": jnp.zeros((2, 3)), "c": {"b": jnp.zeros((2, 3))}}
    both, _ = run(tx, beside, [{"a": jnp.zeros(4), "b": wanted, "c": {"b": wanted}}] * 2)
    np.testing.assert_array_equal(alone["b"], both["b"])
    assert (both["b"] != both["c"]["b"]).all()
    eager, _ = run(tx, {"b": jnp.zeros((2, 3))}, [{"b": wanted}] * 2, jit=False)
    np.testing.assert_allclose(alone["b"], eager["b"], rtol=1e-5, atol=1e-6)


def test_a_batch_of_chips_is_its_chips_one_by_one():
    law, weight = mj.training.presets.reram_array_om(), jnp.zeros((2, 3))
    keys, wanted = jax.random.split(KEY, 3), jnp.linspace(-0.3, 0.3, 6).reshape(2, 3)

    def chip(key):
        tx = T.pulsed(law, key)
        change, state = tx.update(wanted, tx.init(weight), weight)
        return change, state.arrays[0].residue

    together = jax.jit(jax.vmap(chip))(keys)
    assert (together[0][0] != together[0][1]).all()
    single = jax.jit(chip)
    for i in range(3):
        for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(single(keys[i])), strict=True):
            np.testing.assert_allclose(a[i], b, rtol=1e-4, atol=1e-5)


def test_numbers_of_laws_may_be_traced():
    """One compilation for a sweep over a device parameter."""
    weight, wanted = jnp.zeros(4), jnp.full(4, 0.05)

    def final(step, noise, most):
        law = T.SoftBounds(P(step=step, noise=noise))
        tx = T.pulsed(law, KEY, rule=T.Deterministic(most=most))
        return tx.update(wanted, tx.init(weight), weight)[0]

    steps = jnp.array([0.001, 0.01, 0.05])
    swept = jax.jit(jax.vmap(final))(steps, jnp.zeros(3), jnp.array([5.0, 31.0, 31.0]))
    expected = 1 - (1 - np.array([0.001, 0.01, 0.05])) ** np.array([5, 5, 1])
    np.testing.assert_allclose(swept, np.tile(expected[:, None], 4), rtol=1e-5)
