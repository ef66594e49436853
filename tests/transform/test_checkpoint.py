"""A chip is a nested dict of arrays: saved and reloaded bit for bit by the usual libraries."""

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest
from jax import lax
from safetensors.flax import load_file, save_file

import memjax as mj

HARDWARE = mj.Hardware(
    tile=(16, 16),
    mapping=mj.mapping.CurrentMirror(),
    effects=(mj.effects.StuckAt(lrs=0.1),),
)


def fn(p, x):
    return lax.scan(lambda h, w: (jnp.tanh(h @ w), None), x @ p["first"]["kernel"], p["layers"])[0]


def with_orbax(chip, folder):
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(folder / "chip", chip)
        checkpointer.wait_until_finished()
        return checkpointer.restore(folder / "chip", jax.eval_shape(lambda: chip))


def with_safetensors(chip, folder):
    leaves, treedef = jax.tree_util.tree_flatten_with_path(chip)
    names = [jax.tree_util.keystr(path) for path, _ in leaves]
    save_file(dict(zip(names, (leaf for _, leaf in leaves), strict=True)), folder / "chip.safetensors")
    arrays = load_file(folder / "chip.safetensors")
    return jax.tree.unflatten(treedef, [arrays[name] for name in names])


@pytest.mark.parametrize("save_and_reload", [with_orbax, with_safetensors])
def test_bit_for_bit(draw, tmp_path, save_and_reload):
    params, x = {"first": {"kernel": draw((5, 6))}, "layers": draw((3, 6, 6))}, draw((4, 5))
    analog = mj.crossbarify(fn, HARDWARE)
    chip = analog.calibrate(analog.program(params, jax.random.key(0), x), params, x)
    loaded = save_and_reload(chip, tmp_path)
    assert jax.tree.structure(loaded) == jax.tree.structure(chip)
    assert all(
        np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(*map(jax.tree.leaves, (loaded, chip)), strict=True)
    )
    assert np.array_equal(analog.apply(loaded, params, x), analog.apply(chip, params, x))
