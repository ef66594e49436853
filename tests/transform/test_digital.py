"""What stays digital is listed with its reason, and what cannot be followed warns by name."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import Mesh, PartitionSpec

import memjax as mj

ROWS = PartitionSpec("rows")


def drop_connect(p, x):
    mask = jax.random.bernoulli(jax.random.key(x[0, 0].astype(int)), 0.5, p["w"].shape)
    return x @ (p["w"] * mask)


def looked_up(p, x):
    return p["w"][x.astype(int) % 5].sum()


def masked_rows(p, x):
    return x @ jnp.where(x > 0, p["w"], 0.0)


def picked(p, x):
    return x @ p["w"][x[:, 0].astype(int) % 5]


def added(p, x):
    return x[:, :1] + p["w"]


def not_used(p, x):
    return x


def outer_product(p, x):
    return jnp.einsum("b,kn->bkn", x[:, 0], p["w"])


def in_a_condition(p, x):
    return lax.while_loop(lambda h: (h @ p["w"]).sum() > 1.0, lambda h: h / 2, x)


def solved(p, x):
    return jax.scipy.linalg.solve_triangular(p["w"] * x[0, 0], x[:, 0])


@pytest.mark.parametrize(
    ("fn", "reason"),
    [
        (drop_connect, "meets data in `mul`"),
        (looked_up, "looked up (`gather`), not multiplied"),
        (
            masked_rows,
            "meets data in `select_n`, not in a matrix product; mixed with data by `select_n`",
        ),
        (picked, "looked up (`gather`), not multiplied; mixed with data by `gather`, then multiplied in `dot_general`"),
        (added, "meets data in `add`"),
        (not_used, "meets no data"),
        (outer_product, "`dot_general` in a form that no crossbar computes"),
        (in_a_condition, "used in the condition of a `while`"),
        (solved, "meets data in `mul`"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_listed_with_its_reason(ideal, draw, error, fn, reason):
    analog, p, x = mj.crossbarify(fn, ideal), {"w": draw((5, 5))}, draw((5, 5))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        plan = analog.plan(p, x)
    assert plan.crossbars == ()
    # What is multiplied is said once, by name; what is looked up, added or not used is no multiplication.
    multiplied = [product for product in plan.products if product.matrix]
    assert [str(w.message).split()[0] for w in said] == ["w"] * bool(multiplied)
    assert bool(multiplied) == (fn not in (looked_up, added, not_used))
    assert plan.analog == 0.0
    shape, why = plan.digital["w"]
    assert shape == (5, 5)
    assert why.startswith(reason)
    assert f"w (5, 5): {why}" in str(plan)
    chip = analog.program(p, jax.random.key(0), x)
    assert chip == {}
    assert error(analog.apply(chip, p, x), fn(p, x)) <= 1e-6


def test_vectors_are_not_listed(ideal, draw):
    plan = mj.crossbarify(lambda p, x: x * p["gain"], ideal).plan({"gain": draw((5,))}, draw((3, 5)))
    assert plan.digital == {}
    assert "Every matrix parameter is on a crossbar." in str(plan)


def test_data_times_data_and_constants_stay_digital(ideal, draw):
    """Only what is computed from parameters is programmed."""
    fourier = draw((5, 5))
    plan = mj.crossbarify(lambda p, x: x @ fourier @ x.T * p, ideal).plan(draw(()), draw((5, 5)))
    assert plan.crossbars == ()
    assert plan.digital == {"constant_0": ((5, 5), "closed over by the function, not among its parameters")}
    assert plan.other == 2 * 5**3


def sharded(p, x):
    mesh = Mesh(np.array(jax.devices()[:1]), ("rows",))
    whole = PartitionSpec()
    return jax.shard_map(lambda w, x: x @ w, mesh=mesh, in_specs=(whole, ROWS), out_specs=ROWS)(p["w"], x)


def called_back(p, x):
    return jax.pure_callback(
        lambda w, x: np.asarray(x) @ np.asarray(w), jax.ShapeDtypeStruct((5, 5), x.dtype), p["w"], x
    )


@pytest.mark.parametrize(("fn", "name"), [(sharded, "shard_map"), (called_back, "pure_callback")])
def test_what_cannot_be_followed_warns_by_name_and_is_listed(ideal, draw, error, fn, name):
    analog, p, x = mj.crossbarify(fn, ideal), {"w": draw((5, 5))}, draw((5, 5))
    with pytest.warns(UserWarning, match=rf"w is multiplied with data digitally: enters `{name}`"):
        plan = analog.plan(p, x)
    assert plan.digital == {"w": ((5, 5), f"enters `{name}`, which is not followed")}
    assert error(analog.apply({}, p, x), fn(p, x)) <= 1e-6


def test_a_custom_vjp_with_a_crossbar_inside_keeps_its_rule(ideal, draw):
    """The value is read on the crossbar, the gradient is the one that the rule says, also by conductances."""

    @jax.custom_vjp
    def my_layer(w, x):
        return x @ w

    my_layer.defvjp(lambda w, x: (x @ w, (w, x)), lambda saved, g: (saved[0] * 0, 100.0 * g @ saved[0].T))
    analog, p, x = mj.crossbarify(lambda p, x: my_layer(p["w"], x).sum(), ideal), {"w": draw((5, 4))}, draw((3, 5))
    chip = analog.program(p, jax.random.key(0), x)
    assert list(chip) == ["w"]
    by_chip, gradient = jax.grad(lambda chip, x: analog.apply(chip, p, x), argnums=(0, 1))(chip, x)
    assert jnp.allclose(gradient, jnp.broadcast_to(100.0 * p["w"].sum(1), x.shape), rtol=1e-4)
    assert all(not g.any() for g in by_chip["w"]["conductance"].values())


def two_layers(p, x):
    return jnp.tanh(x @ p["body"]["w"]) @ p["head"]["w"]


def test_select_by_name(ideal, draw, error):
    p, x = {"body": {"w": draw((5, 4))}, "head": {"w": draw((4, 3))}}, draw((3, 5))
    analog = mj.crossbarify(two_layers, ideal, select=lambda path: "head" not in path)
    plan = analog.plan(p, x)
    assert [c.name for c in plan.crossbars] == ["body/w"]
    assert plan.digital == {"head/w": ((4, 3), "not selected")}
    chip = analog.program(p, jax.random.key(0), x)
    assert list(chip) == ["body/w"]
    assert error(analog.apply(chip, p, x), two_layers(p, x)) <= 1e-5


def test_select_that_matches_nothing_is_an_error(ideal, draw):
    p, x = {"body": {"w": draw((5, 4))}, "head": {"w": draw((4, 3))}}, draw((3, 5))
    analog = mj.crossbarify(two_layers, ideal, select=lambda path: "tail" in path)
    with pytest.raises(ValueError, match=r"select must choose at least one of the crossbars \['body/w', 'head/w'\]"):
        analog.plan(p, x)


def test_a_bias_before_attention_is_listed_without_a_warning(ideal, draw):
    """It shifts data; a step of descent, as large as the weight itself, makes another weight of it."""

    def attention(p, x):
        q, k = (jnp.einsum("bti,ihd->bthd", x, p[name]) + p[f"{name}_bias"] for name in ("q", "k"))
        return jnp.einsum("bthd,bshd->bhts", q, k)

    p = {"q": draw((4, 2, 3)), "k": draw((4, 2, 3)), "q_bias": draw((2, 3)), "k_bias": draw((2, 3))}
    plan = mj.crossbarify(attention, ideal).plan(p, draw((2, 5, 4)))
    assert [c.name for c in plan.crossbars] == ["q", "k"]
    (product,) = plan.products
    assert (set(product.paths), product.macs, product.offset) == ({"q_bias", "k_bias"}, 2 * 2 * 5 * 5 * 3, True)

    def descended(p, x):
        return x @ (p["w"] - 0.1 * x.T @ x)

    with pytest.warns(UserWarning, match="w is multiplied with data digitally: mixed with data by `sub`"):
        mj.crossbarify(descended, ideal).plan({"w": draw((4, 4))}, draw((3, 4)))
