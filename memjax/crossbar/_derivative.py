"""A value that is known, with the derivatives of a function that is only traced where they are needed."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir


def with_derivatives(value: Array, f: Callable, operands: Any) -> Array:
    """`value`, with the derivatives of f(operands).

    `jax.custom_jvp` says the same, but its rule is lost inside a scan in derivatives of gradients.

    Args:
        value: an array; its own derivatives do not count.
        f: closed over nothing that is traced; its result is like `value`.
        operands: a pytree of arrays.
    """
    leaves, structure = jax.tree.flatten(operands)
    return _derived.bind(value, *leaves, f=lambda *leaves: f(jax.tree.unflatten(structure, leaves)))


_derived = Primitive("with_derivatives")


def _jvp(primals: tuple, tangents: tuple, *, f: Callable) -> tuple[Array, Any]:
    value, *operands = primals
    moving = [i for i, tangent in enumerate(tangents[1:]) if not isinstance(tangent, ad.Zero)]
    result = _derived.bind(value, *operands, f=f)

    if not moving:
        return result, jnp.zeros_like(result)

    def of_moving(*moved):
        every = list(operands)
        for i, operand in zip(moving, moved, strict=True):
            every[i] = operand
        return f(*every)

    directions = tuple(tangents[1 + i] for i in moving)
    return result, jax.jvp(of_moving, tuple(operands[i] for i in moving), directions)[1]


def _batch(args: tuple, axes: tuple, *, f: Callable) -> tuple[Array, int]:
    size = next(a.shape[axis] for a, axis in zip(args, axes, strict=True) if axis is not None)
    value = batching.bdim_at_front(args[0], axes[0], size)
    return _derived.bind(value, *args[1:], f=jax.vmap(f, axes[1:], axis_size=size)), 0


_derived.def_impl(lambda value, *_, f: value)
_derived.def_abstract_eval(lambda value, *_, f: value)
mlir.register_lowering(_derived, lambda context, value, *_, f: [value])
ad.primitive_jvps[_derived] = _jvp
batching.primitive_batchers[_derived] = _batch
