"""Adaptive integration by diffrax, for stiff models and for reference solutions."""

from functools import lru_cache, partial
from typing import Any, cast

import diffrax
import jax
import jax.numpy as jnp
from jax import Array

_MAX_STEPS = 1 << 12


class _Bounded(diffrax.AbstractAdaptiveSolver, diffrax.AbstractWrappedSolver):
    """A solver whose every step ends in [0, 1].

    A state that starts a step at a bound is held there as long as its rate points outwards; one that starts inside
    may run past the bound under the rate of the bound, and is put back. So the error estimate sees no kink where a
    fast cell arrives, which would call for steps as short as the tolerance over the rate.
    """

    solver: diffrax.AbstractSolver

    @property
    def term_structure(self):
        return self.solver.term_structure

    @property
    def interpolation_cls(self):  # pyright: ignore
        return self.solver.interpolation_cls

    @property
    def term_compatible_contr_kwargs(self):
        return self.solver.term_compatible_contr_kwargs

    @property
    def root_finder(self):
        """Of an implicit solver: diffrax gives it the tolerances of the steps."""
        return cast(diffrax.AbstractImplicitSolver, self.solver).root_finder

    def order(self, terms):
        return self.solver.order(terms)

    def error_order(self, terms):
        return cast(diffrax.AbstractAdaptiveSolver, self.solver).error_order(terms)

    def init(self, terms, t0, t1, y0, args):
        return self.solver.init(terms, t0, t1, y0, _at_bounds(y0))

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        # The rate at the end of the last step is that of the state before it was put back: computed anew.
        y1, *rest = self.solver.step(terms, t0, t1, y0, _at_bounds(y0), solver_state, made_jump=True)
        return jnp.clip(y1, 0, 1), *rest

    def func(self, terms, t0, y0, args):
        return self.solver.func(terms, t0, y0, _at_bounds(y0))


def _at_bounds(state: Array) -> tuple[Array, Array]:
    return state <= 0, state >= 1


def integrate(
    device, voltage: Any, time: Array, width: Array, state: Array, method, tolerance: float, hold: str = "linear"
) -> Array:
    """States `[T, ...]` at the sample times; NaN from where the solver gave up (4096 steps between two samples).

    Every sample interval is an initial value problem of its own, with time counted from its beginning: float32 then
    resolves the steps, and the kinks of the interpolated waveform are met. Steps also end at every crossing of a
    threshold of the device. A voltage given as a function has known crossings only between samples of opposite sides.
    """
    solver = diffrax.Tsit5() if isinstance(method, str) else method
    if not isinstance(solver, diffrax.AbstractAdaptiveSolver):
        raise ValueError(f"simulate: method must be a name or an adaptive diffrax solver, got {method!r}")
    wave = voltage if callable(voltage) else None
    samples = cast(Array, jax.vmap(wave)(time) if wave is not None else voltage)
    ends = samples[:-1], samples[1:] if hold == "linear" else samples[:-1]
    return _program(_Bounded(solver), wave)(device, ends, time, width, state, tolerance)


@lru_cache(maxsize=16)
def _program(solver, wave):
    """The compiled integration; those of the last few functions of time are kept."""
    return jax.jit(partial(_solve, solver=solver, wave=wave))


def _solve(device, ends, time, width, state, tolerance, *, solver, wave):
    width = width.astype(state.dtype)
    controller = diffrax.PIDController(rtol=tolerance, atol=tolerance)

    def over_interval(state, inputs):
        begin, width, first, last = inputs

        def rate(t, state, held):
            volts = wave(begin + t) if wave is not None else first + t / width * (last - first)
            rate = device.derivative(jnp.clip(state, 0, 1), volts)
            low, high = held
            return jnp.where((low & (rate < 0)) | (high & (rate > 0)), 0, rate).astype(state.dtype)

        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(rate),
            solver,
            jnp.zeros_like(width),
            width,
            None,
            state,
            args=_at_bounds(state),
            stepsize_controller=diffrax.ClipStepSizeController(
                controller, step_ts=_crossings(device, first, last, width), store_rejected_steps=None
            ),
            max_steps=_MAX_STEPS,
            throw=False,
        )
        ys = cast(Array, solution.ys)
        new = jnp.where(solution.result == diffrax.RESULTS.successful, ys[-1], jnp.nan).astype(state.dtype)
        return new, new

    _, states = jax.lax.scan(over_interval, state, (time[:-1], width, *ends))
    return jnp.concatenate([state[None], states])


def _crossings(device, first, last, width) -> Array:
    """The times from the beginning of the interval at which the voltage crosses a threshold (else its end), sorted."""
    times = [width]
    for threshold in device.thresholds:
        if first.ndim > 0 or jnp.ndim(threshold) > 0:
            continue  # a population with waveforms or thresholds of its own: no common crossing
        start, end = first - threshold, last - threshold
        crosses = start * end < 0
        times.append(jnp.where(crosses, width * start / jnp.where(crosses, start - end, 1.0), width))
    return jnp.sort(jnp.stack(times))
