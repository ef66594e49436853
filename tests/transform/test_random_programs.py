"""Random programs, composed of the constructs of JAX around a few matrices: each on its chip is itself.

The ideal chip is the digital program; a program that is wrapped in a call, a loop or a batch reads the same chip, bit
for bit; every multiplication is in the plan.
"""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jax import lax

import memjax as mj

COARSE = mj.Hardware(dac=mj.Dac(bits=4, range=mj.Dynamic()), adc=mj.Adc(bits=3), tile=(4, 4))
IDEAL = mj.Hardware(dac=mj.Dac(), adc=mj.Adc(), tile=(4, 4))
SHAPES = {"a": (4, 4), "b": (4, 4), "low": (4, 2), "stack": (3, 4, 4)}
tanh = jnp.tanh


@jax.custom_vjp
def rounded(w):
    return jnp.round(w * 8) / 8


rounded.defvjp(lambda w: (rounded(w), None), lambda _, g: (g,))


@jax.custom_jvp
def doubled(w):
    return 2 * w


doubled.defjvp(lambda primals, tangents: (doubled(*primals), 2 * tangents[0]))


# What may happen to a weight on its way.
WAYS = {
    "as it is": lambda w: w,
    "transposed": lambda w: w.T,
    "normalised": lambda w: w / jnp.linalg.norm(w),
    "rounded": rounded,
    "doubled": doubled,
    "remat": jax.checkpoint(lambda w: jnp.sin(w)),
    "jit": jax.jit(lambda w: w - w.mean()),
    "barrier": lambda w: lax.optimization_barrier((w, w[0]))[0],
    "picked": lambda w: w[jnp.array([2, 0, 1, 3])],
    "branch": lambda w: lax.cond(w[0, 0] > 0, lambda w: w, lambda w: -w, w),
    "loop": lambda w: lax.fori_loop(0, 2, lambda i, v: v @ w + i, w),
    "outputs of a scan": lambda w: lax.scan(lambda c, row: (c, row / (1 + jnp.abs(row).sum())), 0.0, w)[1],
    "stopped": lax.stop_gradient,
    "bfloat16": lambda w: w.astype(jnp.bfloat16).astype(jnp.float32),
}


def mixed(h, w):
    """Stays digital: a matrix that depends on data."""
    return h @ jnp.where(h[0] > 0, w, 2 * w)


def until_small(h, w):
    return lax.while_loop(lambda h: jnp.abs(h).max() > 0.3, lambda h: 0.5 * tanh(h @ w), h)


# What a step does with its data [2, 4], and a weight [4, 4].
STEPS = {
    "product": lambda h, w, s: h @ w,
    "from the left": lambda h, w, s: (w @ h.T).T,
    "einsum": lambda h, w, s: jnp.einsum("bi,ij,bj->bi", h, w, h),
    "rows": lambda h, w, s: jax.vmap(lambda row: row @ w)(h),
    "twice": lambda h, w, s: tanh(h @ w) @ w,
    "remat": lambda h, w, s: jax.checkpoint(lambda h, w: tanh(h @ w))(h, w),
    "branch": lambda h, w, s: lax.cond(h.sum() > 0, lambda h: h @ w, lambda h: tanh(h) @ w + h, h),
    "branch of weights": lambda h, w, s: jnp.matmul(*lax.cond(h.sum() > 0, lambda h: (h, w), lambda h: (-h, w), h)),
    "scan": lambda h, w, s: lax.scan(lambda h, v: (tanh(h @ v), None), h, s)[0],
    "scan backwards": lambda h, w, s: lax.scan(lambda h, v: (tanh(h @ v), None), h, s, reverse=True)[0],
    "scan with both": lambda h, w, s: lax.scan(lambda h, v: (tanh(h @ v) + h @ w, None), h, s)[0],
    "picked by a counter": lambda h, w, s: lax.fori_loop(0, 3, lambda i, h: tanh(h @ s[i]) @ w, h),
    "carried": lambda h, w, s: lax.scan(lambda c, _: ((c[0] * 0.9, tanh(c[1] @ c[0])), None), (w, h), length=2)[0][1],
    "unknown number of steps": lambda h, w, s: until_small(h, w),
    "ensemble": lambda h, w, s: jax.vmap(lambda v: h @ v)(s).sum(0),
    "gradient": lambda h, w, s: jax.grad(lambda h: tanh(h @ w).sum())(h),
    "derivative": lambda h, w, s: jax.jvp(lambda h: tanh(h @ w), (h,), (h,))[1],
    "data with data": lambda h, w, s: jax.nn.softmax(h @ h.T) @ h,
    "mixed": lambda h, w, s: mixed(h, w),
}

