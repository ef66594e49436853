"""How many pulses cells have had."""

from typing import Any

import jax
from jax.tree_util import keystr

from memjax.training.algorithms._cells import Cells
from memjax.training.algorithms._in_situ import InSituState
from memjax.training.pulses import Counts


def pulses_sent(state: Any, params: Any = None) -> Any:
    """The pulses that each cell has had since the start, by transformations with `counted=True`.

    What wear and energy of a training follow from: `memjax.age(..., cycles=)` takes cycles of each cell, a cycle being
    a pulse up and one down; `memjax.cost.training(..., pulses=)` the mean of a step.

    Args:
        state: state of an optimiser that contains such a transformation.
        params: the parameters of the transformation; None: results are in a list in their order.

    Returns: for each array of the parameters the `Counts` of its cells, or of each of its arrays of cells by name
        ("plus" and "minus", "fast" and "slow"); as a tree like `params` or a list.

    Raises: ValueError where nothing is counted, or not of as many arrays as `params` has.
    """
    is_state = lambda node: isinstance(node, InSituState)
    found = [node for node in jax.tree.leaves(state, is_leaf=is_state) if is_state(node)]
    counts = [_counts(own) for one in found for own in one.arrays]
    if not counts or any(one is None for one in counts):
        raise ValueError("state must be that of transformations with counted=True, got one in which nothing is counted")
    if params is None:
        return counts
    structure = jax.tree.structure(params)
    if structure.num_leaves != len(counts):
        raise ValueError(f"params must have the {len(counts)} arrays that are counted, got {structure.num_leaves}")
    return jax.tree.unflatten(structure, counts)


def _counts(own: Any) -> Counts | dict[str, Counts] | None:
    """Of what an algorithm remembers of an array; None where nothing is counted."""
    paths = jax.tree_util.tree_flatten_with_path(own, is_leaf=lambda node: isinstance(node, Cells))[0]
    sent = {keystr(path[:1], simple=True): node.sent for path, node in paths if isinstance(node, Cells)}
    counted = {name: counts for name, counts in sent.items() if counts is not None}
    if len(counted) < max(len(sent), 1):
        return None
    return counted if len(counted) > 1 else next(iter(counted.values()))
