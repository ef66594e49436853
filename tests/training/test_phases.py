"""When things happen in training, to which rows, and that nothing random happens twice."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from laws import P, T

import memjax as mj

KEY = jax.random.key(1)
STEP = 2.0**-8
EXACT = T.ConstantStep(P(step=STEP, low=-4.0, high=4.0))
SHAPE = (4, 3)


def states_of(tx, given, params):
    """The parameters and the state after each update."""
    state, step, seen = tx.init(params), jax.jit(tx.update), []
    for update in given:
        change, state = step(update, state, params)
        params = optax.apply_updates(params, change)
        seen.append((params, state))
    return seen


@pytest.mark.parametrize(("every", "rows"), [(2, 3)])
def test_rows_are_transferred_in_turn_whatever_the_time_between_transfers(every, rows):
    """The t-th transfer reads the next rows after those of the one before, from the first on, round and round."""
    tx = T.tiki_taka(EXACT, KEY, transfer=T.Direct(rate=1.0), every=every, rows=rows)
    given = [jnp.full(SHAPE, STEP)] * (6 * every)
    fast, slow = 0.0, np.zeros(SHAPE)
    for index, (weight, state) in enumerate(states_of(tx, given, jnp.zeros(SHAPE))):
        fast += STEP
        if index % every == every - 1:
            first = (index // every) * rows
            for row in range(first, first + rows):
                slow[row % SHAPE[0]] += fast
        np.testing.assert_allclose(weight, slow, atol=1e-7)
        np.testing.assert_allclose(state.arrays[0].fast.weight, fast, atol=1e-7)


def test_the_running_peak_of_scaled_updates():
    """The first update as it is, then 0.9 of the old peak and 0.1 of the new one."""
    tx = T.chopped_tiki_taka(EXACT, KEY, fast_rate=2.0, transfer=T.Chopped(chop=0.0))
    sizes, peak = [0.3, 0.7, 0.1, 0.0], None
    pattern = np.array([[1.0, 0.5, -0.25]] * 4, np.float32)
    seen = states_of(tx, [jnp.asarray(size * pattern) for size in sizes], jnp.zeros(SHAPE))
    for size, (_, state) in zip(sizes, seen, strict=True):
        peak = size if peak is None else 0.9 * peak + 0.1 * size
        np.testing.assert_allclose(state.arrays[0].peak, peak, rtol=1e-5)
    # The largest update is ten steps, whatever the rate; the second one 10 x 0.7 / 0.34, at random.
    np.testing.assert_allclose(seen[0][1].arrays[0].fast.weight / STEP, [[10, 5, -2.5]] * 4, atol=0.51)
    np.testing.assert_allclose(seen[0][1].arrays[0].fast.weight[:, :2] / STEP, [[10, 5]] * 4, atol=1e-4)
    second = np.asarray(seen[1][1].arrays[0].fast.weight - seen[0][1].arrays[0].fast.weight) / STEP
    assert (np.abs(second - 10 * 0.7 / 0.34 * pattern) < 1).all()


def worn_pair(tx, plus, minus):
    """State and parameters with pairs at these conductances."""
    params = jnp.asarray(plus) - jnp.asarray(minus)
    state = tx.init(params)
    return worn(state, plus, minus), params


def worn(state, plus, minus):
    """With other conductances in the pairs."""
    put = lambda side, values: side._replace(weight=jnp.asarray(values))
    pairs = state.arrays[0]
    return state._replace(arrays=(pairs._replace(plus=put(pairs.plus, plus), minus=put(pairs.minus, minus)),))


def test_pairs_are_refreshed_at_the_last_update_of_each_period():
    """After three updates and after six, of those that are worn by then."""
    law = T.ConstantStep(P(step=0.01, low=0.0, high=2.0, reset=0.03))
    tx = T.one_sided(law, KEY, refresh_every=3, upper=0.75, lower=0.25)
    # Above both thresholds, 1.5 and 0.5; at one or the other; the smaller side up; a difference of 50.4 steps.
    plus, minus = [1.6, 1.5, 1.6, 0.6, 1.504], [0.6, 0.6, 0.5, 1.7, 1.0]
    state, params = worn_pair(tx, plus, minus)
    step = jax.jit(tx.update)
    for index in range(7):
        if index == 4:  # worn again in the second period
            state = worn(state, plus, minus)
        _, state = step(jnp.zeros(5), state._replace(seen=(jnp.full(5, jnp.inf),)), params)
        fresh = index in (2, 3, 5, 6)
        expected = ([1.03, 1.5, 1.6, 0.03, 0.53], [0.03, 0.6, 0.5, 1.13, 0.03]) if fresh else (plus, minus)
        np.testing.assert_allclose(state.arrays[0].plus.weight, expected[0], atol=1e-5, err_msg=str(index))
        np.testing.assert_allclose(state.arrays[0].minus.weight, expected[1], atol=1e-5, err_msg=str(index))


NOISY = T.SoftBounds(P(step=0.01, step_spread=0.2, low_spread=0.2, high_spread=0.2, noise=1.0, write_noise=2.0))
N = 400


def outers(update):
    """Updates of two weights as outer products of the samples' inputs and errors."""
    loss = lambda p, x: jnp.sum((x @ p["a"] + x @ p["b"]) * update)
    x = jnp.ones((1, 1))
    return mj.value_and_outer(loss)({"a": jnp.zeros((1, N)), "b": jnp.zeros((1, N))}, x)[1]


