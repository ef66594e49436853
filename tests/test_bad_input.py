"""Whatever is put in for an argument: an error of memjax that names it, or a finite result. Nothing else.

The values are generated: each example takes one argument of the public surface (tests/surface.py) and one value from
the kinds that users and programs hand in by mistake. `pytest -m slow tests/test_bad_input.py` tries all of them.
"""

import datetime
import pathlib
import traceback

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from surface import Call, functions, specs

import memjax as mj

ROOT = str(pathlib.Path(mj.__file__).parent)
# No argument of the surface may be any of these.
NEVER = {
    "complex": 1.0 + 1.0j,
    "complex array": np.array([1j, 2.0]),
    "bytes": b"1",
    "object": object(),
    "object array": np.array([object()]),
    "text array": np.array(["a"]),
    "empty array": np.zeros(0),
    "set": {1.0},
    "date": datetime.date(2022, 1, 1),
    "huge integer": 10**400,
    "NaN": float("nan"),
    "minus infinity": -float("inf"),
    "class": int,
    "NaN array": np.array([1.0, np.nan]),
}
# Of some arguments these are good values.
SOMETIMES = {
    "text": "x",
    "None": None,
    "True": True,
    "negative": -1.0,
    "zero": 0,
    "fraction": 1.5,
    "infinity": float("inf"),
    "beyond float32": 1e39,
    "list": [1.0, 2.0],
    "tuple": (),
    "dict": {},
    "vector": np.ones(3),
    "matrix": np.ones((2, 3)),
    "four axes": np.ones((2, 2, 2, 2)),
    "key": jax.random.key(1),
    "spec": mj.Cell(),
    "2**70": 2**70,
}
# Good after all: a class is a function of one argument, and a batch is no larger than the sweep.
GOOD = {
    ("crossbarify", "select", "class"),
    ("reliability.choose_rows", "score", "class"),
    ("simulate", "voltage", "class"),
    ("study.accuracy", "then", "class"),
    ("study.train", "progress", "class"),
    ("sweep", "batch_size", "huge integer"),
    ("training.coincidence", "rate", "class"),
}
# Passed on to the function of the user, which is the one to complain, or the name of a class of an optional package.
OWN = {"params", "x", "data", "fn", "component"}


def outcome(call: Call, name: str, value) -> str:
    """What a call with one argument replaced comes to: "clear", "finite", or what is wrong with it."""
    try:
        result = call.fn(**{**call.arguments, name: value})
        leaves = [leaf for leaf in jax.tree.leaves(result) if isinstance(leaf, jax.Array | np.ndarray)]
        numbers = [np.asarray(leaf) for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.floating)]
    except (TypeError, ValueError) as error:
        if traceback.extract_tb(error.__traceback__)[-1].filename.startswith(ROOT) and name in str(error):
            return "clear" if len(str(error)) < 500 else f"an error of {len(str(error))} characters"
        return f"obscure: {type(error).__name__}: {str(error)[:200]}"
    except Exception as error:
        return f"obscure: {type(error).__name__}: {str(error)[:200]}"
    return "finite" if all(np.isfinite(number).all() for number in numbers) else "not finite"


def fields(call: Call) -> list[str]:
    """Fields of a specification that have a rule for their values."""
    made = call.fn(**call.arguments)
    return [field for field in mj.spec.ruled_fields(made) if (type(made).__name__, field) != ("DevicePulse", "spread")]


SPECS = [(call, name) for call in specs() for name in fields(call)]
FUNCTIONS = [(call, name) for call in functions() for name in call.arguments]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from(SPECS), st.sampled_from(sorted(NEVER)))
def test_field(where, kind):
    call, name = where
    assert outcome(call, name, NEVER[kind]) == "clear", f"{call.name}({name}={kind})"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from([where for where in FUNCTIONS if where[1] not in OWN]), st.sampled_from(sorted(NEVER)))
def test_argument(where, kind):
    call, name = where
    if (call.name, name, kind) not in GOOD:
        assert outcome(call, name, NEVER[kind]) == "clear", f"{call.name}({name}={kind})"


@pytest.mark.slow
@pytest.mark.parametrize("call", list(specs()), ids=lambda call: call.name)
def test_every_field(call):
    bad = {(name, kind): outcome(call, name, value) for name in fields(call) for kind, value in NEVER.items()}
    assert {where: found for where, found in bad.items() if found != "clear"} == {}
    some = {(name, kind): outcome(call, name, value) for name in fields(call) for kind, value in SOMETIMES.items()}
    assert {where: found for where, found in some.items() if found.startswith("obscure")} == {}


@pytest.mark.slow
@pytest.mark.parametrize("call", functions(), ids=lambda call: call.name)
def test_every_argument(call):
    names = [name for name in call.arguments if name not in OWN]
    bad = {(name, kind): outcome(call, name, value) for name in names for kind, value in NEVER.items()}
    assert {w: found for w, found in bad.items() if found != "clear" and (call.name, *w) not in GOOD} == {}
    some = {(name, kind): outcome(call, name, value) for name in names for kind, value in SOMETIMES.items()}
    assert {where: found for where, found in some.items() if found not in ("clear", "finite")} == {}
