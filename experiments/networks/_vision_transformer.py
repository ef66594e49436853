"""A small vision transformer."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from networks._transformer import attention, stacked


class VisionTransformer(nnx.Module):
    """Images of 32x32x3 to logits: patches of 4x4, learnt positions, pre-norm layers, the mean of all positions.

    Source: Dosovitskiy et al. (arXiv 2010.11929, 2021), with the mean in place of their class token.
    """

    shape = (32, 32, 3)

    def __init__(
        self, rngs: nnx.Rngs, width: int = 128, heads: int = 4, layers: int = 6, size: int = 32, classes: int = 10
    ):
        self.patches = nnx.Conv(3, width, (4, 4), strides=4, padding="VALID", rngs=rngs)
        self.positions = nnx.Param(0.02 * jax.random.normal(rngs.params(), ((size // 4) ** 2, width)))
        self.layers = stacked(layers, width, heads, rngs)
        self.norm = nnx.RMSNorm(width, rngs=rngs)
        self.head = nnx.Linear(width, classes, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        patches = self.patches(x)
        see = lambda q, k, v: (attention(q, k, v), None)

        @nnx.scan(in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)
        def through(x, layer):
            return layer(x, see)[0]

        x = through(patches.reshape(len(x), -1, patches.shape[-1]) + self.positions[...], self.layers)
        return self.head(jnp.mean(self.norm(x), axis=1))
