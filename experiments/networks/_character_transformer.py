"""A decoder-only transformer over characters: layers in one scan, a key/value cache for decoding one by one."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from networks._transformer import attention, stacked


class Cache(NamedTuple):
    """Keys and values of the characters so far, [layers, B, characters, heads, D] each."""

    keys: Array
    values: Array


def rotated(x: Array, positions: Array) -> Array:
    """Rotary positions: pairs (x_i, x_i+D/2) turned by position 10000^(-2i/D). x [B, T, heads, D], positions [T].

    Source: Su et al., arXiv 2104.09864 (2021).
    """
    half = x.shape[-1] // 2
    angle = positions[:, None] * 10_000.0 ** (-jnp.arange(half) / half)
    cos, sin = jnp.cos(angle)[:, None], jnp.sin(angle)[:, None]
    a, b = x[..., :half], x[..., half:]
    return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)


class CharacterTransformer(nnx.Module):
    """Characters `[B, T]` to the logits of the next ones `[B, T, characters]`.

    Pre-norm layers with their weights stacked, rotary positions, no biases; the embedding is also the last layer.
    """

    def __init__(self, rngs: nnx.Rngs, characters: int = 96, width: int = 128, heads: int = 4, layers: int = 4):
        self.embedding = nnx.Embed(characters, width, rngs=rngs)
        self.layers = stacked(layers, width, heads, rngs)
        self.norm = nnx.RMSNorm(width, rngs=rngs)
        self.heads, self.depth = heads, layers

    def __call__(self, text: Array) -> Array:
        at = jnp.arange(text.shape[1])
        see = lambda q, k, v: (attention(rotated(q, at), rotated(k, at), v, at <= at[:, None]), None)

        # Unrolled, the backward pass takes two thirds of the time.
        @nnx.scan(in_axes=(nnx.Carry, 0), out_axes=nnx.Carry, unroll=self.depth)
        def through(x, layer):
            return layer(x, see)[0]

        return self._logits(through(self.embedding(text), self.layers))

    def empty(self, batch: int, length: int) -> Cache:
        """A cache for `batch` texts of up to `length` characters."""
        zeros = jnp.zeros((self.depth, batch, length, self.heads, self.embedding.features // self.heads))
        return Cache(zeros, zeros)

    def advance(self, text: Array, cache: Cache, position: Array) -> tuple[Array, Cache]:
        """(logits [B, T, characters] of the T characters [B, T] that stand at `position` and behind it, new cache).

        One character is T = 1. What the cache holds from `position` on is not looked at.
        """
        at, known = position + jnp.arange(text.shape[1]), jnp.arange(cache.keys.shape[2])
        put = lambda old, new: jax.lax.dynamic_update_slice_in_dim(old, new, position, axis=1)

        @nnx.scan(in_axes=(nnx.Carry, 0, 0), out_axes=(nnx.Carry, 0))
        def through(x, layer, before):
            def see(q, k, v):
                k, v = put(before.keys, rotated(k, at)), put(before.values, v)
                return attention(rotated(q, at), k, v, known <= at[:, None]), Cache(k, v)

            return layer(x, see)

        x, cache = through(self.embedding(text), self.layers, cache)
        return self._logits(x), cache

    def _logits(self, x: Array) -> Array:
        rows = self.embedding.attend(self.norm(x).reshape(-1, x.shape[-1]))
        return rows.reshape(*x.shape[:-1], -1)
