"""The weights read back from a chip are those that were programmed, and those that reads multiply with."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax import crossbar

KEY = jax.random.key(0)
W = np.asarray(jax.random.normal(KEY, (7, 5)))
X = np.asarray(jax.random.normal(jax.random.key(1), (3, 7)))
TILE = (4, 3)

MAPPINGS = {
    "double column": mj.mapping.DoubleColumn(scaling="column"),
    "dual row": mj.mapping.DualRow(),
    "offset": mj.mapping.Offset(),
    "current mirror": mj.mapping.CurrentMirror(),
    "bit sliced": mj.mapping.BitSliced(slices=6, bits=4),
    "pairs": mj.mapping.Pairs((1.0, 4.0), scaling="column"),
    "centred": mj.mapping.Offset(scaling="column", centred=True),
}


@pytest.mark.parametrize("subtract", ["analog", "digital"])
@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=MAPPINGS)
def test_the_inverse_of_program(mapping, subtract):
    if subtract == "digital" and mapping.word_lines > 1:
        pytest.skip("the currents of a dual row subtract on the bit line")
    hardware = mj.Hardware(mapping=mapping, tile=TILE, dac=mj.Dac(bits=8), adc=mj.Adc(bits=6, subtract=subtract))
    chip = mj.program(hardware, W, KEY)
    np.testing.assert_allclose(mj.weights(hardware, chip), W, atol=2e-6 * np.abs(W).max())


READS = {
    "variation": dict(effects=(mj.effects.DeviceVariation(r_on_std=1e3, r_off_std=1e4), mj.effects.StuckAt(lrs=0.1))),
    "levels": dict(cell=mj.Cell(levels=4)),
    "mirror error": dict(mapping=mj.mapping.CurrentMirror(gain_error=0.2)),
    "mirror error, digital": dict(
        mapping=mj.mapping.CurrentMirror(gain_error=0.2), adc=mj.Adc(subtract="digital"), tile=(4, 2)
    ),
    "bit slices": dict(mapping=mj.mapping.BitSliced(2, 2), cell=mj.Cell(levels=4)),
    "wide tile": dict(tile=(16, 16), adc=mj.Adc(range=mj.Dynamic())),
    "hot": dict(effects=(mj.effects.Temperature(400.0),)),
    "bit-serial, curved": dict(
        dac=mj.Dac(bits=20, encoding=mj.converters.BitSerial(19)), effects=(mj.effects.SinhConduction(k=5.0),)
    ),
}


@pytest.mark.parametrize("options", READS.values(), ids=READS)
def test_a_read_with_ideal_converters_is_the_product_with_them(options):
    """Whatever has happened to the cells, y = x W."""
    hardware = mj.Hardware(**{"tile": TILE, "dac": mj.Dac(), "adc": mj.Adc()} | options)
    chip = mj.program(hardware, W, KEY)
    chip["drive"] = jnp.linspace(0.5, 1.5, 7)
    found = mj.weights(hardware, chip)
    assert np.abs(found - W).max() > 1e-3
    np.testing.assert_allclose(mj.matmul(hardware, chip, X), X @ found, atol=3e-5)


def test_a_curved_relation_is_taken_at_the_largest_voltage():
    """Inputs at the ends of the DAC's range meet the weights; smaller ones do not, of an exponential relation."""
    hardware = mj.Hardware(tile=TILE, dac=mj.Dac(), adc=mj.Adc(), effects=(mj.effects.CubicConduction(strength=3.0),))
    chip = mj.program(hardware, W, KEY)
    found = mj.weights(hardware, chip)
    units = np.eye(7, dtype=np.float32)
    # Weights are differences of larger currents.
    np.testing.assert_allclose(mj.matmul(hardware, chip, units), found, rtol=1e-5, atol=2e-5)
    assert np.abs(found - W).max() > 1e-2


def test_gradients_by_conductances_are_those_of_the_mapping():
    hardware = mj.Hardware(tile=TILE)
    chip = mj.program(hardware, W, KEY)
    total = lambda g: mj.weights(hardware, chip | {"conductance": g}).sum()
    gradient = jax.grad(total)(chip["conductance"])
    unit = np.abs(W).max() / (hardware.cell.g_on - hardware.cell.g_off)
    used = np.ones(W.shape)
    expected = np.pad(used, ((0, 1), (0, 1))).reshape(2, 4, 6)
    np.testing.assert_allclose(gradient["pos"], unit * expected, rtol=1e-5)
    np.testing.assert_allclose(gradient["neg"], -unit * expected, rtol=1e-5)


def test_leading_axes():
    hardware = mj.Hardware(tile=TILE, effects=(mj.effects.DeviceVariation(r_on_std=1e3),))
    many = np.stack([W, 2 * W])
    chips = jax.vmap(lambda w, k: mj.program(hardware, w, k))(many, jax.random.split(KEY))
    found = mj.weights(hardware, chips)
    assert found.shape == (2, 7, 5)
    for i in range(2):
        one = jax.tree.map(lambda leaf, i=i: leaf[i], chips)
        np.testing.assert_allclose(found[i], mj.weights(hardware, one), rtol=1e-5, atol=1e-6)


def test_a_chip_of_other_hardware_is_refused():
    hardware = mj.Hardware(tile=TILE)
    chip = mj.program(hardware, W, KEY)
    other = eqx.tree_at(lambda h: h.mapping, hardware, mj.mapping.Offset())
    with pytest.raises(ValueError, match=r"chip must hold the arrays \['cell'\] of Offset, got \['neg', 'pos'\]"):
        crossbar.weights(other, chip)
