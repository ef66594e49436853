"""1/f noise against the published formula: grows with the time since the write, by the written conductance."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

NO_STRESS = {"cycles": 0.0, "reads": 0.0, "temperature": 300.0}


def test_noise_of_cmo_hfox():
    """0.0277316 log10(G) sqrt(ln((t + 1 us)/2 us)) [uS], t one second after the write and an hour later."""
    effect = mj.effects.FlickerNoise.cmo_hfox()
    written = jnp.array([[0.5e-6, 9e-6, 30e-6, 88.2e-6]])
    memory = effect.start(written, 0 * written, written, jax.random.key(0), None)
    for passed in (0.0, 3600.0):
        stress = mj.effects.Stress(seconds=passed, **NO_STRESS)
        same, memory = effect.age(0.9 * written, memory, jax.random.key(1), stress)
        np.testing.assert_array_equal(same, 0.9 * written)
        growth = np.sqrt(np.log((1.0 + passed + 1e-6) / 2e-6))
        expected = 0.0277316483e-6 * np.log10([1.0, 9.0, 30.0, 88.2]) * growth
        np.testing.assert_allclose(jnp.sqrt(effect.power(same, memory).squared)[0], expected, rtol=1e-4)


def test_relative_noise_of_a_chip():
    """Reads of one cell spread by relative G sqrt(ln(t / 2 t_read)); 5 sigma of 4000 reads."""
    effect = mj.effects.FlickerNoise(relative=0.01, t_read=1e-3)
    hardware = mj.Hardware(dac=mj.Dac(range=1.0), tile=(1, 1), effects=(effect,), mapping=mj.mapping.Offset())
    chip = mj.program(hardware, np.ones((1, 1)), jax.random.key(0))
    aged = mj.age(hardware, chip, jax.random.key(1), seconds=1e4)
    keys = jax.random.split(jax.random.key(2), 4000)
    spread = [float(jax.vmap(lambda k, c=c: mj.matmul(hardware, c, jnp.ones(1), k))(keys).std()) for c in (chip, aged)]
    ratio = np.sqrt(np.log(1e4 / 2e-3) / np.log(1 / 2e-3))
    assert abs(spread[1] / spread[0] / ratio - 1) < 5 * np.sqrt(2 / 8000)


def test_bad_numbers_are_named():
    with pytest.raises(ValueError, match="FlickerNoise.relative must be finite and in"):
        mj.effects.FlickerNoise(relative=-1.0)
    with pytest.raises(ValueError, match="FlickerNoise.t_read must be finite and in"):
        mj.effects.FlickerNoise(t_read=0.0)
