"""Constructs of JAX around a matrix: a weight is found whatever it passes, and everything is counted."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import memjax as mj

tanh, A, B = jnp.tanh, (6, 6), (4, 6)
ONE, STACK, NESTED = {"w": A}, {"w": (4, *A)}, {"w": (2, 3, *A)}


@jax.custom_vjp
def rounded(w):
    """A quantiser of hardware-aware training: the gradient passes straight through."""
    return jnp.round(w * 8) / 8


rounded.defvjp(lambda w: (rounded(w), None), lambda _, g: (g,))


@jax.custom_jvp
def rounded_forwards(w):
    return jnp.round(w * 8) / 8


rounded_forwards.defjvp(lambda primals, tangents: (rounded_forwards(*primals), tangents[0]))


def layer(h, w):
    return tanh(h @ w), None


def stacked(x, ws, **how):
    return lax.scan(layer, x, ws, **how)[0]


def counted_up(x, ws):
    return lax.fori_loop(0, 4, lambda i, h: tanh(h @ ws[i]), x)


def unit(w):
    return w / jnp.linalg.norm(w)


def fast_gradient(x, w):
    return jax.grad(lambda x: tanh(x @ w).sum())(x)


def compile_time(p, x):
    with jax.ensure_compile_time_eval():
        signs = jnp.cos(jnp.pi * jnp.arange(6.0))
    return (x * signs) @ p["w"]


def until_small(p, x):
    return lax.while_loop(lambda h: jnp.abs(h).max() > 0.1, lambda h: 0.5 * tanh(h @ p["w"]), x)


def fixed_point(f, z):
    return lax.fori_loop(0, 20, lambda _, z: z - f(z), z)


def implicit(p, x):
    """A layer defined by an equation, solved by iteration."""
    solve = lambda g, y: jnp.linalg.solve(jax.jacobian(g)(y), y)
    return lax.custom_root(lambda z: z - tanh(0.3 * z @ p["w"] + x[0]), x[0], fixed_point, solve)


# name: (function, shapes of the parameters, copies of each crossbar); the data is [4, 6].
WEIGHTS = {
    "jit": (lambda p, x: jax.jit(lambda p, x: tanh(x @ p["w"]))(p, x), ONE, [1]),
    "jit, returning weights": (lambda p, x: x @ jax.jit(lambda p: unit(p["w"]))(p), ONE, [1]),
    "jit, returning both": (
        lambda p, x: jnp.matmul(*jax.jit(lambda p, x: (tanh(x), unit(p["w"])))(p, x)), ONE, [1]),
    "remat": (lambda p, x: jax.checkpoint(lambda p, x: tanh(tanh(x @ p["w"]) @ p["w"]))(p, x), ONE, [1]),
    "remat, returning weights": (lambda p, x: x @ jax.checkpoint(lambda p: unit(p["w"]))(p), ONE, [1]),
    "remat, returning both": (
        lambda p, x: jnp.matmul(*jax.checkpoint(lambda p, x: (tanh(x), unit(p["w"])))(p, x)), ONE, [1]),
    "named call": (lambda p, x: jax.named_call(lambda x: x @ p["w"], name="layer")(x), ONE, [1]),
    "compile time": (compile_time, ONE, [1]),
    "barrier": (lambda p, x: jnp.matmul(*lax.optimization_barrier((x, p["w"]))), ONE, [1]),
    "device_put": (lambda p, x: jnp.matmul(*jax.device_put((x, p["w"]))), ONE, [1]),
    "quantiser, custom_vjp": (lambda p, x: x @ rounded(p["w"]), ONE, [1]),
    "quantiser, custom_jvp": (lambda p, x: x @ rounded_forwards(p["w"]), ONE, [1]),
    "quantiser, stop_gradient": (
        lambda p, x: x @ (p["w"] + lax.stop_gradient(jnp.round(p["w"] * 8) / 8 - p["w"])), ONE, [1]),
    "normalised": (lambda p, x: x @ (p["g"] * p["w"] / jnp.linalg.norm(p["w"], axis=0)), {"w": A, "g": (6,)}, [1]),
    "gathered": (lambda p, x: x @ jnp.take(p["w"], jnp.array([5, 0, 0, 3, 4, 1]), axis=0), ONE, [1]),
    "low rank, merged": (lambda p, x: x @ (p["w"] + p["a"] @ p["b"]), {"w": A, "a": (6, 2), "b": (2, 6)}, [1]),
    "low rank, beside": (lambda p, x: x @ p["w"] + x @ p["a"] @ p["b"], {"w": A, "a": (6, 2), "b": (2, 6)}, [1] * 3),
    "made by a network": (lambda p, x: x @ (p["z"] @ p["w"]).reshape(6, 5), {"w": (3, 30), "z": (3,)}, [1]),
    "inverted": (lambda p, x: x @ jnp.linalg.inv(p["w"] + 3 * jnp.eye(6)), ONE, [1]),
    "orthogonalised": (lambda p, x: x @ jnp.linalg.qr(p["w"])[0], ONE, [1]),
    "squared in a loop": (lambda p, x: x @ lax.fori_loop(0, 3, lambda _, w: unit(w @ w), p["w"]), ONE, [1]),
    "associative scan": (lambda p, x: x @ lax.associative_scan(jnp.matmul, p["w"])[-1], STACK, [1]),
    "written into a stack": (
        lambda p, x: stacked(x, lax.dynamic_update_slice(p["w"], p["v"][None], (1, 0, 0))), STACK | {"v": A}, [4]),
    "written in a loop": (
        lambda p, x: x @ lax.fori_loop(0, 3, lambda i, s: s.at[i].set(2 * s[i]), p["w"])[1], STACK, [1]),
    "shared with its stopped self": (lambda p, x: tanh(x @ p["w"]) @ lax.stop_gradient(p["w"]), ONE, [1, 1]),
}  # fmt: skip

LOOPS = {
    "scan": (lambda p, x: stacked(x, p["w"]), STACK, [4]),
    "scan, unrolled": (lambda p, x: stacked(x, p["w"], unroll=2), STACK, [4]),
    "scan, remat": (lambda p, x: lax.scan(jax.checkpoint(layer), x, p["w"])[0], STACK, [4]),
    "scan, no steps": (lambda p, x: stacked(x, p["w"][:0]) @ p["w"][0], STACK, [1]),
    "two scans": (lambda p, x: stacked(stacked(x, p["w"]), p["w"]), STACK, [4]),
    "two scans, one reversed": (lambda p, x: stacked(stacked(x, p["w"]), p["w"], reverse=True), STACK, [4]),
    "two inputs": (lambda p, x: stacked(x, p["w"]) - stacked(tanh(x), p["w"]), STACK, [4]),
    "scan of scans": (lambda p, x: lax.scan(lambda h, ws: (stacked(h, ws), None), x, p["w"])[0], NESTED, [6]),
    "outputs of a scan": (
        lambda p, x: stacked(x, lax.scan(lambda c, w: (c, unit(w)), 0.0, p["w"])[1]), STACK, [4]),
    "outputs beside a result": (
        lambda p, x: stacked(*lax.scan(lambda h, w: (tanh(h @ w), w.T), x, p["w"])), STACK, [4, 4]),
    "picked by fori_loop": (lambda p, x: counted_up(x, p["w"]), STACK, [4]),
    "picked by two loops": (lambda p, x: counted_up(counted_up(x, p["w"]), p["w"]), STACK, [4]),
    "picked backwards": (lambda p, x: lax.scan(lambda h, i: layer(h, p["w"][3 - i]), x, jnp.arange(4))[0], STACK, [4]),
    "picked by while": (
        lambda p, x: lax.while_loop(lambda s: s[0] < 4, lambda s: (s[0] + 2, tanh(s[1] @ p["w"][s[0]])), (0, x))[1],
        STACK, [2]),
    "while without a step": (
        lambda p, x: lax.while_loop(lambda s: s[0] < 0, lambda s: (s[0] + 1, s[1] @ p["w"]), (0, x))[1] @ p["w"],
        ONE, [1]),
    "unknown number of steps": (until_small, ONE, [1]),
    "carried": (lambda p, x: lax.scan(lambda c, _: ((c[0], tanh(c[1] @ c[0])), None), (p["w"], x), length=3)[0][1],
                ONE, [1]),
    "carried and changed": (
        lambda p, x: lax.scan(lambda c, _: ((0.9 * c[0], tanh(c[1] @ c[0])), None), (p["w"], x), length=3)[0][1],
        ONE, [3]),
    "carried in turn": (
        lambda p, x: lax.scan(
            lambda c, _: ((c[1], c[0], tanh(c[2] @ c[0])), None), (p["a"], p["b"], x), length=3)[0][2],
        {"a": A, "b": A}, [3]),
    "map over a stack": (lambda p, x: lax.map(lambda w: x @ w, p["w"]), STACK, [4]),
}  # fmt: skip

BRANCHES = {
    "cond, known": (lambda p, x: lax.cond(True, lambda x: x @ p["w"], lambda x: x @ p["w"].T, x), ONE, [1]),
    "cond by parameters": (
        lambda p, x: lax.cond(p["w"][0, 0] > 0, lambda x: x @ p["w"], lambda x: x @ p["w"].T, x), ONE, [1, 1]),
    "cond by parameters, of weights": (
        lambda p, x: x @ lax.cond(p["w"][0, 0] > 0, lambda w: w, lambda w: w.T, p["w"]), ONE, [1]),
    "cond by data": (lambda p, x: lax.cond(x.sum() > 0, lambda x: x @ p["w"], lambda x: x @ p["w"].T, x), ONE, [1, 1]),
    "cond by data, of the same weight": (
        lambda p, x: jnp.matmul(*lax.cond(x.sum() > 0, lambda x: (x, p["w"]), lambda x: (tanh(x), p["w"]), x)),
        ONE, [1]),
    "cond by a counter": (
        lambda p, x: lax.fori_loop(
            0, 4, lambda i, h: lax.cond(i % 2 == 0, lambda h: tanh(h @ p["w"]), lambda h: h @ p["w"].T, h), x),
        ONE, [1, 1]),
    "switch of experts": (
        lambda p, x: lax.switch(jnp.argmax(x[0]) % 4, [lambda x, k=k: x @ p["w"][k] for k in range(4)], x),
        STACK, [1] * 4),
}  # fmt: skip

BATCHES = {
    "vmap": (lambda p, x: jax.vmap(lambda p, row: row @ p["w"], (None, 0))(p, x), ONE, [1]),
    "ensemble": (lambda p, x: jax.vmap(lambda w: tanh(x @ w))(p["w"]), STACK, [1]),
    "one of an ensemble for each row": (lambda p, x: jax.vmap(jnp.matmul)(x, p["w"]), STACK, [4]),
    "broadcast": (lambda p, x: jnp.einsum("bi,bij->bj", x, jnp.broadcast_to(p["w"], (len(x), *A))), ONE, [1]),
    "tiled": (lambda p, x: jnp.einsum("bi,bij->bj", x, jnp.tile(p["w"], (len(x), 1, 1))), ONE, [1]),
    "broadcast, then changed": (
        lambda p, x: jnp.einsum("bi,bij->bj", x, 2 * jnp.broadcast_to(p["w"], (len(x), *A)) + 1), ONE, [1]),
    "mixture of experts, dense": (
        lambda p, x: jnp.einsum("be,bi,eij->bj", jax.nn.softmax(x @ p["r"]), x, p["w"]), STACK | {"r": (6, 4)}, [1, 1]),
    "queries": (
        lambda p, x: jnp.einsum("bqi,bi->bq", jnp.tile(p["q"], (len(x), 1, 1)) @ p["w"], x), ONE | {"q": (3, 6)}, [1]),
    "bilinear": (lambda p, x: jnp.einsum("bi,ij,bj->b", x, p["w"], x), ONE, [1]),
    "sum over columns": (lambda p, x: jnp.einsum("bi,ij->b", x, p["w"]), ONE, [1]),
}  # fmt: skip

DERIVATIVES = {
    "gradient by data": (lambda p, x: fast_gradient(x, p["w"]), ONE, [1, 1]),
    "gradient of a scan": (lambda p, x: jax.grad(lambda x: stacked(x, p["w"]).sum())(x), STACK, [4, 4]),
    "Hessian-vector product": (
        lambda p, x: jax.jvp(lambda x: fast_gradient(x, p["w"]), (x,), (jnp.ones_like(x),)), ONE, [1, 1]),
    "jacrev": (lambda p, x: jax.jacrev(lambda x: tanh(x @ p["w"]))(x[0]), ONE, [1, 1]),
    "implicit": (implicit, ONE, [1]),
}  # fmt: skip

ALL = WEIGHTS | LOOPS | BRANCHES | BATCHES | DERIVATIVES


@pytest.mark.parametrize("name", ALL)
def test_a_weight_is_found_whatever_it_passes(follows, draw, name):
    fn, shapes, copies = ALL[name]
    follows(fn, {k: draw(shape) for k, shape in shapes.items()}, draw(B), copies=copies)


@pytest.mark.parametrize("name", ["vmap", "ensemble", "broadcast", "tiled", "broadcast, then changed", "queries"])
def test_a_chip_does_not_depend_on_the_batch(draw, name):
    fn, shapes, _ = ALL[name]
    p, analog = {k: draw(shape) for k, shape in shapes.items()}, mj.crossbarify(fn, mj.Hardware(tile=(8, 8)))
    tiles = [analog.plan(p, jax.ShapeDtypeStruct((batch, 6), jnp.float32)).tiles for batch in (1, 2, 5)]
    assert len(set(tiles)) == 1


def chosen_by_row(p, x):
    return jax.vmap(lambda row: lax.cond(row.sum() > 0, lambda r: r @ p["w"], lambda r: tanh(r) @ p["w"].T, row))(x)


def chosen_by_row_and_step(p, x):
    def step(h, w):
        return lax.cond(h.sum() > 0, lambda h: h @ w, lambda h: tanh(h) @ w, h), None

    return jax.vmap(lambda row: lax.scan(step, row, p["w"])[0])(x)


@pytest.mark.parametrize(
    ("fn", "shape", "copies"), [(chosen_by_row, A, [1, 1]), (chosen_by_row_and_step, (4, *A), [4])]
)
def test_a_branch_for_each_example(draw, error, fn, shape, copies):
    """`vmap` turns `cond` into a choice between each operand and itself: no mixture of weights and data."""
    analog, p, x = mj.crossbarify(fn, mj.Hardware(dac=mj.Dac(), adc=mj.Adc(), tile=(8, 8))), {"w": draw(shape)}, draw(B)
    assert [c.copies for c in analog.plan(p, x).crossbars] == copies

    def loss(p):
        return jnp.sum(analog.apply(analog.program(p, jax.random.key(0), x), p, x) ** 2)

    assert error(jax.grad(loss)(p), jax.grad(lambda p: jnp.sum(fn(p, x) ** 2))(p)) <= 1e-5


def until_small_by_row(p, x):
    halve = lambda row: 0.5 * tanh(row @ p["w"])
    return jax.vmap(lambda row: lax.while_loop(lambda h: jnp.abs(h).max() > 0.1, halve, row))(x)


def as_often_as_said(p, x):
    return jax.vmap(lambda n, row: lax.fori_loop(0, n, lambda i, h: tanh(h @ p["w"]), row))(jnp.arange(4), x)


@pytest.mark.parametrize("fn", [until_small_by_row, as_often_as_said])
def test_a_number_of_steps_for_each_example(draw, error, fn):
    """`vmap` makes a condition for each example: those that are done stay as they are."""
    analog, p, x = mj.crossbarify(fn, mj.Hardware(dac=mj.Dac(), adc=mj.Adc(), tile=(8, 8))), {"w": draw(A)}, draw(B)
    chip = analog.program(p, jax.random.key(0), x)
    assert list(chip) == ["w"]
    assert error(analog.apply(chip, p, x), fn(p, x)) <= 1e-5


# What stays digital although it is a product with something made of a matrix: (function, shapes, reason).
DIGITAL = {
    "picked by data": (lambda p, x: x @ p["w"][jnp.argmax(x[0]) % 4], STACK, "mixed with data by `dynamic_slice`"),
    "chosen by data": (
        lambda p, x: x @ lax.cond(x.sum() > 0, lambda: p["w"], lambda: 2 * p["w"]), ONE, "mixed with data by `cond`"),
    "picked in a loop of unknown length": (
        lambda p, x: lax.fori_loop(0, jnp.argmax(x[0]), lambda i, h: h @ p["w"][i], x), STACK,
        "mixed with data by `dynamic_slice`"),
    "experts gathered by data": (
        lambda p, x: jnp.einsum("bi,bij->bj", x, p["w"][jnp.argmax(x, 1) % 4]), STACK, "mixed with data by `gather`"),
    "fast weights": (
        lambda p, x: x @ (p["w"] - 0.1 * jax.grad(lambda w: jnp.sum((x @ w) ** 2))(p["w"])), ONE,
        "mixed with data by `sub`"),
    "dropped connections": (lambda p, x: x @ (p["w"] * (x[:1].T > 0)), ONE, "mixed with data by `mul`"),
    "solved": (
        lambda p, x: jax.scipy.linalg.solve_triangular(p["w"] + 3 * jnp.eye(6), x.T), ONE, "meets data in `triangular"),
    "complex": (lambda p, x: (x.astype(complex) @ (p["w"] * 1j)).imag, ONE, "`dot_general` of complex64"),
}  # fmt: skip


@pytest.mark.parametrize("name", DIGITAL)
def test_what_is_multiplied_digitally_is_counted_and_warned_of(draw, name):
    fn, shapes, reason = DIGITAL[name]
    p, x = {k: draw(shape) for k, shape in shapes.items()}, draw(B)
    with pytest.warns(UserWarning, match="^w is multiplied with data digitally") as said:
        plan = mj.crossbarify(fn, mj.Hardware()).plan(p, x)
    assert len(said) == 1
    assert plan.analog < 1.0
    product = plan.products[-1]
    assert product.reason.startswith(reason)
    assert product.macs > 0
    assert "Every matrix parameter is on a crossbar" not in str(plan)


def test_numbers_and_vectors_made_of_a_matrix_are_no_matrix(draw):
    """The norm of a matrix scales data: that is no product with the matrix."""
    w, x = draw(A), draw(B)
    plan = mj.crossbarify(lambda w, x: (x / jnp.linalg.norm(w) + w.sum(0)) @ x.T, mj.Hardware()).plan(w, x)
    assert plan.other == 4 * 4 * 6
    assert not [product for product in plan.products if product.matrix]


def test_stacks_are_shared_only_where_they_are_the_same(draw, error):
    """One set of cells for two scans, also with errors: the same chip both ways."""
    hardware = mj.Hardware(tile=(8, 8), effects=(mj.effects.DeviceVariation(r_on_std=2e3, r_off_std=2e4),))
    p, x = {"w": draw((4, *A))}, draw(B)
    both = mj.crossbarify(lambda p, a, b: (stacked(a, p["w"]), stacked(b, p["w"])), hardware)
    backwards = mj.crossbarify(lambda p, x: stacked(x, p["w"], reverse=True), hardware)
    chip = both.program(p, jax.random.key(0), x, x)
    first, second = both.apply(chip, p, x, x)
    assert error(first, second) == 0.0
    assert error(backwards.apply(chip, p, x), first) > 1e-2
    flipped = chip | {"w": jax.tree.map(lambda leaf: leaf[::-1], chip["w"])}
    assert error(backwards.apply(flipped, p, x), first) <= 1e-6
