"""Codes that are misread with given probabilities."""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from memjax import _check, _random
from memjax._field import ruled
from memjax.converters._adc_error import Fresh

# How far the sum of the probabilities of a row may be from one.
TOLERANCE = 1e-3


def check_confusion(name: str, value: Any) -> None:
    """Raise unless `value` is a square matrix of probabilities whose rows sum to one."""
    _check.real(name, value, low=0.0, high=1.0 + TOLERANCE)
    shape = np.shape(value)
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] < 2:
        raise ValueError(f"{name} must be a matrix [n + 1, n + 1] of probabilities, n >= 1, got shape {shape}")
    found = _check.concrete(value)
    if found is not None and np.any(np.abs(found.sum(1) - 1.0) > TOLERANCE):
        row = int(np.argmax(np.abs(found.sum(1) - 1.0)))
        raise ValueError(f"{name} must have rows that sum to 1, got {found.sum(1)[row]:g} in row {row}")


class Confusion(Fresh):
    """Codes drawn anew in each conversion: P(code = d | the current is k LSB) = matrix[k, d].

    For currents that are whole numbers of LSB; others count as the nearest one, and beyond n = len(matrix) - 1 as n.
    Negative ones are drawn as their magnitudes are. The gradient is that of the converter without the error.

    Args:
        matrix: probabilities [n + 1, n + 1], as from `memjax.reliability.sop_confusion`; its rows sum to one.

    Raises: ValueError for a matrix of another kind, and where codes up to n need more than `Adc.bits`.

    Source: error injection of DL-RSIM (Lin et al., ICCAD 2018): the error of every read as a table.
    """

    matrix: Any = ruled(check_confusion, converter=_check.as_leaf)

    def check(self, bits):
        codes, found = np.shape(self.matrix)[0] - 1, _check.concrete(bits)
        if found is not None and np.any(2.0 ** (found - 1) - 1 < codes):
            raise ValueError(
                f"Adc.bits must be at least {math.ceil(math.log2(codes + 1)) + 1} for the codes up to {codes} of "
                f"Confusion.matrix (one bit is the sign), got {np.min(found):g}"
            )

    def sample(self, key, made, columns, dtype):
        return _random.uniform(key, (columns,), dtype)

    def shift(self, z, y, bits, drawn):
        z = lax.stop_gradient(z)
        matrix = jnp.asarray(self.matrix, z.dtype)
        row = jnp.clip(jnp.round(jnp.abs(z)), 0, len(matrix) - 1).astype(int)
        code = _draw(matrix, row, drawn)
        return lax.stop_gradient(jnp.where(z < 0, -code, code)) - z


def _draw(matrix: Array, row: Array, u: Array) -> Array:
    """The code d with P(code < d | row) <= u < P(code <= d | row), by bisection: one look at a table per bit of d."""
    below = jnp.cumsum(matrix, axis=1)
    edges = (below / below[:, -1:])[:, :-1]  # the last code ends at one exactly
    bits = edges.shape[1].bit_length()
    table = jnp.pad(edges, ((0, 0), (0, 2**bits - edges.shape[1])), constant_values=2.0)
    code = jnp.zeros_like(row)
    for bit in reversed(range(bits)):
        edge = table.at[row, code + (2**bit - 1)].get(mode="promise_in_bounds")
        code = code + jnp.where(edge <= u, 2**bit, 0)
    return code.astype(u.dtype)
