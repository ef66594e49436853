"""Channels of a network that nothing needs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from memjax import _check
from memjax._names import parameter_name
from memjax.compress._axes import Atom, apart, chosen, leaves
from memjax.compress._dependence import Dependence, Site

# What is left out of a sum where a kernel meets no border differs from position to position by rounding alone.
_ROUNDING = 1e-5


@dataclass(eq=False)
class Network:
    """An NNX model as arrays by name, and how their axes depend on one another."""

    graph: Any
    tree: Any
    names: tuple[str, ...]
    weights: frozenset[str]
    dependence: Dependence = field(init=False)

    @classmethod
    def of(cls, model: Any, x: Any) -> tuple["Network", dict[str, Any]]:
        """(the network, its arrays)."""
        if not isinstance(model, nnx.Module):
            raise TypeError(f"model must be a Flax NNX module, got {_check.shown(model)}")
        x = _check.array("x", x)
        if x.ndim < 2 or len(x) == 0:
            raise ValueError(f"x must be a batch of inputs [B, ...] that the model takes, got shape {x.shape}")
        graph, state = nnx.split(model)
        paths, tree = jax.tree.flatten_with_path(state)
        names = tuple(parameter_name(path) for path, _ in paths)
        statistics = jax.tree.leaves_with_path(nnx.state(model, nnx.BatchStat))
        weights = frozenset(names) - {parameter_name(path) for path, _ in statistics}
        network = cls(graph, tree, names, weights)
        arrays = dict(zip(names, (leaf for _, leaf in paths), strict=True))
        network.dependence = Dependence(network.forward, arrays, names, x[:1])
        return network, arrays

    def state(self, arrays: dict[str, Any]) -> Any:
        return jax.tree.unflatten(self.tree, [arrays[name] for name in self.names])

    def model(self, arrays: dict[str, Any]) -> Any:
        return nnx.merge(self.graph, self.state(arrays))

    def forward(self, arrays: dict[str, Any], x: Any) -> Any:
        """The model in evaluation, as it is used."""
        model = self.model(arrays)
        model.eval()
        return model(x)

    def groups(self) -> dict[Atom, list[tuple[str, int, int]]]:
        """Channels that may be left out, and the parameters' axes (name, axis, factor of it) that have them."""
        found: dict[Atom, list[tuple[str, int, int]]] = {}
        for name, axes in self.dependence.axes.items():
            for dim, one in enumerate(axes):
                for position, atom in enumerate(leaves(one)):
                    if atom.pinned is None:
                        found.setdefault(atom, []).append((name, dim, position))
        return found

    def without(self, arrays: dict[str, Any], removed: dict[Atom, np.ndarray]) -> dict[str, Any]:
        """The arrays, but for statistics, with all that belongs to some channels made zero."""
        kept = {atom: ~mask for atom, mask in removed.items()}

        def cleared(name: str, array: Any) -> Any:
            for dim, one in enumerate(self.dependence.axes[name]):
                mask = chosen(one, kept, array.shape[dim])
                if not mask.all():
                    shape = [-1 if d == dim else 1 for d in range(array.ndim)]
                    array = jnp.where(mask.reshape(shape), array, jnp.zeros((), array.dtype))
            return array

        return {name: cleared(name, array) if name in self.weights else array for name, array in arrays.items()}


class Unused(NamedTuple):
    """Channels that nothing needs, what has to be added to parameters when they go, and channels that are constant but
    not zero where nothing can take the constant over."""

    removed: dict[Atom, np.ndarray]
    folds: dict[str, np.ndarray]
    constant: dict[Atom, np.ndarray]


def unused(network: Network, arrays: dict[str, Any]) -> Unused:
    """Channels of which every product that sums over them gets zeros, or constants that the next bias can take over."""
    seen = [tuple(map(np.asarray, one)) for one in network.dependence.observe(arrays)]
    groups = network.groups()
    removed: dict[Atom, np.ndarray] = {}
    for site, one in zip(network.dependence.sites, seen, strict=True):
        for atom, silent, _ in _channels(site, one):
            if atom in groups:
                removed[atom] = removed.get(atom, True) & silent
    for mask in removed.values():
        if mask.all():  # a layer without channels is none
            mask[0] = False
    constant = {atom: np.zeros(atom.size, bool) for atom in removed}
    while True:
        folds: dict[str, np.ndarray] = {}
        stuck = False
        for site, one in zip(network.dependence.sites, seen, strict=True):
            speaking = {atom: loud & removed[atom] for atom, _, loud in _channels(site, one) if atom in removed}
            if not any(mask.any() for mask in speaking.values()):
                continue
            fold = _fold(network, site, one, removed, arrays)
            if fold is None:
                stuck = True
                for atom, mask in speaking.items():
                    removed[atom], constant[atom] = removed[atom] & ~mask, constant[atom] | mask
            else:
                folds[fold[0]] = fold[1]
        if not stuck:
            return Unused(removed, folds, constant)


