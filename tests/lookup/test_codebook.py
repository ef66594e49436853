"""k-means of numbers, against scikit-learn and the quantisers of Max."""

import jax
import numpy as np
import pytest
from sklearn.cluster import KMeans

from memjax import lookup

KEY = jax.random.key(0)
# Mean squared error of the best quantisers of a normal number: J. Max, IRE Trans. Inf. Theory 6, 7 (1960), table I.
MAX = {2: 0.3634, 4: 0.1175, 8: 0.03454, 16: 0.009497, 32: 0.002499}


def inertia(values, codes):
    return np.min((values[:, None] - codes) ** 2, axis=1).sum()


@pytest.mark.parametrize("codes", [1, 4, 16, 64])
def test_clusters_are_as_tight_as_those_of_scikit_learn(codes):
    values = np.random.default_rng(codes).gamma(2.0, size=2000)
    theirs = KMeans(codes, n_init=4, random_state=0).fit(values[:, None])
    found = lookup.kmeans(values, codes, KEY)
    assert found.shape == (codes,)
    assert inertia(values, found) <= 1.01 * theirs.inertia_
    assert np.all(np.diff(found) > 0)


@pytest.mark.parametrize("codes", MAX)
def test_quantiser_of_normal_numbers_is_that_of_max(codes):
    values = np.random.default_rng(0).normal(size=200_000)
    assert inertia(values, lookup.kmeans(values, codes, KEY)) / len(values) == pytest.approx(MAX[codes], rel=0.02)


def test_counts_stand_for_repeated_values_in_any_order():
    values = np.random.default_rng(0).normal(size=200)
    counts = np.arange(200) % 4
    repeated = np.random.default_rng(1).permutation(np.repeat(values, counts))
    found, expected = lookup.kmeans(values, 8, KEY, counts), lookup.kmeans(repeated, 8, KEY)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_distinct_values_are_kept_as_they_are():
    found = lookup.kmeans(np.array([[0.1, -3.0], [0.1, 7.0]]), 4, KEY)
    np.testing.assert_array_equal(found, [-3.0, 0.1, 7.0, 7.0])


def test_centre_is_the_mean_of_what_is_nearest_to_it():
    values = np.random.default_rng(3).normal(size=3000)
    found = lookup.kmeans(values, 12, KEY)
    nearest = np.argmin(np.abs(values[:, None] - found), axis=1)
    np.testing.assert_allclose(found, [values[nearest == i].mean() for i in range(12)], rtol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(values=np.ones(3), codes=4), "codes must be at most the number of values, 3, got 4"),
        (dict(values=np.ones(3), codes=0), "codes must be in"),
        (dict(values=np.array([1.0, np.nan]), codes=1), "values must be finite"),
        (dict(values=np.ones(3), codes=1, counts=np.array([1, -1, 1])), "counts must be"),
        (dict(values=np.ones(3), codes=1, counts=np.ones(2)), "counts must have the shape"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        lookup.kmeans(key=KEY, **arguments)
