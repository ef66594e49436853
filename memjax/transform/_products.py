"""Which equations multiply data with a weight as a matrix product, and how each of them is one.

A product that JAX writes in another form (experts by `ragged_dot`, a sparse matrix) is a plain one between a step
before and a step after.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.experimental import sparse

from memjax.contraction import Convolution, Dot
from memjax.transform._provenance import Data, Source, Weight

Contraction = Dot | Convolution

# Primitives that add up products over an axis.
_DENSE = ("dot_general", "conv_general_dilated", "ragged_dot_general", "triangular_solve")
CONTRACTING = (*_DENSE, "bcoo_dot_general", "bcsr_dot_general")


class Product(NamedTuple):
    """A matrix product of data and a weight.

    Attributes:
        contraction: the plain product.
        operands: the operands that make the weight.
        macs: multiply-accumulates of the digital op.
        weight: operands of the equation -> the weight of the plain product.
        data: operands of the equation -> its data.
        result: (result of the plain product, operands) -> result of the equation.
    """

    contraction: Contraction
    operands: tuple[int, ...]
    macs: int
    weight: Callable[[list[Any]], Array]
    data: Callable[[list[Any]], Array]
    result: Callable[[Array, list[Any]], Array]


def product_of(eqn: Any, sources: list[Source]) -> Product | str | None:
    """The product that an equation is, why it is one that no crossbar computes, or None where it is none."""
    rule = _RULES.get(eqn.primitive.name)
    if rule is None:
        return None
    kinds = [atom.aval.dtype for atom in eqn.invars]
    if not all(jnp.issubdtype(kind, jnp.floating) or jnp.issubdtype(kind, jnp.integer) for kind in kinds):
        return f"`{eqn.primitive.name}` of {' and '.join(map(str, kinds))} numbers, which cells do not hold"
    return rule(eqn, sources)


def multiplications(eqn: Any) -> int:
    """Multiply-accumulates of a contracting equation."""
    p, name = eqn.params, eqn.primitive.name
    shapes = [atom.aval.shape for atom in eqn.invars]
    if name == "dot_general":
        return _dot_macs(shapes[0], shapes[1], p["dimension_numbers"])
    if name == "ragged_dot_general":
        rows, (_, inner, width) = math.prod(shapes[0]), shapes[1][-3:] if len(shapes[1]) >= 3 else (1, 1, 1)
        return rows * width if len(shapes[1]) >= 3 else rows * inner
    if name in _SPARSE:
        return _dot_macs(p["lhs_spinfo"].shape, shapes[-1], p["dimension_numbers"])
    if name == "triangular_solve":
        return math.prod(shapes[1]) * shapes[0][-1] // 2
    outputs = shapes[1][p["dimension_numbers"].rhs_spec[0]]
    return math.prod(eqn.outvars[0].aval.shape) * math.prod(shapes[1]) // outputs


def _dot_macs(first: tuple[int, ...], second: tuple[int, ...], numbers: Any) -> int:
    (_, contract), (_, batch) = numbers
    return math.prod(first) * math.prod(n for a, n in enumerate(second) if a not in contract and a not in batch)


def _plain(contraction: Contraction, operand: int, macs: int) -> Product:
    """An equation of two operands that is the plain product itself."""
    data = 1 - operand
    return Product(contraction, (operand,), macs, lambda v: v[operand], lambda v: v[data], lambda y, v: y)


def _dot(eqn: Any, sources: list[Source]) -> Product | str:
    operand = 0 if isinstance(sources[0], Weight) else 1
    contract, batch = eqn.params["dimension_numbers"]
    if not contract[0]:
        return "`dot_general` in a form that no crossbar computes (an outer product)"
    weight, data = (eqn.invars[i].aval.shape for i in (operand, 1 - operand))
    contraction = Dot(
        tuple(data),
        tuple(weight),
        tuple(contract[1 - operand]),
        tuple(contract[operand]),
        tuple(batch[1 - operand]),
        tuple(batch[operand]),
        operand == 0,
        _uniform(sources[operand], weight, contract[operand]),
    )
    return _plain(contraction, operand, contraction.macs)


def _uniform(source: Source, shape: tuple[int, ...], contract: Any) -> tuple[int, ...]:
    """Axes of a weight that need no cells of their own."""
    assert isinstance(source, Weight)
    same = {axis for axis, size in enumerate(shape) if size == 1} | source.uniform
    return tuple(sorted(same - set(contract)))


def _convolution(eqn: Any, sources: list[Source]) -> Product | str:
    p, (data, weight) = eqn.params, (atom.aval.shape for atom in eqn.invars)
    if isinstance(sources[0], Weight):
        return "`conv_general_dilated` whose kernel is data"
    if p["batch_group_count"] != 1:
        return "`conv_general_dilated` with groups along its batch"
    numbers = p["dimension_numbers"]
    contraction = Convolution(
        data,
        weight,
        tuple(numbers.lhs_spec),
        tuple(numbers.rhs_spec),
        tuple(numbers.out_spec),
        tuple(p["window_strides"]),
        tuple(map(tuple, p["padding"])),
        tuple(p["lhs_dilation"]),
        tuple(p["rhs_dilation"]),
        p["feature_group_count"],
    )
    return _plain(contraction, 1, multiplications(eqn))


def _ragged(eqn: Any, sources: list[Source]) -> Product | str:
    """Rows in groups, each with a matrix of its own: every matrix reads all rows, those of others at zero volts."""
    numbers = eqn.params["ragged_dot_dimension_numbers"]
    form = (numbers.dot_dimension_numbers, tuple(numbers.lhs_ragged_dimensions), tuple(numbers.rhs_group_dimensions))
    if not isinstance(sources[1], Weight) or not isinstance(sources[0], Data):
        return "`ragged_dot` whose groups of matrices are data"
    if form != ((((1,), (1,)), ((), ())), (0,), (0,)):
        return f"`ragged_dot` in the form {form}"
    (rows, inner), (groups, _, width) = (atom.aval.shape for atom in eqn.invars[:2])
    contraction = Dot((groups, rows, inner), (groups, inner, width), (2,), (1,), (0,), (0,))

    def member(sizes: Array) -> Array:
        end = jnp.cumsum(sizes)
        row = jnp.arange(rows)
        return ((row >= (end - sizes)[:, None]) & (row < end[:, None]))[..., None]

    def data(values):
        return jnp.where(member(values[2]), values[0], jnp.zeros((), values[0].dtype))

    def result(y, values):
        return jnp.sum(jnp.where(member(values[2]), y, jnp.zeros((), y.dtype)), axis=0)

    return Product(contraction, (1,), rows * inner * width, lambda v: v[1], data, result)


# Products with a sparse matrix: its kind.
_SPARSE = {"bcoo_dot_general": sparse.BCOO, "bcsr_dot_general": sparse.BCSR}


def _sparse(eqn: Any, sources: list[Source]) -> Product | str:
    """A sparse matrix: the absent elements are cells at their lowest weight."""
    kind, parts = _SPARSE[eqn.primitive.name], [source for source in sources[:-1] if isinstance(source, Weight)]
    if len(parts) < len(sources) - 1:
        return f"`{eqn.primitive.name}` whose sparse matrix is data"
    (contract, other), (batch, other_batch) = eqn.params["dimension_numbers"]
    shape, data = tuple(eqn.params["lhs_spinfo"].shape), eqn.invars[-1].aval.shape
    # Where the numbers of batch axes are equal in all parts, a batch axis of the matrix is one of each part.
    same = frozenset.intersection(*(part.uniform for part in parts)) & frozenset(batch)
    contraction = Dot(
        tuple(data),
        shape,
        tuple(other),
        tuple(contract),
        tuple(other_batch),
        tuple(batch),
        weight_first=True,
        uniform=tuple(sorted(same)),
    )

    def dense(values):
        return kind(tuple(values[:-1]), shape=shape).todense()

    return Product(contraction, tuple(range(len(parts))), contraction.macs, dense, lambda v: v[-1], lambda y, v: y)


_RULES: dict[str, Callable[[Any, list[Source]], Product | str]] = {
    "dot_general": _dot,
    "conv_general_dilated": _convolution,
    "ragged_dot_general": _ragged,
    **dict.fromkeys(_SPARSE, _sparse),
}
