"""JAX's intermediate representation: views of the equations that hold programs, and how to run an equation.

Nothing else in the library reads the parameters of an equation, but for the products (`_products.py`) and the axes
(`_uniform.py`).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jax import Array
from jax.extend import core

# Equations that do nothing but call another program.
PLAIN_CALLS = ("jit", "pjit", "closed_call", "core_call", "core_closed_call")
REMAT_CALLS = ("remat", "remat2", "checkpoint")
# Calls with a derivative of their own.
CUSTOM_CALLS = ("custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr", "linear_call", "custom_linear_solve")
CALLS = PLAIN_CALLS + REMAT_CALLS + CUSTOM_CALLS
# Equations whose computation cannot be seen.
OPAQUE = ("pure_callback", "io_callback", "ffi_call", "pallas_call")


class Body(NamedTuple):
    """An open jaxpr and the values of its constants."""

    jaxpr: Any
    consts: Sequence[Any]


def body_of(value: Any) -> Body:
    """The body of an open or closed jaxpr found among the parameters of an equation."""
    return Body(value.jaxpr, value.consts) if isinstance(value, core.ClosedJaxpr) else Body(value, ())


class Call(NamedTuple):
    """A call: its body, and which inputs of the equation are those of the body."""

    body: Body
    operands: Sequence[int]

    @classmethod
    def of(cls, eqn: Any) -> "Call":
        if eqn.primitive.name == "custom_linear_solve":
            return cls._of_solve(eqn)
        name = next(name for name in ("jaxpr", "call_jaxpr", "fun_jaxpr", "callee") if name in eqn.params)
        return cls(body_of(eqn.params[name]), range(len(eqn.invars)))

    @property
    def name(self) -> str:
        """Name of the function that is called, as it was written."""
        return self.body.jaxpr.debug_info.func_name.strip("<>_")

    @classmethod
    def _of_solve(cls, eqn: Any) -> "Call":
        """Constants of matvec, vecmat, solve and transposed solve come first, then the right-hand sides."""
        lengths, body = eqn.params["const_lengths"], body_of(eqn.params["jaxprs"].solve)
        first = lengths.matvec + lengths.vecmat
        sides = sum(n for n in lengths if n)
        return cls(body, [*range(first, first + lengths.solve), *range(sides, len(eqn.invars))])


class Remat(NamedTuple):
    """What `jax.checkpoint` was told."""

    prevent_cse: bool
    policy: Any

    @classmethod
    def of(cls, eqn: Any) -> "Remat":
        return cls(eqn.params["prevent_cse"], eqn.params["policy"])


class Scan(NamedTuple):
    """A loop of known length, whose operands are constants, carries and slices."""

    body: Body
    consts: int
    carries: int
    length: int
    reverse: bool
    unroll: Any

    @classmethod
    def of(cls, eqn: Any) -> "Scan":
        p = eqn.params
        if "ft_in" in p:  # JAX 0.12 and later
            consts, carries = (len(part) for part in p["ft_in"].unpack()[:2])
        else:
            consts, carries = p["num_consts"], p["num_carry"]
        return cls(body_of(p["jaxpr"]), consts, carries, p["length"], p["reverse"], p["unroll"])

    @property
    def outputs(self) -> int:
        """Number of stacked results."""
        return len(self.body.jaxpr.outvars) - self.carries

    def operands(self, values: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
        """(constants, carries, slices)."""
        end = self.consts + self.carries
        return values[: self.consts], values[self.consts : end], values[end:]

    def results(self, values: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """(carries, slices)."""
        return values[: self.carries], values[self.carries :]


class While(NamedTuple):
    """A loop until a condition fails, whose operands are constants of the condition, of the body, and carries."""

    condition: Body
    body: Body
    condition_consts: int
    consts: int

    @classmethod
    def of(cls, eqn: Any) -> "While":
        p = eqn.params
        return cls(body_of(p["cond_jaxpr"]), body_of(p["body_jaxpr"]), p["cond_nconsts"], p["body_nconsts"])

    def operands(self, values: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
        """(constants of the condition, constants of the body, carries)."""
        end = self.condition_consts + self.consts
        return values[: self.condition_consts], values[self.condition_consts : end], values[end:]


class Cond(NamedTuple):
    """One of several branches, picked by the first operand."""

    branches: tuple[Body, ...]

    @classmethod
    def of(cls, eqn: Any) -> "Cond":
        return cls(tuple(map(body_of, eqn.params["branches"])))


def unchanged(body: Body, consts: int, carries: int) -> set[int]:
    """Which carries of a loop every step hands on as they are."""
    jaxpr = body.jaxpr
    return {i for i in range(carries) if jaxpr.outvars[i] is jaxpr.invars[consts + i]}


def parameters_of(eqn: Any) -> Any:
    """The parameters of an equation as something to compare by; what cannot be hashed equals nothing else."""
    try:
        hash(params := tuple(sorted(eqn.params.items())))
    except TypeError:
        return object()
    return params


def primitives_inside(eqn: Any) -> set[str]:
    """Names of all primitives in the programs inside an equation, at any depth."""
    found: set[str] = set()
    for jaxpr in core.jaxprs_in_params(eqn.params):
        for inner in jaxpr.eqns:
            found |= {inner.primitive.name} | primitives_inside(inner)
    return found


def is_literal(atom: Any) -> bool:
    return isinstance(atom, core.Literal)


def constant_of(literal: Any) -> np.ndarray:
    """The value of a literal."""
    return np.asarray(literal.val, literal.aval.dtype)


def run(eqn: Any, jaxpr: Any, values: Sequence[Any]) -> list[Any]:
    """Evaluate one equation of `jaxpr`; outputs that nobody uses come back as None."""
    invars = list(dict.fromkeys(atom for atom in eqn.invars if not is_literal(atom)))
    kept = [var for var in eqn.outvars if not isinstance(var, core.DropVar)]
    alone = jaxpr.replace(constvars=[], invars=invars, outvars=kept, eqns=[eqn], effects=eqn.effects)
    by_var = {atom: value for atom, value in zip(eqn.invars, values, strict=True) if not is_literal(atom)}
    results = iter(core.jaxpr_as_fun(core.ClosedJaxpr(alone, ()))(*(by_var[var] for var in invars)))
    return [None if isinstance(var, core.DropVar) else next(results) for var in eqn.outvars]


def run_body(body: Body, values: Sequence[Array]) -> list[Array]:
    """Evaluate a whole jaxpr."""
    return core.jaxpr_as_fun(core.ClosedJaxpr(body.jaxpr, body.consts))(*values)


def write(env: dict, outvars: Sequence[Any], values: Sequence[Any]) -> None:
    """Bind the outputs of an equation."""
    for var, value in zip(outvars, values, strict=True):
        if not isinstance(var, core.DropVar):
            env[var] = value


def look_up(env: dict, atom: Any) -> Any:
    """The value of an input of an equation."""
    return atom.val if is_literal(atom) else env[atom]
