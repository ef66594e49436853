"""jit, vmap over keys, chips and hardware, one compilation for a sweep, and the cache of traces."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj


def layer(p, x):
    return jnp.tanh(x @ p["a"] + p["b"])


def imperfect(bits=6, faults=0.05, r_on=10e3):
    return mj.Hardware(
        cell=mj.Cell(r_on=r_on, r_off=100e3),
        tile=(16, 16),
        mapping=mj.mapping.Offset(),
        dac=mj.Dac(bits=bits),
        adc=mj.Adc(bits=bits),
        effects=(mj.effects.StuckAt(lrs=faults, hrs=faults),),
    )


@pytest.fixture
def setup(draw):
    return {"a": draw((18, 6)), "b": draw((6,))}, draw((4, 18))


def stack(trees):
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


@pytest.mark.optimised
def test_vmap_over_keys_and_chips_equals_the_loop(setup, error):
    params, x = setup
    analog, keys = mj.crossbarify(layer, imperfect()), jax.random.split(jax.random.key(0), 3)
    loop = [analog.program(params, key, x) for key in keys]
    chips = jax.vmap(lambda key: analog.program(params, key, x))(keys)
    assert error(chips, stack(loop)) <= 1e-6
    results = jax.vmap(analog.apply, (0, None, None))(chips, params, x)
    assert error(results, jnp.stack([analog.apply(chip, params, x) for chip in loop])) <= 1e-6
    assert not np.allclose(results[0], results[1])


def test_chips_in_batches_by_map(setup, error):
    params, x = setup
    analog, keys = mj.crossbarify(layer, imperfect()), jax.random.split(jax.random.key(0), 5)

    def result(key):
        return analog.apply(analog.program(params, key, x), params, x)

    assert error(jax.lax.map(result, keys, batch_size=2), jax.vmap(result)(keys)) <= 1e-6


# (values, whether the result depends on them: the range of the cells cancels where all of them share it)
SWEEPS = {"bits": ([3, 5, 8], True), "faults": ([0.0, 0.05, 0.1], True), "r_on": ([5e3, 10e3, 40e3], False)}


@pytest.mark.parametrize("name", SWEEPS)
def test_vmap_over_a_number_of_the_hardware_equals_the_loop(setup, error, name):
    params, x = setup
    values, matters = SWEEPS[name]

    @jax.jit
    def result(value):
        analog = mj.crossbarify(layer, imperfect(**{name: value}))
        return analog.apply(analog.program(params, jax.random.key(1), x), params, x)

    loop = jnp.stack([result(value) for value in values])
    assert error(jax.vmap(result)(jnp.array(values)), loop) <= 1e-5
    assert np.allclose(loop[0], loop[1], atol=1e-5) != matters


def test_vmap_over_a_hardware_pytree(setup, error):
    params, x = setup

    @jax.jit
    def result(hardware):
        analog = mj.crossbarify(layer, hardware)
        return analog.apply(analog.program(params, jax.random.key(1), x), params, x)

    several = [imperfect(6.0, 0.02, 1e4), imperfect(4.0, 0.1, 2e4)]
    numbers = [jax.tree.map(jnp.asarray, hardware) for hardware in several]
    assert error(jax.vmap(result)(stack(numbers)), jnp.stack([result(h) for h in several])) <= 1e-5


def test_one_compilation_for_a_sweep(setup, caplog):
    params, x = setup
    traces = []

    @jax.jit
    def result(hardware, key):
        traces.append(hardware)
        analog = mj.crossbarify(layer, hardware)
        return analog.apply(analog.program(params, key, x), params, x)

    with jax.log_compiles():
        for seed, numbers in enumerate(zip(*(values for values, _ in SWEEPS.values()), strict=True)):
            result(imperfect(*numbers), jax.random.key(seed))
    assert len(traces) == 1
    compiled = [record for record in caplog.records if "Finished XLA compilation of jit(result)" in record.getMessage()]
    assert len(compiled) == 1


def test_a_function_is_traced_once_for_each_set_of_shapes(setup):
    params, x = setup
    calls = []

    def counted(p, x, train=False):
        calls.append(x.shape)
        return layer(p, x)

    analog = mj.crossbarify(counted, imperfect())
    chip = analog.program(params, jax.random.key(0), x)
    for _ in range(2):
        analog.apply(chip, params, x)
        analog.plan(params, x)
        analog.calibrate(chip, params, x)
        jax.jit(analog.apply)(chip, params, x)
        jax.vmap(analog.apply, (0, None, None))(stack([chip]), params, x)
    assert calls == [(4, 18)]
    analog.apply(chip, params, x[:2])
    analog.apply(chip, params, x[:2] + 1)
    assert calls == [(4, 18), (2, 18)]
    analog.apply(chip, params, x, train=True)
    assert len(calls) == 3


def test_a_traced_value_in_the_closure_is_not_kept(setup, error):
    params, x = setup
    analog = None

    @jax.jit
    def shifted(shift):
        nonlocal analog
        analog = analog or mj.crossbarify(lambda p, x: layer(p, x) + shift, imperfect())
        return analog.apply(analog.program(params, jax.random.key(0), x), params, x)

    assert error(shifted(1.0) + 1.0, shifted(2.0)) <= 1e-6
