"""Checks of argument values, made before anything is compiled.

Numbers may be traced (inside `jit`, `vmap` or `grad`); those cannot be looked at, but their type can. Every message
names the argument, the value and the valid range.
"""

import os
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

INT32 = np.iinfo(np.int32)


def shown(value: Any) -> str:
    """A value in an error message: short, and never the contents of an array."""
    if isinstance(value, jax.Array | np.ndarray | jax.ShapeDtypeStruct) and value.shape != ():
        return f"{value.dtype} array of shape {value.shape}"
    if isinstance(value, dict | list | tuple | set) and len(value) > 4:
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, int) and is_huge(value):
        return f"an integer of {int(value.bit_length() * 0.30103) + 1} digits"
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = f"an object of type {type(value).__name__}"
    return text if len(text) <= 100 else f"{text[:97]}..."


def is_number(value: Any) -> bool:
    """Whether a value is a real number or an array of them, of Python, NumPy or JAX, traced or not."""
    if isinstance(value, bool | np.bool_):
        return False
    if isinstance(value, int | float):
        return True
    dtype = getattr(value, "dtype", None)
    if dtype is None or not hasattr(value, "shape"):
        return False
    if not isinstance(value, jax.Array | np.ndarray | np.generic | jax.ShapeDtypeStruct):
        return hasattr(value, "__jax_array__") and is_number(value.__jax_array__())
    return jnp.issubdtype(dtype, jnp.integer) or jnp.issubdtype(dtype, jnp.floating)


def concrete(value: Any) -> np.ndarray | None:
    """The value as a NumPy array of real numbers or truth values, or None where it is traced or is neither."""
    if isinstance(value, list | tuple):
        try:
            value = np.asarray([concrete(element) for element in value])
        except ValueError:
            return None
        return value if value.dtype.kind in "iuf" else None
    truth = isinstance(value, np.ndarray | np.bool_ | jax.Array) and value.dtype == bool
    if not (truth or is_number(value)) or isinstance(value, Tracer | jax.ShapeDtypeStruct):
        return None
    if isinstance(value, int) and not INT32.min <= value <= INT32.max:
        return np.asarray(np.inf if is_huge(value) else float(value))
    if not isinstance(value, jax.Array):
        return np.asarray(value)
    return np.asarray(value) if value.is_fully_addressable else None


def as_leaf(value: Any) -> Any:
    """The number as JAX can trace it: an integer beyond 32 bits becomes a float; all else stays as it is."""
    if isinstance(value, int) and not isinstance(value, bool) and not INT32.min <= value <= INT32.max:
        return value if is_huge(value) else float(value)
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        if array.dtype.kind in "iu" and array.size and (array.min() < INT32.min or array.max() > INT32.max):
            return array.astype(float)
    return value


def is_huge(value: Any) -> bool:
    """Whether a value is a Python integer beyond all floats."""
    return isinstance(value, int) and abs(value) > sys.float_info.max


def real(
    name: str,
    value: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
    unit: str = "1",
    infinite: bool = False,
    whole: bool = False,
) -> None:
    """Raise unless every element of `value` is finite and within the bounds; those of `above` and `below` are out.

    With `infinite`, infinity is as good as a finite number; with `whole`, elements must be integers.
    """
    interval = _interval(low, high, above, below) + ("" if unit == "1" else f" {unit}")
    if not is_number(value):
        raise TypeError(f"{name} must be a number in {interval}, got {shown(value)}")
    if np.size(value) == 0:
        raise ValueError(f"{name} must be a number in {interval}, got an empty array of shape {np.shape(value)}")
    array = concrete(value)
    if array is None:
        return
    with np.errstate(over="ignore"):
        single = array.astype(_precision(array), copy=False)  # as JAX will hold it
    valid = ~np.isnan(single) if infinite and not is_huge(value) else np.isfinite(single)
    for bound, holds in ((low, np.greater_equal), (high, np.less_equal), (above, np.greater), (below, np.less)):
        if bound is not None:
            valid &= holds(array, bound)
            if bound == 0 and holds in (np.greater, np.less):  # what rounds to zero is zero
                valid &= holds(single, bound)
    if not np.all(valid):
        kind = "a number" if infinite else "finite and"
        raise ValueError(f"{name} must be {kind} in {interval}, got {_offence(value, array, valid)}")
    if whole and not np.all(array == np.round(array)):
        raise ValueError(f"{name} must be a whole number in {interval}, got {_offence(value, array, array % 1 == 0)}")


