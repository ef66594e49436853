"""The constructs of Linen, NNX and Equinox around a layer: one table of what each calls the same thing."""

from functools import partial

import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest
from flax import nnx
from jax import lax

import memjax as mj

tanh = jnp.tanh
DEPTH = 3


class Block(nn.Module):
    @nn.compact
    def __call__(self, x):
        return tanh(nn.Dense(6, use_bias=False)(x))


class Step(nn.Module):
    @nn.compact
    def __call__(self, x, _):
        return Block()(x), None


class Lifted(nn.Module):
    """A block under one of Linen's lifted transformations."""

    lift: str

    @nn.compact
    def __call__(self, x):
        if self.lift == "plain":
            return Block()(x)
        if self.lift == "remat":
            return nn.remat(Block)()(x)
        if self.lift == "jit":
            return nn.jit(Block)()(x)
        if self.lift == "shared by a vmap":
            return nn.vmap(Block, variable_axes={"params": None}, split_rngs={"params": False})()(x)
        if self.lift == "ensemble":
            how = dict(in_axes=None, axis_size=DEPTH, variable_axes={"params": 0}, split_rngs={"params": True})
            return nn.vmap(Block, **how)()(x)
        step = nn.remat(Step) if self.lift == "scan of remat" else Step
        shared = self.lift == "shared by a scan"
        stacked = dict(variable_broadcast="params") if shared else dict(variable_axes={"params": 0})
        return nn.scan(step, length=DEPTH, split_rngs={"params": not shared}, **stacked)()(x, None)[0]


def linen(lift):
    model = Lifted(lift)
    return model.apply, model.init(jax.random.key(0), jnp.ones((4, 6)))


# What NNX and Equinox do with a layer (or a stack of them) and data.
NNX = {
    "plain": lambda m, x: tanh(m(x)),
    "remat": lambda m, x: nnx.remat(lambda m, x: tanh(m(x)))(m, x),
    "jit": lambda m, x: nnx.jit(lambda m, x: tanh(m(x)))(m, x),
    "shared by a vmap": lambda m, x: nnx.vmap(lambda m, x: tanh(m(x)), in_axes=(None, 0))(m, x),
    "shared by a scan": lambda m, x: nnx.fori_loop(0, DEPTH, lambda i, s: (s[0], tanh(s[0](s[1]))), (m, x))[1],
    "ensemble": lambda m, x: nnx.vmap(lambda m, x: tanh(m(x)), in_axes=(0, None))(m, x),
    "scan": lambda m, x: nnx.scan(lambda x, m: tanh(m(x)), in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)(x, m),
    "scan of remat": lambda m, x: nnx.scan(
        nnx.remat(lambda x, m: tanh(m(x))), in_axes=(nnx.Carry, 0), out_axes=nnx.Carry
    )(x, m),
    "branch": lambda m, x: nnx.cond(x.sum() > 0, lambda m, x: m(x), lambda m, x: tanh(m(x)), m, x),
    "gradient": lambda m, x: nnx.grad(lambda m, x: tanh(m(x)).sum(), argnums=1)(m, x),
    "unknown number of steps": lambda m, x: nnx.while_loop(
        lambda s: jnp.abs(s[1]).max() > 0.3, lambda s: (s[0], 0.5 * tanh(s[0](s[1]))), (m, x)
    )[1],
}


def of_nnx(construct):
    def one(rngs):
        return nnx.Linear(6, 6, use_bias=False, rngs=rngs)

    stack = nnx.split_rngs(splits=DEPTH)(nnx.vmap(one, in_axes=(0,), out_axes=0))
    graphdef, params = nnx.split((stack if construct in STACKS else one)(nnx.Rngs(0)))
    return lambda p, x: NNX[construct](nnx.merge(graphdef, p), x), params


def rows(m, x):
    return tanh(jax.vmap(m)(x))


def over_layers(m, x, step):
    arrays, static = eqx.partition(m, eqx.is_array)
    return lax.scan(lambda h, layer: (step(eqx.combine(layer, static), h), None), x, arrays)[0]


EQUINOX = {
    "plain": rows,
    "remat": lambda m, x: eqx.filter_checkpoint(rows)(m, x),
    "jit": lambda m, x: eqx.filter_jit(rows)(m, x),
    "shared by a vmap": lambda m, x: eqx.filter_vmap(lambda m, x: tanh(m(x)), in_axes=(None, 0))(m, x),
    "shared by a scan": lambda m, x: eqx.internal.scan(
        lambda h, _: (rows(m, h), None), x, None, length=DEPTH, kind="checkpointed"
    )[0],
    "ensemble": lambda m, x: eqx.filter_vmap(rows, in_axes=(eqx.if_array(0), None))(m, x),
    "scan": lambda m, x: over_layers(m, x, rows),
    "scan of remat": lambda m, x: over_layers(m, x, eqx.filter_checkpoint(rows)),
    "branch": lambda m, x: lax.cond(x.sum() > 0, partial(rows, m), jax.vmap(m), x),
    "gradient": lambda m, x: eqx.filter_grad(lambda x: rows(m, x).sum())(x),
    "unknown number of steps": lambda m, x: eqx.internal.while_loop(
        lambda h: jnp.abs(h).max() > 0.3, lambda h: 0.5 * rows(m, h), x, kind="lax"
    ),
}


