"""Training under constraints by the alternating direction method of multipliers."""

import itertools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array, lax

from memjax import _check
from memjax.compress._constraint import Constraint, constrained, keep_zeros, masks, project, replaced


class Residuals(NamedTuple):
    """How far the method is, over all constrained parameters, relative to |W|."""

    primal: Array  # |W - Z|
    dual: Array  # |Z - Z before|


class PenaltyState(NamedTuple):
    """State of `admm_penalty`; `z` and `u` are {name: array} of the constrained parameters."""

    step: Array
    z: dict[str, Array]
    u: dict[str, Array]
    residuals: Residuals


class Solution(NamedTuple):
    """The outcome of `admm`.

    Attributes:
        params: the parameters, which meet the constraint exactly.
        free: W before the last projection.
        masks: a tree as the parameters, False at the zeros of constrained ones (see `keep_zeros`).
        loss: [steps], before each step.
        primal, dual: residuals [steps] after the last update of Z before each step, and at the end: [steps + 1].
    """

    params: Any
    free: Any
    masks: Any
    loss: np.ndarray
    primal: np.ndarray
    dual: np.ndarray


def admm_penalty(constraint: Constraint, *, rho: float = 1e-2, every: int = 10) -> optax.GradientTransformation:
    """The gradient of the augmented Lagrangian, as an optax transformation: first in a chain.

        min f(W), W in S:   dL/dW = df/dW + rho (W - Z + U);
        every so many steps:   Z = P_S(W + U),   U = U + W - Z

    Args:
        constraint: a projection P_S, or {pattern of names: projection} (see `admm`).
        rho: weight of the penalty, in units of the loss over those of the parameters squared.
        every: steps of the optimiser between two updates of Z and U.

    Source: S. Boyd et al., Found. Trends Mach. Learn. 3, 1 (2011), scaled form; for pruning T. Zhang et al., ECCV 2018.
    """
    rho = _check.scalar("rho", rho, above=0.0)
    _check.integer("every", every, 1, 2**31 - 1)

    def turned(w: dict[str, Array], rules: dict[str, Any], before: PenaltyState) -> PenaltyState:
        z = {name: rules[name](w[name] + before.u[name]) for name in w}
        u = {name: before.u[name] + w[name] - z[name] for name in w}
        residuals = Residuals(_distance(w, z, w), _distance(z, before.z, w))
        return PenaltyState(before.step, z, u, residuals)

    def init(params: Any) -> PenaltyState:
        found = constrained(params, constraint)
        w = {name: jnp.asarray(leaf) for name, (_, leaf) in found.items()}
        z = {name: rule(leaf) for name, (rule, leaf) in found.items()}
        u = {name: jnp.zeros_like(leaf) for name, leaf in w.items()}
        return PenaltyState(jnp.zeros((), int), z, u, Residuals(_distance(w, z, w), _distance(z, z, w)))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, PenaltyState]:
        if params is None:
            raise ValueError("params must be given to the update of admm_penalty, got None")
        found = constrained(params, constraint)
        w, rules = {name: leaf for name, (_, leaf) in found.items()}, {name: rule for name, (rule, _) in found.items()}
        due = (state.step > 0) & (state.step % every == 0)
        state = lax.cond(due, lambda: turned(w, rules, state), lambda: state)
        slopes = {name: slope for name, (_, slope) in constrained(updates, constraint).items()}
        pulled = {name: slopes[name] + rho * (w[name] - state.z[name] + state.u[name]) for name in w}
        return replaced(updates, pulled), state._replace(step=state.step + 1)

    return optax.GradientTransformation(init, update)