def _precision(array: np.ndarray) -> Any:
    """The floating type of numbers in JAX."""
    floating = jnp.issubdtype(array.dtype, jnp.floating)
    return jax.dtypes.canonicalize_dtype(array.dtype if floating else np.float64)


def _interval(low: float | None, high: float | None, above: float | None, below: float | None) -> str:
    left = f"({above:g}" if above is not None else f"[{-np.inf if low is None else low:g}"
    right = f"{below:g})" if below is not None else f"{np.inf if high is None else high:g}]"
    return f"{left}, {right}"


def _offence(value: Any, array: np.ndarray, valid: np.ndarray) -> str:
    if array.ndim == 0:
        return shown(value) if isinstance(value, int) else str(array[()])
    return f"{array[~valid].flat[0]} in an array of shape {array.shape}"


def array(name: str, value: Any, **bounds: Any) -> jax.Array:
    """Numbers as data: an array of reals, as JAX holds it; also of nested lists and of truth values.

    Raises: TypeError for anything else; ValueError for concrete numbers that are not finite in the precision of JAX or
        outside the bounds (those of `real`).
    """
    try:
        found = value if hasattr(value, "dtype") else np.asarray(value)
        found = jnp.asarray(found) if found.dtype == object and isinstance(value, list | tuple) else found
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be an array of real numbers, got {shown(value)}") from None
    kinds = (jnp.integer, jnp.floating, jnp.bool_)
    if not hasattr(found, "shape") or not any(jnp.issubdtype(found.dtype, kind) for kind in kinds):
        raise TypeError(f"{name} must be an array of real numbers, got {shown(value)}")
    with np.errstate(over="ignore"):
        data = jnp.asarray(as_leaf(found))
    finite(name, data)
    if bounds and data.size:
        real(name, data, **bounds)
    return data


def host(name: str, value: Any) -> np.ndarray:
    """A value as an array of NumPy, whatever is in it."""
    try:
        return np.asarray(value)
    except (TypeError, ValueError):  # keys, traced arrays, ragged lists
        raise TypeError(f"{name} must be an array of known numbers, got {shown(value)}") from None


def scalar(name: str, value: Any, **bounds: Any) -> Any:
    """One real number, as JAX can trace it; bounds as in `real`."""
    real(name, value, **bounds)
    if np.ndim(value):
        raise ValueError(f"{name} must be one number, got shape {np.shape(value)}: use jax.vmap to run over many")
    return as_leaf(value)


def number(
    name: str,
    value: Any,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    open_low: bool = False,
    infinite: bool = False,
) -> None:
    """`real` in [low, high], or in (low, high] with `open_low`."""
    bound = None if low == -np.inf else low
    real(
        name,
        value,
        low=None if open_low else bound,
        above=bound if open_low else None,
        high=None if high == np.inf else high,
        infinite=infinite,
    )


def integer(name: str, value: Any, low: int, high: int) -> None:
    """Raise unless a static `value` is an integer in [low, high]."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer in [{low}, {high}], got {shown(value)}")
    if not low <= value <= high:
        raise ValueError(f"{name} must be in [{low}, {high}], got {shown(value)}")


def shape(name: str, value: Any) -> tuple[int, ...]:
    """The shape of an array, given as a tuple, a list or one integer."""
    found = tuple(value) if isinstance(value, tuple | list) else (value,)
    for size in found:
        integer(name, size, 0, 2**31 - 1)
    return found


def sizes(name: str, value: Any, axes: tuple[str, ...]) -> None:
    """Raise unless `value` is a tuple of a positive integer for each of `axes`."""
    if not isinstance(value, tuple) or len(value) != len(axes) or not all(type(size) is int for size in value):
        raise TypeError(f"{name} must be a tuple ({', '.join(axes)}) of {len(axes)} integers, got {shown(value)}")
    if min(value) < 1:
        raise ValueError(f"{name} must be at least {(1,) * len(axes)}, got {shown(value)}")


def choice(name: str, value: Any, valid: tuple) -> None:
    """Raise unless `value` is one of `valid`."""
    numeric = int | float
    alike = [one for one in valid if isinstance(value, numeric if isinstance(one, numeric) else type(one))]
    if not any(value == one for one in alike):
        kind = ValueError if alike else TypeError
        raise kind(f"{name} must be one of {', '.join(map(repr, valid))}, got {shown(value)}")


def flag(name: str, value: Any) -> None:
    """Raise unless `value` is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")


