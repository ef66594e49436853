"""Many rows through one matrix, or through several: in pieces of bounded memory, and over a stack of matrices."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax.contraction._observation import merge, merged


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


def in_chunks(f: Callable, x: Array, size: int, exact: bool, constant: bool = False) -> Any:
    """f(piece, index of its first example) over pieces of at most `size` examples along axis 0 of `x`.

    `f` returns (array with the examples along axis 0, observation or None). Pieces are equally long. The last one holds
    examples of the one before or zeros too, unless `exact`, where their length divides the number of examples.

    Args:
        constant: no derivatives are asked for, which takes less memory. Else each piece is computed again in the
            backward pass instead of being kept.
    """
    count = x.shape[0]
    if count <= size:
        return f(x, jnp.array(0))
    pieces = -(-count // size)
    if exact:
        pieces = next(n for n in range(pieces, count + 1) if count % n == 0)
    size = -(-count // pieces)
    if constant:
        return _in_place(f, x, size, pieces)
    padded = lax.pad(x, jnp.zeros((), x.dtype), ((0, pieces * size - count, 0), *((0, 0, 0) for _ in x.shape[1:])))
    split = padded.reshape(pieces, size, *x.shape[1:])
    y, seen = lax.map(jax.checkpoint(lambda args: f(*args)), (split, jnp.arange(pieces) * size))
    return y.reshape(pieces * size, *y.shape[2:])[:count], None if seen is None else merged(seen)


def _in_place(f: Callable, x: Array, size: int, pieces: int) -> Any:
    """As `in_chunks`, each piece read from `x` and written to its place in the result."""
    firsts = jnp.minimum(jnp.arange(pieces) * size, len(x) - size)

    def step(carry, first):
        y, seen = carry
        piece, new = f(lax.dynamic_slice_in_dim(x, first, size), first)
        return (lax.dynamic_update_slice_in_dim(y, piece, first, 0), None if new is None else merge(seen, new)), None

    like, seen = jax.eval_shape(f, jax.ShapeDtypeStruct((size, *x.shape[1:]), x.dtype), firsts[0])
    nothing = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), seen)
    # All of it is written over. Zeros would depend on nothing: XLA makes those of all layers before all else.
    start = jnp.broadcast_to(x[(0,) * x.ndim].astype(like.dtype), (len(x), *like.shape[1:]))
    return lax.scan(step, (start, nothing), firsts)[0]
