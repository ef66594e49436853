"""Fitting a model to a measured current: least squares through the simulation."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax._bounded import Bounds, from_line, to_line
from memjax._check import concrete, satisfies
from memjax._names import check_names, parameters, replace
from memjax.devices._base import AbstractDevice, Numeric
from memjax.devices._simulate import Trace, simulate


class Fit(eqx.Module):
    """The outcome of `fit`."""

    device: AbstractDevice
    """The model with its fitted parameters."""
    trace: Trace
    """Its response to the measured voltage."""
    error: Array
    """Root mean square error of the current, relative to the root mean square of the measured one [1]."""
    steps: Array
    """Iterations used."""
    converged: Array
    """Whether the optimiser met its tolerance before the last iteration."""


def fit(
    device: AbstractDevice,
    voltage: Numeric,
    current: Numeric,
    time: Numeric,
    bounds: Bounds,
    *,
    state: Numeric | None = None,
    method: str = "rk4",
    substeps: int = 1,
    max_steps: int = 100,
) -> Fit:
    """Adjust the parameters named in `bounds` until the simulated current matches a measured one.

    device: the model, with starting values inside the bounds. voltage, current, time: the measurement, `[T]` each.
    bounds: parameter name (`window__p` for a part's) -> (low, high) in its unit; parameters not named stay as they
    are. Positive or negative bounds a decade apart are searched logarithmically. state, method, substeps: as in
    `simulate`; "initial" may be fitted where `state` is None.

    Levenberg-Marquardt (optimistix) with exact derivatives of the integrator, on variables that map the bounds to the
    whole line, so that no step leaves them. It finds a local optimum: thresholds that no sample crosses with the
    starting values have no slope to follow. Raises ValueError for unknown names, starting values outside their bounds,
    and measurements with NaN or of unequal length.
    """
    _check_measurement(voltage, current, time)
    check_names("fit", device, bounds)
    names = tuple(bounds)
    if not names:
        raise ValueError("fit: bounds must name at least one parameter, got none")
    start = {name: to_line(name, parameters(device)[name], *bounds[name]) for name in names}
    # Copies: JAX remembers the conversion of a NumPy array it has seen while tracing, precision included, and would
    # hand the caller's own array back in that precision after a change of jax_enable_x64.
    voltage, time = (x if concrete(x) is None else np.array(x) for x in (voltage, time))
    measured = jnp.asarray(current)
    scale = jnp.sqrt(jnp.mean(measured**2))

    def candidate(line):
        return replace(device, {name: from_line(line[name], *bounds[name]) for name in names})

    def residual(line, _):
        trace = simulate(candidate(line), voltage, time, state, method=method, substeps=substeps)
        return (trace.current - measured) / scale

    import optimistix  # a second to import: only who fits, waits

    tolerance = 1e-5 if measured.dtype == jnp.float32 else 1e-9
    solver = optimistix.LevenbergMarquardt(rtol=tolerance, atol=tolerance)
    solution = optimistix.least_squares(residual, solver, start, max_steps=max_steps, throw=False)
    fitted = candidate(solution.value)
    trace = simulate(fitted, voltage, time, state, method=method, substeps=substeps)
    error = jnp.sqrt(jnp.mean((trace.current - measured) ** 2)) / scale
    converged = solution.result == optimistix.RESULTS.successful
    return Fit(fitted, trace, error, solution.stats["num_steps"], converged)


def _check_measurement(voltage, current, time) -> None:
    shapes = np.shape(time), np.shape(voltage), np.shape(current)
    if len(shapes[0]) != 1 or len(set(shapes)) > 1:
        raise ValueError(f"fit: time, voltage and current must be of one length, got shapes {shapes}")
    satisfies("current", current, np.isfinite, "finite")
    known = concrete(current)
    if known is not None and not np.any(known):
        raise ValueError("fit: current must not be zero throughout")
