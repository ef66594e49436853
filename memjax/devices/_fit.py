"""Fitting a model to a measured current: least squares through the simulation."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax._bounded import Bounds, from_line, to_line
from memjax._check import choice, concrete, integer, satisfies
from memjax._names import check_bounds, parameters, replace
from memjax.devices._base import AbstractDevice, Numeric, check_device
from memjax.devices._simulate import Trace, prepare, response, warn_of_large_steps
from memjax.devices._step import STEPS

# Standard deviation, beside the value, from which a parameter is called undetermined.
_VAGUE = 0.5


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
    covariance: Array
    """[parameters, parameters], in the units of the parameters and the order of `names`: of the fitted values, from the
    residuals, each with a variance of its own (White's estimate). Infinite on the diagonal where the current does not
    depend on a parameter, or on several in one combination alone."""
    names: tuple[str, ...] = eqx.field(static=True)
    """The fitted parameters."""

    @property
    def deviation(self) -> dict[str, Array]:
        """Standard deviation of each fitted parameter, in its unit."""
        return dict(zip(self.names, jnp.sqrt(jnp.diagonal(self.covariance)), strict=True))

    @property
    def undetermined(self) -> tuple[str, ...]:
        """The parameters that the data do not determine: those with a deviation beyond half their value. Not in jit."""
        values = parameters(self.device)
        vague = {name: spread > _VAGUE * jnp.abs(values[name]) for name, spread in self.deviation.items()}
        return tuple(name for name in self.names if bool(jnp.any(vague[name])))


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
    starting values have no slope to follow. A good match does not mean good parameters: `Fit.deviation` tells how well
    the data determine each, `Fit.undetermined` names those that they do not. Raises TypeError for what is no device or
    number; ValueError for unknown names, starting values outside their bounds, and measurements with NaN, of unequal
    length or of no more samples than parameters.

    Example:
        ```python
        import jax.numpy as jnp
        import memjax as mj

        time = jnp.linspace(0.0, 2.0, 200)
        voltage = 1.2 * jnp.sin(jnp.pi * time)
        measured = mj.simulate(mj.devices.LinearIonDrift.biolek_soft(r_on=150.0), voltage, time).current
        found = mj.devices.fit(
            mj.devices.LinearIonDrift.biolek_soft(), voltage, measured, time, bounds={"r_on": (50.0, 500.0)}
        )
        print(found.device.r_on, found.deviation["r_on"])
        ```
    """
    check_device("fit", device)
    _check_measurement(voltage, current, time)
    check_bounds("fit", device, bounds)
    names = tuple(bounds)
    if len(np.shape(time)) == 1 and np.shape(time)[0] <= len(names):
        raise ValueError(f"fit: {len(names)} parameters need more samples than that, got {np.shape(time)[0]}")
    integer("max_steps", max_steps, 1, 1_000_000)
    choice("method", method, tuple(STEPS))
    start = {name: to_line(name, parameters(device)[name], *bounds[name]) for name in names}
    ranges = tuple((name, *map(float, bounds[name])) for name in names)
    fits_start = state is None
    # Copies: JAX remembers the conversion of a NumPy array it has seen while tracing, precision included, and would
    # hand the caller's own array back in that precision after a change of jax_enable_x64.
    voltage, time = (x if concrete(x) is None else np.array(x) for x in (voltage, time))
    time, width, voltage, state = prepare("fit", device, voltage, time, state, substeps)
    measured = jnp.asarray(current)
    measured = measured if jnp.issubdtype(measured.dtype, jnp.inexact) else measured.astype(float)
    static = dict(ranges=ranges, fits_start=fits_start, method=method, substeps=substeps, max_steps=max_steps)
    result = _fit(device, voltage, measured, time, width, state, start, **static)
    if method != "pulses":
        warn_of_large_steps(result.device, result.trace, width / substeps, substeps, "linear")
    return result


@partial(jax.jit, static_argnames=("ranges", "fits_start", "method", "substeps", "max_steps"))
def _fit(device, voltage, measured, time, width, state, start, *, ranges, fits_start, method, substeps, max_steps):
    import optimistix  # a second to import: only who fits, waits

    scale = jnp.sqrt(jnp.mean(measured**2))

    def respond(values):
        candidate = replace(device, values)
        begin = jnp.broadcast_to(candidate.initial, state.shape).astype(state.dtype) if fits_start else state
        return candidate, response(candidate, voltage, time, width, begin, method, substeps)

    def on_line(line):
        return {name: from_line(line[name], low, high) for name, low, high in ranges}

    def residual(line, _):
        return (respond(on_line(line))[1].current - measured) / scale

    tolerance = 1e-5 if measured.dtype == jnp.float32 else 1e-9
    solver = optimistix.LevenbergMarquardt(rtol=tolerance, atol=tolerance)
    solution = optimistix.least_squares(residual, solver, start, max_steps=max_steps, throw=False)
    values = on_line(solution.value)
    fitted, trace = respond(values)
    gap = (trace.current - measured) / scale
    slopes = jax.jacfwd(lambda values: respond(values)[1].current / scale)(values)
    covariance = _covariance(jnp.stack([slopes[name] for name, *_ in ranges], axis=1), gap)
    names = tuple(name for name, *_ in ranges)
    converged = solution.result == optimistix.RESULTS.successful
    return Fit(fitted, trace, jnp.sqrt(jnp.mean(gap**2)), solution.stats["num_steps"], converged, covariance, names)


def _covariance(slopes: Array, gap: Array) -> Array:
    """White's heteroscedasticity-consistent covariance of a least-squares fit, by the singular values of the slopes.

    slopes `[T, n]` and residuals `[T]`: (J^T J)^-1 J^T diag(r^2) J (J^T J)^-1 T/(T - n). Combinations of parameters
    with singular values below rounding are undetermined, and so is every parameter that has a part in one.
    """
    samples, count = slopes.shape
    norm = jnp.linalg.norm(slopes, axis=0)
    scaled = slopes / jnp.where(norm > 0, norm, 1.0)
    left, singular, right = jnp.linalg.svd(scaled, full_matrices=False)
    lost = singular <= 10 * samples**0.5 * jnp.finfo(slopes.dtype).eps
    inverse = right.T / jnp.where(lost, jnp.inf, singular)
    middle = (left.T * gap**2) @ left * samples / (samples - count)
    unit = jnp.where(norm > 0, norm, jnp.inf)
    covariance = inverse @ middle @ inverse.T / unit / unit[:, None]
    part = jnp.max(jnp.where(lost[:, None], jnp.abs(right), 0.0), axis=0) > 1e-3
    return covariance + jnp.diag(jnp.where(part | (norm == 0), jnp.inf, 0.0))


def _check_measurement(voltage, current, time) -> None:
    shapes = np.shape(time), np.shape(voltage), np.shape(current)
    if len(shapes[0]) != 1 or len(set(shapes)) > 1:
        raise ValueError(f"fit: time, voltage and current must be of one length, got shapes {shapes}")
    satisfies("current", current, np.isfinite, "finite")
    known = concrete(current)
    if known is not None and not np.any(known):
        raise ValueError("fit: current must not be zero throughout")
