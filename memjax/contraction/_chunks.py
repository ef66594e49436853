"""Many rows through one matrix, or through several: in pieces of bounded memory, and over a stack of matrices."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.contraction._observation import merged


def stacked(one: Callable, stack: tuple[int, ...]) -> Callable:
    """f(x, operand, key) over a leading axis of independent matrices, each with its own fold of the key."""
    if not stack:
        return one

    def over_stack(x, operand, key):
        if key is None:
            return jax.vmap(lambda a, b: one(a, b, None))(x, operand)
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(stack[0]))
        return jax.vmap(one)(x, operand, keys)

    return over_stack


def in_chunks(f: Callable, x: Array, size: int, exact: bool) -> Any:
    """f(piece, index of its first example) over pieces of at most `size` examples along axis 0 of `x`.

    `f` returns (array with the examples along axis 0, observation or None). Pieces are equally long; the last one is
    filled up with zeros unless `exact`, where the length divides the number of examples. Each piece is computed again
    in the backward pass instead of being kept.
    """
    count = x.shape[0]
    if count <= size:
        return f(x, jnp.array(0))
    pieces = -(-count // size)
    if exact:
        pieces = next(n for n in range(pieces, count + 1) if count % n == 0)
    size = -(-count // pieces)
    padded = lax.pad(x, jnp.zeros((), x.dtype), ((0, pieces * size - count, 0), *((0, 0, 0) for _ in x.shape[1:])))

    def piece(args):
        return f(*args)

    split = padded.reshape(pieces, size, *x.shape[1:])
    y, seen = lax.map(jax.checkpoint(piece), (split, jnp.arange(pieces) * size))
    if seen is not None:
        seen = merged(seen)
    return y.reshape(pieces * size, *y.shape[2:])[:count], seen