def _channels(site: Site, seen: tuple) -> Iterator[tuple[Atom, Any, Any]]:
    """Of every channel that is summed over: whether no data passes, and whether a constant other than zero does."""
    a, a_unknown, b, b_unknown = seen
    for pair in site.pairs:
        axes = [site.operands[side][pair[side]] for side in (0, 1)]
        for position, atom in enumerate(leaves(axes[0])):
            some = lambda array, side, at=position, d=pair, o=axes: apart(array, o[side], d[side], at).any(1)
            left, right = some(a_unknown, 0), some(b_unknown, 1)
            left_set, right_set = some(a != 0, 0), some(b != 0, 1)
            passes = (left & (right | right_set)) | (right & left_set)
            yield atom, ~passes, ~passes & left_set & right_set


def _fold(
    network: Network, site: Site, seen: tuple, removed: dict[Atom, np.ndarray], arrays: dict[str, Any]
) -> tuple[str, np.ndarray] | None:
    """(parameter, what to add to it) that takes over what the removed channels add to the result, if one can."""
    if len(site.pairs) != 1 or site.features is None or site.bias is None or site.uses != 1:
        return None
    name, sign = site.bias
    a, _, b, _ = seen
    dim = site.pairs[0][0]
    kept = chosen(site.operands[0][dim], {atom: ~mask for atom, mask in removed.items()}, a.shape[dim])
    only = np.where(kept.reshape([-1 if d == dim else 1 for d in range(a.ndim)]), 0, a)
    added = np.moveaxis(np.asarray(site.evaluate(only, b)), site.features, -1)
    added = added.reshape(-1, added.shape[-1])
    bias = arrays[name]
    if network.dependence.uses[name] != 1 or bias.shape != added.shape[1:] or name not in network.dependence.axes:
        return None
    if np.ptp(added, axis=0).max() > _ROUNDING * np.abs(added).max():
        return None
    return name, sign * added.mean(0)


def remove_unused(model: Any, x: Any) -> Any:
    """A model of the same shapes and the same results, in which unused paths are zero throughout.

    A channel goes where every layer that reads it has zeros for it, or where it carries no data: its filters are zero,
    and so is what the layers that read it make of the constant (a bias, the shift of a normalisation) that is left, or
    it is added to their own biases. Then filters that only such channels read are unused in turn, and so on until
    nothing changes. Of channels that layers share by an addition all must be unused.

    Exactly: a constant of a channel is taken over by the next bias (or by the mean of a normalisation) only where it
    makes the same difference at every position. Behind the padding of a convolution it does not, but for zero; such
    channels stay (see `Compact.notes`).

    Args:
        model: a Flax NNX module, used as in evaluation (`model.eval()`).
        x: a batch of inputs; only its shape, of one example, matters.

    Returns: a new model.

    Source: unused path removal, X. Ma et al., "Tiny but Accurate", ASP-DAC 2020.
    """
    network, arrays = Network.of(model, x)
    return network.model(without_unused(network, arrays))


def without_unused(network: Network, arrays: dict[str, Any]) -> dict[str, Any]:
    """The arrays of `remove_unused`."""
    count = -1
    while True:
        found = unused(network, arrays)
        arrays = network.without(arrays, found.removed)
        arrays = arrays | {name: arrays[name] + jnp.asarray(more) for name, more in found.folds.items()}
        before, count = count, sum(int(mask.sum()) for mask in found.removed.values())
        if count == before:
            return arrays


def purify(model: Any, x: Any, eps: float) -> Any:
    """The model with every channel made zero whose filters, or the weights that read it, have a norm of at most `eps`.

    All that belongs to the channel goes, its bias and its share of a normalisation too, so that it can be left out:
    this changes the results, for retraining or `compact` afterwards. Of channels that layers share by an addition the
    norm is that of the filters of all of them.

    Args:
        model, x: as in `remove_unused`.
        eps: in units of the weights; 0: what is zero already.

    Returns: a new model.

    Raises: ValueError where no channel of a layer would be left.

    Source: network purification, X. Ma et al., "Tiny but Accurate", ASP-DAC 2020.
    """
    eps = float(_check.scalar("eps", eps, low=0.0))
    network, arrays = Network.of(model, x)
    removed = {}
    for atom, members in network.groups().items():
        sizes = [_norm(network, arrays, atom, members, summed) for summed in (False, True)]
        weak = [size <= eps for size in sizes if size is not None]
        if len(weak) < 2:  # nothing makes it, or nothing reads it
            continue
        removed[atom] = weak[0] | weak[1]
        if removed[atom].all():
            names = ", ".join(dict.fromkeys(name for name, _, _ in members))
            raise ValueError(f"eps must leave at least one of the {atom.size} channels of {names}, got {eps:g}")
    return network.model(network.without(arrays, removed))


def _norm(
    network: Network, arrays: dict[str, Any], atom: Atom, members: list[tuple[str, int, int]], summed: bool
) -> np.ndarray | None:
    """Norm of the weights of each channel in the products that sum over it, or in those that make it."""
    total = None
    for site in network.dependence.sites:
        for side, weight in enumerate(site.weight):
            contracted = [pair[side] for pair in site.pairs]
            for name, dim, position in members:
                if name == weight and (dim in contracted) == summed:
                    part = apart(np.square(np.asarray(arrays[name])), network.dependence.axes[name][dim], dim, position)
                    total = (0.0 if total is None else total) + part.sum(1)
    return None if total is None else np.sqrt(total)
