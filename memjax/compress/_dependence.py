"""Which axes of the parameters of a program are the same channels, and what does not depend on its data.

The program is evaluated equation by equation on three things at once: the factors of every axis (`_axes`), which are
united where arrays meet; the value of every element that does not depend on data; and which elements do. What is not
known here keeps all its channels.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax.compress._axes import Axis, axis, pin, regrouped, unite

# Why positions of images and kernels stay.
SPACE = "a convolution runs over it"


@dataclass(eq=False)
class Value:
    """An array of the program.

    Attributes:
        axes: the factors of each axis.
        known: its elements where they do not depend on data, zero elsewhere.
        unknown: where they do.
        origin: the parameter that it is as it stands, if any.
        site: the product that it is the result of, if any.
        fixed: whether it is computed from parameters and constants alone.
    """

    axes: tuple[Axis, ...]
    known: Array
    unknown: Array
    origin: str | None = None
    site: "Site | None" = None
    fixed: bool = False


@dataclass(eq=False)
class Site:
    """A contraction: `pairs` of axes (of the left operand, of the right one) are summed over.

    `weight` are the names of the operands that are parameters; `features` is the axis of the result that a bias is
    added along.
    """

    evaluate: Callable[[Any, Any], Array]
    operands: tuple[tuple[Axis, ...], tuple[Axis, ...]]
    pairs: list[tuple[int, int]]
    features: int | None
    weight: tuple[str | None, str | None]
    # (parameter added to the result, sign); the result of one that is used in several places can absorb nothing.
    bias: tuple[str, float] | None = None
    uses: int = 0


@dataclass
class Tape:
    """What is noted on the way."""

    sites: list[Site] = field(default_factory=list)
    seen: list[tuple] = field(default_factory=list)
    uses: Counter = field(default_factory=Counter)


def evaluate(tape: Tape, jaxpr: Any, consts: Sequence[Any], arguments: Sequence[Value]) -> list[Value]:
    """The results of a program; products are noted on the tape."""
    values = dict(zip(jaxpr.invars, arguments, strict=True))
    values |= {var: constant(const) for var, const in zip(jaxpr.constvars, consts, strict=True)}
    read = lambda atom: constant(atom.val) if hasattr(atom, "val") else values[atom]
    for eqn in jaxpr.eqns:
        inputs = [read(atom) for atom in eqn.invars]
        values |= dict(zip(eqn.outvars, _apply(tape, eqn, inputs), strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def constant(value: Any, name: str | None = None) -> Value:
    """A value that is known: a parameter, with its name, or a constant of the program."""
    shape = jnp.shape(value)
    return Value(tuple(map(axis, shape)), value, jnp.zeros(shape, bool), name, fixed=True)


def data(value: Any) -> Value:
    """An input of the program."""
    shape = jnp.shape(value)
    axes = tuple(axis(size, "it is an axis of the input") for size in shape)
    return Value(axes, jnp.zeros(shape, value.dtype), jnp.ones(shape, bool))


def use(tape: Tape, value: Value, reshaped: bool = False) -> None:
    """Note that something is computed with a value; a parameter that is reshaped is still itself."""
    tape.uses[value.origin] += not reshaped
    if value.site is not None:
        value.site.uses += 1


def _apply(tape: Tape, eqn: Any, inputs: list[Value]) -> list[Value]:
    name = eqn.primitive.name
    if name in _CALLS:
        inner = next(eqn.params[part] for part in ("call_jaxpr", "jaxpr", "fun_jaxpr") if part in eqn.params)
        jaxpr, consts = (inner.jaxpr, inner.consts) if hasattr(inner, "jaxpr") else (inner, ())
        return evaluate(tape, jaxpr, consts, inputs)
    for value in inputs:
        use(tape, value, name in _SHAPES)
    rule = _RULES.get(name, _elementwise if name in _ELEMENTWISE else _opaque)
    found = rule(tape, eqn, *inputs)
    results = found if isinstance(found, list) else [found]
    for result in results:
        result.fixed = all(value.fixed for value in inputs)
    return results


def _bind(eqn: Any, *values: Any) -> Any:
    return eqn.primitive.bind(*values, **eqn.params)


def _made(axes: Sequence[Axis], known: Array, unknown: Array, **more: Any) -> Value:
    return Value(tuple(axes), jnp.where(unknown, jnp.zeros((), known.dtype), known), unknown, **more)


def _opaque(tape: Tape, eqn: Any, *inputs: Value) -> list[Value]:
    """Anything else: all its axes stay as they are."""
    why = f"{eqn.primitive.name} is not followed"
    for value in inputs:
        for one in value.axes:
            pin(one, why)
    found = _bind(eqn, *(value.known for value in inputs))
    unknown = reduce(or_, map(jnp.any, (value.unknown for value in inputs)), jnp.zeros((), bool))
    results = found if eqn.primitive.multiple_results else [found]
    axes = [tuple(axis(n, why) for n in jnp.shape(result)) for result in results]
    return [Value(one, r, jnp.broadcast_to(unknown, jnp.shape(r))) for one, r in zip(axes, results, strict=True)]


def _elementwise(tape: Tape, eqn: Any, *inputs: Value) -> Value:
    shape = eqn.outvars[0].aval.shape
    axes = []
    for dim, size in enumerate(shape):
        full = [value.axes[dim] for value in inputs if value.axes and value.known.shape[dim] == size]
        for other in full[1:]:
            unite(full[0], other)
        axes.append(full[0])
    known = _bind(eqn, *(value.known for value in inputs))
    unknown = reduce(or_, (jnp.broadcast_to(value.unknown, shape) for value in inputs))
    if eqn.primitive.name == "mul":  # nothing times zero is unknown
        for value in inputs:
            unknown &= jnp.broadcast_to(value.unknown | (value.known != 0), shape)
    _note_bias(tape, eqn, inputs)
    return _made(axes, known, unknown)


def _note_bias(tape: Tape, eqn: Any, inputs: Sequence[Value]) -> None:
    """A parameter added to, or taken off, the result of a product, along its features."""
    name = eqn.primitive.name
    orders = {"add": [inputs, inputs[::-1]], "sub": [inputs]}.get(name, [])
    for result, bias in orders:
        if result.site is None or result.site.features is None or bias.origin is None or not bias.axes:
            continue
        if bias.known.size == bias.known.shape[result.site.features]:
            result.site.bias = bias.origin, 1.0 if name == "add" else -1.0


def _reshape(tape: Tape, eqn: Any, x: Value) -> Value:
    axes = regrouped(x.axes, eqn.params["new_sizes"])
    return Value(axes, _bind(eqn, x.known), _bind(eqn, x.unknown), x.origin)


def _transpose(tape: Tape, eqn: Any, x: Value) -> Value:
    axes = tuple(x.axes[dim] for dim in eqn.params["permutation"])
    return Value(axes, _bind(eqn, x.known), _bind(eqn, x.unknown))


def _squeeze(tape: Tape, eqn: Any, x: Value) -> Value:
    axes = tuple(one for dim, one in enumerate(x.axes) if dim not in eqn.params["dimensions"])
    return Value(axes, _bind(eqn, x.known), _bind(eqn, x.unknown), x.origin)


def _broadcast(tape: Tape, eqn: Any, x: Value, *sizes: Value) -> Value:
    shape, dims = eqn.params["shape"], eqn.params["broadcast_dimensions"]
    axes = [axis(size) for size in shape]
    for own, dim in enumerate(dims):
        if x.known.shape[own] == shape[dim]:
            axes[dim] = x.axes[own]
    same = x.origin if math.prod(shape) == x.known.size else None
    return Value(tuple(axes), _bind(eqn, x.known), _bind(eqn, x.unknown), same)


def _moved(tape: Tape, eqn: Any, *inputs: Value) -> Value:
    """Parts of arrays side by side: axes that they are whole along stay."""
    arrays = [value for value in inputs if value.axes]
    touched = _TOUCHED[eqn.primitive.name](eqn, arrays[0].known.shape)
    why = f"{eqn.primitive.name} runs along it"
    axes = []
    for dim, size in enumerate(eqn.outvars[0].aval.shape):
        for value in arrays:
            if dim in touched:
                pin(value.axes[dim], why)
            else:
                unite(arrays[0].axes[dim], value.axes[dim])
        axes.append(axis(size, why) if dim in touched else arrays[0].axes[dim])
    merged = (_bind(eqn, *(getattr(value, part) for value in inputs)) for part in ("known", "unknown"))
    return Value(tuple(axes), *merged)


def _reduce(tape: Tape, eqn: Any, x: Value) -> Value:
    dims = eqn.params["axes"]
    for dim in dims:
        pin(x.axes[dim], f"{eqn.primitive.name} runs over it")
    axes = [one for dim, one in enumerate(x.axes) if dim not in dims]
    return _made(axes, _bind(eqn, x.known), jnp.any(x.unknown, axis=dims))


def _window(tape: Tape, eqn: Any, x: Value) -> Value:
    found = eqn.params
    axes = []
    whole = zip(
        x.axes,
        found["window_dimensions"],
        found["window_strides"],
        found["padding"],
        found["base_dilation"],
        strict=True,
    )
    shape = eqn.outvars[0].aval.shape
    for (one, *rest), size in zip(whole, shape, strict=True):
        alone = rest == [1, 1, (0, 0), 1]
        if not alone:
            pin(one, "a window runs over it")
        axes.append(one if alone else axis(size, "a window runs over it"))
    meets = _bind(eqn, x.unknown.astype(x.known.dtype)) > 0
    return _made(axes, _bind(eqn, x.known), meets)


def _dot(tape: Tape, eqn: Any, a: Value, b: Value) -> Value:
    (left, right), (left_batch, right_batch) = eqn.params["dimension_numbers"]
    for one, two in zip((*left, *left_batch), (*right, *right_batch), strict=True):
        unite(a.axes[one], b.axes[two])
    free = lambda value, *used: [one for dim, one in enumerate(value.axes) if all(dim not in dims for dims in used)]
    axes = [*(a.axes[dim] for dim in left_batch), *free(a, left, left_batch), *free(b, right, right_batch)]
    features = len(axes) - 1 if len(free(b, right, right_batch)) == 1 else None
    return _product(tape, eqn, a, b, axes, list(zip(left, right, strict=True)), features)


def _convolution(tape: Tape, eqn: Any, a: Value, b: Value) -> Value:
    numbers, groups = eqn.params["dimension_numbers"], eqn.params["feature_group_count"]
    (batch, channels, *space), (outputs, inputs, *kernel) = numbers.lhs_spec, numbers.rhs_spec
    for value, dims in ((a, space), (b, kernel)):
        for dim in dims:
            pin(value.axes[dim], SPACE)
    pairs = []
    if groups == eqn.params["batch_group_count"] == 1:
        unite(a.axes[channels], b.axes[inputs])
        pairs = [(channels, inputs)]
    else:
        for one in (a.axes[batch], a.axes[channels], b.axes[inputs], b.axes[outputs]):
            pin(one, "a convolution in groups is not followed")
    shape = eqn.outvars[0].aval.shape
    axes = [axis(size, SPACE) for size in shape]
    axes[numbers.out_spec[0]], axes[numbers.out_spec[1]] = a.axes[batch], b.axes[outputs]
    return _product(tape, eqn, a, b, axes, pairs, numbers.out_spec[1])


def _product(tape: Tape, eqn: Any, a: Value, b: Value, axes: list, pairs: list, features: int | None) -> Value:
    if not (a.fixed or b.fixed):
        for one, _ in pairs:  # programs scale by the number of channels, as attention does
            pin(a.axes[one], "a product of data with data runs over it")
    site = Site(lambda x, w: _bind(eqn, x, w), (a.axes, b.axes), pairs, features, (a.origin, b.origin))
    tape.sites.append(site)
    tape.seen.append((a.known, a.unknown, b.known, b.unknown))
    size = lambda value: jnp.abs(value.known) + value.unknown
    meets = _bind(eqn, a.unknown.astype(a.known.dtype), size(b)) + _bind(eqn, size(a), b.unknown.astype(b.known.dtype))
    return _made(axes, _bind(eqn, a.known, b.known), meets > 0, site=site)


_CALLS = {"jit", "pjit", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call", "checkpoint", "remat2"}
_SHAPES = {"reshape", "broadcast_in_dim", "squeeze"}
# fmt: off
_ELEMENTWISE = {
    "abs", "add", "and", "atan2", "cbrt", "ceil", "clamp", "convert_element_type", "copy", "cos", "cosh", "div", "eq",
    "erf", "erfc", "exp", "exp2", "expm1", "floor", "ge", "gt", "integer_pow", "is_finite", "le", "log", "log1p",
    "logistic", "lt", "max", "min", "mul", "ne", "neg", "not", "or", "pow", "reduce_precision", "rem", "round",
    "rsqrt", "select_n", "sign", "sin", "sinh", "sqrt", "square", "stop_gradient", "sub", "tan", "tanh", "xor",
}
# fmt: on
# The axes along which parts are taken or put.
_TOUCHED: dict[str, Callable] = {
    "slice": lambda eqn, shape: {d for d, size in enumerate(eqn.outvars[0].aval.shape) if size != shape[d]},
    "pad": lambda eqn, shape: {d for d, config in enumerate(eqn.params["padding_config"]) if config != (0, 0, 0)},
    "concatenate": lambda eqn, shape: {eqn.params["dimension"]},
    "rev": lambda eqn, shape: set(eqn.params["dimensions"]),
}
_RULES: dict[str, Callable] = {
    "reshape": _reshape,
    "transpose": _transpose,
    "squeeze": _squeeze,
    "broadcast_in_dim": _broadcast,
    **dict.fromkeys(_TOUCHED, _moved),
    "reduce_sum": _reduce,
    "reduce_max": _reduce,
    "reduce_min": _reduce,
    "reduce_window_sum": _window,
    "reduce_window_max": _window,
    "dot_general": _dot,
    "conv_general_dilated": _convolution,
}


class Dependence:
    """A function of (parameters, data) analysed once for some shapes; `observe` looks at it for some parameters.

    Attributes:
        axes: the axes of every parameter by name.
        sites: its products.
        uses: how often each parameter is computed with.
    """

    def __init__(self, fn: Callable, params: Any, names: Sequence[str], x: Any):
        closed = jax.make_jaxpr(fn)(params, x)
        tape = Tape()
        self.axes: dict[str, tuple[Axis, ...]] = {}

        def run(leaves):
            own = [constant(leaf, name) for leaf, name in zip(leaves, names, strict=True)]
            self.axes = {name: value.axes for name, value in zip(names, own, strict=True)}
            for result in evaluate(tape, closed.jaxpr, closed.consts, [*own, data(x)]):
                use(tape, result)
                for one in result.axes:
                    pin(one, "it is an axis of the output")
            return tape.seen

        self._run = jax.jit(run).lower(jax.tree.leaves(params)).compile()
        self.sites, self.uses = tape.sites, tape.uses

    def observe(self, params: Any) -> list[tuple[np.ndarray, ...]]:
        """(known, unknown) of both operands of every product."""
        return jax.tree.map(np.asarray, self._run(jax.tree.leaves(params)))
