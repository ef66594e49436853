"""A transposed read whose converters, wires and noise are not those of the forward read."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from nodal import nodal

import memjax as mj

K, N = 6, 5
CELL = mj.Cell(r_on=5e3, r_off=1e5)
RANGE = 1 / 5e3 - 1 / 1e5
FORWARD = mj.Wires(row=15.0, column=25.0, source=60.0, sense=40.0)
W = jax.random.normal(jax.random.key(0), (K, N))
D = jax.random.normal(jax.random.key(1), (2, N))
ADC = mj.Adc(bits=None)


def hardware(backward, tile=(K, N), **parts):
    return mj.Hardware(CELL, tile=tile, dac=mj.Dac(), adc=ADC, backward=backward, **parts)


def ideal(**parts):
    return mj.Backward(dac=mj.Dac(), adc=ADC, **parts)


def by_inputs(spec, chip, errors, key=None):
    """Gradient of sum(y errors) by the inputs."""
    x = jnp.ones((len(errors), K))
    return jax.grad(lambda x: jnp.sum(mj.matmul(spec, chip, x, key) * errors))(x)


@pytest.mark.parametrize(
    "wires", [mj.Wires(30.0, 10.0, 200.0, 5.0), mj.Wires(0.0, 20.0, np.linspace(1.0, 50.0, N), 0.0, double_drive=True)]
)
def test_its_wires_are_those_of_the_turned_network(wires):
    """Bit lines driven where they are sensed forwards, word lines sensed where they are driven: nodal equations."""
    spec = hardware(ideal(wires=wires), wires=FORWARD)
    chip = mj.program(spec, W, jax.random.key(2))
    turned = mj.Wires(wires.column, wires.row, np.flip(wires.source), wires.sense, wires.double_drive)
    total = 0.0
    for array, sign in (("pos", 1.0), ("neg", -1.0)):
        g = np.flip(np.asarray(chip["conductance"][array][0], np.float64).T)
        current = np.array([np.flip(nodal(g, np.flip(0.2 * d), turned).current) for d in np.asarray(D)])
        total = total + sign * current
    wanted = float(chip["scale"][0]) * total / RANGE / 0.2
    np.testing.assert_allclose(by_inputs(spec, chip, D), wanted, atol=2e-5 * np.abs(wanted).max())
    forward = by_inputs(hardware(None, wires=FORWARD), chip, D)
    assert np.abs(forward - wanted).max() > 0.02 * np.abs(wanted).max()


def test_with_the_terminations_kept_it_is_the_transposed_matrix():
    """Reciprocity, also over several tiles."""
    kept = mj.Wires(FORWARD.row, FORWARD.column, source=FORWARD.sense, sense=FORWARD.source)
    chip = mj.program(hardware(None, (4, 3), wires=FORWARD), W, jax.random.key(2))
    wanted = D @ mj.weights(hardware(None, (4, 3), wires=FORWARD), chip).T
    for wires in (None, kept):
        found = by_inputs(hardware(ideal(wires=wires), (4, 3), wires=FORWARD), chip, D)
        np.testing.assert_allclose(found, wanted, atol=2e-5 * np.abs(wanted).max())


def test_ideal_wires_backwards_beside_real_ones_forwards():
    spec = hardware(ideal(wires=mj.Wires()), (4, 3), wires=FORWARD)
    chip = mj.program(spec, W, jax.random.key(2))
    np.testing.assert_allclose(by_inputs(spec, chip, D), D @ W.T, atol=1e-5)
    without = mj.matmul(hardware(None, (4, 3), wires=FORWARD), chip, jnp.eye(K))
    np.testing.assert_array_equal(mj.matmul(spec, chip, jnp.eye(K)), without)


@pytest.mark.parametrize("tile", [(K, N), (4, 3)])
def test_its_noise_has_the_stated_deviation(tile):
    """Of two cells of deviation s behind every weight: scale s sqrt(2 sum d^2) / (G_on - G_off)."""
    s, count = 4e-6, 4000
    spec = hardware(ideal(effects=(mj.effects.ReadNoise(absolute=s),)), tile)
    chip = mj.program(spec, W, jax.random.key(2))
    found = by_inputs(spec, chip, jnp.broadcast_to(D[0], (count, N)), jax.random.key(3))
    wanted = float(chip["scale"][0]) * s * np.sqrt(2.0 * np.sum(np.square(D[0]))) / RANGE
    np.testing.assert_allclose(np.std(found, axis=0), wanted, rtol=5 / np.sqrt(2 * count))
    np.testing.assert_allclose(np.mean(found, axis=0), D[0] @ W.T, atol=5 * wanted / np.sqrt(count))
    x = jnp.ones((2, K))
    np.testing.assert_array_equal(mj.matmul(spec, chip, x), mj.matmul(hardware(None, tile), chip, x))


def test_noise_of_its_converter():
    """One LSB of noise in each conversion, of a range that is stated."""
    count, full = 4000, 2e-4
    adc = mj.Adc(bits=16, range=full, errors=(mj.converters.Noise(300.0),))
    spec = hardware(mj.Backward(mj.Dac(), adc))
    chip = mj.program(spec, W, jax.random.key(2))
    found = by_inputs(spec, chip, jnp.broadcast_to(D[0], (count, N)), jax.random.key(3))
    volts = 0.2 / np.abs(D[0]).max()
    wanted = 300.0 * full / (2**15 - 1) * float(chip["scale"][0]) / RANGE / volts
    np.testing.assert_allclose(np.std(found, axis=0), wanted, rtol=5 / np.sqrt(2 * count))


def test_noise_of_the_forward_read_acts_backwards_where_asked():
    noise = (mj.effects.ReadNoise(0.1),)
    x, key = jnp.ones((2, K)), jax.random.key(3)
    found = []
    for effects in ((), noise):
        spec = hardware(ideal(effects=effects), effects=noise)
        chip = mj.program(spec, W, jax.random.key(2))
        found.append(by_inputs(spec, chip, D, key))
        assert np.abs(mj.matmul(spec, chip, x, key) - x @ W).max() > 0.05
    np.testing.assert_allclose(found[0], D @ W.T, atol=1e-5)
    assert np.abs(found[1] - D @ W.T).min() > 1e-4


def test_noise_that_remembers_is_that_of_the_cells():
    """1/f noise from the programmed cells and their age, those of the tile turned."""
    effect = mj.effects.FlickerNoise.cmo_hfox()
    spec = hardware(ideal(effects=(effect,)), (4, 3), effects=(effect,))
    chip = mj.age(spec, mj.program(spec, W, jax.random.key(2)), jax.random.key(4), seconds=1e4)
    errors = jnp.zeros((3000, N)).at[:, 1].set(1.0)
    found = by_inputs(spec, chip, errors, jax.random.key(3))
    driven = jnp.zeros((3000, K)).at[:, 2].set(1.0)
    forward = mj.matmul(spec, chip, driven, jax.random.key(5))
    np.testing.assert_allclose(np.std(found[:, 2]), np.std(forward[:, 1]), rtol=0.1)


def test_noise_through_packed_groups():
    """A depthwise convolution shares tiles: the noise is that of the cells of each group."""
    fn = lambda w, x: lax.conv_general_dilated(
        x, w, (2, 2), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=3
    )
    w, x = jax.random.normal(jax.random.key(0), (2, 2, 1, 3)), jnp.ones((2000, 2, 2, 3))
    s = 4e-6
    analog = mj.crossbarify(fn, hardware(ideal(effects=(mj.effects.ReadNoise(absolute=s),)), (8, 4)))
    chip = analog.program(w, jax.random.key(2), x)
    slope = jax.grad(lambda x: analog.apply(chip, w, x, key=jax.random.key(3)).sum())(x)
    scale = float(next(iter(chip.values()))["scale"].max())
    np.testing.assert_allclose(np.std(slope, axis=0), np.sqrt(2.0) * scale * s / RANGE, rtol=5 / np.sqrt(4000))
    np.testing.assert_allclose(np.mean(slope, axis=0), w[:, :, 0], atol=0.01)


def test_many_chips_with_keys_of_their_own():
    spec = hardware(mj.Backward(effects=(mj.effects.ReadNoise(0.05),)))
    chips = jax.vmap(lambda key: mj.program(spec, W, key))(jax.random.split(jax.random.key(0), 3))
    keys = jax.random.split(jax.random.key(7), 3)
    together = jax.jit(jax.vmap(lambda chip, key: by_inputs(spec, chip, D, key)))(chips, keys)
    for i in range(3):
        alone = by_inputs(spec, jax.tree.map(lambda a, i=i: a[i], chips), D, keys[i])
        np.testing.assert_allclose(together[i], alone, rtol=1e-4, atol=1e-4)
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_bad_input():
    with pytest.raises(ValueError, match="errors of its own but Noise"):
        mj.Backward(adc=mj.Adc(8, errors=(mj.converters.Offset(0.5),)))
    with pytest.raises(TypeError, match="Backward.effects must be a tuple such as"):
        mj.Backward(effects=(mj.effects.StuckAt(),))
    with pytest.raises(TypeError, match="Backward.wires must be a Wires"):
        mj.Backward(wires=3.0)
    with pytest.raises(ValueError, match="Hardware.effects must hold FlickerNoise"):
        mj.Hardware(backward=mj.Backward(effects=(mj.effects.FlickerNoise.cmo_hfox(),)))
    spec = hardware(ideal(effects=(mj.effects.ReadNoise(0.1),)))
    with pytest.raises(ValueError, match="key must be a PRNG key for gradients"):
        by_inputs(spec, mj.program(spec, W, jax.random.key(2)), D)
