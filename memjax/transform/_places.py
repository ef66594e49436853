"""Where the elements of matrices come from: found by sending numbers through the program that makes them."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

# The numbers are sent as two digits that every kind of float holds exactly enough to be told apart.
_DIGIT = 4096


class Place(NamedTuple):
    """A matrix that is one source as it stands, at most transposed or reshaped.

    Attributes:
        source: which of the sources.
        order: for each element of the matrix its place in the source, [*leading, K, N].
    """

    source: int
    order: np.ndarray


def places(make: Callable[[list[Array]], dict[str, Array]], sources: Sequence[Any]) -> dict[str, Place | None]:
    """For each matrix that `make` makes of the sources the one that it is, or None where it is more than that."""
    sizes = [int(np.size(source)) for source in sources]
    starts = np.cumsum([1, *sizes])  # zero is nobody's number
    numbers = [
        np.arange(start, start + size).reshape(np.shape(source))
        for start, size, source in zip(starts, sizes, sources, strict=False)
    ]
    with jax.ensure_compile_time_eval():
        low, high = (
            make([jnp.asarray(digit, source.dtype) for digit, source in zip(digits, sources, strict=True)])
            for digits in ([n % _DIGIT for n in numbers], [n // _DIGIT for n in numbers])
        )
        whole = {name: np.asarray(high[name], np.float64) * _DIGIT + np.asarray(low[name], np.float64) for name in low}
    return {name: _place(value, starts) for name, value in whole.items()}


def _place(value: np.ndarray, starts: np.ndarray) -> Place | None:
    found = np.rint(np.nan_to_num(value, nan=-1.0, posinf=-1.0, neginf=-1.0)).astype(int)
    source = int(np.searchsorted(starts, found.min(), side="right")) - 1
    if found.min() < 1 or source + 1 >= len(starts):
        return None
    size = starts[source + 1] - starts[source]
    order = found - starts[source]
    if order.size != size or not np.array_equal(np.sort(order, axis=None), np.arange(size)):
        return None
    return Place(source, order)
