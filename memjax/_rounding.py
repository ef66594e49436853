"""Rounding that does not depend on the program around."""

import jax.numpy as jnp
from jax import Array


def stored(product: Array) -> Array:
    """A product rounded to its type before anything is added to it.

    Compilers contract a b + c to one operation that rounds once, in some programs and not in others. A choice between
    the two, which they cannot see to be none, keeps them apart.
    """
    return jnp.where(jnp.isnan(product), jnp.nan, product)
