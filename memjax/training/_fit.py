"""Fitting an update law to a measured pulse response: least squares through the pulses."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax._bounded import Bounds, from_line, to_line
from memjax._check import concrete, satisfies
from memjax._names import check_bounds, parameters, replace
from memjax.devices import Numeric
from memjax.training.laws import AbstractLaw, Range, Window, check_range, from_weight, to_weight
from memjax.training.pulses import response

_MEAN = ("step", "low", "high", "asymmetry")
"""What of a population the mean response of one cell depends on."""


class LawFit(eqx.Module):
    """The outcome of `fit_law`."""

    law: AbstractLaw
    """The law with its fitted parameters."""
    curve: Array
    """Its mean response to the measured pulses, [T], in the unit of the measurement."""
    start: Array
    """What the cell was at before the first pulse, in the same unit."""
    error: Array
    """Root mean square error, relative to the span of the measured values [1]."""
    steps: Array
    """Iterations used."""
    converged: Array
    """Whether the optimiser met its tolerance before the last iteration."""


def fit_law(
    law: AbstractLaw,
    pulses: Numeric,
    values: Numeric,
    bounds: Bounds,
    *,
    range: Range | None = None,
    start: Numeric | None = None,
    max_steps: int = 100,
) -> LawFit:
    """Adjust the parameters named in `bounds` until the mean response of a law matches a measured one.

    Levenberg-Marquardt (optimistix) with exact derivatives through the pulses, on variables that map the bounds to the
    whole line, so that no step leaves them. It finds a local optimum: begin with a step of the right size.

    Args:
        law: the law, with starting values inside the bounds.
        pulses: signs [T]: 1 up, -1 down, 0 none.
        values: measured after each pulse [T]: weights in units of the law, or conductances where `range` is given.
        bounds: parameter name -> (low, high). Names are paths: `gamma_up`, `population__step`, `up_nodes__0`,
            `device__k_on`. Parameters not named stay as they are. Bounds of one sign a decade apart are searched
            logarithmically.
        range: (low, high) conductance [S] that the range of the law stands for; None: values are weights.
        start: value before the first pulse, in the unit of `values`; None: it is fitted too.
        max_steps: most iterations.

    Returns: a `LawFit`.

    Raises: ValueError for unknown names, for parameters on which the mean response does not depend (spreads and noise),
        for starting values outside their bounds, and for measurements with NaN or of unequal length.
    """
    _check_measurement(pulses, values)
    check_range(range)
    _check_parameters(law, bounds)
    pulses, measured = np.array(pulses), jnp.asarray(values, jnp.result_type(float))
    window = None if range is None else Window(*(jnp.asarray(end, measured.dtype) for end in range))
    span = jnp.max(measured) - jnp.min(measured)
    lines = {name: to_line(name, parameters(law)[name], *ends) for name, ends in bounds.items()}
    # The start in units of the span, so that all variables are of order one.
    first = measured[0] if start is None else jnp.asarray(start, measured.dtype)
    variables = lines, jnp.zeros((), measured.dtype) if start is None else None

    def candidate(variables):
        lines, moved = variables
        new = replace(law, {name: from_line(line, *bounds[name]) for name, line in lines.items()})
        return new, first if moved is None else first + span * moved

    def curve(new, begin):
        weight = response(new, pulses, to_weight(new, window, begin), new.make(None, (), measured.dtype))
        low = new.range[0]
        return weight if window is None else window.low + from_weight(new, window, weight - low)

    def residual(variables, _):
        return (curve(*candidate(variables)) - measured) / span

    import optimistix  # a second to import: only who fits, waits

    tolerance = 1e-5 if measured.dtype == jnp.float32 else 1e-9
    solver = optimistix.LevenbergMarquardt(rtol=tolerance, atol=tolerance)
    solution = optimistix.least_squares(residual, solver, variables, max_steps=max_steps, throw=False)
    fitted, begin = candidate(solution.value)
    mean = curve(fitted, begin)
    error = jnp.sqrt(jnp.mean((mean - measured) ** 2)) / span
    converged = solution.result == optimistix.RESULTS.successful
    return LawFit(fitted, mean, begin, error, solution.stats["num_steps"], converged)


def _check_measurement(pulses: Numeric, values: Numeric) -> None:
    shapes = np.shape(pulses), np.shape(values)
    if len(shapes[0]) != 1 or shapes[0] != shapes[1] or shapes[0][0] < 2:
        raise ValueError(f"fit_law: pulses and values must be of one length of at least 2, got shapes {shapes}")
    satisfies("pulses", pulses, lambda sign: np.isin(sign, (-1, 0, 1)), "1, -1 or 0")
    satisfies("values", values, np.isfinite, "finite")
    known = concrete(values)
    if known is not None and np.ptp(known) == 0:
        raise ValueError(f"fit_law: values must not be all the same, got {known[0]:g} throughout")


def _check_parameters(law: AbstractLaw, bounds: Bounds) -> None:
    check_bounds("fit_law", law, bounds)
    for name in bounds:
        owner, _, field = name.rpartition("__")
        if name.endswith("_spread") or (owner.endswith("population") and field not in _MEAN):
            raise ValueError(f"fit_law: the mean response of a cell does not depend on {name}: it cannot be fitted")
