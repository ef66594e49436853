"""The range of a parameter that the range of a law stands for: conductances under training."""

from typing import Any, NamedTuple

from jax import Array

from memjax import _check
from memjax.training.laws._law import AbstractLaw

Range = tuple[Any, Any]


class Window(NamedTuple):
    """The range of a parameter that the law's own range stands for."""

    low: Array
    high: Array


def check_range(range: Range | None) -> None:
    """Raise unless a range is None or (low, high)."""
    if range is None:
        return
    if not isinstance(range, tuple | list) or len(range) != 2:
        raise TypeError(f"range must be (low, high) or None, got {_check.shown(range)}")
    for name, bound in zip(("low", "high"), range, strict=True):
        _check.real(f"range.{name}", bound)
    _check.ordered("range", low=range[0], high=range[1])


def to_weight(law: AbstractLaw, window: Window | None, parameter: Array) -> Array:
    """A parameter in units of the law."""
    if window is None:
        return parameter
    low, high = law.range
    return low + (parameter - window.low) * (high - low) / (window.high - window.low)


def from_weight(law: AbstractLaw, window: Window | None, change: Array) -> Array:
    """A change of the weight in units of the parameter."""
    if window is None:
        return change
    low, high = law.range
    return change * (window.high - window.low) / (high - low)
