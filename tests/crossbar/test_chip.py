"""What is no chip, or that of other hardware, is told by name of the part."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax import crossbar

KEY = jax.random.key(0)
W = np.ones((5, 4), np.float32)
HARDWARE = mj.Hardware(tile=(4, 3), effects=(mj.effects.DeviceVariation(r_on_std=1e3), mj.effects.Drift(0.1)))
CHIP = mj.program(HARDWARE, W, KEY)


def changed(part, f, array="pos"):
    value = CHIP[part]
    return CHIP | {part: value | {array: f(value[array])} if isinstance(value, dict) else f(value)}


def nan(array):
    return array.at[(0,) * array.ndim].set(jnp.nan)


BAD = [
    (changed("conductance", nan), "chip['conductance']['pos'] must be finite, got 1 NaN"),
    (changed("high", lambda a: a * jnp.inf), "chip['high']['pos'] must be finite, got 48 NaN or infinite"),
    (changed("scale", nan), "chip['scale'] must be finite, got 1 NaN"),
    (changed("adc_range", nan), "chip['adc_range'] must be finite, got 1 NaN"),
    (changed("low", lambda a: a[:, :, :3]), "chip['low'] must have the shapes of the conductances"),
    (CHIP | {"high": CHIP["high"]["pos"]}, "chip['high'] must have the shapes of the conductances"),
    (changed("conductance", lambda a: a[0]), "chip['conductance']['pos'] must have shape [tiles, rows, width]"),
    (changed("drive", lambda a: a[None]), "got shapes (4,) and (1, 5)"),
    (changed("scale", lambda a: a[0]), "must have a scale [*leading, N]"),
    (jax.tree.map(lambda a: jnp.stack([a, a]), CHIP), "chip must hold one matrix, got leading axes (2,): use jax.vmap"),
    (CHIP | {"conductance": CHIP["conductance"] | {"pos_1": jnp.ones((2, 4, 6))}}, "must have the shapes of"),
    ({k: v for k, v in CHIP.items() if k != "memory"}, "chip must hold the memory of Drift in array "),
    ({k: v for k, v in CHIP.items() if k != "adc_range"}, "chip must hold 'adc_range'"),
]


@pytest.mark.parametrize(("chip", "expected"), BAD)
def test_values(chip, expected):
    with pytest.raises(ValueError, match="chip") as error:
        mj.matmul(HARDWARE, chip, np.ones(5))
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("chip", "expected"),
    [
        (None, "chip must be a dict with conductance, scale and drive, as made by program, got NoneType"),
        ({"layer": CHIP}, "as made by program, got ['layer']"),
        (CHIP | {"conductance": CHIP["conductance"]["pos"]}, "chip['conductance'] must be a dict of arrays"),
        (CHIP | {"scale": 1.0}, "chip['scale'] must be an array, got 1.0"),
    ],
)
def test_kinds(chip, expected):
    with pytest.raises(TypeError, match="chip") as error:
        mj.matmul(HARDWARE, chip, np.ones(5))
    assert expected in str(error.value)


MORE = mj.Hardware(tile=(4, 3), mapping=mj.mapping.BitSliced(3), cell=mj.Cell(levels=4))
LESS = mj.Hardware(tile=(4, 3), mapping=mj.mapping.BitSliced(2), cell=mj.Cell(levels=4))


@pytest.mark.parametrize(
    "use",
    [
        lambda chip: mj.matmul(LESS, chip, np.ones(5)),
        lambda chip: mj.reprogram(LESS, chip, W, KEY),
        lambda chip: mj.tune(LESS, chip, W, KEY),
        lambda chip: mj.weights(LESS, chip),
    ],
)
def test_a_chip_with_more_arrays_than_the_mapping_is_that_of_another(use):
    """Its least digits would be left out without a word."""
    with pytest.raises(ValueError, match=r"chip must hold the arrays \['pos_0', .*\] of BitSliced, got .*'pos_2'\]"):
        use(mj.program(MORE, W, KEY))


def test_wear_needs_the_range_of_each_cell():
    worn = mj.Hardware(tile=(4, 3), effects=(mj.effects.RangeCollapse(1e3),))
    chip = {k: v for k, v in mj.program(worn, W, KEY).items() if k != "low"}
    with pytest.raises(ValueError, match="chip must hold 'low' and 'high', the range of each cell"):
        mj.age(worn, chip, KEY, cycles=10)


def test_cells_without_padding():
    weights = np.arange(1.0, 21.0, dtype=np.float32).reshape(5, 4)
    for mapping in (mj.mapping.Offset(), mj.mapping.CurrentMirror()):
        hardware = mj.Hardware(tile=(4, 3), mapping=mapping)
        chip = mj.program(hardware, weights, KEY)
        found = crossbar.cells(chip)
        np.testing.assert_allclose(found["cell"], 1e-5 + 9e-5 * (1 + weights / 20) / 2, rtol=1e-5)
        if "reference" in found:
            np.testing.assert_allclose(found["reference"], np.full((5, 2), 5.5e-5), rtol=1e-6)
    assert (crossbar.inputs(chip), crossbar.outputs(chip), crossbar.leading(chip)) == (5, 4, ())


DRIFTING = mj.Hardware(tile=(4, 3), effects=(mj.effects.Drift(0.1),))
FRESH = mj.program(DRIFTING, W, KEY)
DEVICE = mj.devices.VTEAM.pt_hf_ti()
TAKE_KEYS = {
    "program": lambda key: mj.program(HARDWARE, W, key),
    "reprogram": lambda key: mj.reprogram(HARDWARE, CHIP, W, key),
    "age": lambda key: mj.age(DRIFTING, FRESH, key, seconds=1.0),
    "compensate": lambda key: mj.compensate(DRIFTING, FRESH, FRESH, key),
    "tune": lambda key: mj.tune(DRIFTING, FRESH, W, key),
    "matmul": lambda key: mj.matmul(HARDWARE, CHIP, np.ones(5), key=key),
    "write_verify": lambda key: mj.programming.write_verify(DEVICE, jnp.full(3, 1e-3), key),
    "population": lambda key: mj.devices.population(DEVICE, key, (3,)),
    "simulate": lambda key: mj.simulate(DEVICE, np.zeros(3), np.arange(3.0), key=key),
    "sweep": lambda key: mj.sweep(lambda k, a: {"a": a}, {"a": [1.0]}, key=key, samples=1, progress=False),
    "pulsed": lambda key: mj.training.pulsed(mj.training.LinearStep(), key),
    "neurosim_wage": lambda key: mj.training.neurosim_wage(key),
}


@pytest.mark.parametrize("take", TAKE_KEYS.values(), ids=TAKE_KEYS)
def test_what_is_no_key(take):
    for bad, got in ((0, "0"), (jnp.zeros(3), r"float32 array of shape \(3,\)"), (np.arange(2), "int64 array")):
        with pytest.raises(TypeError, match=f"key must be a PRNG key such as jax.random.key.0., got {got}"):
            take(bad)
    for many in (jax.random.split(KEY, 3), jnp.zeros((3, 2), jnp.uint32)):
        with pytest.raises(ValueError, match=r"key must be one PRNG key, got keys of shape \(3,\): use jax.vmap"):
            take(many)


def test_an_untyped_key_is_a_key():
    """The older jax.random.PRNGKey makes the chip of the typed key, under jit and vmap too."""
    old, new = jax.random.PRNGKey(7), jax.random.key(7)
    make = jax.jit(lambda key: mj.program(HARDWARE, W, key))
    expected = make(new)
    jax.tree.map(np.testing.assert_array_equal, make(old), expected)
    many = jax.vmap(make)(jnp.stack([old, old]))
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[1], b), many, expected)
    noisy = mj.Hardware(tile=(4, 3), effects=(mj.effects.ReadNoise(0.1),))
    chip = mj.program(noisy, W, old)
    np.testing.assert_array_equal(*(mj.matmul(noisy, chip, np.ones(5), key) for key in (old, new)))
