"""Arrays of cells under training: how parameters of a model are seen as weights of a law, and written.

Every algorithm works on a flat tuple of arrays, one for each leaf of the parameters. An array is described by a plain
dict: the fixed numbers of its cells and, where its parameters are conductances, the range that they cover.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from memjax._random import fold_name
from memjax.training.algorithms._precision import nothing_lost, working
from memjax.training.laws import AbstractLaw, Made, Range, Window, from_weight, to_weight
from memjax.training.pulses import Counts, apply_listed, apply_net, apply_pulses, normal

Writer = Callable[..., tuple[Array, tuple[Array, ...]]]
"""(weights in the law's units, key of pulses, key of write noise if there is any) -> (weights, (standard normal numbers
for the write noise of the cells that were pulsed,) if there is any)."""


class Leaf(NamedTuple):
    """A leaf of the parameters.

    Attributes:
        name: its path.
        value: its array, in float32 at least.
        window: for a conductance, the range of the cell.
        lost: what the parameter's own precision loses of `value`: nothing yet, zeros; None where it is the same.
    """

    name: str
    value: Array
    window: Window | None
    lost: Array | None


def leaves(params: Any, range: Range | None = None) -> list[Leaf]:
    """The arrays among parameters, with the ranges that `memjax.flax.Conductance` variables carry.

    Raises: ValueError for a conductance whose range is not known, and for parameters that are not real numbers.
    """
    found = []
    is_variable = lambda node: hasattr(node, "get_metadata")
    for path, node in jax.tree_util.tree_flatten_with_path(params, is_leaf=is_variable)[0]:
        name = jax.tree_util.keystr(path, simple=True, separator="/").removesuffix("/value")
        values = jax.tree.leaves(node) if is_variable(node) else [node]
        for value in values:
            if not jnp.issubdtype(jnp.result_type(value), jnp.floating):
                raise ValueError(f"params must be real arrays, got {jnp.result_type(value)} in {name!r}")
            own = node.get_metadata().get("range") if is_variable(node) else None
            if is_variable(node) and type(node).__name__ == "Conductance" and own is None and range is None:
                raise ValueError(
                    f"range must be the (low, high) conductance [S] of a cell for {name!r}, whose hardware was traced "
                    "when it was made, got None"
                )
            chosen = own if range is None else range
            kept = value.astype(working(value.dtype))
            window = None if chosen is None else Window(*(jnp.asarray(end, kept.dtype) for end in chosen))
            found.append(Leaf(name, kept, window, nothing_lost(value)))
    return found


def make(law: AbstractLaw, key: Array, leaf: Leaf, role: str = "cells") -> Made:
    """The cells of an array. They depend on the key, the name of the parameter and their role alone.

    No cell has a bound at a negative conductance.
    """
    made = law.make(fold_name(fold_name(key, leaf.name), role), jnp.shape(leaf.value), leaf.value.dtype)
    lowest = least(law, leaf.window, leaf.value.dtype)
    return made if lowest is None else made | {end: jnp.maximum(made[end], lowest) for end in ("low", "high")}


def change(law: AbstractLaw, window: Window | None, value: Array, difference: Array) -> Array:
    """The change of a parameter `value` for a difference of its weight; no rounding makes a conductance negative."""
    found = from_weight(law, window, difference).astype(value.dtype)
    return found if window is None else jnp.maximum(found, -value)


def requested(law: AbstractLaw, window: Window | None, update: Array) -> Array:
    """An update from an optimiser in units of the law.

    For a conductance G the update is taken as that of the fraction g = (G - low) / (high - low) of its range, so that
    learning rates have their usual size: dL/dg = (high - low) dL/dG.
    """
    if window is None:
        return update
    low, high = law.range
    return update * (window.high - window.low) * (high - low)


def send(law: AbstractLaw, counts: Array | Counts, made: Made, one_by_one: bool = False) -> Writer:
    """The writer that sends pulses, net or in both directions."""
    if not one_by_one:
        return lambda weight, *keys: apply_listed(law, weight, counts, made, *keys)

    def writer(weight, key, *see_key):
        if isinstance(counts, Counts):
            after = apply_pulses(law, weight, *counts, made, key, one_by_one=one_by_one)
        else:
            after = apply_net(law, weight, counts, made, key, one_by_one=one_by_one)
        return after, tuple(normal(key, weight.shape, weight.dtype) for key in see_key)

    return writer


def write(
    law: AbstractLaw, made: Made, before: Array, hidden: Array | None, key: Array, writer: Writer, least: Any = None
) -> tuple[Array, Array | None]:
    """Weights after a write and the time to the next one: (as they are seen, hidden ones).

    Args:
        before: the weights as they were seen.
        hidden: the weights that pulses act on, where there is write noise, else None.
        writer: what happens to the weights, as a function of them and a key.
        least: lowest weight that can be seen, None: any.
    """
    pulse_key, relax_key, see_key = jax.random.split(key, 3)
    stored = jnp.clip(before if hidden is None else hidden, made["low"], made["high"])
    after, z = writer(stored, pulse_key, *([] if hidden is None else [see_key]))
    touched = after != stored
    if law.population.relaxes:
        after = law.relax(after, made, relax_key)
    if hidden is None:
        return after, None
    noisy = after + (law.population.write_noise * law.population.step * z[0]).astype(after.dtype)
    noisy = noisy if least is None else jnp.maximum(noisy, least)
    return jnp.where(touched, noisy, before), after


def least(law: AbstractLaw, window: Window | None, dtype: Any) -> Array | None:
    """The weight of a cell without conductance."""
    return None if window is None else to_weight(law, window, jnp.zeros((), dtype))
