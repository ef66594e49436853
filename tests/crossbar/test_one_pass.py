"""Many crossbars in one pass are, bit for bit, those that are made one by one."""

import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax import crossbar
from memjax.crossbar._tiles import CELLS, in_chunks

E, M = mj.effects, mj.mapping
DRAW = np.random.default_rng(0)
MATRICES = {
    "first": DRAW.normal(size=(10, 8)).astype(np.float32),
    "stack": DRAW.normal(size=(2, 2, 10, 8)).astype(np.float32),
    "wide": DRAW.normal(size=(5, 12)).astype(np.float32),
}
HARDWARE = {
    "pairs": mj.Hardware(
        tile=(4, 3),
        adc=mj.Adc(6, errors=(mj.converters.Offset(0.5),)),
        effects=(E.StuckAt(0.1, 0.1), E.Drift(0.05, nu_std=0.01), E.RangeCollapse(10.0)),
    ),
    "mirror": mj.Hardware(tile=(4, 3), mapping=M.CurrentMirror(scaling="column"), effects=(E.ProgrammingNoise(0.1),)),
    "slices": mj.Hardware(tile=(4, 3), mapping=M.BitSliced(3), effects=(E.StuckAt(0.1, 0.1),)),
}


def one_by_one(f, key, *chips):
    """f(*entries, key) of every matrix with the key of its crossbar and its indices, stacked again."""

    def over(entries, leading, key):
        if not leading:
            return f(*entries, key)
        pick = lambda i: jax.tree.map(lambda a: a[i], entries)
        parts = [over(pick(i), leading[1:], jax.random.fold_in(key, i)) for i in range(leading[0])]
        return jax.tree.map(lambda *a: jnp.stack(a), *parts)

    folded = {n: jax.random.fold_in(key, zlib.crc32(n.encode()) & 0x7FFFFFFF) for n in MATRICES}
    return {n: over([chip[n] for chip in chips], MATRICES[n].shape[:-2], folded[n]) for n in MATRICES}


def same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


@pytest.mark.parametrize("name", HARDWARE)
def test_one_pass_makes_the_chips_of_single_matrices(name):
    hardware, key = HARDWARE[name], jax.random.key(3)
    chip = crossbar.program_all(hardware, MATRICES, key)
    same(chip, one_by_one(lambda w, k: mj.program(hardware, w, k), key, MATRICES))


def test_traced_it_is_moved_by_xla_and_not_by_numpy():
    hardware, key = HARDWARE["mirror"], jax.random.key(3)
    same(jax.jit(crossbar.program_all)(hardware, MATRICES, key), crossbar.program_all(hardware, MATRICES, key))


def test_writing_again_and_ageing_too():
    hardware, key = HARDWARE["pairs"], jax.random.key(3)
    chip = crossbar.program_all(hardware, MATRICES, key)
    aged = crossbar.age_all(hardware, chip, key, seconds=1e3, cycles=100)
    same(aged, one_by_one(lambda c, k: mj.age(hardware, c, k, seconds=1e3, cycles=100), key, chip))
    other = {name: matrix[..., ::-1] for name, matrix in MATRICES.items()}
    again = crossbar.reprogram_all(hardware, aged, other, key)
    same(again, one_by_one(lambda c, w, k: mj.reprogram(hardware, c, w, k), key, aged, other))


@pytest.mark.parametrize(
    "dac", [mj.Dac(6), mj.Dac(6, range=0.8), mj.Dac(6, rescale=False)], ids=["dynamic", "set", "raw"]
)
def test_corrections_too(dac):
    """Other tiles in the same sum change the last digits."""
    hardware = mj.Hardware(tile=(4, 3), mapping=M.CurrentMirror(), dac=dac, effects=(E.StuckAt(0.2, 0.1),))
    key = jax.random.key(3)
    chip = crossbar.program_all(hardware, MATRICES, key)
    tuned = crossbar.tune_all(hardware, chip, MATRICES, key)
    close = lambda a, b: jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5), a, b)
    close(tuned, one_by_one(lambda c, w, k: mj.tune(hardware, c, w, k), key, chip, MATRICES))
    mended = crossbar.compensate_all(hardware, chip, tuned, key, columns=True)
    close(mended, one_by_one(lambda c, f, k: mj.compensate(hardware, c, f, k, columns=True), key, chip, tuned))


def test_the_scales_of_tiles_have_the_gradient_of_the_largest_weight():
    hardware, w = mj.Hardware(tile=(4, 3), dac=mj.Dac(), adc=mj.Adc()), MATRICES["first"]

    def total(w, scale):
        return jnp.sum(scale(w) ** 2)

    ours = jax.grad(total)(w, lambda w: mj.program(hardware, w, jax.random.key(0))["scale"])
    np.testing.assert_allclose(ours, jax.grad(total)(w, lambda w: jnp.broadcast_to(jnp.abs(w).max(), 8)), rtol=1e-6)


def test_many_tiles_go_in_pieces():
    tiles = {"a": jnp.arange(14.0).reshape(7, 2), "b": np.arange(7)}
    f = lambda tiles: tiles["a"] * tiles["b"][:, None]
    for pieces in (1, 3, 7):
        np.testing.assert_array_equal(in_chunks(f, tiles, pieces * CELLS // 7), f(tiles))
