"""Float32 means float32: accelerators compute products in fewer bits unless told otherwise."""

import jax
import jax.numpy as jnp
from jax import Array, lax


def precision() -> lax.Precision | None:
    """That of the products of a simulation: full, or what `jax.default_matmul_precision` says where it is set.

    XLA's own default is TF32 on GPUs and bfloat16 on TPUs, with errors as large as those of a converter of 10 or 8
    bits.
    """
    said = jax.config.jax_default_matmul_precision  # pyright: ignore[reportAttributeAccessIssue]: made by JAX at import
    return lax.Precision.HIGHEST if said is None else None


def matmul(a: Array, b: Array) -> Array:
    """a @ b in `precision`."""
    return jnp.matmul(a, b, precision=precision())
