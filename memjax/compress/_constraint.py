"""Constraints: which parameters are projected, and how."""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

from memjax import _check
from memjax._names import parameter_name

Projection = Callable[[Array], Array]
# One for every array of two axes and more; or by pattern of names ("*/kernel"), the first that matches.
Constraint = Projection | Mapping[str, Projection]


def chain(*projections: Projection) -> Projection:
    """Several constraints together: each projection is applied to the result of the one before.

    What an earlier one has made zero stays zero: a weight that is left out takes no cell, whatever the levels of cells
    are. The result meets all constraints, since groups and levels stay what they are where others become zero. It is a
    point of their intersection and not always the nearest one: which groups stay is chosen without regard to those that
    follow.

    Args:
        *projections: functions of one array, such as `partial(project_rows, keep=0.5)`; those onto levels last, since
            their scale is that of the largest weight which stays.

    Raises: TypeError for something that is no function; ValueError for none.
    """
    if not projections:
        raise ValueError("projections must be at least one, got none")
    for projection in projections:
        _check_projection("projections", projection)

    def project(w: Array) -> Array:
        for projection in projections:
            w = jnp.where(w == 0, 0, projection(w))
        return w

    return project


def project(params: Any, constraint: Constraint) -> Any:
    """The parameters with every constrained one projected (see `admm` for what a constraint is)."""
    return replaced(params, {name: rule(leaf) for name, (rule, leaf) in constrained(params, constraint).items()})


def masks(params: Any, constraint: Constraint) -> Any:
    """A tree as the parameters, True where an element may change: not at the zeros of constrained parameters."""
    free = jax.tree.map(lambda leaf: jnp.ones(jnp.shape(leaf), bool), params)
    return replaced(free, {name: leaf != 0 for name, (_, leaf) in constrained(params, constraint).items()})


def keep_zeros(masks: Any) -> optax.GradientTransformation:
    """Updates that leave the elements alone where a mask is False: the last of a chain, for retraining.

        optax.chain(optax.adam(1e-3), keep_zeros(masks))

    Args:
        masks: from `masks`, or `Solution.masks`.
    """

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        return jax.tree.map(lambda change, free: jnp.where(free, change, 0), updates, masks), state

    return optax.GradientTransformation(optax.init_empty_state, update)


def constrained(params: Any, constraint: Any) -> dict[str, tuple[Projection, Array]]:
    """{name: (projection, parameter)} of every parameter that a constraint is for.

    Raises: TypeError for what is no constraint; ValueError for a pattern that matches nothing.
    """
    leaves = {parameter_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(params)}
    if not isinstance(constraint, Mapping):
        _check_projection("constraint", constraint)
        found = {name: (constraint, leaf) for name, leaf in leaves.items() if jnp.ndim(leaf) > 1}
        if not found:
            raise ValueError(f"params must have an array of two axes or more to be constrained, got {list(leaves)}")
        return found
    if not constraint:
        raise ValueError("constraint must have a pattern of names, got an empty mapping")
    found = {}
    for pattern, projection in constraint.items():
        if not isinstance(pattern, str):
            raise TypeError(
                f"constraint must map patterns of names to projections, got the key {_check.shown(pattern)}"
            )
        _check_projection(f"constraint[{pattern!r}]", projection)
        left = [name for name in leaves if fnmatchcase(name, pattern) and name not in found]
        if not left:
            raise ValueError(
                f"constraint must have patterns that match a parameter which no earlier one has, got {pattern!r}; "
                f"there are {list(leaves)}"
            )
        found |= {name: (projection, leaves[name]) for name in left}
    return found


def replaced(params: Any, values: dict[str, Any]) -> Any:
    """The tree with some leaves, by name, replaced."""
    return jax.tree_util.tree_map_with_path(lambda path, leaf: values.get(parameter_name(path), leaf), params)


def _check_projection(name: str, projection: Any) -> None:
    if not callable(projection) or isinstance(projection, type):
        raise TypeError(f"{name} must be a function of an array, or a mapping of them, got {_check.shown(projection)}")
