"""The view of its weights that a network trains with."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from memjax import _check
from memjax._names import parameter_name
from memjax._random import fold_name
from memjax._rounding import stored
from memjax.converters import replace_value
from memjax.training.recipes._columns import is_matrix
from memjax.training.recipes._modifiers import AbstractModifier


def noisy(
    params: Any,
    modifiers: AbstractModifier | tuple[AbstractModifier, ...],
    key: Array,
    step: Any = 0,
    *,
    select: Callable[[str], bool] | None = None,
) -> Any:
    """The parameters as a step of hardware-aware training sees them, with derivative 1 (straight through).

        loss(params) = task(noisy(params, (AdditiveNoise(0.06), DropConnect(0.01)), key, step), x, y)

    So the gradient is taken at the modified weights and applied to those that are kept. Modifiers act one after the
    other. Arrays with fewer than two axes (biases, gains) and those that are not real stay as they are. Numbers are
    drawn anew for each step and array, from the key folded with the step and the name of the array: they do not depend
    on the rest of the model, nor on `jit` and `vmap`.

    Args:
        params: a tree of arrays; the last axis of each is that of its outputs (bit lines).
        modifiers: what is done to every weight matrix.
        key: PRNG key of the training.
        step: number of the step, for the draws and the schedules of modifiers.
        select: which arrays to modify, by name ("params/Dense_0/kernel"); None: all.

    Returns: the tree with the same shapes and types.

    Raises: TypeError for what is no modifier or no key; ValueError for a step that is no whole number.

    Source: Joshi et al. (Nat. Commun. 11:2473, 2020); Bengio et al. (arXiv 1308.3432) for the gradient.
    """
    chosen = modifiers if isinstance(modifiers, tuple | list) else (modifiers,)
    for index, modifier in enumerate(chosen):
        name = f"modifiers[{index}]" if chosen is modifiers else "modifiers"
        _check.part(name, modifier, AbstractModifier, example="AdditiveNoise(0.06)")
    _check.key("key", key)
    _check.scalar("step", step, low=0, high=2**31 - 1, whole=True)
    if select is not None and not callable(select):
        raise TypeError(f"select must be a function of a name or None, got {_check.shown(select)}")
    now = jax.random.fold_in(key, jnp.asarray(step, jnp.uint32))

    def view(path, array):
        name = parameter_name(path)
        if not is_matrix(array) or (select is not None and not select(name)):
            return array
        seen, own = jnp.asarray(array, jnp.promote_types(array.dtype, jnp.float32)), fold_name(now, name)
        for index, modifier in enumerate(chosen):
            seen = stored(modifier.modified(seen, jax.random.fold_in(own, index), step))
        return replace_value(array, seen)

    return jax.tree_util.tree_map_with_path(view, params)