def of_equinox(construct):
    one = lambda key: eqx.nn.Linear(6, 6, use_bias=False, key=key)
    key = jax.random.key(0)
    return EQUINOX[construct], eqx.filter_vmap(one)(jax.random.split(key, DEPTH)) if construct in STACKS else one(key)


STACKS = ("ensemble", "scan", "scan of remat")
COPIES = {"scan": [DEPTH], "scan of remat": [DEPTH], "gradient": [1, 1]}
LIFTS = ("plain", "remat", "jit", "shared by a vmap", "shared by a scan", "ensemble", "scan", "scan of remat")
CASES = [
    *(("Linen", linen, construct) for construct in LIFTS),
    *(("NNX", of_nnx, construct) for construct in NNX),
    *(("Equinox", of_equinox, construct) for construct in EQUINOX),
]


@pytest.mark.parametrize(("framework", "make", "construct"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_construct(follows, draw, framework, make, construct):
    fn, params = make(construct)
    follows(fn, params, draw((4, 6)), copies=COPIES.get(construct, [1]))


def test_one_block_three_times_under_remat(draw, error):
    """The same chip each time, also with a coarse ADC: rematerialised or not."""
    graphdef, params = nnx.split(nnx.Linear(6, 6, rngs=nnx.Rngs(0)))

    def network(p, x, remat):
        layer, step = nnx.merge(graphdef, p), lambda layer, x: tanh(layer(x))
        for _ in range(3):
            x = (nnx.remat(step) if remat else step)(layer, x)
        return x

    analog, x = mj.crossbarify(network, mj.Hardware(tile=(8, 8), adc=mj.Adc(bits=3))), draw((4, 6))
    chip = analog.program(params, jax.random.key(0), x, False)
    assert list(chip) == ["kernel"]
    plain, remat = (analog.apply(chip, params, x, flag) for flag in (False, True))
    assert error(remat, plain) <= 1e-6
    assert error(plain, network(params, x, False)) > 1e-2


class Frozen(nnx.Variable):
    """A kind of variable that is not trained."""


class Kinds(nnx.Module):
    def __init__(self, rngs):
        self.frozen, self.layer = Frozen(rngs.params.normal((6, 6))), nnx.LoRALinear(6, 6, lora_rank=2, rngs=rngs)

    def __call__(self, x):
        return self.layer(tanh(x @ self.frozen[...]))


def test_variables_of_every_kind_are_weights(follows, draw):
    """What is split off as data is data, by name in the arguments; what is passed in params is a weight."""
    graphdef, params = nnx.split(Kinds(nnx.Rngs(0)))
    analog = follows(lambda p, x: nnx.merge(graphdef, p)(x), params, draw((4, 6)), copies=[1] * 4)
    assert {c.name for c in analog.plan(params, draw((4, 6))).crossbars} == {
        "frozen", "layer/kernel", "layer/lora/lora_a", "layer/lora/lora_b"
    }  # fmt: skip


class Heads(eqx.Module):
    """Plain Python fields beside arrays: numbers, flags, functions."""

    layers: list
    heads: int
    scale: float
    residual: bool
    activation: object

    def __call__(self, x, *, scale=True):
        y = x
        for layer in self.layers:
            y = self.activation(jax.vmap(layer)(y)).reshape(len(x), self.heads, -1).reshape(x.shape)
        return (x + y if self.residual else y) * (self.scale if scale else 1)


def test_an_equinox_model_with_plain_fields(follows, draw):
    layers = [eqx.nn.Linear(6, 6, key=key) for key in jax.random.split(jax.random.key(0), 2)]
    model = Heads(layers, 2, 0.5, True, jax.nn.relu)
    analog = follows(lambda m, x: m(x), model, draw((4, 6)), copies=[1, 1])
    assert [c.name for c in analog.plan(model, draw((4, 6))).crossbars] == ["layers/0/weight", "layers/1/weight"]


class Auto(nn.Module):
    def setup(self):
        self.enc, self.dec, self.head = nn.Dense(4), nn.Dense(6), nn.Dense(2)

    def __call__(self, x):
        return self.decode(self.encode(x))

    def encode(self, x):
        return tanh(self.enc(x))

    def decode(self, z):
        return self.dec(z), self.head(z)


def test_several_methods_of_one_model_on_one_chip(draw, error):
    model, x = Auto(), draw((4, 6))
    variables = model.init(jax.random.key(0), x)
    analog = mj.crossbarify(model.apply, mj.Hardware(tile=(8, 8), adc=mj.Adc(bits=6)))
    chip = analog.program(variables, jax.random.key(0), x)
    z = analog.apply(chip, variables, x, method="encode")
    whole, parts = analog.apply(chip, variables, x), analog.apply(chip, variables, z, method="decode")
    assert error(parts, whole) <= 1e-6
    assert error(analog.apply(analog.prepare(chip), variables, z, method="decode"), parts) <= 1e-6
    half = {name: entry for name, entry in chip.items() if "enc" not in name}
    assert error(analog.apply(half, variables, z, method="decode"), parts) <= 1e-6
    with pytest.raises(ValueError, match=r"chip must hold the crossbars \['params/enc/kernel'"):
        analog.apply(half, variables, x)
