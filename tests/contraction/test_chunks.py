"""Pieces of bounded memory give what all examples at once give, written in place or kept apart."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from memjax.contraction import Observation
from memjax.contraction._chunks import in_chunks


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize(("count", "size", "exact"), [(12, 5, False), (12, 5, True), (11, 3, False), (7, 7, True)])
def test_pieces_are_the_whole(count, size, exact, constant):
    x = jnp.arange(2.0 * count).reshape(count, 2) - 5.0

    def f(piece, first):  # knows where its examples stand
        place = (first + jnp.arange(len(piece))).astype(x.dtype)
        return piece * place[:, None], Observation(jnp.sum(piece), jnp.max(jnp.abs(piece)))

    y, seen = jax.jit(lambda x: in_chunks(f, x, size, exact, constant))(x)
    np.testing.assert_array_equal(y, x * jnp.arange(count)[:, None])
    assert seen.peak == jnp.abs(x).max()
    if exact:
        assert seen.total == x.sum()


def test_what_is_written_in_place_does_not_show_the_first_number():
    """The result starts as copies of it, which must not stay, not even a NaN."""
    x = jnp.ones((7, 2)).at[0, 0].set(jnp.nan)
    y, _ = in_chunks(lambda piece, first: (2 * piece, None), x, 2, False, constant=True)
    assert jnp.isnan(y).sum() == 1
    np.testing.assert_array_equal(y[1:], 2 * x[1:])
