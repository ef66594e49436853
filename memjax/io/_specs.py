"""Specifications as text: a pytree of dicts, tuples, numbers, arrays and specs as JSON, and back, bit for bit.

Arrays stand apart, by name. A spec is written as the public name of its class and its fields; reading looks names up
in a table of classes, so that nothing in a file is ever run.
"""

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from memjax import _check, circuit, converters, crossbar, devices, effects, mapping, programming, reliability
from memjax.devices import windows

ROOMS = (crossbar, circuit, mapping, converters, effects, programming, devices, windows, reliability)
# What JSON cannot tell apart from something else is an object with one of these words.
ARRAY, DICT, LIST, SPEC = "array", "dict", "list", "spec"
# Types of arrays that a file holds; PRNG keys are none.
INTEGERS = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
STORED = ("bool", *INTEGERS, "bfloat16", "float16", "float32", "float64", "complex64")

Arrays = dict[str, np.ndarray]


def public_specs() -> dict[str, type]:
    """Every class of memjax that a specification can be made of, by name: "mapping.DoubleColumn"."""
    found = {}
    for room in ROOMS:
        for name, value in vars(room).items():
            if inspect.isclass(value) and issubclass(value, eqx.Module) and not inspect.isabstract(value):
                found[f"{room.__name__.removeprefix('memjax.')}.{name}"] = value
    return found


def encode(value: Any, place: str, arrays: Arrays) -> Any:
    """`value` as JSON; its arrays go into `arrays`, named after their `place`.

    Raises: TypeError, naming the place, for what is no dict, tuple, list, spec, number, string, None or array;
        ValueError for traced values.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{place} must have strings as keys, got {_check.shown(key)}")
        return {DICT: {key: encode(part, f"{place}/{key}", arrays) for key, part in value.items()}}
    if type(value) in (tuple, list):
        parts = [encode(part, f"{place}/{index}", arrays) for index, part in enumerate(value)]
        return parts if type(value) is tuple else {LIST: parts}
    if isinstance(value, eqx.Module):
        fields = {name: encode(getattr(value, name), f"{place}/{name}", arrays) for name in _fields(type(value))}
        return {SPEC: _name(type(value)), "fields": fields}
    return _keep(value, place, arrays)


def _keep(value: Any, place: str, arrays: Arrays) -> dict[str, str]:
    """An array or a NumPy number put aside: its name, and what it was."""
    if isinstance(value, Tracer):
        raise ValueError(f"{place} must be a concrete number to be saved, got a traced one: save outside jit and vmap")
    if not isinstance(value, jax.Array | np.ndarray | np.generic):
        raise TypeError(
            f"{place} must be numbers, text, None, a spec or a dict or tuple of these, got {_check.shown(value)}"
        )
    if value.dtype.name not in STORED:
        raise TypeError(f"{place} must be of one of the types {', '.join(STORED)}, got {value.dtype}")
    kind = "scalar" if isinstance(value, np.generic) else "numpy"
    if isinstance(value, jax.Array):
        kind = "weak" if value.weak_type and value.ndim == 0 else "jax"
    name, count = place, 1
    while name in arrays:  # {"a/b": x} beside {"a": {"b": x}}
        count += 1
        name = f"{place}#{count}"
    array = np.asarray(value)
    arrays[name] = np.asarray(array, array.dtype.newbyteorder("="), order="C")
    return {ARRAY: name, "kind": kind}


def decode(text: Any, arrays: Mapping[str, np.ndarray], specs: Mapping[str, type]) -> Any:
    """The value that `encode` wrote, specs made of the classes in `specs`.

    Raises: ValueError for a class that is not in `specs` and for what `encode` cannot have written.
    """
    if isinstance(text, list):
        return tuple(decode(part, arrays, specs) for part in text)
    if not isinstance(text, dict):
        return text
    if DICT in text:
        return {key: decode(part, arrays, specs) for key, part in text[DICT].items()}
    if LIST in text:
        return list(decode(text[LIST], arrays, specs))
    if ARRAY in text:
        return _restored(arrays[text[ARRAY]], text["kind"])
    name = text[SPEC]
    if name not in specs:
        raise ValueError(f"the class {name} is none of memjax: pass specs=({name.rpartition('.')[2]},) if it is yours")
    fields = decode({DICT: text["fields"]}, arrays, specs)
    try:
        return specs[name](**fields)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} cannot be made of its fields {list(fields)}: {error}") from error


def _restored(array: np.ndarray, kind: str) -> Any:
    if kind == "scalar":
        return array[()]
    if kind == "numpy":
        return array
    made = jnp.asarray(array.item()) if kind == "weak" else None
    if made is not None and made.dtype == array.dtype:
        return made
    # A type that JAX does not hold as it is set up (float64) stays in NumPy rather than be rounded.
    return jnp.asarray(array) if jax.dtypes.canonicalize_dtype(array.dtype) == array.dtype else array


def _fields(kind: type) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def _name(kind: type) -> str:
    """Its public name in memjax, else its full name."""
    known = {cls: name for name, cls in public_specs().items()}
    return known.get(kind, qualified(kind))


def qualified(kind: type) -> str:
    """Module and name of a class."""
    return f"{kind.__module__}.{kind.__qualname__}"