def admm(
    loss: Callable[..., Array],
    params: Any,
    constraint: Constraint,
    *,
    batches: Iterable[tuple] | None = None,
    optimizer: optax.GradientTransformation | None = None,
    rho: float = 1e-2,
    every: int = 10,
    steps: int = 1000,
) -> Solution:
    """Minimise a loss over parameters of which some lie in sets that need not be convex.

        min f(W) subject to W in S:   W = argmin f + rho/2 |W - Z + U|^2 (some steps of the optimiser),
        Z = P_S(W + U),   U = U + W - Z;   at last W = P_S(W)

    Args:
        loss: loss(params, *batch), a number.
        params: tree of arrays to start from, all of them trained.
        constraint: the projection P_S, a function of one array such as `partial(project_filters, keep=0.5)`, for every
            parameter of two axes and more; or {pattern of names ("*/kernel"): projection}, of which the first match
            counts, parameters that match none being free. Several together: `chain`.
        batches: tuples of the other arguments of the loss, one for each step; a list is gone through again and again.
            None: the loss has no others.
        optimizer: of the steps between updates; None: Adam with a rate of 1e-3.
        rho, every: as in `admm_penalty`.
        steps: of the optimiser, all together.

    Returns: a `Solution`; for retraining with what is zero kept so, `retrain`.

    Raises: TypeError and ValueError for arguments of the wrong kind, for patterns that match no parameter and for
        targets that leave a parameter empty.

    Source: X. Ma et al., "Tiny but Accurate", ASP-DAC 2020; G. Yuan et al., ISLPED 2019.
    """
    tx = optax.chain(admm_penalty(constraint, rho=rho, every=every), _optimizer(optimizer))
    found, state, losses, watched = _minimise(loss, params, tx, batches, steps, lambda state: state[0].residuals)
    w = {name: leaf for name, (_, leaf) in constrained(found, constraint).items()}
    end = Residuals(_distance(w, state[0].z, w), state[0].residuals.dual)
    primal, dual = (np.asarray([*part]) for part in zip(*watched, end, strict=True))
    projected = project(found, constraint)
    return Solution(projected, found, masks(projected, constraint), losses, primal, dual)


def retrain(
    loss: Callable[..., Array],
    params: Any,
    masks: Any,
    *,
    batches: Iterable[tuple] | None = None,
    optimizer: optax.GradientTransformation | None = None,
    steps: int = 1000,
) -> tuple[Any, np.ndarray]:
    """(parameters, loss [steps]) of a training in which only what a mask allows changes.

    Args:
        loss, params, batches, optimizer, steps: as in `admm`.
        masks: tree of truth values as the parameters (`Solution.masks`, `masks`).
    """
    if jax.tree.structure(masks) != jax.tree.structure(params):
        raise ValueError(f"masks must be a tree as params, got {_check.shown(masks)}")
    tx = optax.chain(_optimizer(optimizer), keep_zeros(masks))
    found, _, losses, _ = _minimise(loss, params, tx, batches, steps, lambda state: None)
    return found, losses


def _minimise(
    loss: Callable, params: Any, tx: Any, batches: Any, steps: int, watch: Callable[[Any], Any]
) -> tuple[Any, Any, np.ndarray, list]:
    """(parameters, state of the optimiser, loss of each step, what was watched at each step)."""
    if not callable(loss):
        raise TypeError(f"loss must be a function of (params, *batch), got {_check.shown(loss)}")
    _check.integer("steps", steps, 1, 2**31 - 1)
    supply = _supply(batches)

    @jax.jit
    def step(params, state, batch):
        value, gradient = jax.value_and_grad(loss)(params, *batch)
        updates, state = tx.update(gradient, state, params)
        return optax.apply_updates(params, updates), state, value

    state, losses, watched = tx.init(params), [], []
    for number in range(steps):
        batch = next(supply, None)
        if batch is None:
            raise ValueError(f"batches must have one for each of the {steps} steps, got {number}")
        if not isinstance(batch, tuple | list):
            raise TypeError(f"batches must hold tuples of arrays, got {_check.shown(batch)}")
        params, state, value = step(params, state, tuple(batch))
        losses.append(value)
        watched.append(watch(state))
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(params)):
        raise ValueError(
            f"the rate of optimizer (and rho) must be small enough for the training to converge, got NaN or infinite "
            f"params after {steps} steps"
        )
    return params, state, np.asarray(losses), watched


def _supply(batches: Any) -> Any:
    """An iterator of batches: a list is repeated, a generator is used up."""
    if batches is None:
        return itertools.repeat(())
    try:
        found = iter(batches)
    except TypeError:
        raise TypeError(f"batches must be an iterable of tuples of arrays, got {_check.shown(batches)}") from None
    return itertools.cycle(found) if isinstance(batches, list | tuple) else found


def _optimizer(optimizer: Any) -> Any:
    if optimizer is None:
        return optax.adam(1e-3)
    if not hasattr(optimizer, "init") or not hasattr(optimizer, "update"):
        raise TypeError(f"optimizer must be an optax transformation, got {_check.shown(optimizer)}")
    return optimizer


def _distance(a: dict[str, Array], b: dict[str, Array], of: dict[str, Array]) -> Array:
    """|a - b| / |of|, over all arrays together."""
    squares = lambda tree: sum(jnp.sum(jnp.square(leaf)) for leaf in tree.values())
    size = squares(of)
    return jnp.sqrt(squares({name: a[name] - b[name] for name in a}) / jnp.where(size > 0, size, 1.0))
