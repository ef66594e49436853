"""Tiki-Taka against its recursions, and against plain pulsed descent where that fails."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from memjax.training import (
    Buffered,
    Chopped,
    ConstantStep,
    Direct,
    Dynamic,
    LinearStep,
    Population,
    Reading,
    Referenced,
    SoftBounds,
    agad,
    chopped_tiki_taka,
    filling,
    forgetting,
    one_sided,
    presets,
    pulsed,
    tiki_taka,
    tiki_taka_v2,
)

STEP = 2.0**-8
# Steps and updates that floats hold exactly, so that random rounding has nothing to round.
EXACT = ConstantStep(Population(step=STEP, low=-4.0, high=4.0))
SHAPE = (4, 3)


def updates(count, seed=0):
    """Updates that are whole numbers of steps."""
    return np.random.default_rng(seed).integers(-3, 4, (count, *SHAPE)) * STEP


def run(tx, given, start=None):
    """Weights after each update, [T, K, N]."""
    params = {"w": jnp.zeros(SHAPE) if start is None else jnp.asarray(start, jnp.float32)}
    state = tx.init(params)
    step = jax.jit(tx.update)
    weights = []
    for update in given:
        change, state = step({"w": jnp.asarray(update, jnp.float32)}, state, params)
        params = optax.apply_updates(params, change)
        weights.append(np.asarray(params["w"], np.float64))
    return np.stack(weights)


def recursion(given, transfer, rows):
    """The written recursions in float64, on constant steps without bounds; `transfer`(A, H, row, read) -> pulses."""
    fast, slow = np.zeros(SHAPE), np.zeros(SHAPE)
    buffers = {"H": np.zeros(SHAPE), "c": np.ones(SHAPE[0]), "m": np.zeros(SHAPE), "mu": np.zeros(SHAPE)}
    buffers["n"] = np.zeros(SHAPE[0])
    place, weights = 0, []
    for update in given:
        fast = fast + buffers["c"][:, None] * update
        for _ in range(rows):
            slow[place] += transfer(fast[place], buffers, place) * STEP
            place = (place + 1) % SHAPE[0]
        weights.append(slow.copy())
    return np.stack(weights)


def fire(buffers, row, momentum, most):
    pulses = np.clip(np.trunc(buffers["H"][row]), -most, most)
    buffers["H"][row] = np.where(pulses != 0, momentum * buffers["H"][row], buffers["H"][row])
    return pulses


def direct(read, buffers, row):
    return np.clip(read / STEP, -31, 31)


def buffered(read, buffers, row):
    buffers["H"][row] += 0.25 * read / STEP
    return fire(buffers, row, 0.5, 2)


def chopped(read, buffers, row):
    buffers["H"][row] += buffers["c"][row] * 0.25 * read / STEP
    pulses = fire(buffers, row, 0.5, 1)
    buffers["c"][row] *= -1  # with the probability one
    return pulses


def dynamic(read, buffers, row):
    period, tail, age = 3, 0.5, buffers["n"][row]
    place = age % period
    buffers["m"][row] = read if place == 0 else buffers["m"][row] + tail * (read - buffers["m"][row])
    if age >= period:
        buffers["H"][row] += buffers["c"][row] * 0.25 * (read - buffers["mu"][row]) / STEP
    pulses = fire(buffers, row, 0.5, 1)
    if place == period - 1:
        buffers["mu"][row] = buffers["m"][row]
        buffers["c"][row] *= -1
    buffers["n"][row] += 1
    return pulses


RULES = {
    "direct": (Direct(rate=1.0), direct),
    "buffered": (Buffered(rate=0.25, momentum=0.5, most=2), buffered),
    "chopped": (Chopped(rate=0.25, momentum=0.5, most=1, chop=1.0), chopped),
    "dynamic": (Dynamic(rate=0.25, momentum=0.5, most=1, period=3, tail=0.5), dynamic),
}


@pytest.mark.parametrize("rows", [1, 3, 4])
@pytest.mark.parametrize("name", RULES)
def test_recursions(name, rows):
    transfer, written = RULES[name]
    given = updates(24)
    tx = tiki_taka(EXACT, jax.random.key(0), transfer=transfer, rows=rows)
    expected = recursion(given, written, rows)
    np.testing.assert_allclose(run(tx, given), expected, atol=1e-6)
    assert np.abs(expected).max() >= 2 * STEP


@pytest.mark.parametrize(
    "name", ["buffered", "dynamic", *(pytest.param(name, marks=pytest.mark.slow) for name in ("direct", "chopped"))]
)
def test_no_row_depends_on_another_with_all_noise(name):
    """So that rows which are transferred at once are those transferred one after another."""
    given, other = 10 * updates(16), 10 * updates(16)
    other[:, 2] *= -1
    tx = tiki_taka(presets.reram_sb(), jax.random.key(1), transfer=RULES[name][0], rows=3, read_noise=0.01)
    one, two = (run(tx, some) for some in (given, other))
    np.testing.assert_array_equal(np.delete(one, 2, axis=1), np.delete(two, 2, axis=1))
    assert np.abs(one[-1]).min() > 0
    assert (one[-1, 2] != two[-1, 2]).any()


@pytest.mark.parametrize("make", [tiki_taka_v2, agad])
def test_no_transfer_is_the_chosen_one(make):
    given = 10 * updates(3)
    named, left_out = (run(make(presets.reram_sb(), jax.random.key(1), **options), given)
                       for options in ({"transfer": None}, {}))  # fmt: skip
    np.testing.assert_array_equal(named, left_out)


def test_transfers_every_few_updates_and_the_share_of_the_fast_array():
    given = updates(6)
    weights = run(tiki_taka(EXACT, jax.random.key(0), transfer=Direct(rate=1.0), every=3, gamma=0.5), given)
    fast = np.cumsum(given, axis=0)
    np.testing.assert_allclose(weights[1], 0.5 * fast[1], atol=1e-6)
    np.testing.assert_allclose(weights[2], 0.5 * fast[2] + fast[2], atol=1e-6)
    np.testing.assert_allclose(weights[4], 0.5 * fast[4] + fast[2], atol=1e-6)


def test_scaled_updates_do_not_depend_on_their_size():
    law = SoftBounds(Population(step=0.01))
    small, large = (run(chopped_tiki_taka(law, jax.random.key(2)), factor * updates(10)) for factor in (1e-3, 1.0))
    np.testing.assert_allclose(small, large, atol=1e-6)


ASYMMETRIC = SoftBounds(Population(step=0.01, asymmetry=0.8, step_spread=0.1, noise=0.3))
TARGET = np.array([[-0.5, -0.3, 0.0], [0.2, 0.4, -0.1], [0.3, -0.4, 0.1], [0.5, 0.0, -0.2]])


def error(tx, steps=3000):
    """Root mean square error of the weights of a noisy linear regression, the mean of the last quarter."""

    def step(carry, key):
        params, state = carry
        sample, noise = jax.random.split(key)
        x = jax.random.normal(sample, (4, SHAPE[0]))
        wrong = x @ (params["w"] - TARGET) + 0.5 * jax.random.normal(noise, (4, SHAPE[1]))
        change, state = tx.update({"w": x.T @ wrong / 4}, state, params)
        params = optax.apply_updates(params, change)
        return (params, state), params["w"]

    params = {"w": jnp.zeros(SHAPE)}
    keys = jax.random.split(jax.random.key(3), steps)
    _, weights = jax.jit(lambda carry: jax.lax.scan(step, carry, keys))((params, tx.init(params)))
    return float(np.sqrt(((np.asarray(weights)[-steps // 4 :].mean(0) - TARGET) ** 2).mean()))


def test_where_plain_descent_fails_tiki_taka_does_not():
    """The device drags plain updates to its symmetry point, far from the weights that are sought."""
    key, sgd = jax.random.key(4), optax.sgd(0.05)
    shifted = Referenced(ASYMMETRIC)
    plain = error(optax.chain(sgd, pulsed(ASYMMETRIC, key)))
    errors = {
        "v1": error(optax.chain(sgd, tiki_taka(shifted, key, slow=ASYMMETRIC, transfer=Direct(rate=0.02)))),
        "v2": error(optax.chain(sgd, tiki_taka_v2(shifted, key, slow=ASYMMETRIC, transfer=Buffered(rate=0.02)))),
        "chopped": error(optax.chain(sgd, chopped_tiki_taka(shifted, key, slow=ASYMMETRIC))),
        # The reference of the fast array is not known to it.
        "agad": error(optax.chain(sgd, agad(ASYMMETRIC, key))),
    }
    assert plain > 0.15, plain
    assert max(errors.values()) < 0.5 * plain, (plain, errors)


def test_what_a_pulse_takes_back():
    """Of soft bounds 1 - s / bound is left, half of it for each direction; constant steps forget nothing."""
    cells = Population(step=0.01, low=-0.5, high=2.0)
    np.testing.assert_allclose(forgetting(SoftBounds(cells)), 0.005 * (1 / 0.5 + 1 / 2.0), rtol=1e-4)
    linear = LinearStep(cells, gamma_up=0.2, gamma_down=0.4)
    np.testing.assert_allclose(forgetting(linear), 0.005 * (0.4 / 0.5 + 0.2 / 2.0), rtol=1e-4)
    np.testing.assert_allclose(forgetting(Referenced(linear)), forgetting(linear), rtol=1e-4)
    assert abs(forgetting(ConstantStep(cells))) < 1e-7


def test_a_tenth_of_the_largest_update_fills_half_the_range():
    cells = Population(step=0.01)  # 100 steps to each bound
    np.testing.assert_allclose(
        [filling(ConstantStep(cells), count) for count in (50, 200, 1000)], [10, 5, 1], rtol=1e-4
    )


def reads_of(transfer, weights):
    """What is in H after a row was read once for each of the weights [T], in steps of 1 that it never reaches."""

    def one(buffers, weight):
        _, buffers = transfer.row(buffers, Reading(weight[None], jnp.ones(()), jax.random.key(0)))
        return buffers, buffers["sum"][0]

    buffers = {name: value[0] for name, value in transfer.start((1, 1), jnp.float32).items()}
    return np.asarray(jax.lax.scan(one, buffers, jnp.asarray(weights, jnp.float32))[1])


def test_chosen_periods_learn_at_the_learning_rate():
    """An array of constant steps goes up and down with its chopper; H grows by an update for each update."""
    transfer, update, periods = Dynamic.chosen(EXACT), 0.01, 6
    turn = np.where(np.arange(10 * periods) // 10 % 2 == 0, 1.0, -1.0)
    learnt = reads_of(transfer, 0.3 + np.cumsum(turn * update))  # any offset of the array is in its reference
    np.testing.assert_allclose(learnt[9], 0.0, atol=1e-6)  # there is no reference before
    np.testing.assert_allclose(learnt[19::10], 10 * update * np.arange(1, periods), rtol=0.01)


def test_chosen_rates_answer_an_update_in_full():
    """One update that the array forgets by soft bounds, a pulse for each read: all of it arrives."""
    law = SoftBounds(Population(step=0.1))
    kept = 0.5 * 0.9 ** np.arange(200)
    np.testing.assert_allclose(reads_of(Buffered.chosen(law), kept)[-1], 0.5, rtol=1e-3)
    np.testing.assert_allclose(Buffered.chosen(law, every=3).rate, 0.3, rtol=1e-3)  # a third of the reads


def test_longer_periods_for_cells_with_write_noise():
    assert Dynamic.chosen(presets.reram_sb()).period == 56
    assert Dynamic.chosen(presets.reram_array_om()).period == 10


def test_corrected_reads_learn_at_the_learning_rate_whatever_the_fast_rate():
    """With factors that are powers of two, so that no rounding tells them apart."""
    given = updates(12)
    one, four = (
        run(tiki_taka(EXACT, jax.random.key(0), transfer=Buffered(rate=0.25), fast_rate=rate, corrected=True), given)
        for rate in (1.0, 4.0)
    )
    np.testing.assert_array_equal(one, four)
    other = run(tiki_taka(EXACT, jax.random.key(0), transfer=Buffered(rate=0.25), fast_rate=4.0), given)
    assert np.abs(other - four).max() > STEP


def test_devices_that_never_forget_train_with_the_constants_chosen_for_them():
    """Constant steps: with constants of asymmetric devices the weights swing about the solution."""
    law, key, sgd = ConstantStep(Population(step=0.002, step_spread=0.3, noise=0.3)), jax.random.key(4), optax.sgd(0.05)
    fixed = error(optax.chain(sgd, tiki_taka_v2(law, key, transfer=Buffered())))
    chosen = {"v2": error(optax.chain(sgd, tiki_taka_v2(law, key))), "agad": error(optax.chain(sgd, agad(law, key)))}
    assert max(chosen.values()) < 0.05, chosen
    assert fixed > 2 * max(chosen.values()), (fixed, chosen)


def test_chips_in_a_vmap_are_those_one_by_one():
    given = jnp.asarray(5 * updates(3), jnp.float32)
    keys = jax.random.split(jax.random.key(5), 3)
    params = {"w": jnp.zeros(SHAPE)}

    def chip(key):
        tx = chopped_tiki_taka(presets.reram_es(), key)

        def step(carry, update):
            weights, state = carry
            change, state = tx.update({"w": update}, state, weights)
            return (optax.apply_updates(weights, change), state), None

        (weights, _), _ = jax.lax.scan(step, (params, tx.init(params)), given)
        return weights["w"]

    together = jax.jit(jax.vmap(chip))(keys)
    alone = jnp.stack([jax.jit(chip)(key) for key in keys])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert np.abs(together[0] - together[1]).max() > 0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"every": 0}, ValueError, r"every must be in \[1, .*got 0"),
        ({"rows": 0}, ValueError, r"rows must be in \[1, .*got 0"),
        ({"fast_rate": 0.0}, ValueError, "fast_rate must be finite and in .*, got 0.0"),
        ({"transfer": "direct"}, TypeError, "transfer must be a Transfer such as"),
        ({"slow": 3}, TypeError, "slow must be a Law such as SoftBounds\\(\\), got 3"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        tiki_taka(EXACT, jax.random.key(0), **options)


def test_what_constants_are_chosen_for_is_checked():
    for make in (tiki_taka_v2, agad):
        with pytest.raises(TypeError, match=r"law must be a Law such as SoftBounds\(\), got 3"):
            make(3, jax.random.key(0))
    with pytest.raises(ValueError, match="every must be finite and .*, got 0"):
        Buffered.chosen(EXACT, every=0)
    with pytest.raises(ValueError, match="updates must be finite and .*, got -1"):
        filling(EXACT, -1)


def test_bad_transfer_rules():
    with pytest.raises(ValueError, match="Direct.rate must be finite .*, got -1.0"):
        Direct(rate=-1.0)
    with pytest.raises(ValueError, match="Chopped.chop must be finite .*, got 2.0"):
        Chopped(chop=2.0)
    with pytest.raises(ValueError, match="Buffered.most must be a whole number .*, got 1.5"):
        Buffered(most=1.5)


@pytest.mark.parametrize("make", [pulsed, tiki_taka, one_sided])
def test_a_missing_key_is_named(make):
    with pytest.raises(TypeError, match="key must be a PRNG key such as .*, got None"):
        make(EXACT, None)


def test_missing_parameters_are_named():
    tx = tiki_taka(EXACT, jax.random.key(0))
    params = {"w": jnp.zeros(SHAPE)}
    with pytest.raises(ValueError, match="params must be given"):
        tx.update(params, tx.init(params))
    with pytest.raises(ValueError, match="params must have the shapes .* for 'w'"):
        tx.update({"w": jnp.zeros(3)}, tx.init(params), {"w": jnp.zeros(3)})


def test_conductances_are_fractions_of_their_range():
    """A conductance g = low + (high - low) w trains like the weight w in [0, 1] that it stands for."""
    low, high = 1e-5, 1e-4
    law = ConstantStep(Population(step=2.0**-7, low=0.0, high=1.0))
    options = {"slow": law, "transfer": Buffered(rate=0.25)}
    given = updates(12, seed=2)
    for more in ({}, {"auto_scale": 10.0}):
        weights = run(tiki_taka(EXACT, jax.random.key(6), **options, **more), given, np.full(SHAPE, 0.5))
        tx = tiki_taka(EXACT, jax.random.key(6), **options, **more, range=(low, high))
        start = np.full(SHAPE, low + 0.5 * (high - low))
        conductances = run(tx, given / (high - low), start)
        np.testing.assert_allclose((conductances - low) / (high - low), weights, atol=1e-4)
        assert np.abs(weights - 0.5).max() > 0.02
