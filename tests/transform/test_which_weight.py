"""Which weight a product meets: the same array in other layouts, and arrays that go through loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import memjax as mj

KEY = jax.random.key(0)
N = 3
DRAW = np.random.default_rng(0)
IDEAL = mj.Hardware(tile=(8, 8), dac=mj.Dac(), adc=mj.Adc())


def draw(*shape):
    return jnp.asarray(DRAW.normal(size=shape), jnp.float32)


def check(fn, params, *data, crossbars):
    """On ideal crossbars, of which there are so many, the function is itself."""
    analog = mj.crossbarify(fn, IDEAL)
    chip = analog.program(params, KEY, *data)
    assert len(chip) == crossbars
    found, expected = analog.apply(chip, params, *data), fn(params, *data)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


LAYOUTS = ["bk,kmn->bmn", "bm,kmn->bkn", "bn,kmn->bkm", "bkm,kmn->bn", "bmk,kmn->bn", "bkn,kmn->bm", "kbm,kmn->kbn",
           "mbk,kmn->mbn", "kbn,kmn->kbm"]  # fmt: skip


def test_an_array_with_equal_axes_in_all_layouts():
    """What of it is contracted, over what it is a stack: a crossbar for each; the order of two axes is the data's."""

    def fn(p, x):
        return [jnp.einsum(layout, x[0] if layout.index(",") == 2 else x, p["w"]) for layout in LAYOUTS]

    check(fn, {"w": draw(N, N, N)}, draw(N, N, N), crossbars=len(LAYOUTS) - 1)


def test_a_kernel_with_equal_axes_in_all_layouts():
    def fn(p, x):
        layouts = ("HWIO", "HWOI", "IHWO", "OIHW")
        return [
            lax.conv_general_dilated(x, p["w"], (1, 1), "VALID", dimension_numbers=("NHWC", layout, "NHWC"))
            for layout in layouts
        ]

    check(fn, {"w": draw(N, N, N, N)}, draw(2, 4, 4, N), crossbars=4)


def in_turn(p, x):
    """Two weights that change places at each step, both of them used."""

    def step(carry, _):
        a, b, h = carry
        return (b, 0.5 * a, jnp.tanh(h @ a) - jnp.sin(h @ b)), h @ a

    (a, b, h), every = lax.scan(step, (p["a"], p["b"], x), length=3)
    return h, every, x @ a, x @ b


def two_loops(p, x):
    """Loops of one length, that start with one weight and go on differently."""
    one = lax.scan(lambda c, _: ((0.5 * c[0], c[1] @ c[0]), None), (p["a"], x), length=2)[0][1]
    two = lax.scan(lambda c, _: ((c[0] + 1.0, c[1] @ c[0]), None), (p["a"], x), length=2)[0][1]
    return one, two


def forth_and_back(p, x):
    """A running sum of weights, from either end."""

    def step(carry, part):
        total, h = carry
        total = total + part
        return (total, jnp.tanh(h @ total)), total

    start = (p["a"], x)
    (last, forth), sums = lax.scan(step, start, p["stack"])
    (_, back), _ = lax.scan(step, start, p["stack"], reverse=True)
    return forth, back, x @ last, jnp.einsum("bk,skn->sbn", x, sums)


def loops_in_loops(p, x):
    """A stack of stacks, walked over by rows and by columns."""
    walk = lambda h, stack: lax.scan(lambda h, w: (jnp.tanh(h @ w), None), h, stack)[0]
    rows = lax.scan(lambda h, stack: (walk(h, stack), None), x, p["grid"])[0]
    columns = lax.scan(lambda h, stack: (walk(h, stack), None), x, jnp.swapaxes(p["grid"], 0, 1))[0]
    first = lax.scan(lambda h, stack: (jnp.tanh(h @ stack[0] + h @ stack[1]), None), x, p["grid"])[0]
    return rows, columns, first


def again_deeper(p, x):
    """One stack walked over by a loop, and by a loop in a loop."""
    walk = lambda h: lax.scan(lambda h, w: (jnp.tanh(h @ w), None), h, p["stack"])[0]
    return walk(x), lax.scan(lambda h, _: (walk(h), None), x, length=2)[0]


def counted(p, x):
    """A loop whose steps are counted, with a weight that it transposes and one that it leaves."""

    def step(i, carry):
        w, fixed, h = carry
        return w.T * 1.5, fixed, jnp.tanh(h @ w) @ fixed

    w, fixed, h = lax.fori_loop(0, 3, step, (p["a"], p["b"], x))
    return h, x @ w, x @ fixed


LOOPS = {in_turn: 4, two_loops: 2, forth_and_back: 4, loops_in_loops: 4, again_deeper: 2, counted: 3}


@pytest.mark.parametrize(("fn", "crossbars"), LOOPS.items(), ids=lambda v: getattr(v, "__name__", ""))
def test_weights_that_go_through_loops(fn, crossbars):
    p = {"a": draw(N, N), "b": draw(N, N), "stack": draw(3, N, N), "grid": draw(2, 2, N, N)}
    check(fn, p, draw(2, N), crossbars=crossbars)
