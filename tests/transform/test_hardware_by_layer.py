"""Hardware that differs from layer to layer: by a mapping of patterns, by a function, or None."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import memjax as mj

FINE = mj.Hardware(tile=(8, 8), dac=mj.Dac(), adc=mj.Adc(bits=12))
ROUGH = mj.Hardware(tile=(4, 4), dac=mj.Dac(), adc=mj.Adc(bits=3))
IDEAL = mj.Hardware(tile=(8, 8), dac=mj.Dac(), adc=mj.Adc())
BY_NAME = {"conv*": FINE, "head": None, "*": ROUGH}


def network(p, x):
    """Two layers, a stack of layers, a head."""
    h = jnp.tanh(x @ p["conv_in"])
    h = lax.scan(lambda h, w: (jnp.tanh(h @ w), None), h, p["blocks"])[0]
    return jnp.tanh(h @ p["conv_out"]) @ p["head"]


@pytest.fixture
def setup(draw):
    shapes = {"conv_in": (6, 8), "blocks": (2, 8, 8), "conv_out": (8, 5), "head": (5, 3)}
    return {name: draw(shape) for name, shape in shapes.items()}, draw((4, 6))


def by_name(name):
    return FINE if name.startswith("conv") else None if name == "head" else ROUGH


@pytest.mark.parametrize("hardware", [BY_NAME, by_name], ids=["mapping", "function"])
def test_each_layer_has_its_own(setup, error, hardware):
    """Equal to transforming twice: the rough layers in a function whose fine layers are on a chip already."""
    p, x = setup
    analog = mj.crossbarify(network, hardware)
    plan = analog.plan(p, x)
    assert {c.name: c.hardware for c in plan.crossbars} == {"conv_in": 0, "blocks": 1, "conv_out": 0}
    assert plan.digital == {"head": ((5, 3), "not selected")}
    assert len(plan.hardware) == 2
    assert [line.split()[-1] for line in str(plan).splitlines()[2:5]] == ["0", "1", "0"]
    chip = analog.program(p, jax.random.key(0), x)
    word_lines = {name: entry["conductance"]["pos"].shape[-2] for name, entry in chip.items()}
    assert word_lines == {"conv_in": 8, "blocks": 4, "conv_out": 8}
    y = analog.apply(chip, p, x)
    fine = mj.crossbarify(network, FINE, select=lambda name: name.startswith("conv"))
    of_fine = {name: entry for name, entry in chip.items() if name != "blocks"}
    both = mj.crossbarify(lambda p, chip, x: fine.apply(chip, p, x), ROUGH, select=lambda name: name == "blocks")
    assert error(both.apply({"blocks": chip["blocks"]}, p, of_fine, x), y) <= 1e-6
    rough = mj.crossbarify(network, ROUGH)
    assert error(y, network(p, x)) < error(rough.apply(rough.program(p, jax.random.key(0), x), p, x), network(p, x))


def test_the_first_pattern_counts_and_the_rest_is_digital(setup):
    p, x = setup
    plan = mj.crossbarify(network, {"*_in": IDEAL, "conv*": FINE}).plan(p, x)
    assert [(c.name, c.hardware) for c in plan.crossbars] == [("conv_in", 0), ("conv_out", 1)]
    assert set(plan.digital) == {"blocks", "head"}
    assert plan.analog == pytest.approx((6 * 8 + 8 * 5) / (6 * 8 + 2 * 8 * 8 + 8 * 5 + 5 * 3))


def test_select_and_hardware_both_have_a_say(setup):
    p, x = setup
    plan = mj.crossbarify(network, BY_NAME, select=lambda name: name != "blocks").plan(p, x)
    assert [c.name for c in plan.crossbars] == ["conv_in", "conv_out"]


def test_one_mapping_under_vmap_and_grad(setup, error):
    """Numbers of each hardware are traced: chips by vmap, gradients by data those of the digital network."""
    p, x = setup
    analog = mj.crossbarify(network, {"blocks": mj.Hardware(tile=(4, 4), dac=mj.Dac(), adc=mj.Adc()), "*": IDEAL})
    chips = jax.vmap(lambda key: analog.program(p, key, x))(jax.random.split(jax.random.key(0), 2))
    ys = jax.vmap(analog.apply, (0, None, None))(chips, p, x)
    assert error(ys, jnp.stack([network(p, x)] * 2)) <= 1e-5
    chip = jax.tree.map(lambda leaf: leaf[0], chips)
    gradient = jax.grad(lambda x: jnp.sum(analog.apply(chip, p, x) ** 2))(x)
    assert error(gradient, jax.grad(lambda x: jnp.sum(network(p, x) ** 2))(x)) <= 1e-5


@pytest.mark.parametrize(
    ("hardware", "kind", "message"),
    [
        ({"conv*": FINE, "hed": None}, ValueError, r"patterns that match a crossbar, got 'hed'; there are \['conv_in'"),
        ({"*": FINE, "head": None}, ValueError, "do not hide one another, got 'head' after '\\*'"),
        ({"conv*": FINE, "conv_in": ROUGH}, ValueError, "do not hide one another, got 'conv_in' after 'conv\\*'"),
        ({"conv*": 8}, TypeError, r"hardware\['conv\*'\] must be a Hardware, or None .* got 8"),
        ({1: FINE}, TypeError, "hardware must map patterns of names to Hardware, got the pattern 1"),
        ({}, ValueError, "hardware must have a pattern, got an empty mapping"),
        (lambda name: "fine", TypeError, r"hardware\('conv_in'\) must be a Hardware, or None .* got 'fine'"),
        (lambda name: mj.Hardware, TypeError, r"hardware\('conv_in'\) must be a Hardware, or None .* got <class"),
    ],
)
def test_wrong_hardware_is_named_before_anything_is_compiled(setup, hardware, kind, message):
    p, x = setup
    with pytest.raises(kind, match=message):
        mj.crossbarify(network, hardware).plan(p, x)


def test_a_mapping_that_leaves_nothing(setup):
    p, x = setup
    with pytest.raises(
        ValueError, match=r"must have a Hardware for at least one of the crossbars \['conv_in', 'blocks'"
    ):
        mj.crossbarify(network, lambda name: None).plan(p, x)


def test_a_chip_of_another_model_or_another_hardware(setup, draw):
    p, x = setup
    analog = mj.crossbarify(network, BY_NAME)
    other = mj.crossbarify(lambda p, x: x @ p["kernel"], FINE)
    chip = other.program({"kernel": draw((6, 8))}, jax.random.key(0), x)
    with pytest.raises(ValueError, match=r"chip must hold the crossbars \['conv_in', 'blocks', 'conv_out'\].* got"):
        analog.apply(chip, p, x)
    exchanged = mj.crossbarify(network, {"conv*": ROUGH, "head": None, "*": FINE})
    with pytest.raises(ValueError, match="read a chip with the hardware it was programmed with"):
        analog.apply(exchanged.program(p, jax.random.key(0), x), p, x)


def test_a_program_without_weights():
    constant = jnp.ones((6, 3))
    for call in ("plan", "program"):
        arguments = ((), jnp.ones((4, 6))) if call == "plan" else ((), jax.random.key(0), jnp.ones((4, 6)))
        with pytest.raises(ValueError, match="params must hold the weights .* closes over 1 matrices"):
            getattr(mj.crossbarify(lambda p, x: x @ constant, FINE), call)(*arguments)
