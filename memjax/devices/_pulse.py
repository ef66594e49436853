"""Rectangular pulses: exact where the model has a closed form, by adaptive sub-steps otherwise."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_derivatives import SymbolicZero

from memjax._check import as_leaf, concrete, integer, number
from memjax.devices._base import AbstractDevice, Numeric, check_device
from memjax.devices._step import clamp, curved_growth, mean_growth, tangent

TOLERANCE, SUBSTEPS = 3e-4, 1000
# Largest move of the scaled state in one sub-step: what the rate does between two looks at it stays known.
_STRIDE = 0.25
# Largest share of the move that the error of a sub-step may be.
_SHARE = 0.05


def apply_pulse(
    device: AbstractDevice,
    state: Numeric,
    amplitude: Numeric,
    width: Numeric,
    *,
    tolerance: float = TOLERANCE,
    substeps: int = SUBSTEPS,
) -> Array:
    """The state after a pulse of `amplitude` [V] and `width` [s]; everything broadcasts, a whole array at once.

    Models with a closed form (`device.pulse`) are exact. The others take exponential sub-steps of order 3, every cell
    its own, with an estimated error of at most `tolerance` of what the sub-step moves: the state is that of a pulse
    longer or shorter by that fraction at most, also where a cell waits long and then runs away. Sub-steps that fail are
    tried again, shorter; a cell that is not through after `substeps` trials is NaN.

    Derivatives are those of the sub-steps, of any order forwards and of one backwards.

    Raises TypeError for what is no device; ValueError for a state outside [0, 1], a negative or infinite width, an
    amplitude that is not finite; RuntimeError, outside `jit`, where `substeps` did not do.
    Source: exponential Rosenbrock method exprb32, Hochbruck, Ostermann and Schweitzer, SIAM J. Numer. Anal. 47, 786
    (2009).

    Example:
        ```python
        import jax.numpy as jnp
        import memjax as mj

        device = mj.devices.VTEAM.pt_hf_ti()
        states = mj.apply_pulse(device, jnp.ones(4), jnp.array([-0.5, -0.6, -0.7, -0.8]), 1e-10)  # V, s
        print(device.conductance(states))  # S: the first is below the threshold
        ```
    """
    check_device("apply_pulse", device)
    number("state", state, 0.0, 1.0)
    number("amplitude", amplitude)
    number("width", width, 0.0)
    number("tolerance", tolerance, 0.0, 0.1, open_low=True)
    integer("substeps", substeps, 1, 1_000_000)
    after, stopped = pulsed(device, state, as_leaf(amplitude), as_leaf(width), tolerance, substeps=substeps)
    known = None if stopped is None else concrete(stopped)
    if known is not None and known.any():
        raise RuntimeError(
            f"apply_pulse: substeps={substeps} are not enough for {known.sum()} of {known.size} cells of "
            f"{type(device).__name__}; use shorter pulses, a larger tolerance or more substeps"
        )
    return after


@partial(jax.jit, static_argnames="substeps")
def pulsed(device, state, amplitude, width, tolerance=TOLERANCE, *, substeps=SUBSTEPS):
    """The state, and where it is NaN because the sub-steps did not do (None for a closed form)."""
    exact = device.pulse(state, amplitude, width)
    if exact is not None:
        return exact, None
    like = jax.eval_shape(lambda: jnp.asarray(state + device.derivative(state, amplitude) * width))
    cast = lambda value: jnp.asarray(value).astype(like.dtype)
    state = jnp.broadcast_to(cast(state), like.shape)
    after = _solve(substeps, cast(tolerance), device, state, cast(amplitude), cast(width))
    return after, jnp.isnan(after)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _solve(substeps, tolerance, device, state, amplitude, width):
    return _march(substeps, tolerance, device, state, amplitude, width)


@partial(_solve.defjvp, symbolic_zeros=True)
def _solve_tangent(substeps, primals, tangents):
    """The loop has no reverse, so every cell's derivative by each perturbed argument is taken forwards, all in one
    loop, and multiplied with the argument's tangent: the models are elementwise."""
    leaves, structure = jax.tree.flatten(primals)
    moved = jax.tree.leaves(tangents, is_leaf=lambda leaf: isinstance(leaf, SymbolicZero))
    live = [i for i, leaf in enumerate(moved) if not isinstance(leaf, SymbolicZero)]
    solve = lambda *some: _march(substeps, *jax.tree.unflatten(structure, _replaced(leaves, live, some)))
    chosen = [leaves[i] for i in live]
    unit = lambda which: [jnp.ones_like(leaf) * (which == place) for place, leaf in enumerate(chosen)]
    after = solve(*chosen)
    partials = jax.vmap(lambda which: jax.jvp(solve, chosen, unit(which))[1])(jnp.arange(len(live)))
    return after, sum(partials[place] * moved[i] for place, i in enumerate(live))


def _replaced(leaves, live, some) -> list[Any]:
    leaves = list(leaves)
    for i, value in zip(live, some, strict=True):
        leaves[i] = value
    return leaves


class _Pulse(NamedTuple):
    """Carry of the loop over trials; times are shares of the width, which keeps float32 far from its ends."""

    trial: Array
    state: Array
    left: Array  # time not yet passed
    next: Array  # length of the next trial


def _march(substeps, tolerance, device, state, amplitude, width):
    rounding = 4 * jnp.finfo(state.dtype).eps

    def advance(pulse):
        h = jnp.minimum(pulse.next, pulse.left)
        second, third, slope = _trial(lambda x: width * device.derivative(x, amplitude), pulse.state, h)
        move = jnp.abs(third - pulse.state)
        # Where cells run apart an error grows like the rate, so that it must be small beside the move; where they draw
        # together it fades, and need only be small.
        bound = jnp.where(slope > 0, 10 * tolerance * move, jnp.minimum(tolerance, _SHARE * move)) + rounding
        excess = jnp.maximum(jnp.abs(third - second) / bound, (move / _STRIDE) ** 2)
        # Beside the move, the error falls with the square of the step.
        growth = jnp.clip(0.75 * jax.lax.rsqrt(excess + 1e-30), 0.05, 8.0)
        good = excess <= 1
        return _Pulse(
            trial=pulse.trial + 1,
            # A cell that is beside a bound by no more than the error has arrived there, and stays.
            state=jnp.where(good, jnp.where((second > 0) & (second < 1), third, second), pulse.state),
            left=jnp.where(good, jnp.where(h < pulse.left, pulse.left - h, 0.0), pulse.left),
            next=jax.lax.stop_gradient(h * growth),
        )

    one = jnp.ones_like(state)
    start = _Pulse(jnp.array(0), state, one, one)
    end = jax.lax.while_loop(lambda p: (p.trial < substeps) & jnp.any(p.left > 0), advance, start)
    return jnp.where(end.left > 0, jnp.nan, end.state)


def _trial(f, state, h) -> tuple[Array, Array, Array]:
    """States after a share h of the pulse, of order 2 and 3, and the slope of the rate f per pulse."""
    rate, slope = tangent(f, state)
    z = h * slope
    second = clamp(state + rate * (h * mean_growth(z)))
    move = second - state
    # Without a move there is nothing but rounding, which a cell held at a bound must not amplify.
    beyond = jnp.where(move == 0, 0.0, f(second) - rate - slope * move)
    return second, clamp(second + 2 * h * curved_growth(z) * beyond), slope
