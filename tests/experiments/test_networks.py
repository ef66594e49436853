"""The networks of experiments: with ideal crossbars they compute what they compute digitally."""

import jax
import jax.numpy as jnp
import networks
import numpy as np
import pytest
from flax import nnx

import memjax as mj

IDEAL = mj.Hardware(tile=(64, 64), dac=mj.Dac(), adc=mj.Adc())
SMALL = {
    "vision transformer": lambda rngs: networks.VisionTransformer(rngs, width=16, heads=2, layers=2, size=8),
    "ResNet": lambda rngs: networks.ResNet20(rngs, width=4, blocks=1),
    "grouped ResNet": lambda rngs: networks.ResNet20(rngs, groups=2, width=4, blocks=1),
    "MobileNet": lambda rngs: networks.MobileNet(rngs, stem=4, layers=((6, 1), (8, 2))),
}


def as_function(model):
    model.eval()
    graphdef, state = nnx.split(model)
    return (lambda state, *args, method="__call__": getattr(nnx.merge(graphdef, state), method)(*args)), state


@pytest.mark.parametrize("name", SMALL)
def test_ideal_crossbars_compute_the_digital_network(name):
    call, state = as_function(SMALL[name](nnx.Rngs(0)))
    x = jax.random.normal(jax.random.key(0), (3, 8, 8, 3))
    analog = mj.crossbarify(call, IDEAL)
    digital = call(state, x)
    np.testing.assert_allclose(
        analog.apply(analog.program(state, jax.random.key(1), x), state, x), digital, atol=2e-5 * abs(digital).max()
    )
    assert digital.std(axis=0).min() > 1e-4  # the images are told apart


def test_the_twin_in_linen_is_the_same_network_on_the_same_chip():
    sizes = {"channels": (4, 4, 6, 6, 8, 8), "hidden": 12}
    model = networks.VGG8(nnx.Rngs(0), **sizes)
    for index, norm in enumerate(model.norms):
        norm.mean[...] += 0.1 * (index + 1)
    call, state = as_function(model)
    twin, variables = networks.LinenVGG8(**sizes), networks.linen_variables(model)
    x = jax.random.normal(jax.random.key(0), (2, 32, 32, 3))
    assert jax.tree.map(jnp.shape, twin.init(jax.random.key(0), x)) == jax.tree.map(jnp.shape, variables)
    np.testing.assert_allclose(twin.apply(variables, x), call(state, x), atol=1e-6)
    analog, ideal = mj.crossbarify(twin.apply, IDEAL), twin.apply(variables, x)
    chip = analog.program(variables, jax.random.key(1), x)
    assert len(chip) == 8
    np.testing.assert_allclose(analog.apply(chip, variables, x), ideal, atol=2e-5 * abs(ideal).max())


@pytest.mark.parametrize(
    ("make", "parameters"),
    [
        (networks.ResNet20, 272_000),  # 0.27 million by He et al.
        (lambda rngs: networks.ResNet20(rngs, groups=8), 40_000),
        (networks.MobileNet, 500_000),
        (networks.VisionTransformer, 1_200_000),
        (networks.CharacterTransformer, 800_000),
    ],
)
def test_sizes(make, parameters):
    state = nnx.state(nnx.eval_shape(lambda: make(nnx.Rngs(0))), nnx.Param)
    count = sum(leaf.size for leaf in jax.tree.leaves(state))
    assert abs(count / parameters - 1) < 0.1


def test_normalisation_folded_into_the_kernels_changes_no_logit():
    model, _ = networks.load("digits")
    x = jax.random.uniform(jax.random.key(0), (5, 8, 8, 1))
    np.testing.assert_allclose(model.folded(x), model(x), atol=1e-4)


@pytest.fixture(scope="module")
def characters():
    model = networks.CharacterTransformer(nnx.Rngs(0), characters=11, width=16, heads=2, layers=3)
    return model, *as_function(model), jax.random.randint(jax.random.key(0), (2, 9), 0, 11)


def test_transformer_on_ideal_crossbars_is_the_digital_one(characters):
    _, call, state, text = characters
    analog = mj.crossbarify(call, IDEAL)
    plan = analog.plan(state, text)
    assert {row.crossbar for row in plan.sites} == {
        *(f"layers/{name}/kernel" for name in ("qkv", "out", "up", "down")),
        "embedding/embedding",
    }
    chip = analog.program(state, jax.random.key(1), text)
    assert chip["layers/up/kernel"]["conductance"]["pos"].shape[0] == 3  # cells of their own for every layer
    np.testing.assert_allclose(analog.apply(chip, state, text), call(state, text), atol=2e-5)


def test_no_character_sees_those_behind_it(characters):
    _, call, state, text = characters
    other = text.at[:, 5].set((text[:, 5] + 1) % 11)
    gap = abs(call(state, other) - call(state, text)).max((0, 2))
    assert (gap[:5] < 1e-6).all()
    assert (gap[5:] > 1e-4).all()


def test_decoding_with_a_cache_on_a_chip_is_the_whole_text_on_the_same_chip(characters):
    model, call, state, text = characters
    effects = (mj.effects.DeviceVariation(r_on_std=1e3, r_off_std=1e4), mj.effects.StuckAt(hrs=0.02))
    analog = mj.crossbarify(call, mj.Hardware(tile=(16, 16), dac=mj.Dac(bits=8), adc=mj.Adc(), effects=effects))
    chip = analog.program(state, jax.random.key(1), text)
    whole = analog.apply(chip, state, text)
    assert abs(whole - call(state, text)).max() > 0.02  # the chip is another network than the digital one

    def one_by_one(chip):
        logits, cache = analog.apply(chip, state, text[:, :4], model.empty(2, 12), 0, method="advance")
        found = [logits]
        for position in range(4, 9):
            now = text[:, position : position + 1]
            logits, cache = analog.apply(chip, state, now, cache, jnp.asarray(position), method="advance")
            found.append(logits)
        return jnp.concatenate(found, axis=1)

    np.testing.assert_allclose(jax.jit(one_by_one)(chip), whole, atol=2e-4)
