"""Measures of error, by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

INF = np.inf


def test_relative_error_counts_vertices_beyond_the_tolerance():
    exact = np.array([1.0, 2.0, 0.0, INF, INF])
    found = np.array([[1.09, 2.3, 0.0, INF, 5.0], [1.0, 2.0, 1e-9, INF, INF], [INF, np.nan, 0.0, INF, INF]])
    np.testing.assert_allclose(mj.graph.relative_error(found, exact, 0.1), [0.4, 0.2, 0.4])
    np.testing.assert_allclose(mj.graph.relative_error(found, exact, 0.2)[0], 0.2)


def test_wrong_levels_counts_vertices_that_differ():
    np.testing.assert_allclose(mj.graph.wrong_levels(jnp.array([[0, 1, -1, 2], [0, 1, 1, 2]]), [0, 1, 1, 2]), [0.25, 0])


def test_top_k_overlap_counts_common_vertices():
    exact = np.array([5.0, 4.0, 3.0, 2.0, 1.0])
    found = np.array([[1.0, 4.0, 5.0, 2.0, 3.0], exact, -exact])
    np.testing.assert_allclose(mj.graph.top_k_overlap(found, exact, 2), [0.5, 1.0, 0.0])
    np.testing.assert_allclose(mj.graph.top_k_overlap(found, exact, 5), 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mj.graph.relative_error(np.ones(3), np.ones(4)), r"found must have shape .*\(3,\) and \(4,\)"),
        (lambda: mj.graph.wrong_levels(np.ones(3), np.ones(())), "found must have shape"),
        (lambda: mj.graph.relative_error(np.ones(3), np.ones(3), -1.0), "tau must be"),
        (lambda: mj.graph.top_k_overlap(np.ones(3), np.ones(3), 4), r"k must be in \[1, 3\]"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
