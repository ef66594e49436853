"""Scales and middles of the weights of whole matrices, before these are cut into tiles."""

from collections.abc import Callable
from functools import partial

import jax
from jax import Array, lax

from memjax.crossbar._hardware import Hardware
from memjax.mapping import weight_middle, weight_scale


@jax.jit
def percentiles(hardware: Hardware, matrices: dict[str, Array]) -> dict[str, Array]:
    """`weight_scale` of every stack of matrices, [*leading, N]."""
    hardware, matrices = lax.optimization_barrier((hardware, matrices))
    return {name: _of_stack(partial(weight_scale, hardware.mapping), matrix) for name, matrix in matrices.items()}


@jax.jit
def about_middles(hardware: Hardware, matrices: dict[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
    """Stacks of matrices about the middles of their weights, and these, [*leading, N]."""
    hardware, matrices = lax.optimization_barrier((hardware, matrices))
    middles = {name: _of_stack(partial(weight_middle, hardware.mapping), matrix) for name, matrix in matrices.items()}
    return {name: matrix - middles[name][..., None, :] for name, matrix in matrices.items()}, middles


def _of_stack(f: Callable[[Array], Array], matrix: Array) -> Array:
    """f(matrix) over the leading axes of a stack."""
    for _ in matrix.shape[:-2]:
        f = jax.vmap(f)
    return f(matrix)
