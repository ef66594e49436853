"""Double precision where it is switched on."""

import jax
import numpy as np
import pytest

import memjax as mj

W = np.random.default_rng(0).normal(size=(9, 5))
X = np.random.default_rng(1).normal(size=(4, 9))


@pytest.mark.parametrize("mapping", [mj.mapping.DoubleColumn(), mj.mapping.CurrentMirror()])
def test_ideal_limit(mapping):
    with jax.enable_x64(True):
        hardware = mj.Hardware(mapping=mapping, tile=(4, 3), dac=mj.Dac(), adc=mj.Adc())
        chip = mj.program(hardware, W, jax.random.key(0))
        assert {str(leaf.dtype) for leaf in jax.tree.leaves(chip)} == {"float64"}
        y = mj.matmul(hardware, chip, X)
        assert y.dtype == "float64"
        np.testing.assert_allclose(y, X @ W, rtol=1e-12, atol=1e-12)


def test_whole_hardware():
    """Converters of 24 bits and every effect stay in double precision."""
    effects = (
        mj.effects.DeviceVariation(0.0, 0.0),
        mj.effects.StuckAt(),
        mj.effects.ProgrammingNoise(),
        mj.effects.ReadNoise(relative=1e-12),
        mj.effects.Drift(nu=0.0),
    )
    with jax.enable_x64(True):
        hardware = mj.Hardware(tile=(4, 3), dac=mj.Dac(bits=24), adc=mj.Adc(bits=30), effects=effects)
        chip = mj.program(hardware, W, jax.random.key(0))
        chip = mj.age(hardware, chip, jax.random.key(1), seconds=1.0)
        y = mj.matmul(hardware, chip, X, jax.random.key(2))
        assert y.dtype == "float64"
        # Half a code of the DAC in each input is the largest error.
        np.testing.assert_allclose(y, X @ W, atol=9 * 3 * 2.0**-23)


def test_single_precision_stays_single():
    hardware = mj.Hardware(tile=(4, 3))
    chip = mj.program(hardware, W, jax.random.key(0))
    assert {str(leaf.dtype) for leaf in jax.tree.leaves(chip)} == {"float32"}
    assert mj.matmul(hardware, chip, X).dtype == "float32"
