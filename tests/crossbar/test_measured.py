"""Chips made from measured conductances."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax import crossbar

KEY = jax.random.key(0)
W = np.asarray(jax.random.normal(KEY, (5, 4)))
MAPPINGS = {
    "double column": mj.mapping.DoubleColumn(),
    "current mirror": mj.mapping.CurrentMirror(),
    "bit sliced": mj.mapping.BitSliced(2, 2),
}


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=MAPPINGS)
def test_the_conductances_of_a_chip_make_the_same_chip(mapping):
    """Arrays, memory, converters and ranges: all that `program` makes with the same key."""
    hardware = mj.Hardware(
        cell=mj.Cell(levels=4),
        mapping=mapping,
        tile=(4, 3),
        adc=mj.Adc(bits=6, errors=(mj.converters.Offset(0.5),)),
        effects=(mj.effects.Drift(0.05, nu_std=0.01), mj.effects.RangeCollapse(1e3)),
    )
    chip = mj.program(hardware, W, KEY)
    made = mj.chip_from_conductances(hardware, crossbar.cells(chip), chip["scale"], KEY)
    assert jax.tree.structure(made) == jax.tree.structure(chip)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), made, chip)


HARDWARE = mj.Hardware(tile=(4, 3), adc=mj.Adc())
PAIR = {"pos": np.full((5, 4), 8e-5), "neg": np.full((5, 4), 3e-5)}


def test_the_weights_are_the_differences():
    """Outside the nominal range too: measured cells are taken as they are."""
    wide = PAIR | {"pos": np.linspace(0.0, 2e-4, 20).reshape(5, 4)}
    chip = mj.chip_from_conductances(HARDWARE, wide, scale=np.arange(1.0, 5.0))
    expected = (wide["pos"] - wide["neg"]) / (1e-4 - 1e-5) * np.arange(1.0, 5.0)
    np.testing.assert_allclose(mj.weights(HARDWARE, chip), expected, rtol=1e-5, atol=1e-6)
    assert chip.keys() == {"conductance", "scale", "drive"}


def test_cells_have_the_range_that_was_measured_or_the_nominal_one():
    faulty = mj.Hardware(tile=(4, 3), effects=(mj.effects.StuckAt(),))
    nominal = mj.chip_from_conductances(faulty, PAIR | {"pos": np.full((5, 4), 2e-4)})
    np.testing.assert_allclose(crossbar.cells(nominal, "high")["pos"], 2e-4)
    np.testing.assert_allclose(crossbar.cells(nominal, "high")["neg"], 1e-4)
    np.testing.assert_allclose(crossbar.cells(nominal, "low")["neg"], 1e-5)
    chip = mj.chip_from_conductances(HARDWARE, PAIR, low=PAIR, high={k: 2 * v for k, v in PAIR.items()})
    written = mj.reprogram(HARDWARE, chip, W, KEY)
    for name, found in crossbar.cells(written).items():
        assert (found >= 0.999 * PAIR[name]).all()
        assert (found <= 2.001 * PAIR[name]).all()


BAD = [
    (dict(conductance=[PAIR]), "conductance must be a dict with a matrix for each array ['pos', 'neg']", "got list"),
    (dict(conductance={"pos": PAIR["pos"]}), "conductance must be a dict", "of DoubleColumn, got ['pos']"),
    (dict(conductance=PAIR | {"neg": PAIR["neg"][:3]}), "conductance['neg'] must have shape (5, 4)", "got (3, 4)"),
    (dict(conductance={k: v[0] for k, v in PAIR.items()}), "matrices [K, N]", "got shape (4,)"),
    (
        dict(conductance=PAIR | {"neg": -PAIR["neg"]}),
        "['neg'] must be finite and in [0, inf] S",
        "got -2.99999",
    ),
    (dict(conductance=PAIR | {"neg": PAIR["neg"] * np.nan}), "conductance['neg'] must be finite", "NaN or infinite"),
    (dict(scale=np.ones(5)), "scale must be a number or have shape (4,)", "got shape (5,)"),
    (dict(scale=0.0), "scale must be finite and in (0, inf]", "got 0"),
    (dict(low={k: 2 * v for k, v in PAIR.items()}), "low['pos'] must be at most the conductance", "got 0.00016 S"),
    (dict(high={k: v[:, :2] for k, v in PAIR.items()}), "high['pos'] must have the shape (5, 4)", "got (5, 2)"),
]


@pytest.mark.parametrize(("options", "expected", "got"), BAD)
def test_bad_input(options, expected, got):
    with pytest.raises(ValueError, match="must") as error:
        mj.chip_from_conductances(HARDWARE, **{"conductance": PAIR} | options)
    assert expected in str(error.value)
    assert got in str(error.value)


def test_what_is_drawn_needs_a_key():
    ageing = mj.Hardware(tile=(4, 3), effects=(mj.effects.Drift(0.1),))
    with pytest.raises(ValueError, match="key must be a PRNG key, since Drift starts with the chip, got None"):
        mj.chip_from_conductances(ageing, PAIR)
    with pytest.raises(TypeError, match="key must be a PRNG key such as jax.random.key.0., got 0"):
        mj.chip_from_conductances(ageing, PAIR, 1.0, 0)


def test_it_is_differentiable_and_jits():
    def loss(pos):
        chip = mj.chip_from_conductances(HARDWARE, PAIR | {"pos": pos})
        return mj.matmul(HARDWARE, chip, np.ones(5)).sum()

    gradient = jax.jit(jax.grad(loss))(jnp.asarray(PAIR["pos"]))
    np.testing.assert_allclose(gradient, 1.0 / 9e-5, rtol=1e-5)
