"""Hardware-aware training: gradients through freshly programmed chips, by their weights and input ranges."""

import jax
import jax.numpy as jnp
import numpy as np

import memjax as mj


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
