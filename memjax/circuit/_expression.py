"""A function of scalars, written as an expression for SPICE."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend.core import Literal

_CALLS = ("jit", "pjit", "closed_call", "custom_jvp_call")

# What ngspice calls the elementwise operations of JAX; its condition ? a : b evaluates the branch taken alone.
_FORMS = {
    **{name: f"({{}}{sign}{{}})" for name, sign in {"add": "+", "sub": "-", "mul": "*", "div": "/"}.items()},
    **{name: f"({{}}{sign}{{}})" for name, sign in {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}.items()},
    **{name: f"({{}}{sign}{{}})" for name, sign in {"eq": "==", "ne": "!=", "and": "&&", "or": "||"}.items()},
    **{name: f"{name}({{}})" for name in ("exp", "sqrt", "abs", "sin", "cos", "tan", "asin", "acos", "atan")},
    **{name: f"{name}({{}})" for name in ("sinh", "cosh", "tanh")},
    **{name: f"{name}({{}},{{}})" for name in ("max", "min", "pow")},
    **dict.fromkeys(("convert_element_type", "copy", "stop_gradient"), "{}"),
    "neg": "(-{})",
    "not": "(!{})",
    "sign": "sgn({})",
    "log": "ln({})",
    "expm1": "(exp({})-1)",
    "log1p": "ln(1+{})",
    "logistic": "(1/(1+exp(-{})))",
    "square": "({0}*{0})",
    "clamp": "min(max({1},{0}),{2})",
    "select_n": "({0}?{2}:{1})",
}


def expression(fn: Callable, *arguments: Any) -> str:
    """`fn` of numbers and symbols (strings), where what depends on numbers alone is one number already.

    Raises: TypeError for a function with loops or with operations that are not elementwise.
    """
    numbers = [0.0 if isinstance(argument, str) else argument for argument in arguments]
    closed = jax.make_jaxpr(fn)(*numbers)
    (result,) = _results(closed, arguments)
    return _text(result)


def _results(closed: Any, arguments: Sequence[Any]) -> list[Any]:
    """The outputs of a jaxpr, numbers or text."""
    jaxpr = closed.jaxpr
    values: dict[Any, Any] = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*closed.consts, *arguments], strict=True))

    def look(atom: Any) -> Any:
        return atom.val if isinstance(atom, Literal) else values[atom]

    for equation in jaxpr.eqns:
        operands = [look(atom) for atom in equation.invars]
        values.update(zip(equation.outvars, _outputs(equation, operands), strict=True))
    return [look(atom) for atom in jaxpr.outvars]


def _outputs(equation: Any, operands: Sequence[Any]) -> Sequence[Any]:
    name = equation.primitive.name
    if name in _CALLS:
        return _results(equation.params.get("jaxpr", equation.params.get("call_jaxpr")), operands)
    if not any(isinstance(operand, str) for operand in operands):
        outputs = equation.primitive.bind(*operands, **equation.params)
        return outputs if equation.primitive.multiple_results else [outputs]
    if name == "integer_pow":
        power = "*".join([_text(operands[0])] * abs(equation.params["y"]))
        return [f"({power})" if equation.params["y"] > 0 else f"(1/({power}))"]
    if name == "pow" and not isinstance(operands[1], str) and float(operands[1]) in (1.0, 2.0):
        # The derivative of pow has a logarithm, which ngspice cannot take at zero.
        return [f"({'*'.join([_text(operands[0])] * int(operands[1]))})"]
    if name not in _FORMS:
        raise TypeError(f"to_spice: the operation {name!r} of a cell's equations has no counterpart in SPICE")
    return [_FORMS[name].format(*map(_text, operands))]


def _text(value: Any) -> str:
    """A number with all its digits, in parentheses where it is negative."""
    if isinstance(value, str):
        return value
    number = float(value)
    return f"({number!r})" if number < 0 else repr(number)
