"""Lines of a tile that nothing is driven or read at change nothing, whether they are computed or not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

RANGES = {"fixed": 2e-3, "dynamic": mj.Dynamic(), "power of two": mj.Dynamic(power_of_two=True), "expected": None}


def read(hardware, weights, x):
    chip = mj.program(hardware, weights, jax.random.key(0))
    return mj.matmul(hardware, chip, x)


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize(("inputs", "outputs"), [(5, 3), (16, 16), (20, 18), (33, 5), (71, 40)])
def test_zeros_beside_a_matrix_change_no_output(name, inputs, outputs):
    hardware = mj.Hardware(tile=(16, 16), adc=mj.Adc(bits=6, range=RANGES[name]), dac=mj.Dac(bits=8, range=1.0))
    rng = np.random.default_rng(0)
    weights, x = rng.normal(size=(inputs, outputs)), rng.uniform(-1, 1, size=(7, inputs))
    down, across = -inputs % 16, -outputs % 16
    wide = np.pad(weights, ((0, down), (0, across)))
    expected = read(hardware, wide, np.pad(x, ((0, 0), (0, down))))[:, :outputs]
    np.testing.assert_allclose(read(hardware, weights, x), expected, rtol=1e-5, atol=1e-5 * abs(expected).max())


@pytest.mark.parametrize("outputs", [3, 19])
def test_a_full_scale_is_that_of_the_outputs_of_a_tile(outputs):
    """The LSB of every vector and tile, from the currents of used bit lines alone."""
    cell = mj.Cell(r_on=10e3, r_off=100e3)
    spread = (mj.effects.DeviceVariation(r_on_std=3e3, r_off_std=3e4),)
    adc = mj.Adc(bits=5, range=mj.Dynamic())
    hardware = mj.Hardware(cell=cell, tile=(16, 16), dac=mj.Dac(bits=None), adc=adc, effects=spread)
    rng = np.random.default_rng(1)
    weights, x = jnp.asarray(rng.normal(size=(16, outputs))), rng.uniform(-1, 1, size=(9, 16))
    chip = mj.program(hardware, weights, jax.random.key(0))
    exact = x @ np.asarray(mj.weights(hardware, chip))
    y = mj.matmul(hardware, chip, x)
    for columns in (slice(0, 16), slice(16, 32)):
        part = exact[:, columns]
        if part.size:
            lsb = abs(part).max(1, keepdims=True) / 15
            np.testing.assert_allclose(y[:, columns], np.round(part / lsb) * lsb, atol=1e-4 * abs(part).max())


def test_significances_may_be_traced_beside_a_dynamic_range():
    weights, x = jnp.ones((20, 5)), jnp.ones((3, 20))

    def total(significance):
        mapping = mj.mapping.Pairs(significance=(1.0, significance))
        hardware = mj.Hardware(mapping=mapping, tile=(16, 16), adc=mj.Adc(bits=6, range=mj.Dynamic()))
        return mj.matmul(hardware, mj.program(hardware, weights, jax.random.key(0)), x).sum()

    np.testing.assert_allclose(jax.vmap(total)(jnp.array([0.1, 0.2])), [total(0.1), total(0.2)], rtol=1e-5)
