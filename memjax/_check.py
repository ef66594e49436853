"""Checks of argument values, made before anything is compiled.

Numbers may be traced (inside `jit`, `vmap` or `grad`); those cannot be looked at and are let through. Every message
names the argument, the value and the valid range.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer


def concrete(value: Any) -> np.ndarray | None:
    """The value as a NumPy array of numbers, or None where it is traced or is not numeric at all."""
    if isinstance(value, Tracer):
        return None
    try:
        array = np.asarray(value)
    except Exception:
        return None
    return array if array.dtype.kind in "biuf" or jnp.issubdtype(array.dtype, jnp.floating) else None


def number(
    name: str,
    value: Any,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    open_low: bool = False,
    infinite: bool = False,
) -> None:
    """Raise unless every element of `value` is finite and in [low, high] (or (low, high] with `open_low`).

    With `infinite`, infinity is as good as a finite number.
    """
    if value is None or isinstance(value, str | tuple | list | dict):
        raise TypeError(f"{name} must be a number, got {value!r}")
    array = concrete(value)
    if array is None:
        return
    below = array <= low if open_low else array < low
    valid = ~np.isnan(array) if infinite else np.isfinite(array)
    if not np.all(valid) or np.any(below) or np.any(array > high):
        shown = array.item() if array.ndim == 0 else f"values from {array.min()} to {array.max()}"
        kind = "a number" if infinite else "finite and"
        raise ValueError(f"{name} must be {kind} in {'(' if open_low else '['}{low:g}, {high:g}], got {shown}")


def integer(name: str, value: Any, low: int, high: int) -> None:
    """Raise unless a static `value` is an integer in [low, high]."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{name} must be in [{low}, {high}], got {value}")


def choice(name: str, value: Any, valid: tuple) -> None:
    """Raise unless `value` is one of `valid`."""
    if value not in valid:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, valid))}, got {value!r}")


def positive(owner: str, **values: Any) -> None:
    """Raise unless every value is positive and finite."""
    for name, value in values.items():
        number(f"{owner}.{name}", value, 0.0, open_low=True)


def not_negative(owner: str, **values: Any) -> None:
    """Raise unless every value is zero or positive, and finite."""
    for name, value in values.items():
        number(f"{owner}.{name}", value, 0.0)


def fraction(owner: str, **values: Any) -> None:
    """Raise unless every value lies in [0, 1]."""
    for name, value in values.items():
        number(f"{owner}.{name}", value, 0.0, 1.0)


def ordered(owner: str, **pair: Any) -> None:
    """Raise unless the first of two named values is smaller than the second, elementwise."""
    (low, small), (high, large) = pair.items()
    bottom, top = concrete(small), concrete(large)
    if bottom is not None and top is not None and not np.all(bottom < top):
        raise ValueError(f"{owner}.{low} must be smaller than {owner}.{high}, got {low}={small} and {high}={large}")


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
    if _on_accelerator(value) and np.isfinite(np.asarray(jnp.sum(value))):
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
        shown = f"{dtype} array of shape {shape}" if isinstance(value, jax.Array | np.ndarray) else repr(value)
        raise TypeError(f"{name} must be a PRNG key such as jax.random.key(0), got {shown}")
    if many:
        raise ValueError(f"{name} must be one PRNG key, got keys of shape {many}: use jax.vmap to run over them")


def _raw_key() -> tuple[int, ...]:
    """Shape of an untyped key."""
    return jax.eval_shape(jax.random.PRNGKey, 0).shape
