"""Hardware-aware training: gradients through freshly programmed chips, learnt input ranges, clipped weights."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import memjax as mj


def test_weights_are_limited_to_some_standard_deviations():
    params = {"a": jnp.array([0.1, -0.1, 0.2, -5.0]), "b": jnp.array([0.5, -0.5])}
    tx = optax.chain(optax.sgd(0.1), mj.training.clipped(1.0))
    gradient = jax.tree.map(jnp.ones_like, params)
    change, _ = tx.update(gradient, tx.init(params), params)
    after = optax.apply_updates(params, change)
    for name, value in params.items():
        moved = np.asarray(value) - 0.1
        np.testing.assert_allclose(after[name], np.clip(moved, -moved.std(), moved.std()), rtol=1e-5, atol=1e-7)
    with pytest.raises(ValueError, match="params must be given"):
        tx.update(gradient, tx.init(params))
    with pytest.raises(ValueError, match="sigmas must be finite and in .*, got 0"):
        mj.training.clipped(0)


def test_noise_faults_and_input_ranges_are_part_of_the_gradient():
    """The gradient by an input range is that of the clipped inputs: their weights times their errors."""
    hardware = mj.Hardware(
        tile=(8, 8),
        dac=mj.Dac(bits=8),
        adc=mj.Adc(bits=None),
        effects=(mj.effects.ProgrammingNoise(span=0.05), mj.effects.StuckAt(hrs=0.1)),
    )
    weights = {"w": jax.random.normal(jax.random.key(0), (6, 3))}
    x = jax.random.normal(jax.random.key(1), (20, 6))
    analog = mj.crossbarify(lambda p, x: x @ p["w"], hardware)

    def loss(learnt, key):
        chip = analog.program(learnt["weights"], key, x)
        chip = {name: entry | {"dac_range": learnt["range"]} for name, entry in chip.items()}
        return (analog.apply(chip, learnt["weights"], x) ** 2).sum()

    learnt = {"weights": weights, "range": jnp.array(1.0)}
    slopes = [jax.grad(loss)(learnt, jax.random.key(k)) for k in (2, 3)]
    assert np.abs(slopes[0]["weights"]["w"] - slopes[1]["weights"]["w"]).max() > 1e-3
    assert all(np.isfinite(slope["weights"]["w"]).all() for slope in slopes)

    chip = analog.program(weights, jax.random.key(2), x)
    made = {name: entry | {"dac_range": jnp.array(1.0)} for name, entry in chip.items()}
    # What the programmed matrix is: the response to unit vectors.
    matrix = np.asarray(analog.apply(made, weights, jnp.eye(6)))
    clipped = np.where(np.abs(x) > 1.0, np.sign(x), 0.0)
    y = np.asarray(analog.apply(made, weights, x))
    np.testing.assert_allclose(slopes[0]["range"], (2 * y * (clipped @ matrix)).sum(), rtol=0.02)
