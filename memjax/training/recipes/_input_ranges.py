"""Learning the input ranges of crossbars."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

from memjax import _check


def input_ranges(
    optimiser: optax.GradientTransformation, *, decay: Any = 1e-3, share: Any = 0.95
) -> optax.GradientTransformationExtraArgs:
    """Learn the ranges of the DACs, the "dac_range" leaves of a chip, on a logarithmic scale.

        d = r dL/dr + decay [inside > share],    r <- r exp(u),    u the optimiser's update for d

    The gradient of a read by its range is that of a learnt step size: the error of its row for every input beyond the
    range, code - z (its rounding error) for the others, in units of an LSB. So ranges grow where clipping costs much;
    where few inputs clip, the decay lets them shrink and the codes become finer. A range stays positive, and a rate
    means the same relative step for all of them.

    Args:
        optimiser: what makes updates of log r, as `optax.adam(1e-2)`.
        decay: gradient by log r that is added where nearly all inputs are inside.
        share: in [0, 1]: how many of them that is; None: the decay always acts, and `inside` is not needed.

    Returns: an optax transformation of a tree of ranges. Its `update` needs the ranges as parameters and `inside=`, the
        fraction of inputs inside of each, in the order of the tree: {name: use.inside} of `Analog.inputs`.

    Raises: ValueError for numbers out of their range, ranges that are not positive, and missing arguments of `update`.

    Source: Rasch et al. (Nat. Commun. 14:5282, 2023) and aihwkit, with 1e-3 and 95 %; without `share` Choi et al.
        (PACT, arXiv 1805.06085, 2018); the gradient: Esser et al. (LSQ, ICLR 2020).
    """
    _check.part("optimiser", optimiser, optax.GradientTransformation, example="optax.adam(1e-2)")
    decay = _check.scalar("decay", decay, low=0.0)
    share = None if share is None else _check.scalar("share", share, low=0.0, high=1.0)
    inner = optax.with_extra_args_support(optimiser)

    def init(params: Any) -> Any:
        for path, value in jax.tree_util.tree_leaves_with_path(params):
            _check.real(f"params{jax.tree_util.keystr(path)}", value, above=0.0)
        return inner.init(jax.tree.map(jnp.log, params))

    def update(updates: Any, state: Any, params: Any = None, *, inside: Any = None, **extra: Any) -> tuple[Any, Any]:
        if params is None:
            raise ValueError("params must be given to the update of input_ranges, got None")
        ranges, treedef = jax.tree.flatten(params)
        pulls = [decay] * len(ranges) if share is None else [decay * (one > share) for one in _of(inside, params)]
        relative = [r * slope + d for r, slope, d in zip(ranges, treedef.flatten_up_to(updates), pulls, strict=True)]
        change, state = inner.update(treedef.unflatten(relative), state, jax.tree.map(jnp.log, params), **extra)
        return jax.tree.map(lambda r, u: r * jnp.expm1(u), params, change), state

    return optax.GradientTransformationExtraArgs(init, update)


def _of(inside: Any, ranges: Any) -> list[Array]:
    """The fractions inside in the order of the ranges.

    The tree of ranges may be a part of a larger one (`optax.partition`): its paths end as those of `inside`.
    """
    if inside is None:
        raise ValueError("inside must be the fraction of inputs inside of each range, got None (see Analog.inputs)")
    name = lambda path: jax.tree_util.keystr(path)
    wanted = [(name(path), jnp.shape(leaf)) for path, leaf in jax.tree_util.tree_leaves_with_path(ranges)]
    found = [(name(path), leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(inside)]
    fits = len(wanted) == len(found) and all(
        path.endswith(own) and jnp.shape(leaf) in ((), shape)
        for (path, shape), (own, leaf) in zip(wanted, found, strict=True)
    )
    if not fits:
        raise ValueError(f"inside must have an array for each of the ranges {[path for path, _ in wanted]}, got "
                         f"{[path for path, _ in found]}")  # fmt: skip
    return [jnp.asarray(leaf) for _, leaf in found]