ALGORITHMS = {
    "pulsed": lambda: T.pulsed(NOISY, KEY),
    "one-sided": lambda: T.one_sided(dataclasses.replace(NOISY, population=P(0.01, -1e-3, 1.0, noise=1.0)), KEY),
    "Tiki-Taka": lambda: T.tiki_taka(NOISY, KEY, transfer=T.Direct(rate=1.0), read_noise=0.05),
    "NeuroSim": lambda: T.neurosim_wage(KEY, c2c=0.1),
    "sequential": lambda: T.coincidence(NOISY, KEY, 1.0, fidelity="sequential"),
}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_draws_of_parameters_and_updates_are_independent(name):
    """Equal parameters are asked for equal changes: what they do differs by a noise of their own each time."""
    tx, trains = ALGORITHMS[name](), name == "sequential"
    rows = 1 if trains else 2  # the trains of a bit line meet all word lines
    params = {"a": jnp.zeros((rows, N)), "b": jnp.zeros((rows, N))}
    update = outers(-0.05) if trains else jax.tree.map(lambda w: w + 0.05, params)
    before, moves = params, []
    for after, _ in states_of(tx, [update] * 3, params):
        moves.append(np.concatenate([after[part] - before[part] for part in ("a", "b")]))
        before = after
    for move in moves:
        assert (move.std(axis=1) > 1e-4).all()
        assert np.abs(np.corrcoef(move) - np.eye(2 * rows)).max() < 5 / np.sqrt(N)
    # From update to update cells keep their steps.
    assert all(not np.allclose(moves[i], moves[j], rtol=1e-3) for i in range(3) for j in range(i))
    if name == "one-sided":  # here they have none to keep
        assert np.abs(np.corrcoef(np.concatenate(moves)) - np.eye(12)).max() < 5 / np.sqrt(N)


def test_cells_of_every_role_are_drawn_independently():
    """Of both sides of a pair, of a fast and a slow array, of parameters by name; and each number by itself."""
    law = T.PowerStep(
        P(0.01, -1.0, 1.0, 0.1, 0.1, 0.1, 0.0, 0.0, lifetime=100.0, lifetime_spread=0.1, reset_spread=0.1),
        gamma_spread=0.1,
    )
    params = {"a": jnp.zeros(N), "b": jnp.zeros(N)}
    pair, taka = T.one_sided(law, KEY).init(params), T.tiki_taka(law, KEY).init(params)
    (one, other), (both, _) = pair.arrays, taka.arrays
    made = [cells.made for cells in (one.plus.cells, one.minus.cells, other.plus.cells, both.fast.cells, both.slow)]
    assert np.abs(np.corrcoef([np.ravel(cells["up"]) for cells in made]) - np.eye(5)).max() < 5 / np.sqrt(N)
    names = ("up", "low", "high", "stay", "reset", "gamma_up", "gamma_down")
    numbers = [np.ravel(made[0][name]) for name in names]
    assert np.abs(np.corrcoef(numbers) - np.eye(len(names))).max() < 5 / np.sqrt(N)
    stuck = P(stuck=0.5, stuck_range=0.3).make(KEY, (4000,), jnp.float32)
    still = np.asarray(stuck["low"] == stuck["high"])
    assert abs(still.mean() - 0.5) < 5 * 0.5 / np.sqrt(4000)
    places = np.asarray(stuck["low"])[still]
    assert abs(places.mean()) < 5 * 0.3 / np.sqrt(3 * still.sum())
    assert places.std() == pytest.approx(0.3 / np.sqrt(3), rel=0.05)


def test_fits_do_not_depend_on_the_unit_of_what_is_measured():
    """Steps of conductances of nanosiemens; the error is relative to their span."""
    pulses = np.array([1] * 10 + [-1] * 6)
    weights = 0.3 + 0.05 * np.cumsum(pulses)
    measured = 1e-9 * (1.0 + 9.0 * (weights + 0.03 * np.cos(3.0 * np.arange(16)) + 1) / 2)
    law = T.ConstantStep(P(step=0.03))
    fitted = T.fit_law(law, pulses, measured, {"population__step": (0.01, 0.2)}, range=(1e-9, 1e-8))
    assert float(fitted.law.population.step) == pytest.approx(0.05, rel=0.03)
    gap = np.asarray(fitted.curve, np.float64) - measured
    assert float(fitted.error) == pytest.approx(np.sqrt((gap**2).mean()) / np.ptp(measured), rel=1e-3)
    assert 0.02 < float(fitted.error) < 0.08
