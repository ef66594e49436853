"""The only file that touches JAX's intermediate representation: which equations hold others, and how to run one."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from jax import Array
from jax.extend import core

# Equations that do nothing but call another jaxpr. Custom rules are lost where a call is followed, so it is only
# followed where a crossbar is inside.
PLAIN_CALLS = ("jit", "pjit", "closed_call", "core_call")
REMAT_CALLS = ("remat", "remat2", "checkpoint")
CUSTOM_CALLS = ("custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr")
CALLS = PLAIN_CALLS + REMAT_CALLS + CUSTOM_CALLS
# Equations whose computation cannot be seen.
OPAQUE = ("pure_callback", "io_callback", "ffi_call")


class Body(NamedTuple):
    """An open jaxpr and the values of its constants."""

    jaxpr: Any
    consts: Sequence[Any]


def body_of(value: Any) -> Body:
    """The body of an open or closed jaxpr found among the parameters of an equation."""
    return Body(value.jaxpr, value.consts) if isinstance(value, core.ClosedJaxpr) else Body(value, ())


def called(eqn: Any) -> Body:
    """The jaxpr that an equation of `CALLS` calls."""
    return body_of(next(eqn.params[name] for name in ("jaxpr", "call_jaxpr", "fun_jaxpr") if name in eqn.params))


def name_of(eqn: Any) -> str:
    """Name of the function that an equation of `CALLS` calls."""
    debug = getattr(called(eqn).jaxpr, "debug_info", None)
    return getattr(debug, "func_name", None) or eqn.primitive.name


def contracts_inside(eqn: Any) -> bool:
    """Whether an equation multiplies matrices or convolves inside, as far as can be seen."""
    return eqn.primitive.name in OPAQUE or any(
        inner.primitive.name in ("dot_general", "conv_general_dilated") or contracts_inside(inner)
        for jaxpr in core.jaxprs_in_params(eqn.params)
        for inner in jaxpr.eqns
    )


def is_literal(atom: Any) -> bool:
    return isinstance(atom, core.Literal)


def run(eqn: Any, jaxpr: Any, values: Sequence[Array]) -> list[Any]:
    """Evaluate one equation of `jaxpr`; values of dropped outputs come back too."""
    invars = list(dict.fromkeys(atom for atom in eqn.invars if not is_literal(atom)))
    kept = [var for var in eqn.outvars if not isinstance(var, core.DropVar)]
    alone = jaxpr.replace(constvars=[], invars=invars, outvars=kept, eqns=[eqn], effects=eqn.effects)
    by_var = {atom: value for atom, value in zip(eqn.invars, values, strict=True) if not is_literal(atom)}
    results = iter(core.jaxpr_as_fun(core.ClosedJaxpr(alone, ()))(*(by_var[var] for var in invars)))
    return [None if isinstance(var, core.DropVar) else next(results) for var in eqn.outvars]


def write(env: dict, outvars: Sequence[Any], values: Sequence[Any]) -> None:
    """Bind the outputs of an equation."""
    for var, value in zip(outvars, values, strict=True):
        if not isinstance(var, core.DropVar):
            env[var] = value


def look_up(env: dict, atom: Any) -> Any:
    """The value of an input of an equation."""
    return atom.val if is_literal(atom) else env[atom]


def run_body(body: Body, values: Sequence[Array]) -> list[Array]:
    """Evaluate a whole jaxpr."""
    return core.jaxpr_as_fun(core.ClosedJaxpr(body.jaxpr, body.consts))(*values)
