"""ADMM on least squares, where the answer is known, and the transformation that it is made of."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import memjax as mj
from memjax import compress

RANDOM = np.random.default_rng(0)
A = RANDOM.normal(size=(60, 12))
W = RANDOM.normal(size=(12, 8)) * np.where(np.isin(np.arange(8), (1, 4, 5)), 0.05, 1.0)
B = A @ W + 0.01 * RANDOM.normal(size=(60, 8))
START = {"w": np.zeros((12, 8)), "b": np.zeros(8)}


def loss(params, a=A, b=B):
    return 0.5 * jnp.mean(jnp.sum((a @ params["w"] + params["b"] - b) ** 2, -1))


@pytest.fixture
def solved(x64):
    constraint = {"w": partial(compress.project_columns, keep=5)}
    return compress.admm(loss, START, constraint, optimizer=optax.sgd(0.25), rho=1.0, every=5, steps=1000)


def test_least_squares_keep_the_right_columns_and_the_residuals_vanish(solved):
    kept = np.flatnonzero(np.abs(solved.params["w"]).sum(0))
    np.testing.assert_array_equal(kept, [0, 2, 3, 6, 7])
    assert solved.primal[-1] < 1e-13
    assert solved.dual[-1] < 1e-13
    assert len(solved.primal) == len(solved.dual) == len(solved.loss) + 1 == 1001
    # The columns are independent: each that stays is its own least squares.
    design = np.column_stack([A, np.ones(len(A))])
    exact = np.linalg.lstsq(design, B, rcond=None)[0][:-1, kept]
    np.testing.assert_allclose(solved.params["w"][:, kept], exact, atol=1e-12)
    np.testing.assert_allclose(solved.params["b"][1], B[:, 1].mean(), atol=1e-12)  # nothing but a bias is left


def test_the_constraint_is_met_exactly_and_masks_keep_it(solved):
    np.testing.assert_array_equal(solved.params["w"], compress.project_columns(solved.params["w"], 5))
    np.testing.assert_array_equal(solved.masks["w"], solved.params["w"] != 0)
    assert solved.masks["b"].all()
    further, losses = compress.retrain(
        loss, solved.params, solved.masks, optimizer=optax.adam(1e-2), batches=[(A[:30], B[:30]), (A, B)], steps=20
    )
    np.testing.assert_array_equal(further["w"] != 0, solved.masks["w"])
    assert (further["w"] != solved.params["w"])[solved.masks["w"]].all()
    assert losses.shape == (20,)


def test_one_step_is_that_of_the_equations():
    half = partial(compress.project_rows, keep=1)
    tx = compress.admm_penalty(half, rho=0.5, every=1)
    w = jnp.array([[1.0, 2.0], [3.0, 4.0]])
    state = tx.init(w)
    slope, state = tx.update(jnp.ones((2, 2)), state, w)
    np.testing.assert_allclose(slope, 1 + 0.5 * (w - half(w)))
    moved = w + jnp.array([[5.0, 0.0], [0.0, 0.0]])
    slope, state = tx.update(jnp.ones((2, 2)), state, moved)
    z = half(moved)
    np.testing.assert_allclose(slope, 1 + 0.5 * (moved - z + (moved - z)))
    np.testing.assert_allclose(state.residuals.primal, jnp.linalg.norm(moved - z) / jnp.linalg.norm(moved), rtol=1e-6)


def test_levels_and_rows_together():
    hardware = mj.Hardware(cell=mj.Cell(levels=5))
    both = compress.chain(partial(compress.project_rows, keep=9), partial(compress.project_levels, hardware=hardware))
    found = compress.admm(loss, START, {"w": both}, optimizer=optax.sgd(0.2), rho=1.0, steps=100).params["w"]
    assert np.any(np.asarray(found), axis=1).sum() <= 9
    assert np.unique(np.abs(found)).size <= 5


def test_a_constraint_without_names_is_for_matrices():
    found = compress.project({"w": jnp.ones((2, 2)), "b": jnp.ones(2)}, partial(compress.project_rows, keep=1))
    np.testing.assert_array_equal(found["w"], [[1, 1], [0, 0]])
    np.testing.assert_array_equal(found["b"], [1, 1])


def test_the_first_pattern_counts():
    params = {"a": {"kernel": jnp.ones((2, 2))}, "b": {"kernel": jnp.ones((2, 2))}}
    one, two = partial(compress.project_rows, keep=1), partial(compress.project_rows, keep=2)
    found = compress.project(params, {"a/*": one, "*/kernel": two})
    assert jax.tree.map(lambda leaf: int((leaf != 0).sum()), found) == {"a": {"kernel": 2}, "b": {"kernel": 4}}


HALF = partial(compress.project_rows, keep=0.5)
BAD = {
    "pattern": ({"constraint": {"kernel": HALF}}, "constraint must have patterns that match"),
    "hidden pattern": ({"constraint": {"w": HALF, "*w": HALF}}, "constraint must have patterns that match"),
    "no pattern": ({"constraint": {}}, "constraint must have a pattern"),
    "no function": ({"constraint": {"w": 0.5}}, "constraint['w'] must be a function"),
    "empty layer": ({"constraint": partial(compress.project_rows, keep=1e-3)}, "keep must leave at least one"),
    "no loss": ({"loss": 1.0}, "loss must be a function"),
    "no matrix": ({"params": {"b": np.zeros(3)}}, "params must have an array of two axes"),
    "rho": ({"rho": -1.0}, "rho must be finite and in (0, inf]"),
    "every": ({"every": 0}, "every must be in [1,"),
    "steps": ({"steps": 0}, "steps must be in [1,"),
    "optimizer": ({"optimizer": 0.1}, "optimizer must be an optax transformation"),
    "batches": ({"batches": 3}, "batches must be an iterable"),
    "no tuples": ({"batches": [A, B]}, "batches must hold tuples of arrays"),
    "diverged": ({"optimizer": optax.sgd(1e30)}, "the rate of optimizer (and rho) must be small enough"),
    "few batches": ({"batches": iter([(A, B)])}, "batches must have one for each of the 2 steps, got 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_is_said(case):
    changed, message = BAD[case]
    arguments = {"loss": loss, "params": START, "constraint": HALF, "steps": 2}
    with pytest.raises((TypeError, ValueError)) as error:
        compress.admm(**arguments | changed)
    assert message in str(error.value)
