"""Comparison of a function on crossbars with the function itself."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from multiplications import counted

import memjax as mj

IDEAL = mj.Hardware(dac=mj.Dac(), adc=mj.Adc(), tile=(16, 16))
SMALL = mj.Hardware(dac=mj.Dac(), adc=mj.Adc(), tile=(8, 8))
EIGHT_BITS = mj.Hardware(dac=mj.Dac(bits=8, range=mj.Dynamic()), adc=mj.Adc(bits=8), tile=(16, 16))


def relative_error(found, expected) -> float:
    """Largest ||found - expected|| / ||expected|| of the leaves of two trees of equal structure."""
    assert jax.tree.structure(found) == jax.tree.structure(expected)

    def error(a, b):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        return np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-30)

    return max(jax.tree.leaves(jax.tree.map(error, found, expected)))


@pytest.fixture
def ideal() -> mj.Hardware:
    """Tiles of 16 x 16 cells without any error."""
    return IDEAL


@pytest.fixture
def error():
    """`relative_error` as a fixture."""
    return relative_error


@pytest.fixture
def draw():
    """draw(tree): normal numbers in the shapes of a tree (or in one shape), the same in every test."""
    rng = np.random.default_rng(5)

    def one(shape, dtype=np.float32):
        return jnp.asarray(0.5 * rng.standard_normal(shape), dtype)

    def numbers(tree):
        return one(tree) if isinstance(tree, tuple) else jax.tree.map(lambda leaf: one(leaf.shape, leaf.dtype), tree)

    return numbers


@pytest.fixture
def agrees():
    """Check that a function runs on the expected crossbars, equals the digital one in the ideal limit, and is near it
    with converters of 8 bits and calibrated ADC ranges. Returns the ideal `Analog` and its chip.
    """

    def check(fn, params, *args, crossbars, digital=(), tolerance=1e-5, coarse=0.05, **flags):
        analog, converted = mj.crossbarify(fn, IDEAL), mj.crossbarify(fn, EIGHT_BITS)

        @jax.jit
        def run(params, *args):
            chip = converted.program(params, jax.random.key(0), *args, **flags)
            calibrated = converted.calibrate(chip, params, *args, **flags)
            found = analog.apply(chip, params, *args, **flags)  # the same cells with ideal converters
            rounded = converted.apply(calibrated, params, *args, **flags)
            return chip, fn(params, *args, **flags), found, rounded

        chip, expected, found, rounded = run(params, *args)
        assert len(chip) == crossbars, list(chip)
        assert set(analog.plan(params, *args, **flags).digital) == set(digital)
        assert relative_error(found, expected) <= tolerance
        assert 1e-5 < relative_error(rounded, expected) <= coarse
        return analog, chip

    return check


@pytest.fixture
def multiplications():
    """The oracle of a plan, as a fixture."""
    return counted


@pytest.fixture
def follows():
    """Check that every product with a weight of a function is on the expected crossbars, given by their numbers of
    copies, that the plan counts every multiplication, and that the ideal chip is the digital function.
    """

    def check(fn, params, *args, copies, hardware=SMALL, tolerance=1e-5):
        analog = mj.crossbarify(fn, hardware)
        plan = analog.plan(params, *args)
        assert [c.copies for c in plan.crossbars] == list(copies), str(plan)
        assert not [product for product in plan.products if product.matrix], str(plan)
        expected = counted(fn, params, *args)
        assert (sum(c.macs for c in plan.crossbars), plan.other) == (expected["weight"], expected["data"])

        @eqx.filter_jit
        def run(params, *args):
            chip = analog.program(params, jax.random.key(0), *args)
            return fn(params, *args), analog.apply(chip, params, *args)

        digital, found = run(params, *args)
        assert relative_error(*(eqx.filter(tree, eqx.is_inexact_array) for tree in (found, digital))) <= tolerance
        return analog

    return check
