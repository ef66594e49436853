"""Numbers that may change with the step of a training: optax schedules."""

from typing import Any

import jax.numpy as jnp

from memjax import _check
from memjax._field import ruled


def check_schedule(name: str, value: Any, **bounds: Any) -> Any:
    """A number within the bounds of `_check.real` as JAX can trace it, or a function of the step that gives one.

    Of a schedule the first value is looked at.
    """
    if isinstance(value, type) or not callable(value):
        return _check.scalar(name, value, **bounds)
    try:
        first = value(jnp.zeros((), jnp.int32))
    except Exception as error:
        raise TypeError(f"{name} must be a number or a function of the step, got {_check.shown(value)}") from error
    _check.scalar(f"{name}(0)", first, **bounds)
    return value


def scheduled(**bounds: Any) -> Any:
    """A field for a number, which is a leaf, or a schedule of it."""

    def check(name: str, value: Any) -> None:
        check_schedule(name, value, **bounds)

    return ruled(check, converter=_check.as_leaf)


def at(value: Any, step: Any) -> Any:
    """The number at a step."""
    return value(step) if callable(value) else value
