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
        return _random.uniform(_random.fold_name(key, self.name), (columns,), dtype)

    def shift(self, z, y, bits, drawn):
        z = lax.stop_gradient(z)
        below = jnp.cumsum(jnp.asarray(self.matrix, z.dtype), axis=1)
        last = below.shape[0] - 1
        row = jnp.clip(jnp.round(jnp.abs(z)), 0, last).astype(int)
        code = _search(below / below[:, -1:], row, drawn)
        return lax.stop_gradient(jnp.where(z < 0, -code, code)) - z


def _search(below: Array, row: Array, u: Array) -> Array:
    """The first d with below[row, d] > u, by bisection: one look at the table for each bit of d."""
    last = below.shape[1] - 1
    flat, first, code = below.reshape(-1), row * (last + 1), jnp.zeros_like(row)
    for bit in reversed(range(last.bit_length())):
        trial = code + 2**bit
        probed = flat[first + jnp.minimum(trial, last + 1) - 1]
        code = jnp.where((trial <= last) & (probed <= u), trial, code)
    return code.astype(u.dtype)
