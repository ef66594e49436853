"""The same key gives the same chip, to the last digit, however `program` is called; reads agree to rounding."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import memjax as mj
from memjax import effects as E

# Compiled as users' programs are: what XLA fuses and folds is what is tested.
pytestmark = pytest.mark.optimised
KEYS = jax.random.split(jax.random.key(3), 2)
W = jax.random.normal(jax.random.key(1), (70, 20))
# Every effect of making and writing a chip, with the parameters that XLA may fold and contract in its own ways.
EFFECTS = (
    E.DeviceVariation(r_on_std=1e3, r_off_std=1e4, distribution="lognormal"),
    E.StuckAt(0.02, 0.05),
    E.CycleVariation(r_on_std=500.0, r_off_std=1e3),
    E.FiniteStates(6),
    E.ProgrammingNoise(relative=0.05, absolute=1e-7),
    E.TelegraphNoise(0.1, spread=0.3),
    E.Drift(0.05, nu_std=0.2),
)
HARDWARE = mj.Hardware(cell=mj.Cell(levels=16), tile=(32, 16), effects=EFFECTS)


def program(key, weights=W):
    chip = mj.program(HARDWARE, weights, key)
    return {part: chip[part] for part in ("conductance", "low", "high", "memory")}


def check(found, wanted):
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_array_equal(a, b)


@functools.cache
def programmed():
    return [program(key) for key in KEYS]


@pytest.fixture
def eager():
    """Of each test, so that what is compiled first is optimised too."""
    return programmed()


def test_jit(eager):
    check(jax.jit(program)(KEYS[1]), eager[1])


def test_vmap_inside_and_outside_jit(eager):
    every = jax.tree.map(lambda *leaves: jnp.stack(leaves), *eager)
    check(jax.vmap(program)(KEYS), every)
    check(jax.jit(jax.vmap(program))(KEYS), every)


def test_a_loop(eager):
    check(jax.lax.map(program, KEYS), jax.tree.map(lambda *leaves: jnp.stack(leaves), *eager))


def test_a_mesh(eager):
    spread = NamedSharding(Mesh(np.array(jax.devices()), "chips"), PartitionSpec("chips"))
    made = jax.jit(jax.vmap(program), in_shardings=spread)(jax.device_put(KEYS, spread))
    check(jax.tree.map(lambda leaf: leaf[0], made), eager[0])


def test_traced_hardware_and_weights(eager):
    made = jax.jit(lambda hardware, w, key: mj.program(hardware, w, key)["conductance"])(HARDWARE, W, KEYS[0])
    check(made, eager[0]["conductance"])


def test_percentile_of_constant_weights():
    """XLA computes it while it compiles, where it does not contract: the scale must be that of run time."""
    hardware = mj.Hardware(tile=(32, 16), mapping=mj.mapping.DoubleColumn(percentile=99.0))
    check(jax.jit(lambda key: mj.program(hardware, W, key))(KEYS[0]), mj.program(hardware, W, KEYS[0]))


def test_whole_model(eager):
    analog = mj.crossbarify(lambda params, x: x @ params["w"], HARDWARE)
    x = jnp.ones((1, 70))
    chip = analog.program({"w": W}, KEYS[0], x)["w"]["conductance"]
    check(jax.jit(lambda key: analog.program({"w": W}, key, x)["w"]["conductance"])(KEYS[0]), chip)
    check(jax.vmap(lambda key: analog.program({"w": W}, key, x)["w"]["conductance"])(KEYS[:1])["pos"][0], chip["pos"])


def test_reads_agree_to_rounding():
    """A current within rounding of a threshold may take the next code: one LSB, in few of the outputs."""
    hardware = mj.Hardware(tile=(32, 16), dac=mj.Dac(bits=8), adc=mj.Adc(bits=8))
    chip = mj.program(hardware, W, KEYS[0])
    x = jax.random.normal(jax.random.key(2), (256, 70))
    y = mj.matmul(hardware, chip, x)
    other = jax.jit(jax.vmap(lambda row: mj.matmul(hardware, chip, row)))(x)
    lsb = chip["adc_range"] / 127 * jnp.max(jnp.abs(W)) / (9e-5 * 0.2) * jnp.max(jnp.abs(x), axis=1, keepdims=True)
    codes = np.abs(np.asarray(y - other)) / np.asarray(lsb)
    assert codes.max() < 1.01
    assert (codes > 0.5).mean() < 0.01
