"""The layer of transformers: what positions see of each other is given as a function."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

# (queries, keys, values), each [B, T, heads, D], to what was seen [B, T, heads, D], and anything else.
Mix = Callable[[Array, Array, Array], tuple[Array, Any]]


def attention(q: Array, k: Array, v: Array, visible: Array | None = None) -> Array:
    """softmax(q k^T / sqrt(D)) v. `visible` says which keys each query sees [queries, keys]; None: all."""
    score = jnp.einsum("bqhd,bkhd->bhqk", q, k) / q.shape[-1] ** 0.5
    share = jax.nn.softmax(score if visible is None else jnp.where(visible, score, -jnp.inf))
    return jnp.einsum("bhqk,bkhd->bqhd", share, v)


class Layer(nnx.Module):
    """x + attention(norm(x)), then x + dense(norm(x)) with four times the width between; without biases.

    Source: Vaswani et al. (2017), with the order of Xiong et al. (arXiv 2002.04745, 2020).
    """

    def __init__(self, width: int, heads: int, rngs: nnx.Rngs):
        dense = lambda a, b: nnx.Linear(a, b, use_bias=False, rngs=rngs)
        self.norms = nnx.List([nnx.RMSNorm(width, rngs=rngs) for _ in range(2)])
        self.qkv, self.out = dense(width, 3 * width), dense(width, width)
        self.up, self.down = dense(width, 4 * width), dense(4 * width, width)
        self.heads = heads

    def __call__(self, x: Array, mix: Mix) -> tuple[Array, Any]:
        """(x [B, T, width] after the layer, what `mix` returns beside what was seen)."""
        batch, count, width = x.shape
        # A row for every position of the batch: XLA's gradient of a product with three axes takes three times as long.
        x = x.reshape(-1, width)
        split = lambda y: y.reshape(batch, count, self.heads, -1)
        seen, kept = mix(*map(split, jnp.split(self.qkv(self.norms[0](x)), 3, axis=-1)))
        x = x + self.out(seen.reshape(x.shape))
        x = x + self.down(nnx.gelu(self.up(self.norms[1](x))))
        return x.reshape(batch, count, width), kept


def stacked(count: int, width: int, heads: int, rngs: nnx.Rngs) -> Layer:
    """`count` layers as one whose arrays have a leading axis, for `nnx.scan`."""
    return nnx.vmap(lambda rngs: Layer(width, heads, rngs))(rngs.split(count))
