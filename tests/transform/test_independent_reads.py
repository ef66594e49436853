"""Draws of reads that must differ: of crossbars, sites, steps, elements of a stack or of a batch, groups."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import memjax as mj

KEY = jax.random.key(3)
K, N = 4, 400


def hardware():
    """Weights of zero: what is read is noise, the same spread everywhere."""
    noise = (mj.effects.ReadNoise(absolute=2e-6),)
    return mj.Hardware(tile=(K, N), dac=mj.Dac(range=1.0), adc=mj.Adc(), effects=noise)


def correlations(reads):
    """Of every pair of rows, over the last axis."""
    rows = np.concatenate([np.reshape(y, (-1, np.shape(y)[-1])) for y in reads])
    assert (rows.std(-1) > 1e-3).all()
    return np.corrcoef(rows) - np.eye(len(rows))


def everything(p, x):
    """The vector x, read wherever a program can read it."""
    few = jnp.round(2.0 * x[0, 0]).astype(int)  # two, by the data alone

    def until(state):
        index, read = state
        return index + 1, read.at[index].set(x @ p["a"])

    _, in_while = lax.while_loop(lambda state: state[0] < few, until, (0, jnp.zeros((2, 1, N))))
    in_scan = lambda h: lax.scan(lambda c, _: (c, h @ p["a"]), 0.0, length=2)[1]
    return {
        "site": x @ p["a"],
        "other site": x @ p["a"],
        "other crossbar": x @ p["b"],
        "stack": jnp.einsum("gbk,gkn->gbn", jnp.stack([x, x]), p["stack"]),
        "batch": jax.vmap(lambda row: row @ p["a"])(jnp.stack([x[0], x[0]])),
        "steps in steps": lax.scan(lambda c, _: (c, in_scan(x)), 0.0, length=2)[1],
        "steps with weights of their own": lax.scan(lambda c, w: (c, x @ w), 0.0, p["stack"])[1],
        "steps until": in_while,
        "computed again": jax.checkpoint(lambda h: jnp.sin(h @ p["b"]))(x),
        "in a branch": lax.cond(few > 1, lambda h: h @ p["b"], lambda h: 2.0 * (h @ p["a"]), x),
    }


def test_all_draws_of_a_program_differ():
    p = {"a": jnp.zeros((K, N)), "b": jnp.zeros((K, N)), "stack": jnp.zeros((2, K, N))}
    x = jnp.ones((1, K))
    analog = mj.crossbarify(everything, hardware())
    reads = analog.apply(analog.program(p, KEY, x), p, x, key=KEY)
    assert sum(np.size(y) // N for y in reads.values()) == 3 + 2 + 2 + 4 + 2 + 2 + 2
    assert np.abs(correlations(reads.values())).max() < 5 / np.sqrt(N)


def test_groups_and_positions_of_a_convolution_differ():
    groups, n, size = 3, 100, 4
    w, x = jnp.zeros((1, 1, K, n * groups)), jnp.ones((1, size, 1, K * groups))

    def convolve(w, x):
        numbers = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=numbers, feature_group_count=groups)

    analog = mj.crossbarify(convolve, hardware())
    y = analog.apply(analog.program(w, KEY, x), w, x, key=KEY).reshape(size * groups, n)
    assert np.abs(correlations([y])).max() < 5 / np.sqrt(n)
