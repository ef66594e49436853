"""Products by tables and counters, as the memory of RAPIDNN computes them."""

import jax.numpy as jnp
from jax import Array, lax

from memjax.contraction import Convolution, Dot
from memjax.lookup._codebook import nearest

MOST = 2**22
"""Counters that are held at the same time."""


def counted(operation: Dot | Convolution, codes: Array, weights: Array, inputs: Array, x: Array) -> Array:
    """A product in standard form from a table of all products of two codebooks.

        y_j = sum_ab N_ab T_ab,   T_ab = c_w[a] c_x[b],   N_ab = #{i: a_ij = a, b_i = b}

    The counters N are whole numbers. Rows that a convolution pads its data with hold no code and count nothing.

    Args:
        operation: the product.
        codes: [*stack, K, N] of the weights.
        weights, inputs: the codebooks c_w [k_w] and c_x [k_x].
        x: data in standard form.
    """
    keys = jnp.sort(inputs)
    table = weights[:, None] * keys
    numbers = (nearest(keys, x) + 1).astype(table.dtype)  # 0: no code

    def kernel(rows, codes, key, first):
        present = (rows[..., None] == jnp.arange(1, len(keys) + 1)).astype(table.dtype)
        held = (codes[..., None] == jnp.arange(len(weights))).astype(table.dtype)
        counts = jnp.einsum("bix,inw->bnwx", present, held, precision=lax.Precision.HIGHEST)
        return jnp.einsum("bnwx,wx->bn", counts, table, precision=lax.Precision.HIGHEST), None

    most = max(1, MOST // (table.size * operation.shape[1]))
    return operation.over_rows(kernel, numbers, codes, None, most, False)[0]
