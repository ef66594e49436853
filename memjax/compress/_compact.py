"""A model rebuilt without the channels that it does not use."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from memjax.compress._axes import Atom, chosen, leaves
from memjax.compress._dependence import SPACE
from memjax.compress._paths import Network, unused, without_unused

# Relative to the largest result: far above rounding, far below what a channel does.
_SAME = 1e-3


class Compact(NamedTuple):
    """The outcome of `compact`.

    Attributes:
        model: the smaller model, of the same class.
        kept: for every array that has become smaller, by name, the indices along each axis that are left.
        notes: filters that are zero and stay, and why.
    """

    model: Any
    kept: dict[str, tuple[np.ndarray, ...]]
    notes: tuple[str, ...]


def compact(model: Any, x: Any) -> Compact:
    """Rebuild a Flax NNX model without the channels that it does not use; the results are the same to rounding.

    First unused paths are made zero throughout (`remove_unused`), then they are cut out of all arrays: kernels, biases,
    normalisations. Which axes belong together is found by following the program, through convolutions, dense layers,
    normalisation in evaluation, activations, pooling, flattening and additions: channels that a residual addition
    shares go together or not at all. Everything else (groups of channels, attention, loops, concatenation, statistics
    over channels) keeps the channels that it touches.

    Args:
        model: a Flax NNX module, used as in evaluation (`model.eval()`); it is left as it is.
        x: a batch of inputs; only its shape, of one example, matters.

    Returns: a `Compact`, whose `notes` say which zero filters had to stay.

    Raises: TypeError for something else than a module; ValueError for a model whose code has its numbers of channels
        written in it or computes with them (the rebuilt model is run once, on random data).
    """
    network, whole = Network.of(model, x)
    arrays = without_unused(network, whole)
    found = unused(network, arrays)
    left = {atom: ~mask for atom, mask in found.removed.items()}
    kept, smaller = {}, {}
    for name, array in arrays.items():
        axes = network.dependence.axes[name]
        masks = [chosen(one, left, size) for one, size in zip(axes, array.shape, strict=True)]
        smaller[name] = array
        if not all(mask.all() for mask in masks):
            kept[name] = tuple(np.flatnonzero(mask) for mask in masks)
            smaller[name] = array[np.ix_(*kept[name])]
    rebuilt = _resized(network.model(smaller))
    _check_same(network, whole, rebuilt, jnp.asarray(x)[:2])
    return Compact(rebuilt, kept, _notes(network, arrays, found.removed, found.constant))


def _resized(model: Any) -> Any:
    """The model with the sizes that its layers know of set to those of their arrays."""
    for _, module in nnx.iter_graph(model):
        if isinstance(module, nnx.Conv):
            *_, inputs, outputs = shape = module.kernel[...].shape
            module.kernel_shape, module.out_features = shape, outputs
            module.in_features = inputs * module.feature_group_count
        elif isinstance(module, nnx.Linear):
            module.in_features, module.out_features = module.kernel[...].shape
        elif isinstance(module, nnx.LinearGeneral):
            shape, inputs, outputs = module.kernel[...].shape, len(module.in_features), len(module.out_features)
            module.in_features, module.out_features = shape[-inputs - outputs : -outputs], shape[-outputs:]
        elif isinstance(module, nnx.BatchNorm):
            module.num_features = module.mean[...].shape[0]
    return model


def _check_same(network: Network, arrays: dict[str, Any], rebuilt: Any, x: Any) -> None:
    """Raise unless the rebuilt model gives what the model gives, on random data of the shape of `x`."""
    graph, state = nnx.split(rebuilt)

    def forward(state, x):
        model = nnx.merge(graph, state)
        model.eval()
        return model(x)

    if jnp.issubdtype(x.dtype, jnp.floating):
        x = jax.random.normal(jax.random.key(0), x.shape, x.dtype)
    why = "model must not compute with its numbers of channels in its __call__ to be rebuilt smaller"
    wanted = jax.tree.leaves(jax.jit(network.forward)(arrays, x))
    try:
        found = jax.tree.leaves(jax.jit(forward)(state, x))
    except (TypeError, ValueError, AssertionError) as error:
        raise ValueError(f"{why}; {error}") from error
    for one, two in zip(wanted, found, strict=True):
        if one.shape != two.shape:
            raise ValueError(f"{why}; its results would have shape {two.shape} instead of {one.shape}")
        if not jnp.allclose(one, two, rtol=0.0, atol=_SAME * float(jnp.max(jnp.abs(one)))):
            raise ValueError(f"{why}; its results would differ by {float(jnp.max(jnp.abs(one - two))):.3g}")


def _notes(
    network: Network, arrays: dict[str, Any], removed: dict[Atom, np.ndarray], constant: dict[Atom, np.ndarray]
) -> tuple[str, ...]:
    """Which zero filters stay, and why."""
    notes = []
    for site in network.dependence.sites:
        for side, name in enumerate(site.weight):
            if name is None:
                continue
            free = [dim for dim in range(np.ndim(arrays[name])) if dim not in [pair[side] for pair in site.pairs]]
            for dim in free:
                (atom, *more) = leaves(network.dependence.axes[name][dim]) or [None]
                if atom is None or more or atom.pinned == SPACE:
                    continue
                zero = ~np.moveaxis(np.asarray(arrays[name]) != 0, dim, 0).reshape(atom.size, -1).any(1)
                zero &= ~removed.get(atom, np.zeros(atom.size, bool))
                if zero.any():
                    notes.append(f"{name}: {zero.sum()} zero filters stay: {_reason(atom, zero, constant)}")
    return tuple(dict.fromkeys(notes))


def _reason(atom: Atom, zero: np.ndarray, constant: dict[Atom, np.ndarray]) -> str:
    if atom.pinned:
        return atom.pinned
    if (zero & constant.get(atom, np.zeros(atom.size, bool))).any():
        return "a bias or shift leaves a constant that no bias of the next layer can take over"
    return "another layer shares the channels, by an addition, and needs them"
