"""Products of a simulation are computed in float32 on every device, unless JAX is told otherwise."""

import jax
import jax.extend
import jax.numpy as jnp
import pytest

import memjax as mj

HIGH = jax.lax.Precision.HIGHEST


def precisions(jaxpr) -> set:
    """Of all products of a program, those of its loops and derivatives too."""
    found = set()
    for eqn in jaxpr.eqns:
        if eqn.primitive.name in ("dot_general", "conv_general_dilated"):
            found.add(eqn.params["precision"])
        for inner in jax.extend.core.jaxprs_in_params(eqn.params):
            found |= precisions(inner)
    return found


def network(weights, x):
    y = jax.lax.conv(x, weights["kernel"], (1, 1), "SAME")
    return y.reshape(len(x), -1) @ weights["dense"]


@pytest.mark.parametrize("adc", [mj.Adc(), mj.Adc(bits=6), mj.Adc(bits=6, clip_gradient=False)])
@pytest.mark.parametrize("effects", [(), (mj.effects.ReadNoise(relative=0.1),)])
def test_every_product_on_a_crossbar_is_in_float32(adc, effects):
    weights = {"kernel": jnp.ones((4, 2, 3, 3)), "dense": jnp.ones((64, 5))}
    x = jnp.ones((3, 2, 4, 4))
    analog = mj.crossbarify(network, mj.Hardware(tile=(16, 16), adc=adc, effects=effects))
    chip = analog.program(weights, jax.random.key(0), x)
    run = lambda chip, x: analog.apply(chip, weights, x, key=jax.random.key(1)).sum()
    for function in (run, jax.grad(run, argnums=(0, 1), allow_int=True)):
        assert precisions(jax.make_jaxpr(function)(chip, x).jaxpr) in ({HIGH}, {(HIGH, HIGH)})
        with jax.default_matmul_precision("tensorfloat32"):
            assert HIGH not in precisions(jax.make_jaxpr(function)(chip, x).jaxpr)
