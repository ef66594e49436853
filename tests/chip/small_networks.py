"""Small networks whose plans need no arrays."""

import jax
import jax.numpy as jnp
from jax import lax

import memjax as mj


def plan_of(fn, params, x, hardware=None):
    """The plan of a function for shapes, on tiles of 8 x 8 with a pair of cells for a weight."""
    leaf = lambda shape: jax.ShapeDtypeStruct(shape, jnp.float32)
    shapes = jax.tree.map(leaf, params, is_leaf=lambda node: isinstance(node, tuple))
    return mj.crossbarify(fn, hardware or mj.Hardware(tile=(8, 8))).plan(shapes, leaf(x))


def mlp(p, x):
    for name in sorted(p):
        x = jnp.tanh(x @ p[name])
    return x


def conv(x, w, stride=1, groups=1):
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(
        x, w, (stride, stride), "SAME", dimension_numbers=numbers, feature_group_count=groups
    )
