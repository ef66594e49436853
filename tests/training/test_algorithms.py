"""Mixed precision, one-sided pairs and zero-shifting against their definitions."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from memjax.training import (
    ConstantStep,
    Population,
    SoftBounds,
    Stochastic,
    mixed_precision,
    one_sided,
    presets,
    pulsed,
    symmetry_point,
    zero_shift,
)

STEP = 2.0**-6
EXACT = ConstantStep(Population(step=STEP, low=-4.0, high=4.0))


def run(tx, given, start):
    """Weights after each update and the last state."""
    params = {"w": jnp.asarray(start, jnp.float32)}
    state, step, weights = tx.init(params), jax.jit(tx.update), []
    for update in given:
        change, state = step({"w": jnp.asarray(update, jnp.float32)}, state, params)
        params = optax.apply_updates(params, change)
        weights.append(np.asarray(params["w"], np.float64))
    return np.stack(weights), state


def test_mixed_precision_sends_whole_steps_of_what_has_added_up():
    given = np.random.default_rng(0).normal(size=(30, 5)) * STEP
    weights, state = run(mixed_precision(EXACT, jax.random.key(0), every=4), given, np.zeros(5))
    chi, weight = np.zeros(5), np.zeros(5)
    for index, update in enumerate(given):
        chi = chi + update
        if index % 4 == 3:
            pulses = np.trunc(chi / STEP)
            weight, chi = weight + pulses * STEP, chi - pulses * STEP
        np.testing.assert_allclose(weights[index], weight, atol=1e-6)
    np.testing.assert_allclose(state.arrays[0].residue, chi, atol=1e-6)
    assert np.abs(weight).max() > STEP


def test_stochastic_rounding_is_right_on_average_and_needs_every_update():
    want = jnp.linspace(-2.3, 2.3, 7) * STEP
    draw = lambda key: Stochastic().counts(want, jnp.asarray(STEP), key)[0]
    counts = np.asarray(jax.vmap(draw)(jax.random.split(jax.random.key(0), 20_000)), np.float64)
    fraction = np.abs(np.asarray(want) / STEP) % 1
    limit = 4.5 * np.sqrt(fraction * (1 - fraction) / 20_000) + 1e-6
    assert np.all(np.abs(counts.mean(0) - np.asarray(want) / STEP) <= limit)
    with pytest.raises(ValueError, match="every must be 1 for the rule Stochastic"):
        pulsed(EXACT, jax.random.key(0), rule=Stochastic(), every=2)


def test_one_sided_pairs_only_ever_grow_between_refreshes():
    law = SoftBounds(Population(step=0.02, low=-1e-3, high=2.0))
    given = np.random.default_rng(1).normal(size=(20, 6)) * 0.1
    tx = one_sided(law, jax.random.key(0), refresh_every=10**6)
    params = {"w": jnp.zeros(6)}
    state = tx.init(params)
    for update in given:
        change, after = jax.jit(tx.update)({"w": jnp.asarray(update, jnp.float32)}, state, params)
        params = optax.apply_updates(params, change)
        new, old = after.arrays[0], state.arrays[0]
        for side, before in ((new.plus, old.plus), (new.minus, old.minus)):
            assert np.all(side.weight >= before.weight)
        np.testing.assert_allclose(params["w"], new.plus.weight - new.minus.weight, atol=1e-6)
        state = after
    assert np.all(state.arrays[0].plus.weight + state.arrays[0].minus.weight > 0.1)


def test_a_refresh_resets_worn_pairs_and_keeps_their_difference():
    law = ConstantStep(Population(step=0.01, low=0.0, high=1.0))
    tx = one_sided(law, jax.random.key(0), refresh_every=2)
    params = {"w": jnp.array([0.5, 0.2])}
    state = tx.init(params)
    worn = lambda side, values: side._replace(weight=jnp.array(values))
    pairs = state.arrays[0]
    pairs = pairs._replace(plus=worn(pairs.plus, [0.9, 0.6]), minus=worn(pairs.minus, [0.4, 0.4]))
    state = state._replace(arrays=(pairs,))
    for _ in range(2):
        _, state = tx.update({"w": jnp.zeros(2)}, state, params)
    # The first pair is above both thresholds, the second is not.
    np.testing.assert_allclose(state.arrays[0].plus.weight, [0.5, 0.6], atol=1e-6)
    np.testing.assert_allclose(state.arrays[0].minus.weight, [0.0, 0.4], atol=1e-6)


def test_zero_shifting_finds_the_symmetry_point():
    law = SoftBounds(Population(step=0.01, step_spread=0.2, low_spread=0.2, high_spread=0.2, asymmetry=0.3))
    made = law.make(jax.random.key(0), (50,))
    exact = symmetry_point(law, made)
    np.testing.assert_allclose(zero_shift(law, made, None), exact, atol=0.002)
    noisy = SoftBounds(Population(step=0.01, asymmetry=0.3, noise=0.3))
    cells = noisy.make(None, (400,))
    found = np.asarray(zero_shift(noisy, cells, jax.random.key(1)))
    assert found.std() > 1e-3
    assert abs(found.mean() - symmetry_point(noisy, cells)[0]) < 5 * found.std() / 20 + 0.002
    with pytest.raises(ValueError, match="pulses must be in"):
        zero_shift(law, made, None, pulses=-1)


# With all of the noise of the preset, 0.1 for each pulse, six weights alone do not settle.
QUIET_PCM = dataclasses.replace(presets.pcm(), population=dataclasses.replace(presets.pcm().population, noise=0.02))
TARGET = np.array([[-0.5, -0.2, 0.1], [0.2, 0.4, -0.3]])


@pytest.mark.parametrize(
    ("tx", "most"),
    [
        (pulsed(presets.gokmen_vlasov(), jax.random.key(0)), 0.01),
        (pulsed(presets.capacitor(), jax.random.key(0), rule=Stochastic()), 0.01),
        (mixed_precision(presets.ecram(), jax.random.key(0), every=2), 0.01),
        (one_sided(QUIET_PCM, jax.random.key(0), refresh_every=50), 0.05),
        (optax.chain(optax.trace(0.9), optax.scale(0.1), pulsed(presets.ecram_mo(), jax.random.key(0))), 0.01),
    ],
    ids=["pulsed", "stochastic", "mixed precision", "one-sided", "momentum"],
)
def test_every_algorithm_learns_a_small_task(tx, most):
    """Linear regression: what is left of the squared error."""
    tx = optax.chain(optax.sgd(0.1), tx)
    inputs = jax.random.normal(jax.random.key(1), (32, 2))
    loss = lambda params: (((params["w"] - TARGET).T @ inputs.T) ** 2).mean()

    def step(carry, _):
        params, state = carry
        change, state = tx.update(jax.grad(loss)(params), state, params)
        params = optax.apply_updates(params, change)
        return (params, state), loss(params)

    params = {"w": jnp.zeros((2, 3))}
    _, losses = jax.jit(lambda carry: jax.lax.scan(step, carry, None, 400))((params, tx.init(params)))
    ratio = float(losses[-50:].mean() / loss(params))
    assert ratio < most, ratio
