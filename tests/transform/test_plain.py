"""Plain functions of (params, *args): the forms of a contraction, and the control flow around it."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import memjax as mj


def linear(p, x):
    return x @ p["w"]


def transposed(p, x):
    return p["w"].T @ x.T


def from_the_left(p, x):
    return jnp.einsum("kn,bk->nb", p["w"], x)


def masked(p, x):
    """Whatever is computed from parameters and constants alone is the weight."""
    lower = jnp.tril(jnp.ones_like(p["w"]))
    return x @ (p["w"] * lower + 0.1)


def vmapped_rows(p, x):
    return jax.vmap(lambda row: jnp.tanh(row) @ p["w"])(x)


def two_levels_of_vmap(p, x):
    return jax.vmap(jax.vmap(lambda row: row @ p["w"]))(x[None])


def jitted(p, x):
    return jax.jit(lambda w, x: jnp.tanh(x @ w))(p["w"], x)


def rematerialised(p, x):
    return jax.checkpoint(lambda w, x: jnp.sin(x @ w))(p["w"], x)


def branches(p, x):
    return lax.cond(x.sum() > 0, lambda x: x @ p["w"], lambda x: jnp.sin(x) @ p["w"], x)


def fori(p, x):
    return lax.fori_loop(0, 3, lambda i, h: jnp.tanh(h @ p["w"]) + i, x)


def while_loop(p, x):
    """The number of steps depends on the data."""
    w = p["w"] / jnp.linalg.norm(p["w"])
    return lax.while_loop(lambda h: jnp.abs(h).max() > 0.1, lambda h: jnp.tanh(h @ w), x)


def map_rows(p, x):
    return lax.map(lambda row: row @ p["w"], x)


def carried_weight(p, x):
    """A weight handed through a scan unchanged remains a weight."""
    (_, h), _ = lax.scan(lambda carry, _: ((carry[0], jnp.tanh(carry[1] @ carry[0])), None), (p["w"], x), length=3)
    return h


def reverse_scan(p, x):
    return lax.scan(lambda h, row: (jnp.tanh(row + h @ p["w"]),) * 2, jnp.zeros(6), x, reverse=True)[1]


def relu_kept(p, x):
    return jax.nn.gelu(x @ p["w"])


def jvp_inside(p, x):
    """Derivatives taken by the function itself run on the same crossbar."""
    return jax.jvp(lambda x: jnp.tanh(x @ p["w"]), (x,), (jnp.ones_like(x),))


ONE_MATRIX = [
    linear, transposed, from_the_left, masked, vmapped_rows, two_levels_of_vmap, jitted, rematerialised, branches, fori,
    while_loop, map_rows, carried_weight, reverse_scan, relu_kept, jvp_inside,
]  # fmt: skip


@pytest.mark.parametrize("fn", ONE_MATRIX, ids=lambda fn: fn.__name__)
def test_function_of_one_matrix(agrees, draw, fn):
    agrees(fn, {"w": draw((6, 6))}, draw((4, 6)), crossbars=1, coarse=0.1)


def test_tuples_and_lists_of_parameters(agrees, draw):
    def fn(params, x, scale):
        for w, b in params:
            x = jnp.tanh(x @ w + b) * scale
        return x

    _, chip = agrees(fn, [(draw((5, 18)), draw((18,))), (draw((18, 3)), draw((3,)))], draw((4, 5)), 0.5, crossbars=2)
    assert list(chip) == ["0/0", "1/0"]


def test_switch_with_a_matrix_in_each_branch(agrees, draw):
    def fn(p, x):
        index = (x.sum() > 0).astype(int) + 1
        return lax.switch(index, [lambda x, k=k: x @ p[k] for k in "abc"], x)

    agrees(fn, {k: draw((5, 4)) for k in "abc"}, draw((3, 5)), crossbars=3)


def test_ensemble_of_vmapped_parameters(agrees, draw):
    """Members are independent matrices, with the member as the leading axis of the chip."""
    params, x = {"w": draw((3, 5, 4)), "b": draw((3, 4))}, draw((2, 5))

    def fn(p, x):
        return jax.vmap(lambda p: jnp.tanh(jnp.tanh(x @ p["w"] + p["b"]) @ p["w"].T))(p)

    _, chip = agrees(fn, params, x, crossbars=2, digital={"b"})
    assert {entry["conductance"]["pos"].shape[0] for entry in chip.values()} <= {1, 3}


def test_ensemble_of_convolutions(agrees, draw):
    def fn(kernels, x):
        conv = lambda k, x: lax.conv_general_dilated(x, k, (1, 1), "SAME")
        return jax.vmap(conv)(kernels, x)

    agrees(fn, draw((3, 4, 2, 3, 3)), draw((3, 2, 2, 5, 5)), crossbars=1)


def test_scan_inside_scan_has_one_axis_for_each(agrees, draw):
    """Two blocks of three layers."""

    def layer(h, w):
        return jnp.tanh(h @ w), None

    def fn(w, x):
        return lax.scan(lambda h, block: lax.scan(layer, h, block), x, w)[0]

    _, chip = agrees(fn, draw((2, 3, 6, 6)), draw((4, 6)), crossbars=1)
    (entry,) = chip.values()
    assert entry["conductance"]["pos"].shape == (2, 3, 1, 16, 16)


def test_scan_over_layers_and_a_loop_over_time_inside(agrees, draw):
    """A weight of the outer step is one crossbar for all inner steps."""

    def fn(w, x):
        def layer(xs, w):
            return lax.scan(lambda h, row: (jnp.tanh(row + h @ w),) * 2, jnp.zeros(6), xs)[1], None

        return lax.scan(layer, x, w)[0]

    _, chip = agrees(fn, draw((2, 6, 6)), draw((4, 6)), crossbars=1)
    assert next(iter(chip.values()))["scale"].shape == (2, 6)


def test_flags_and_keyword_arguments(ideal, draw, error):
    def fn(p, x, flip=False, *, bias=None, mode="sum"):
        y = (x[::-1] if flip else x) @ p["w"] + (0 if bias is None else bias)
        return y.sum(0) if mode == "sum" else y

    analog, p, x = mj.crossbarify(fn, ideal), {"w": draw((5, 4))}, draw((3, 5))
    for args, flags in [((), {}), ((True,), {}), ((True,), {"mode": "all"}), ((), {"bias": 2.0, "mode": "all"})]:
        chip = analog.program(p, jax.random.key(0), x, *args, **flags)
        assert error(analog.apply(chip, p, x, *args, **flags), fn(p, x, *args, **flags)) <= 1e-5


def test_a_custom_derivative_without_a_crossbar_inside_is_kept(ideal, draw):
    @jax.custom_jvp
    def tripled(y):
        return y

    tripled.defjvp(lambda primals, tangents: (primals[0], 3.0 * tangents[0]))

    @jax.custom_vjp
    def quintupled(y):
        return y

    quintupled.defvjp(lambda y: (y, None), lambda _, g: (5.0 * g,))
    p, x = {"w": draw((5, 4))}, draw((3, 5))
    analog = mj.crossbarify(lambda p, x: quintupled(tripled(x @ p["w"])).sum(), ideal)
    chip = analog.program(p, jax.random.key(0), x)
    gradient = jax.grad(lambda x: analog.apply(chip, p, x))(x)
    expected = jnp.broadcast_to(15.0 * p["w"].sum(1), x.shape)
    assert jnp.allclose(gradient, expected, rtol=1e-5)
