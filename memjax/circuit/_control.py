"""When an iteration stops, and what is said where it stopped too early."""

import warnings
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from memjax import _check


class Control(NamedTuple):
    """When the iteration stops: at `tolerance` or after `max_iterations`; or after exactly `iterations`."""

    tolerance: float
    max_iterations: int = 500
    iterations: int | None = None


def checked_control(tolerance: float | None, max_iterations: int, iterations: int | None, dtype: Any) -> Control:
    """The settings of the iteration, with the tolerance that suits the dtype where it is None."""
    if tolerance is None:
        tolerance = 1e-6 if jnp.finfo(dtype).eps > 1e-10 else 1e-13
    _check.scalar("tolerance", tolerance, above=0.0, high=1.0)
    _check.integer("max_iterations", max_iterations, 0, 10**6)
    if iterations is not None:
        _check.integer("iterations", iterations, 0, 10**6)
    return Control(float(tolerance), max_iterations, iterations)


def warn(name: str, control: Control, iterations: Any, residual: Any) -> None:
    """Warn where a residual is above the tolerance; traced ones cannot be looked at."""
    reached, count = _check.concrete(residual), _check.concrete(iterations)
    if reached is None or count is None or np.all(reached <= control.tolerance):
        return
    warnings.warn(
        f"circuit.{name}: {np.count_nonzero(~(reached <= control.tolerance))} of {reached.size} solutions did not "
        f"converge to {control.tolerance:g}: relative residual {reached.max():.2g} after {count.max()} iterations. "
        f"Allow more iterations, or check the wires.",
        stacklevel=3,
    )