def part(name: str, value: Any, kind: type, *, example: str = "", optional: bool = False) -> None:
    """Raise unless `value` is an instance of `kind`."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__.removeprefix("Abstract")[0] in "AEIOU" else "a"
        wanted = f"{article} {kind.__name__.removeprefix('Abstract')}" + (f" such as {example}" if example else "")
        raise TypeError(f"{name} must be {wanted}{' or None' if optional else ''}, got {shown(value)}")


def path(name: str, value: Any) -> pathlib.Path:
    """A path, of text or of an object that stands for one."""
    if not isinstance(value, str | os.PathLike) or not str(value):
        raise TypeError(f"{name} must be a path, got {shown(value)}")
    return pathlib.Path(value)


def positive(owner: str, **values: Any) -> None:
    """Raise unless every value is positive and finite."""
    for name, value in values.items():
        real(f"{owner}.{name}", value, above=0.0)


def not_negative(owner: str, **values: Any) -> None:
    """Raise unless every value is zero or positive, and finite."""
    for name, value in values.items():
        real(f"{owner}.{name}", value, low=0.0)


def fraction(owner: str, **values: Any) -> None:
    """Raise unless every value lies in [0, 1]."""
    for name, value in values.items():
        real(f"{owner}.{name}", value, low=0.0, high=1.0)


def ordered(owner: str, **pair: Any) -> None:
    """Raise unless the first of two named values is smaller than the second, elementwise."""
    (low, small), (high, large) = pair.items()
    bottom, top = concrete(small), concrete(large)
    if bottom is None or top is None:
        return
    bottom, top = np.broadcast_arrays(bottom, top)
    bad = bottom >= top
    if bad.any():
        raise ValueError(
            f"{owner}.{low} must be smaller than {owner}.{high}, got {low}={bottom[bad].flat[0]} and "
            f"{high}={top[bad].flat[0]}"
        )


def satisfies(name: str, value: Any, valid: Callable[[np.ndarray], Any], expected: str) -> None:
    """Raise, with the first offender, unless every element of `value` is `valid` (NaN never is)."""
    array = concrete(value)
    if array is None:
        return
    bad = ~np.asarray(valid(array))
    if bad.any():
        raise ValueError(f"{name} must be {expected}, got {array[bad].flat[0]:g}")


def finite(name: str, value: Any, place: str = "") -> None:
    """Raise unless every element of `value` is finite; `place` says where it stands, as in " in Dense_0/kernel"."""
    # A sum is finite only where all terms are: half the time of looking at each, and one number from an accelerator.
    if _on_accelerator(value):
        with jax.ensure_compile_time_eval():  # of an array that is here, also while a function is traced
            total = np.asarray(jnp.sum(value))
        if np.isfinite(total):
            return
    array = concrete(value)
    if array is None:
        return
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.sum(array)):
            return
    bad = np.count_nonzero(~np.isfinite(array))
    if bad:
        raise ValueError(f"{name} must be finite, got {bad} NaN or infinite values{place}")


def _on_accelerator(value: Any) -> bool:
    """Whether a concrete array of this process is not in the memory of the host."""
    if not isinstance(value, jax.Array) or isinstance(value, Tracer) or not value.is_fully_addressable:
        return False
    return any(device.platform != "cpu" for device in value.devices())


def key(name: str, value: Any) -> None:
    """Raise unless `value` is one PRNG key, traced or not: of `jax.random.key` or the older `jax.random.PRNGKey`."""
    shape, dtype = getattr(value, "shape", ()), getattr(value, "dtype", None)
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        many = shape
    elif isinstance(value, jax.Array | np.ndarray) and dtype == np.uint32 and shape[-1:] == _raw_key():
        many = shape[:-1]
    else:
        raise TypeError(f"{name} must be a PRNG key such as jax.random.key(0), got {shown(value)}")
    if many:
        raise ValueError(f"{name} must be one PRNG key, got keys of shape {many}: use jax.vmap to run over them")


def _raw_key() -> tuple[int, ...]:
    """Shape of an untyped key."""
    return jax.eval_shape(jax.random.PRNGKey, 0).shape
