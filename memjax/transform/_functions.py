"""Which equations are activations: a curved function of every number of the data by itself."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from memjax.transform import _jaxpr as ir
from memjax.transform._provenance import Data, Source, Weight
from memjax.transform._uniform import ELEMENTWISE

_ALONE_NAMES = "tanh logistic erf erfc sin cos max min clamp"
_CURVED_NAMES = "abs exp exp2 expm1 log log1p tan sqrt rsqrt pow integer_pow square sign floor round ceil gt ge lt le"
# What is an activation as one equation. Others by themselves belong to softmax, norms and masks; they make an
# activation of a call of nothing but elementwise equations.
_ALONE = frozenset(_ALONE_NAMES.split())
_CURVED = _ALONE | frozenset(_CURVED_NAMES.split())
_INSIDE = ELEMENTWISE | _CURVED | frozenset((*ir.CALLS, "broadcast_in_dim"))


class Function(NamedTuple):
    """An activation of a program.

    Attributes:
        name: that of the call or the primitive, with a number.
        operand: which operand is the data; all others are constants.
    """

    name: str
    operand: int


def function_of(eqn: Any, sources: list[Source]) -> tuple[str, int] | None:
    """(name, operand that is data) of an equation that is an activation, else None."""
    data = [i for i, source in enumerate(sources) if isinstance(source, Data)]
    if len(data) != 1 or len(eqn.outvars) != 1 or not _is_curved(eqn):
        return None
    x, y = eqn.invars[data[0]].aval, eqn.outvars[0].aval
    pairs = zip(sources, eqn.invars, strict=True)
    constant = all(_is_number(s, atom) for s, atom in pairs if isinstance(s, Weight))
    if x.shape != y.shape or not constant or not all(jnp.issubdtype(a.dtype, jnp.floating) for a in (x, y)):
        return None
    return ir.Call.of(eqn).name if eqn.primitive.name in ir.CALLS else eqn.primitive.name, data[0]


def _is_curved(eqn: Any) -> bool:
    name = eqn.primitive.name
    if name not in ir.CALLS:
        return name in _ALONE
    inside = ir.primitives_inside(eqn)
    return inside <= _INSIDE and not inside.isdisjoint(_CURVED)


def _is_number(weight: Weight, atom: Any) -> bool:
    """Whether a weight is one finite constant, perhaps broadcast (the largest of data and -inf is the data)."""
    same = all(size == 1 or axis in weight.uniform for axis, size in enumerate(atom.aval.shape))
    return same and weight.constant is not None and bool(np.all(np.isfinite(weight.constant.value)))
