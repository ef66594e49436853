"""A derivative that is known from right to left alone: a linear map with a transpose and no value of its own.

`jax.custom_vjp` says the same, but loses the derivatives by all that it is not told of, and its error names nothing.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import jax
from jax import Array
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir


def reverse_only(f: Callable, gradient: Callable, refusal: str, x: Array, operands: Any) -> Array:
    """f(x, operands), whose gradient by `x` is gradient(gradient by the result, operands).

    Gradients by the operands, and further derivatives of gradients, are those of the two functions.

    Args:
        f, gradient: closed over nothing that is traced.
        refusal: message of the TypeError that forward mode raises.
        x: an array.
        operands: a pytree of arrays.
    """
    read = jax.custom_jvp(f)

    @read.defjvp
    def _(primals, tangents):
        x, operands = primals
        result, tangent = jax.jvp(partial(f, x), (operands,), tangents[1:])
        leaves, structure = jax.tree.flatten(operands)
        back = lambda errors, *leaves: gradient(errors, jax.tree.unflatten(structure, leaves))
        return result, _link.bind(tangent, tangents[0], *leaves, back=back, refusal=refusal)

    return read(x, operands)


# (y, x, *operands) -> y + (a map of x, linear, whose transpose is `back`)
_link = Primitive("reverse_only")


def _refuse(*_: Any, refusal: str, **__: Any) -> NoReturn:
    raise TypeError(refusal)


def _transpose(cotangent: Array, y: Any, x: Any, *operands: Array, back: Callable, refusal: str) -> list[Any]:
    by_y = cotangent if ad.is_undefined_primal(y) else None
    by_x = back(cotangent, *operands) if ad.is_undefined_primal(x) else None
    return [by_y, by_x, *[None] * len(operands)]


def _batch(args: tuple, axes: tuple, *, back: Callable, refusal: str) -> tuple[Array, int]:
    size = next(a.shape[axis] for a, axis in zip(args, axes, strict=True) if axis is not None)
    y, x = (batching.bdim_at_front(a, axis, size) for a, axis in zip(args[:2], axes[:2], strict=True))
    every = jax.vmap(back, (0, *axes[2:]), axis_size=size)
    return _link.bind(y, x, *args[2:], back=every, refusal=refusal), 0


_link.def_impl(_refuse)
_link.def_abstract_eval(lambda y, *_, **__: ShapedArray(y.shape, y.dtype))
mlir.register_lowering(_link, lambda context, *_, **parameters: _refuse(**parameters))
ad.primitive_jvps[_link] = lambda primals, tangents, **parameters: _refuse(**parameters)
ad.primitive_transposes[_link] = _transpose
batching.primitive_batchers[_link] = _batch
