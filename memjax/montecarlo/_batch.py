"""One compiled call: many (point, sample) pairs of the grid at once."""

import hashlib
import inspect
import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
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
    constants: list[Array]
    """Arrays that the function closes over. They are arguments of the program: XLA would compute with constants."""
    outputs: Outputs

    def compile(self) -> Callable:
        """The executable: (key, samples [B], parameters [B, ...]) -> entries [B, ...]."""
        return partial(self.traced.lower().compile(), self.constants)

    def fingerprint(self) -> str:
        """A number for the program and all arrays in it: equal in every process that traces the same code."""
        digest = hashlib.sha256()
        for constant in self.constants:
            _feed_array(constant, digest)
        _feed(self.traced.jaxpr, digest)
        return digest.hexdigest()[:16]


def check_arguments(fn: Callable, grid: Grid) -> None:
    """Raise where `fn` does not take the parameters of the grid, or needs others."""
    names = [name for axis in grid.axes for name in axis.names]
    try:
        inspect.signature(fn).bind(None, **dict.fromkeys(names))
    except TypeError as error:
        wanted = ", ".join(["key", *names])
        raise TypeError(f"fn must take ({wanted}), a key and the parameters of grid: {error}") from error


def trace(fn: Callable, group: Group, key: Array, size: int, mesh: Mesh | None) -> Batch:
    """Trace `size` evaluations at once, spread over the devices of a mesh.

    Raises: TypeError for a function that returns no dict of arrays, or that needs a traced parameter as a number.
    """

    def one(key, sample, parameters):
        result = fn(jax.random.fold_in(key, sample), **group.static, **parameters)
        if not isinstance(result, dict) or not result or not all(isinstance(name, str) for name in result):
            raise TypeError(f"fn must return a dict of scalars or arrays by name, got {result!r}")
        return {name: _numbers(name, value) for name, value in result.items()}

    def batch(key, samples, parameters):
        return jax.vmap(one, (None, 0, 0))(key, samples, parameters)

    parameters = {
        name: jax.ShapeDtypeStruct((size, *value.shape[1:]), jax.dtypes.canonicalize_dtype(value.dtype))
        for name, value in group.traced(np.zeros(1, int)).items()
    }
    samples = jax.ShapeDtypeStruct((size,), np.int32)
    try:
        pure = eqx.filter_closure_convert(batch, key, samples, parameters)
    except TypeError as error:
        # Not all of JAX's errors of this kind have a type of their own.
        if not isinstance(error, jax.errors.ConcretizationTypeError) and "concrete values" not in str(error):
            raise
        raise TypeError(
            f"fn needs one of {sorted(parameters)} as a Python number (in a shape, a range or an if): "
            f"name it in static=(...). {str(error).splitlines()[0]}"
        ) from error
    arrays, rest = eqx.partition(pure, eqx.is_array)
    constants, structure = jax.tree.flatten(arrays)

    def program(constants, key, samples, parameters):
        return eqx.combine(jax.tree.unflatten(structure, constants), rest)(key, samples, parameters)

    if mesh is None:
        jitted = jax.jit(program)
    else:
        spread, same = NamedSharding(mesh, PartitionSpec(mesh.axis_names)), NamedSharding(mesh, PartitionSpec())
        jitted = jax.jit(program, in_shardings=(same, same, spread, spread), out_shardings=spread)
        constants = [place(constant, same) for constant in constants]
    traced = jitted.trace(constants, key, samples, parameters)
    shapes = {name: leaf.shape[1:] for name, leaf in traced.out_info.items()}
    dtypes = {name: np.dtype(leaf.dtype) for name, leaf in traced.out_info.items()}
    return Batch(traced, constants, Outputs(shapes, dtypes))


def _numbers(name: str, value: Any) -> Array:
    """One entry of what the function returns."""
    try:
        array = jnp.asarray(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"fn must return scalars or arrays by name, got {value!r} for {name!r}") from error
    if is_key(array):
        raise TypeError(f"fn must return scalars or arrays by name, got PRNG keys for {name!r}")
    return array


def is_key(value: Any) -> bool:
    """Whether something is an array of PRNG keys."""
    return isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)


def place(value: Any, sharding: NamedSharding) -> Array:
    """An array on the devices of a mesh, of which each process holds its own part."""
    if is_key(value):
        data = place(jax.random.key_data(value), sharding)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(value))
    host = np.asarray(value)
    return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])


def _feed_array(value: Any, digest) -> None:
    array = np.asarray(jax.random.key_data(value) if is_key(value) else value)
    digest.update(f"{array.dtype}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).tobytes())


def _feed(closed, digest) -> None:
    """Text of a jaxpr, without addresses of Python objects, and the bytes of its constants at any depth."""
    digest.update(re.sub(r"0x[0-9a-f]+", "", str(closed.jaxpr)).encode())
    stack = [closed]
    while stack:
        now = stack.pop()
        for constant in now.consts:
            _feed_array(constant, digest)
        for eqn in now.jaxpr.eqns:
            for value in eqn.params.values():
                inner = value if isinstance(value, tuple | list) else (value,)
                stack += [each for each in inner if hasattr(each, "consts") and hasattr(each, "jaxpr")]
