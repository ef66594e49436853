"""One compiled call: many (point, sample) pairs of the grid at once."""

import hashlib
import inspect
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from memjax.montecarlo._grid import Grid, Group


class Outputs(NamedTuple):
    """What the function returns: shape and type of every entry."""

    shapes: dict[str, tuple[int, ...]]
    dtypes: dict[str, np.dtype]


class Batch(NamedTuple):
    """`size` evaluations of the function for one group, traced but not yet compiled."""

    traced: Any
    outputs: Outputs

    def compile(self) -> Callable:
        """The executable: (key, samples [B], parameters [B, ...]) -> entries [B, ...]."""
        return self.traced.lower().compile()

    def fingerprint(self) -> str:
        """A number for the program and all constants in it: equal in every process that traces the same code."""
        digest = hashlib.sha256()
        _feed(self.traced.jaxpr, digest)
        return digest.hexdigest()[:16]


def check_arguments(fn: Callable, grid: Grid) -> None:
    """Raise where `fn` does not take the parameters of the grid, or needs others."""
    names = [name for axis in grid.axes for name in axis.names]
    try:
        inspect.signature(fn).bind(None, **dict.fromkeys(names))
    except TypeError as error:
        raise TypeError(f"fn must take (key, {', '.join(names)}): {error}") from error


def trace(fn: Callable, group: Group, key: Array, size: int, mesh: Mesh | None) -> Batch:
    """Trace `size` evaluations at once, spread over the devices of a mesh.

    Raises: TypeError for a function that returns no dict of arrays, or that needs a traced parameter as a number.
    """

    def one(key, sample, parameters):
        result = fn(jax.random.fold_in(key, sample), **group.static, **parameters)
        if not isinstance(result, dict) or not result or not all(isinstance(name, str) for name in result):
            raise TypeError(f"fn must return a dict of scalars or arrays by name, got {result!r}")
        return {name: jnp.asarray(value) for name, value in result.items()}

    def batch(key, samples, parameters):
        return jax.vmap(one, (None, 0, 0))(key, samples, parameters)

    parameters = {
        name: jax.ShapeDtypeStruct((size, *value.shape[1:]), jax.dtypes.canonicalize_dtype(value.dtype))
        for name, value in group.traced(np.zeros(1, int)).items()
    }
    samples = jax.ShapeDtypeStruct((size,), np.int32)
    if mesh is None:
        jitted = jax.jit(batch)
    else:
        spread, same = (NamedSharding(mesh, PartitionSpec(axes)) for axes in (mesh.axis_names, None))
        jitted = jax.jit(batch, in_shardings=(same, spread, spread), out_shardings=spread)
    try:
        traced = jitted.trace(key, samples, parameters)
    except jax.errors.ConcretizationTypeError as error:
        raise TypeError(
            f"fn needs one of {sorted(parameters)} as a Python number (in a shape, a range or an if): "
            f"name it in static=(...). {str(error).splitlines()[0]}"
        ) from error
    shapes = {name: leaf.shape[1:] for name, leaf in traced.out_info.items()}
    dtypes = {name: np.dtype(leaf.dtype) for name, leaf in traced.out_info.items()}
    return Batch(traced, Outputs(shapes, dtypes))


def is_key(value: Any) -> bool:
    """Whether something is an array of PRNG keys."""
    return isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)


def _feed(closed, digest) -> None:
    """Text of a jaxpr, without addresses of Python objects, and the bytes of its constants at any depth."""
    digest.update(re.sub(r"0x[0-9a-f]+", "", str(closed.jaxpr)).encode())
    stack = [closed]
    while stack:
        now = stack.pop()
        for const in now.consts:
            array = np.asarray(jax.random.key_data(const) if is_key(const) else const)
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        for eqn in now.jaxpr.eqns:
            for value in eqn.params.values():
                inner = value if isinstance(value, tuple | list) else (value,)
                stack += [each for each in inner if hasattr(each, "consts") and hasattr(each, "jaxpr")]