weights = st.tuples(st.sampled_from(["a", "b", "a b", "low"]), st.lists(st.sampled_from(sorted(WAYS)), max_size=2))
programs = st.lists(st.tuples(st.sampled_from(sorted(STEPS)), weights), min_size=1, max_size=3)


def composed(program):
    """The function (params, x) that a list of (step, weight) stands for."""

    def weight(p, name, ways):
        w = {"a": p["a"], "b": p["b"], "a b": p["a"] @ p["b"], "low": p["low"] @ p["low"].T}[name]
        for way in ways:
            w = WAYS[way](w)
        return w

    def fn(p, h):
        for step, (name, ways) in program:
            h = jnp.sin(STEPS[step](h, weight(p, name, ways), p["stack"]))
        return h

    return fn


def over(fn, program):
    """The same function inside of something, of a stack of inputs: the first result."""
    # Under `vmap` a branch of data reads a weight in another layout, which is another crossbar where it has one.
    batched = (
        {}
        if any("branch" in step for step, _ in program)
        else {"vmap": lambda p, xs: jax.vmap(fn, (None, 0))(p, xs)[0]}
    )
    return batched | {
        "remat": lambda p, xs: jax.checkpoint(fn)(p, xs[0]),
        "jit": lambda p, xs: jax.jit(fn)(p, xs[0]),
        "scan": lambda p, xs: lax.scan(lambda c, x: (c, fn(p, x)), 0.0, xs)[1][0],
    }


@settings(
    max_examples=12,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(program=programs, seed=st.integers(0, 1000))
def test_a_program_on_its_chip_is_itself(error, multiplications, program, seed):
    fn, rng = composed(program), np.random.default_rng(seed)
    p = {name: jnp.asarray(0.6 * rng.standard_normal(shape), jnp.float32) for name, shape in SHAPES.items()}
    xs = jnp.asarray(rng.standard_normal((2, 2, 4)), jnp.float32)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(a|b|low|stack) is multiplied with data digitally")
        analog, ideal = (mj.crossbarify(fn, hardware) for hardware in (COARSE, IDEAL))
        wrapped = {name: mj.crossbarify(f, COARSE) for name, f in over(fn, program).items()}
        plan = analog.plan(p, xs[0])
        assert {name for name, f in wrapped.items() if crossbars_of(f.plan(p, xs)) != crossbars_of(plan)} == set()

        @jax.jit
        def run(p, xs):
            chip = analog.program(p, jax.random.key(seed), xs[0])
            read = {name: f.apply(chip, p, xs) for name, f in wrapped.items()}
            return fn(p, xs[0]), ideal.apply(chip, p, xs[0]), analog.apply(chip, p, xs[0]), read

        digital, exact, rounded, read = run(p, xs)
    assert error(exact, digital) <= 1e-4
    # One code of a converter more or less would be seen: 3 bits. Rounding of what is digital is not.
    assert {name for name, y in read.items() if error(y, rounded) > 1e-6} == set()
    expected = multiplications(fn, p, xs[0])
    on = sum(c.macs for c in plan.crossbars)
    beside = sum(product.macs for product in plan.products if "`mul`" not in product.reason)
    assert on == expected["weight"]
    assert on + beside + plan.other == expected["weight"] + expected["data"]
    assert (beside > 0) == any(step == "mixed" for step, _ in program)


def crossbars_of(plan):
    return {(c.name, c.matrix, c.copies) for c in plan.crossbars}
